"""What limits a ranking, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from sweep.diagnosis.choice import correctable
from sweep.diagnosis.comparison import Evidence
from sweep.diagnosis.tiers import Placed, Tier

__all__ = ["limits"]


def limits(placed: Sequence[Placed], *, images: int) -> tuple[str, ...]:
    """Sentences on what limits a ranking: no leader, missing predictions, sources, folds.

    Args:
        placed: every measured trial in the order of the ranking.
        images: how many different images are on the validation side.
    """
    evidence = [one.evidence for one in placed]
    notes = [_leaderless(placed), _blind(placed), _sources(evidence, images), _folds(evidence)]
    return tuple(note for note in notes if note)


def _leaderless(placed: Sequence[Placed]) -> str:
    if not placed or placed[0].tier is Tier.LEADING:
        return ""
    return (
        "No trial that ran to its end is shown to be better than knowing the class frequencies alone: there is no "
        "leader, and no score to correct for the choice."
    )


def _blind(placed: Sequence[Placed]) -> str:
    blind = sorted(one.evidence.trial.number for one in placed if one.evidence.correct is None)
    if not blind:
        return ""
    listed = ", ".join(map(str, blind[:8])) + (" and more" if len(blind) > 8 else "")
    note = (
        f"No predictions are stored for {len(blind)} of {len(placed)} trials ({listed}): they are compared by "
        "their own intervals, as if their validation images were different ones, which finds fewer differences."
    )
    if correctable(placed):
        return f"{note} The correction of rank 1's score for the choice leaves them out."
    if placed[0].tier is Tier.LEADING:
        return f"{note} Rank 1 is one of them, so its score is not corrected for the choice."
    return note


def _sources(evidence: Sequence[Evidence], images: int) -> str:
    known = next((one for one in evidence if one.correct is not None and one.groups is not None), None)
    if known is None or known.groups is None:
        return ""
    sources, repeats = len(set(known.groups.tolist())), len(known.groups) // images
    if repeats > 1 and sources == images:
        return (
            f"Each of the {images:,} validation images is predicted {repeats} times, over other folds; intervals and "
            "tests treat each image, not each prediction, as independent."
        )
    predicted = f", each predicted {repeats} times," if repeats > 1 else ""
    return (
        f"The {images:,} validation images{predicted} come from {sources:,} sources; intervals and tests treat each "
        "source, not each image, as independent."
    )


def _folds(evidence: Sequence[Evidence]) -> str:
    """Source: S. Bates, T. Hastie, R. Tibshirani, Cross-validation: what does it estimate and how well does it do it?

    J. Am. Stat. Assoc. 119 (2024), doi:10.1080/01621459.2023.2197686.
    """
    if not any(one.measurement.folds for one in evidence):
        return ""
    return (
        "The trainings of a cross-validation share most of their images, which no interval here counts: they are "
        "somewhat too narrow."
    )
