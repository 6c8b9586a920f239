"""The waterfall as the page draws it: one line a term, a bar a trial, each starting where the one above it ended."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweep.diagnosis.ranking import RankedTrial
from sweep.diagnosis.waterfall import Quantity, Term, Waterfall, meaning
from sweep.records import Interval
from sweep.report.bars import even_marks
from sweep.report.gather import Report
from sweep.report.sentences import (
    TERM_LABELS,
    amount,
    is_nothing,
    order_sentence,
    reported_gap_sentence,
    row_name,
)

__all__ = ["Step", "WaterfallLine", "WaterfallPanel", "gather_waterfall"]

_REPORTED = "the gap between the two numbers that Keras logs at the epoch kept"
_PADDING = 0.03  # of the width, at either end


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One trial's bar in one line; positions in percent of the width.

    Attributes:
        value: signed, "–" where the trial does not have the term.
        interval: "[…]", or "" for what is exact.
        start, end: where the bar begins and ends: the sums of the terms above it without and with it; None where they
            are not finite.
        whisker: bounds of the interval about the end.
        order: least and greatest end over the orders of switching, where they differ.
        reason: why nothing is drawn, or why the term is not what its name says; "" otherwise.
        drawn: whether there is a bar.
    """

    value: str
    interval: str
    start: float | None
    end: float | None
    whisker: tuple[float, float] | None
    order: tuple[float, float] | None
    reason: str
    drawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallLine:
    """A term, or the reported gap, with the step of every trial; `note` is the reason that all of them share, or ""."""

    name: str
    label: str
    meaning: str
    note: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallPanel:
    """The waterfalls of one quantity on a common scale.

    Attributes:
        unit: "points" or "nats".
        trials: their names.
        lines: the reported gap first, then the terms in the order of the waterfall.
        unchanged: why terms are left out of which no trial has anything, such as "no augmentation".
        marks: labels of the scale and where they stand, in percent.
        zero: where nothing stands, in percent.
        goals: where each trial's reported gap ends, in percent.
        reported: what Keras would have reported of each trial, a sentence each.
        orders: what the order of switching changes, of the trials where it changes anything.
        falls: the waterfalls themselves, for their numbers.
    """

    quantity: Quantity
    unit: str
    trials: tuple[str, ...]
    lines: tuple[WaterfallLine, ...]
    unchanged: tuple[str, ...]
    marks: tuple[tuple[str, float], ...]
    zero: float
    goals: tuple[float | None, ...]
    reported: tuple[str, ...]
    orders: tuple[str, ...]
    falls: tuple[Waterfall, ...]

    @property
    def has_orders(self) -> bool:
        """Whether the range over orders is drawn anywhere."""
        return any(step.order and step.drawn for line in self.lines for step in line.steps)


def gather_waterfall(report: Report, rows: Sequence[RankedTrial], quantity: Quantity) -> WaterfallPanel:
    """The waterfalls of some rows, at least one."""
    falls = [report.waterfall(row, quantity) for row in rows]
    names = tuple(row_name(report, row) for row in rows)
    scale = _Scale.around(falls)
    starts = [_starts(fall) for fall in falls]
    lines = [_reported_line(falls, scale)]
    unchanged: list[str] = []
    for name in _names(falls):
        found = [_term(fall, name) for fall in falls]
        if all(term is None or is_nothing(fall, term) for fall, term in zip(falls, found, strict=True)):
            unchanged += dict.fromkeys(term.unchanged for term in found if term is not None)
            continue
        lines.append(
            WaterfallLine(
                name=name,
                label=TERM_LABELS[name],
                meaning=meaning(name),
                note=_shared_reason(found),
                steps=tuple(
                    _step(fall, term, at.get(name), scale) for fall, term, at in zip(falls, found, starts, strict=True)
                ),
            )
        )
    return WaterfallPanel(
        quantity=quantity,
        unit="points" if quantity == "accuracy" else "nats",
        trials=names,
        lines=tuple(lines),
        unchanged=tuple(unchanged),
        marks=scale.marks(),
        zero=scale.place(0.0) or 0.0,
        goals=tuple(scale.place(fall.reported_gap) for fall in falls),
        reported=tuple(reported_gap_sentence(fall, name) for fall, name in zip(falls, names, strict=True)),
        orders=_orders(falls, names),
        falls=tuple(falls),
    )


