"""The finalists over their repetitions: a dot and a whisker for the mean, faint dots for the single repetitions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sweep.records import Interval
from sweep.report.gather import Report
from sweep.report.sentences import trial_name
from sweep.report.style import GAP, VALIDATION, axis, label, layout
from sweep.report.wording import bounds, percent, points

__all__ = ["Finalist", "draw_repeats", "gather_finalists"]

_BELOW = 0.24  # where single repetitions stand, so that the whisker does not hide them
_LINE_HEIGHT = 54
_COLOURS = {"gap": GAP, "validation": VALIDATION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalist:
    """A configuration that was trained again: means with intervals, and what each repetition gave (fractions)."""

    number: int
    name: str
    repeats: int
    gap: Interval
    validation: Interval
    gaps: tuple[float, ...]
    validations: tuple[float, ...]


def gather_finalists(report: Report) -> tuple[Finalist, ...]:
    """In the order of the ranking."""
    return tuple(
        Finalist(
            number=number,
            name=trial_name(report, number),
            repeats=found.repeats,
            gap=found.gap,
            validation=found.validation,
            gaps=tuple(one.gap_accuracy for one in report.repetitions if one.number == number),
            validations=tuple(one.validation_accuracy for one in report.repetitions if one.number == number),
        )
        for number, found in report.repeated.items()
    )


def draw_repeats(finalists: Sequence[Finalist]) -> go.Figure:
    """The gap at the left, validation accuracy at the right, one line a finalist, the first of the ranking on top."""
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.06)
    heights = list(range(len(finalists), 0, -1))
    for column, side in enumerate(("gap", "validation"), start=1):
        figure.add_trace(_singles(finalists, heights, side), row=1, col=column)
        figure.add_trace(_means(finalists, heights, side), row=1, col=column)
    height = 92 + _LINE_HEIGHT * len(finalists)
    figure.update_layout(layout(height=height, margin={"l": 24, "r": 24, "t": 24, "b": 44}))
    figure.update_xaxes(axis("gap, points", nticks=6), col=1)
    figure.update_xaxes(axis("validation, %", nticks=6), col=2)
    names = [label(one.name) for one in finalists]
    figure.update_yaxes(axis(), tickmode="array", tickvals=heights, ticktext=names, showgrid=False, fixedrange=True)
    figure.update_yaxes(range=[0.4, len(finalists) + 0.5])
    return figure


def _singles(finalists: Sequence[Finalist], heights: Sequence[int], side: str) -> go.Scatter:
    flat = [
        (value, height)
        for one, height in zip(finalists, heights, strict=True)
        for value in (one.gaps if side == "gap" else one.validations)
    ]
    return go.Scatter(
        x=[100 * value for value, _ in flat],
        y=[height - _BELOW for _, height in flat],
        customdata=[one.number for one in finalists for _ in (one.gaps if side == "gap" else one.validations)],
        mode="markers",
        marker={"color": _COLOURS[side], "size": 7},
        opacity=0.45,
        hovertemplate="one repetition: %{x:.1f}<extra></extra>",
        name="single repetitions",
    )


def _means(finalists: Sequence[Finalist], heights: Sequence[int], side: str) -> go.Scatter:
    means = [one.gap if side == "gap" else one.validation for one in finalists]
    return go.Scatter(
        x=[100 * mean.estimate for mean in means],
        y=heights,
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [_length(one, mean.high - mean.estimate) for one, mean in zip(finalists, means, strict=True)],
            "arrayminus": [_length(one, mean.estimate - mean.low) for one, mean in zip(finalists, means, strict=True)],
            "color": _COLOURS[side],
            "thickness": 2,
            "width": 0,
        },
        customdata=[one.number for one in finalists],
        text=[_hover(one, mean, side) for one, mean in zip(finalists, means, strict=True)],
        mode="markers",
        marker={"color": _COLOURS[side], "size": 12},
        hovertemplate="%{text}<extra></extra>",
        name="mean",
    )


def _length(one: Finalist, half: float) -> float:
    """A single repetition shows no scatter: its mean has no whisker."""
    return 100 * half if one.repeats > 1 and math.isfinite(half) else 0.0


def _hover(one: Finalist, mean: Interval, side: str) -> str:
    value = f"gap {points(mean.estimate)} points" if side == "gap" else f"validation {percent(mean.estimate)}"
    known = f" {bounds(mean)}" if math.isfinite(mean.low) else ""
    return f"<b>{label(one.name)}</b>, {one.repeats} repetition{'s' if one.repeats > 1 else ''}<br>{value}{known}"
