"""What rank 1's score is worth, being the score of the one that was chosen, and who else might have been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sweep.diagnosis.optimism import Optimism, Select, corrected_score
from sweep.diagnosis.reselection import make_selection
from sweep.diagnosis.statistics import FloatArray
from sweep.diagnosis.tiers import BaseRate, Placed, Tier
from sweep.records import IndexArray

__all__ = ["Choice", "choice_among", "correct_choice", "correctable"]


def correctable(placed: Sequence[Placed]) -> bool:
    """Whether rank 1's score can be corrected for the choice: it is eligible, and its predictions are stored."""
    return bool(placed) and placed[0].tier is Tier.LEADING and placed[0].evidence.correct is not None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """Among which trials rank 1 was chosen, and how.

    Attributes:
        numbers: the trials, rank 1 first; those without predictions and pruned ones are not chosen among.
        scores: 1 where a trial is right, else 0, float64, shape (n_trials, n_predictions).
        select: the rule.
        groups: source of every prediction, or None.
    """

    numbers: tuple[int, ...]
    scores: FloatArray
    select: Select
    groups: IndexArray | None


def choice_among(placed: Sequence[Placed], base_rate: BaseRate, *, gap_weight: float, level: float) -> Choice | None:
    """The choice that made rank 1, or None where its score is not `correctable`.

    Args:
        placed: every measured trial in the order of the ranking.
        base_rate: what eligible trials must be shown to beat.
        gap_weight: λ of J.
        level: of the intervals.
    """
    if not correctable(placed):
        return None
    known = [one.evidence for one in placed if one.tier is not Tier.PRUNED and one.evidence.correct is not None]
    return Choice(
        numbers=tuple(one.trial.number for one in known),
        scores=np.array([one.correct for one in known], np.float64),
        select=make_selection(known, base_rate, gap_weight, level),
        groups=known[0].groups,
    )


def correct_choice(choice: Choice | None, *, level: float, seed: int) -> tuple[Optimism | None, Mapping[int, float]]:
    """Rank 1's validation accuracy without the luck of the choice, and trial number -> how often it would be rank 1.

    Args:
        choice: of `choice_among`; None gives None and nothing.
        level: of the intervals.
        seed: of the resamples.
    """
    if choice is None:
        return None, {}
    optimism = corrected_score(choice.scores, choice.select, selected=0, groups=choice.groups, seed=seed, level=level)
    return optimism, dict(zip(choice.numbers, optimism.chosen, strict=True))