# ---- the scale -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """From differences (fractions or nats) to percent of the width."""

    low: float
    high: float
    quantity: Quantity

    @classmethod
    def around(cls, falls: Sequence[Waterfall]) -> _Scale:
        every = [0.0]
        for fall in falls:
            every.append(fall.reported_gap)
            before = 0.0
            for term in fall.terms:
                every += [before + term.interval.low, before + term.interval.high, before + term.interval.estimate]
                every += [before + end for end in term.order or ()]
                before += term.interval.estimate
        finite = [value for value in every if math.isfinite(value)]
        low, high = min(finite), max(finite)
        spare = _PADDING * (high - low) or 0.01
        return cls(low=low - spare, high=high + spare, quantity=falls[0].quantity)

    def place(self, value: float) -> float | None:
        return round(100 * (value - self.low) / (self.high - self.low), 2) if math.isfinite(value) else None

    def places(self, bounds: tuple[float, float]) -> tuple[float, float] | None:
        low, high = (self.place(bound) for bound in bounds)
        return None if low is None or high is None or low == high else (low, high)

    def marks(self) -> tuple[tuple[str, float], ...]:
        factor = 100 if self.quantity == "accuracy" else 1
        found = even_marks(factor * self.low, factor * self.high, most=5)
        return tuple((f"{mark:g}".replace("-", "−"), self.place(mark / factor) or 0.0) for mark in found)


# ---- lines and steps -----------------------------------------------------------------------------------------------


def _reported_line(falls: Sequence[Waterfall], scale: _Scale) -> WaterfallLine:
    steps = tuple(
        Step(
            value=amount(fall, fall.reported_gap),
            interval="",
            start=scale.place(0.0),
            end=scale.place(fall.reported_gap),
            whisker=None,
            order=None,
            reason="",
            drawn=math.isfinite(fall.reported_gap),
        )
        for fall in falls
    )
    return WaterfallLine(name="reported_gap", label="reported gap", meaning=_REPORTED, note="", steps=steps)


def _step(fall: Waterfall, term: Term | None, start: float | None, scale: _Scale) -> Step:
    if term is None or start is None:
        return Step(value="–", interval="", start=None, end=None, whisker=None, order=None, reason="", drawn=False)
    found = term.interval
    order = None if term.order is None else (start + term.order[0], start + term.order[1])
    return Step(
        value=_signed(fall, found.estimate),
        interval=_bounds(fall, found),
        start=scale.place(start),
        end=scale.place(start + found.estimate),
        whisker=scale.places((start + found.low, start + found.high)),
        order=None if order is None else scale.places(order),
        reason=term.unchanged,
        drawn=not is_nothing(fall, term) and math.isfinite(start + found.estimate),
    )


def _names(falls: Iterable[Waterfall]) -> tuple[str, ...]:
    """Every term that any trial has, in the order of the waterfall."""
    present = {term.name for fall in falls for term in fall.terms}
    return tuple(name for name in TERM_LABELS if name in present)


def _term(fall: Waterfall, name: str) -> Term | None:
    return next((term for term in fall.terms if term.name == name), None)


def _shared_reason(found: Iterable[Term | None]) -> str:
    reasons = {term.unchanged for term in found if term is not None}
    return reasons.pop() if len(reasons) == 1 else ""


def _starts(fall: Waterfall) -> dict[str, float]:
    starts, before = {}, 0.0
    for term in fall.terms:
        starts[term.name] = before
        before += term.interval.estimate
    return starts


def _signed(fall: Waterfall, value: float) -> str:
    text = amount(fall, value)
    return f"+{text}" if value > 0 and text != amount(fall, 0.0) else text


def _bounds(fall: Waterfall, interval: Interval) -> str:
    if interval.low == interval.high:
        return ""
    return f"[{amount(fall, interval.low)}, {amount(fall, interval.high)}]"


def _orders(falls: Sequence[Waterfall], names: Sequence[str]) -> tuple[str, ...]:
    said = [(name, order_sentence(fall)) for fall, name in zip(falls, names, strict=True)]
    return tuple(f"{name[:1].upper()}{name[1:]}, {text[:1].lower()}{text[1:]}" for name, text in said if text)
