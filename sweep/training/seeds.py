"""Where a trial's random numbers come from: one stream per purpose, so that none shifts another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

__all__ = ["TrialSeeds"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrialSeeds:
    """The streams of one trial. New purposes are added at the end: the order decides who gets what."""

    weights: np.random.SeedSequence
    order: np.random.SeedSequence
    masks: np.random.SeedSequence
    views: np.random.SeedSequence
    generators: np.random.SeedSequence
    validation_views: np.random.SeedSequence
    modes: np.random.SeedSequence
    tail: np.random.SeedSequence
    mixup: np.random.SeedSequence
    recalibration: np.random.SeedSequence

    @classmethod
    def of(cls, seed: Sequence[int]) -> TrialSeeds:
        """The streams of `seed`, usually (study seed, trial number)."""
        streams = np.random.SeedSequence(list(seed)).spawn(len(fields(cls)))
        return cls(**{purpose.name: stream for purpose, stream in zip(fields(cls), streams, strict=True)})
