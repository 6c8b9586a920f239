"""What rank 1's score is worth, being the score of the one that was chosen, and who else might have been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sweep.diagnosis.optimism import Optimism, corrected_score
from sweep.diagnosis.reselection import make_selection
from sweep.diagnosis.tiers import BaseRate, Placed, Tier

__all__ = ["correct_choice", "correctable"]


def correctable(placed: Sequence[Placed]) -> bool:
    """Whether rank 1's score can be corrected for the choice: it is eligible, and its predictions are stored."""
    return bool(placed) and placed[0].tier is Tier.LEADING and placed[0].evidence.correct is not None


def correct_choice(
    placed: Sequence[Placed], base_rate: BaseRate, *, gap_weight: float, level: float, seed: int
) -> tuple[Optimism | None, Mapping[int, float]]:
    """Rank 1's validation accuracy without the luck of the choice, and trial number -> how often it would be rank 1.

    None and nothing where it is not `correctable`. Trials without predictions and pruned ones are not chosen among.

    Args:
        placed: every measured trial in the order of the ranking.
        base_rate: what eligible trials must be shown to beat.
        gap_weight: λ of J.
        level: of the intervals.
        seed: of the resamples.
    """
    if not correctable(placed):
        return None, {}
    known = [one.evidence for one in placed if one.tier is not Tier.PRUNED and one.evidence.correct is not None]
    optimism = corrected_score(
        np.array([one.correct for one in known], np.float64),
        make_selection(known, base_rate, gap_weight, level),
        selected=0,
        groups=known[0].groups,
        seed=seed,
        level=level,
    )
    return optimism, {one.trial.number: share for one, share in zip(known, optimism.chosen, strict=True)}
