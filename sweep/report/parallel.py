"""Parallel coordinates: one axis a swept field, one line a trial, the gap and validation accuracy at the right."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from sweep.diagnosis.ranking import RankedTrial
from sweep.diagnosis.tiers import Tier
from sweep.records import Scalar
from sweep.report.fields import varying_fields
from sweep.report.figures import hover_text
from sweep.report.gather import Report
from sweep.report.style import GAP, TIER_COLOURS, TIER_SYMBOLS, label, layout
from sweep.report.wording import setting

__all__ = ["Axis", "Line", "draw_parallel_coordinates", "gather_parallel_coordinates"]

OUTSIDE = -0.1
"""Where a value stands that lies outside its axis, such as a baseline's l2 of 0 on a logarithmic one."""
_WITH_DOTS = 200
"""So many trials have a dot on each axis: of more they tell nothing, and cost a browser seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A vertical axis: its title, and the labels at heights from 0 to 1."""

    title: str
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A trial: its height on every axis."""

    number: int
    tier: Tier
    heights: tuple[float, ...]
    hover: str


def gather_parallel_coordinates(
    report: Report, rows: Iterable[RankedTrial] | None = None
) -> tuple[tuple[Axis, ...], tuple[Line, ...]]:
    """The axes of what varies, and the lines of some rows, the worst tier first so that the best is drawn on top.

    Args:
        report: tells what varies.
        rows: of the ranking; all of them unless named.
    """
    rows = sorted(report.ranking.rows if rows is None else rows, key=lambda row: -row.rank)
    columns: list[tuple[Axis, list[float]]] = []
    parameters = [report.parameters(row) for row in rows]
    for name in varying_fields(report):
        values = [one[name] for one in parameters]
        columns.append(_column(name, values, report.definition.get("space", {}).get(name, {})))
    columns.append(_column("gap, points", [100 * row.gap.estimate for row in rows], {}))
    columns.append(_column("validation, %", [100 * row.validation.estimate for row in rows], {}))
    lines = tuple(
        Line(
            number=row.number,
            tier=row.tier,
            heights=tuple(heights[position] for _, heights in columns),
            hover=hover_text(report, row),
        )
        for position, row in enumerate(rows)
    )
    return tuple(axis for axis, _ in columns), lines


def draw_parallel_coordinates(axes: Sequence[Axis], lines: Iterable[Line]) -> go.Figure:
    """Lines of one tier are one trace, so that thousands of trials are four."""
    figure = go.Figure(layout=layout(height=430, margin={"l": 40, "r": 40, "t": 52, "b": 24}))
    every = list(lines)
    for tier in reversed(Tier):
        members = [line for line in every if line.tier is tier]
        if members:
            figure.add_trace(_tier_trace(tier, members, dots=len(every) <= _WITH_DOTS))
    figure.add_trace(go.Scatter(x=[], y=[], mode="lines", line={"width": 3.5}, hoverinfo="skip", name="picked"))
    for position, axis in enumerate(axes):
        figure.add_shape(type="line", x0=position, x1=position, y0=0, y1=1, line={"color": GAP, "width": 1.2})
        _annotate(figure, position, 1.1, f"<b>{label(axis.title)}</b>", "center")
        for height, text in axis.ticks:
            _annotate(figure, position, height, label(text), "left")
    figure.update_xaxes(visible=False, range=[-0.15, len(axes) - 0.5], fixedrange=True)
    figure.update_yaxes(visible=False, range=[OUTSIDE - 0.06, 1.16], fixedrange=True)
    return figure


def _annotate(figure: go.Figure, x: float, y: float, text: str, anchor: str) -> None:
    figure.add_annotation(
        x=x,
        y=y,
        text=text,
        showarrow=False,
        xanchor=anchor,
        xshift=7 if anchor == "left" else 0,
        font={"size": 12},
        bgcolor="rgba(255, 255, 255, 0.8)" if anchor == "left" else None,
        borderpad=1,
    )


def _tier_trace(tier: Tier, members: Sequence[Line], *, dots: bool) -> go.Scatter:
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str] = []
    number: list[int | None] = []
    for line in members:
        x += [*range(len(line.heights)), None]
        y += [*line.heights, None]
        text += [line.hover] * (len(line.heights) + 1)
        number += [line.number] * (len(line.heights) + 1)
    leading = tier is Tier.LEADING
    return go.Scatter(
        x=x,
        y=y,
        text=text,
        customdata=number,
        mode="lines+markers" if dots else "lines",
        line={"color": TIER_COLOURS[tier], "width": 1.8 if leading else 1.0},
        marker={"size": 5, "color": TIER_COLOURS[tier], "symbol": TIER_SYMBOLS[tier]},
        opacity=max(0.1, min(0.75 if leading else 0.4, 30 / len(members))),
        hovertemplate="%{text}<extra></extra>",
        name=f"tier {int(tier)}",
    )


def _column(name: str, values: Sequence[Scalar | None], field: Mapping[str, Any]) -> tuple[Axis, list[float]]:
    # A hyperparameter that is inactive in a trial has no value there.
    known = [value for value in values if value is not None]
    numbers = [float(value) for value in known if isinstance(value, (int, float)) and math.isfinite(value)]
    choices = field.get("choices")
    if choices is None and len(numbers) < len(known):
        choices = sorted({str(value) for value in known})
    if choices is not None:
        return _choice_column(name, values, choices)
    low = float(field.get("low", min(numbers, default=0.0)))
    high = float(field.get("high", max(numbers, default=1.0)))
    return _number_column(name, values, low, high, log=bool(field.get("log")) and low > 0)


def _choice_column(name: str, values: Sequence[Scalar | None], choices: Sequence[Scalar]) -> tuple[Axis, list[float]]:
    names = [str(choice) for choice in choices]
    heights = {text: position / max(1, len(names) - 1) for position, text in enumerate(names)}
    ticks = [(heights[str(choice)], setting(choice)) for choice in choices]
    placed = [heights.get(str(value), OUTSIDE) for value in values]
    outside = sorted({setting(value) for value in values if str(value) not in heights})
    return Axis(title=name, ticks=(*ticks, *_outside(outside))), placed


def _number_column(
    name: str, values: Sequence[Scalar | None], low: float, high: float, *, log: bool
) -> tuple[Axis, list[float]]:
    scale = math.log if log else float
    bottom, span = scale(low), (scale(high) - scale(low)) or 1.0

    def height(value: Scalar | None) -> float:
        if not isinstance(value, (int, float)) or not low <= value <= high:
            return OUTSIDE
        return (scale(value) - bottom) / span

    middle = math.sqrt(low * high) if log else (low + high) / 2
    places = [(0.0, low), (0.5, middle), (1.0, high)] if high > low else [(0.0, low)]
    ticks = [(place, re.sub("^-", "−", setting(value))) for place, value in places]
    outside = sorted({setting(value) for value in values if height(value) == OUTSIDE})
    return Axis(title=name, ticks=(*ticks, *_outside(outside))), [height(value) for value in values]


def _outside(texts: Sequence[str]) -> tuple[tuple[float, str], ...]:
    return ((OUTSIDE, ", ".join(texts[:3]) + (" …" if len(texts) > 3 else "")),) if texts else ()
