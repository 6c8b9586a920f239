"""Influence: beside each field's shares two small curves, the clean gap and clean validation, on common scales."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sweep.diagnosis.marginals import Bin, Marginal
from sweep.records import Interval
from sweep.report.fields import varying_fields
from sweep.report.gather import Report
from sweep.report.style import GAP, VALIDATION, axis, label, layout
from sweep.report.wording import bounds, percent, plain, points

__all__ = ["FieldInfluence", "Ranges", "common_ranges", "draw_marginal", "gather_influence"]

_POWERS_SHOWN = (2, 4)  # at least, so that they tell the scale, and at most, so that they have room
_FEW_TRIALS = 3  # the interval of the mean of two is twelve times as wide as their distance
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PADDING = 0.06
_LABEL_LENGTH = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldInfluence:
    """What is known of one swept field.

    Attributes:
        gap_share, validation_share: of PED-ANOVA's influence, fractions; None where it was not computed.
        curve: None where complete trials have a single value of it.
    """

    name: str
    gap_share: float | None
    validation_share: float | None
    curve: Marginal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """What the curves of all fields share: the gap in points and validation accuracy in percent, from low to high."""

    gap: tuple[float, float]
    validation: tuple[float, float]


def gather_influence(report: Report) -> tuple[FieldInfluence, ...]:
    """Every field that varies, the gap's strongest first; in the order of the definition where no shares are known."""
    gap, validation = report.importances.get("gap", {}), report.importances.get("validation", {})
    curves = {curve.name: curve for curve in report.marginals}
    single = set(report.swept) - set(varying_fields(report))
    names = [name for name in dict.fromkeys([*report.swept, *gap, *validation]) if name not in single]
    names.sort(key=lambda name: (-gap.get(name, 0.0), -validation.get(name, 0.0)))
    return tuple(
        FieldInfluence(
            name=name,
            gap_share=gap.get(name),
            validation_share=validation.get(name),
            curve=curves.get(name),
        )
        for name in names
        if name in curves or name in gap or name in validation
    )


def common_ranges(curves: Iterable[Marginal]) -> Ranges:
    """Wide enough for every mean, and for the intervals of means over at least three trials."""
    bins = [one for curve in curves for one in curve.bins]
    return Ranges(gap=_range((one.gap, one.trials) for one in bins), validation=_range_of_validation(bins))


def draw_marginal(curve: Marginal, ranges: Ranges) -> go.Figure:
    """The gap at the left, validation accuracy at the right; a dot is a mean, its whisker the interval."""
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.1)
    for column, side in enumerate(("gap", "validation"), start=1):
        figure.add_trace(_trace(curve, side), row=1, col=column)
    figure.update_layout(layout(height=136, margin={"l": 40, "r": 8, "t": 8, "b": 24}))
    figure.update_xaxes(axis(), showgrid=False, fixedrange=True, automargin=False, **_horizontal(curve))
    figure.update_yaxes(axis(), fixedrange=True, automargin=False, nticks=5)
    figure.update_yaxes(range=ranges.gap, zeroline=True, zerolinecolor=GAP, zerolinewidth=1, col=1)
    figure.update_yaxes(range=ranges.validation, col=2)
    return figure


# ---- one curve -----------------------------------------------------------------------------------------------------


def _trace(curve: Marginal, side: str) -> go.Scatter:
    bins, colour = curve.bins, GAP if side == "gap" else VALIDATION
    means = [one.gap if side == "gap" else one.validation for one in bins]
    above, below = [mean.high - mean.estimate for mean in means], [mean.estimate - mean.low for mean in means]
    right, left = [one.high - one.centre for one in bins], [one.centre - one.low for one in bins]
    return go.Scatter(
        x=[one.centre for one in bins],
        y=[100 * mean.estimate for mean in means],
        error_x=_whiskers(right, left, 1, colour, 0.75),
        error_y=_whiskers(above, below, 100, colour, 1.5),
        text=[_hover(one, mean, side) for one, mean in zip(bins, means, strict=True)],
        mode="lines+markers" if curve.kind == "number" else "markers",
        line={"color": colour, "width": 2},
        marker={"color": colour, "size": 7},
        hovertemplate="%{text}<extra></extra>",
        name=side,
    )


def _whiskers(
    above: Sequence[float], below: Sequence[float], factor: float, colour: str, thickness: float
) -> dict[str, Any]:
    """Error bars; a mean of one trial has no interval, so no whisker either."""
    lengths = ([factor * length if math.isfinite(length) else 0.0 for length in side] for side in (above, below))
    array, arrayminus = lengths
    return {
        "type": "data",
        "symmetric": False,
        "array": array,
        "arrayminus": arrayminus,
        "color": colour,
        "thickness": thickness,
        "width": 0,
    }


def _hover(one: Bin, mean: Interval, side: str) -> str:
    value = f"mean gap {points(mean.estimate)} points" if side == "gap" else f"mean validation {percent(mean.estimate)}"
    known = f" {bounds(mean)}" if math.isfinite(mean.low) else ""
    return f"<b>{label(one.label)}</b>, {one.trials} trial{'s' if one.trials > 1 else ''}<br>{value}{known}"


# ---- the axes ------------------------------------------------------------------------------------------------------


def _horizontal(curve: Marginal) -> dict[str, Any]:
    if curve.kind == "choice":
        places = [one.centre for one in curve.bins]
        names = [label(plain(one.label, _LABEL_LENGTH)) for one in curve.bins]
        shown = [min(places) - 0.5, max(places) + 0.5]
        return {"tickmode": "array", "tickvals": places, "ticktext": names, "range": shown}
    low, high = min(one.low for one in curve.bins), max(one.high for one in curve.bins)
    if not curve.log:
        spare = _PADDING * (high - low)
        return {"range": [low - spare, high + spare], "nticks": 5}
    first, last = math.log10(low), math.log10(high)
    spare = _PADDING * (last - first)
    scale = {"type": "log", "range": [first - spare, last + spare], "tickmode": "array"}
    powers = range(math.ceil(first), math.floor(last) + 1)
    if len(powers) < _POWERS_SHOWN[0]:
        marks = [low, math.sqrt(low * high), high]
        return {**scale, "tickvals": marks, "ticktext": [f"{mark:.2g}" for mark in marks]}
    chosen = powers[:: math.ceil(len(powers) / _POWERS_SHOWN[1])]
    texts = [f"10{str(power).translate(_RAISED)}" for power in chosen]
    return {**scale, "tickvals": [10.0**power for power in chosen], "ticktext": texts}


def _range_of_validation(bins: Sequence[Bin]) -> tuple[float, float]:
    low, high = _range((one.validation, one.trials) for one in bins)
    return max(0.0, low), min(100 * (1 + _PADDING), high)


def _range(means: Iterable[tuple[Interval, int]]) -> tuple[float, float]:
    every: list[float] = []
    for mean, trials in means:
        every += [mean.estimate, mean.low, mean.high] if trials >= _FEW_TRIALS else [mean.estimate]
    low, high = 100 * min(every, default=0.0), 100 * max(every, default=0.0)
    spare = max(1.0, _PADDING * (high - low))
    return low - spare, high + spare
