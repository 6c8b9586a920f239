"""Proofs as the page draws them: what every remedy that was run changed, with its intervals, on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sweep.diagnosis.causes import TEXTS
from sweep.diagnosis.remedy import mended_by
from sweep.diagnosis.wording import p_text
from sweep.records import Interval, ProofOutcome, ProofRecord
from sweep.report.bars import even_marks
from sweep.report.verdict import changed_fields
from sweep.report.wording import bounds, nats, plain, signed_points, with_bounds

__all__ = ["PROOF_MARKS", "DrawnProof", "Effect", "ProofFigure", "gather_proofs", "proofs_caption"]

PROOF_MARKS = {ProofOutcome.PROVEN: "✓", ProofOutcome.REFUTED: "✗", ProofOutcome.NOT_SHOWN: "○"}
"""Outcomes as shapes, since colour alone tells not everybody."""
_PADDING = 0.04  # of the width, at either end


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A change of what is better when it is larger: in words, and where it stands in percent of the width.

    Attributes:
        value: signed, in points.
        interval: "[…]", or "".
        at: of the estimate; None where it is not finite.
        whisker: of the bounds; None where they are unknown.
    """

    value: str
    interval: str
    at: float | None
    whisker: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnProof:
    """One remedy that was run.

    Attributes:
        cause: in words; `slug` names its card.
        what: was changed.
        kind: the outcome as the name of a style; `mark` is the same as a shape.
        gap, accuracy: how much the gap narrowed, and validation gained.
        nats_saved, p: for the table of numbers.
        repeats: trainings on either side.
    """

    cause: str
    slug: str
    what: str
    outcome: str
    kind: str
    mark: str
    gap: Effect
    accuracy: Effect
    nats_saved: str
    p: str
    repeats: int
    new_split: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofFigure:
    """Every proof, the marks of the scale that they share, and where nothing changed, in percent of the width."""

    proofs: tuple[DrawnProof, ...]
    marks: tuple[tuple[str, float], ...]
    zero: float


def gather_proofs(proofs: Sequence[ProofRecord]) -> ProofFigure | None:
    """In the order in which they were run; None where none was."""
    if not proofs:
        return None
    low, high = _scale(proofs)

    def place(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    def effect(change: Interval) -> Effect:
        known = math.isfinite(change.low) and math.isfinite(change.high)
        return Effect(
            value=signed_points(change.estimate) if math.isfinite(change.estimate) else "–",
            interval=bounds(change) if known else "",
            at=place(change.estimate) if math.isfinite(change.estimate) else None,
            whisker=(place(change.low), place(change.high)) if known else None,
        )

    drawn = tuple(
        DrawnProof(
            cause=" and ".join(TEXTS[cause].title for cause in mended_by(one, proofs)),
            slug=one.cause.value,
            what=plain(changed_fields(one.changes)) or f"without {one.left_out:,} images",
            outcome=one.outcome.value,
            kind=one.outcome.value.replace(" ", "-"),
            mark=PROOF_MARKS[one.outcome],
            gap=effect(one.gap_narrowed),
            accuracy=effect(one.accuracy_gained),
            nats_saved=with_bounds(one.cross_entropy_saved, nats),
            p=p_text(one.p).removeprefix("p ").removeprefix("= "),
            repeats=one.repeats,
            new_split=one.new_split,
            sentence=plain(one.sentence),
        )
        for one in proofs
    )
    marks = tuple(
        (f"{mark:g}".replace("-", "−"), place(mark / 100)) for mark in even_marks(100 * low, 100 * high, most=5)
    )
    return ProofFigure(proofs=drawn, marks=marks, zero=place(0.0))


def proofs_caption(proofs: Sequence[ProofRecord]) -> str:
    """How many remedies were run, and how many of them are proven; what to run where none was."""
    if not proofs:
        return ""
    proven = sum(one.outcome is ProofOutcome.PROVEN for one in proofs)
    run = "One remedy was run" if len(proofs) == 1 else f"{len(proofs)} remedies were run"
    if len(proofs) == 1:
        return f"{run} against the configuration as it is: {proofs[0].outcome.value}."
    found = "none is proven" if not proven else "one is proven" if proven == 1 else f"{proven} are proven"
    return f"{run} against the configuration as it is; {found}."


def _scale(proofs: Sequence[ProofRecord]) -> tuple[float, float]:
    ends = [0.0, 0.01]
    for one in proofs:
        for change in (one.gap_narrowed, one.accuracy_gained):
            ends += [value for value in (change.estimate, change.low, change.high) if math.isfinite(value)]
    low, high = min(ends), max(ends)
    spare = _PADDING * (high - low)
    return low - spare, high + spare
