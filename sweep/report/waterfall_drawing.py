"""The waterfall as a plotly figure, for the notebook, images and dashboards; the page draws its own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sweep.diagnosis.waterfall import Term, Waterfall
from sweep.records import Interval
from sweep.report.sentences import amount
from sweep.report.style import GAP, INK, TRAIN, VALIDATION, axis, label, layout
from sweep.report.waterfall_figure import WaterfallPanel
from sweep.report.wording import with_bounds

__all__ = ["draw_waterfall"]

_LINE_HEIGHT = 34
_ROOM = 0.5  # of the bars' width, at the right of them: there the numbers stand
_COLOURS = {"reported_gap": GAP, "clean_gap": GAP, "validation_pipeline": VALIDATION}


def draw_waterfall(panel: WaterfallPanel) -> go.Figure:
    """One column a trial, one line a term, each bar starting where the one above it ended; whiskers are intervals."""
    figure = make_subplots(
        rows=1,
        cols=len(panel.falls),
        shared_xaxes="all",
        shared_yaxes=True,
        horizontal_spacing=0.04,
        column_titles=[label(name[:1].upper() + name[1:]) for name in panel.trials],
    )
    figure.update_annotations(font={"size": 14, "weight": 600})
    for column, fall in enumerate(panel.falls, start=1):
        bars = _bars(panel, fall)
        figure.add_trace(bars, row=1, col=column)
        for line, text in zip(bars.y, bars.text, strict=True):
            place = {"xref": "x domain" if column == 1 else f"x{column} domain", "x": 1, "xanchor": "right"}
            figure.add_annotation(y=line, yref="y", text=text, showarrow=False, font={"size": 12}, **place)
    names = [label(line.label) for line in panel.lines]
    figure.update_layout(layout(height=110 + _LINE_HEIGHT * len(names), bargap=0.35))
    figure.update_xaxes(axis(f"gap, {panel.unit}", zeroline=True, zerolinecolor=GAP, zerolinewidth=1))
    figure.update_xaxes(range=_range(panel), nticks=6)
    figure.update_yaxes(axis(), showgrid=False, categoryorder="array", categoryarray=names[::-1])
    figure.update_yaxes(range=[-0.6, len(names) - 0.4])  # annotations on it would cut the outer bars
    return figure


def _bars(panel: WaterfallPanel, fall: Waterfall) -> go.Bar:
    found = _placed(fall)
    lines = [line for line in panel.lines if line.name in found]
    scale = 100 if fall.quantity == "accuracy" else 1
    starts = [found[line.name][0] for line in lines]
    means = [found[line.name][1].interval for line in lines]
    return go.Bar(
        orientation="h",
        y=[label(line.label) for line in lines],
        base=[scale * start for start in starts],
        x=[scale * mean.estimate for mean in means],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": _lengths([scale * (mean.high - mean.estimate) for mean in means]),
            "arrayminus": _lengths([scale * (mean.estimate - mean.low) for mean in means]),
            "color": INK,
            "thickness": 1.5,
            "width": 4,
        },
        marker={"color": [_COLOURS.get(line.name, TRAIN) for line in lines], "opacity": 0.85},
        text=[with_bounds(mean, lambda value: amount(fall, value)) for mean in means],
        textposition="none",
        hovertemplate="%{y}: %{text}<extra></extra>",
        name="waterfall",
    )


def _placed(fall: Waterfall) -> dict[str, tuple[float, Term]]:
    """Where each finite bar starts, and its term; the reported gap is one as well."""
    gap = fall.reported_gap
    whole = Term(name="reported_gap", interval=Interval(estimate=gap, low=gap, high=gap))
    found, before = {"reported_gap": (0.0, whole)}, 0.0
    for term in fall.terms:
        found[term.name] = (before, term)
        before += term.interval.estimate
    return {name: one for name, one in found.items() if math.isfinite(one[0] + one[1].interval.estimate)}


def _range(panel: WaterfallPanel) -> tuple[float, float]:
    """From the least to the greatest bar or bound of all columns, and room for the numbers."""
    scale = 100 if panel.quantity == "accuracy" else 1
    ends = [0.0]
    for fall in panel.falls:
        for start, term in _placed(fall).values():
            mean = term.interval
            ends += [start, *(start + end for end in (mean.low, mean.estimate, mean.high) if math.isfinite(end))]
    width = (max(ends) - min(ends)) or 0.01
    return scale * (min(ends) - 0.04 * width), scale * (max(ends) + _ROOM * width)


def _lengths(values: Sequence[float]) -> list[float]:
    """What is exact, or of unknown bounds, has no whisker."""
    return [value if math.isfinite(value) else 0.0 for value in values]
