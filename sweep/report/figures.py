"""The figures of the page and the notebook. What they show is gathered first, then drawn; drawing decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sweep.diagnosis.ranking import RankedTrial
from sweep.diagnosis.tiers import Tier
from sweep.report.gather import Report
from sweep.report.style import (
    GAP,
    GAP_AREA,
    PARETO,
    TIER_COLOURS,
    TIER_SYMBOLS,
    TRAIN,
    VALIDATION,
    axis,
    label,
    layout,
)
from sweep.report.wording import bounds, percent, points, setting

__all__ = [
    "Curve",
    "Point",
    "draw_curves",
    "draw_gap_against_validation",
    "gather_curve",
    "gather_points",
    "hover_text",
]

_ROOM = 0.7  # of the width: beyond it a name at the right would leave a narrow figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Clean train and validation curves of a trial.

    Attributes:
        title: whose they are.
        epochs: from 1.
        accuracy: train and validation, percent.
        cross_entropy: train and validation, nats.
        kept: the epoch whose weights were kept.
    """

    title: str
    epochs: tuple[int, ...]
    accuracy: tuple[tuple[float, ...], tuple[float, ...]]
    cross_entropy: tuple[tuple[float, ...], tuple[float, ...]]
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A trial in the plane of validation accuracy (percent) and gap (points), with the bounds of both."""

    number: int
    tier: Tier
    pareto: bool
    validation: tuple[float, float, float]
    gap: tuple[float, float, float]
    hover: str


def gather_curve(report: Report, row: RankedTrial) -> Curve:
    """The curves of one row of the ranking."""
    epochs = report.epochs.get(row.number, ())
    name = report.baseline_name.capitalize() if row.baseline else f"Trial {row.number}"
    return Curve(
        title=f"{name}, rank {row.rank}",
        epochs=tuple(epoch.epoch for epoch in epochs),
        accuracy=(
            tuple(round(100 * epoch.train_accuracy, 2) for epoch in epochs),
            tuple(round(100 * epoch.validation_accuracy, 2) for epoch in epochs),
        ),
        cross_entropy=(
            tuple(round(epoch.train_cross_entropy, 4) for epoch in epochs),
            tuple(round(epoch.validation_cross_entropy, 4) for epoch in epochs),
        ),
        kept=row.measurement.selected_epoch,
    )


def gather_points(report: Report, rows: Iterable[RankedTrial] | None = None) -> tuple[Point, ...]:
    """Some rows of the ranking; all of them unless named."""
    return tuple(
        Point(
            number=row.number,
            tier=row.tier,
            pareto=row.pareto,
            validation=(100 * row.validation.low, 100 * row.validation.estimate, 100 * row.validation.high),
            gap=(100 * row.gap.low, 100 * row.gap.estimate, 100 * row.gap.high),
            hover=hover_text(report, row),
        )
        for row in (report.ranking.rows if rows is None else rows)
    )


def hover_text(report: Report, row: RankedTrial) -> str:
    """What appears beside the pointer."""
    name = f"trial {row.number}" + (f" ({report.baseline_name})" if row.baseline else "")
    settings = "<br>".join(f"{label(key)} {label(setting(value))}" for key, value in report.parameters(row).items())
    return (
        f"<b>{name}</b>, rank {row.rank}, tier {row.tier}<br>"
        f"validation {percent(row.validation.estimate)} {bounds(row.validation)}<br>"
        f"gap {points(row.gap.estimate)} points {bounds(row.gap)}<br>"
        f"{'on the Pareto front<br>' if row.pareto else ''}{settings}"
    )


def draw_curves(curves: Sequence[Curve]) -> go.Figure:
    """One column a trial: accuracy above, cross-entropy below; three traces a panel, column by column."""
    figure = make_subplots(
        rows=2,
        cols=len(curves),
        shared_xaxes="all",
        shared_yaxes="rows",
        horizontal_spacing=0.05,
        vertical_spacing=0.08,
        column_titles=[label(curve.title).replace(", ", "<br>") for curve in curves],
    )
    for column, curve in enumerate(curves, start=1):
        for row, (pair, unit) in enumerate(((curve.accuracy, " %"), (curve.cross_entropy, " nats")), start=1):
            for trace in _curve_traces(curve, pair, unit):
                figure.add_trace(trace, row=row, col=column)
    figure.update_layout(layout(height=580, hovermode="x", margin={"l": 64, "r": 24, "t": 52, "b": 48}))
    longest = max((len(curve.epochs) for curve in curves), default=1)
    figure.update_annotations(font={"size": 14, "weight": 600})
    # `include` and not `range`: with a fixed x range plotly.js 4 leaves the shared y axes without one.
    figure.update_xaxes(axis(), showgrid=False, autorangeoptions={"include": [0.6, longest + 0.4]})
    figure.update_xaxes(tick0=1, dtick=max(1, round(longest / 7)))
    figure.update_yaxes(axis())
    figure.update_xaxes(title_text="epoch", row=2)
    figure.update_yaxes(title_text="accuracy, %", row=1, col=1)
    figure.update_yaxes(title_text="cross-entropy, nats", rangemode="tozero", row=2, col=1)
    return figure


def draw_gap_against_validation(points_: Sequence[Point], named: Mapping[int, str]) -> go.Figure:
    """Gap over validation accuracy; `named` trials carry their name. The best place is the lower right corner.

    With train a fact, a trial that is one point lower on validation has a gap one point wider: so the interval is a
    line of slope −1, and not a cross. Trials on the Pareto front, which is one of cross-entropy, have a halo.
    """
    figure = go.Figure(layout=layout(height=540))
    figure.add_trace(_halo_trace([point for point in points_ if point.pareto]))
    for tier in Tier:
        members = [point for point in points_ if point.tier is tier]
        if members:
            figure.add_trace(_interval_trace(tier, members))
            figure.add_trace(_point_trace(tier, members))
    marked = [point for point in points_ if point.number in named]
    figure.add_trace(_named_trace(marked))
    figure.update_layout(annotations=_names(points_, marked, named))
    figure.update_xaxes(axis("clean validation accuracy, %"))
    figure.update_yaxes(axis("clean gap, points", zeroline=True, zerolinecolor=GAP, zerolinewidth=1))
    return figure


def _curve_traces(curve: Curve, pair: tuple[Sequence[float], Sequence[float]], unit: str) -> Iterable[go.Scatter]:
    for values, colour, name, fill in zip(
        pair, (TRAIN, VALIDATION), ("train", "validation"), (None, "tonexty"), strict=True
    ):
        yield go.Scatter(
            x=curve.epochs,
            y=values,
            name=name,
            mode="lines",
            line={"color": colour, "width": 2.5, "dash": "solid" if name == "train" else "dash"},
            fill=fill,
            fillcolor=GAP_AREA,
            hovertemplate=f"{name} %{{y:.3~f}}{unit}<extra></extra>",
        )
    kept = [(curve.kept, values[curve.epochs.index(curve.kept)]) for values in pair if curve.kept in curve.epochs]
    yield go.Scatter(
        x=[epoch for epoch, _ in kept],
        y=[value for _, value in kept],
        name="kept",
        mode="markers",
        marker={"size": 9, "color": [TRAIN, VALIDATION][: len(kept)], "symbol": ["square", "circle"][: len(kept)]},
        hoverinfo="skip",
    )


def _halo_trace(members: Sequence[Point]) -> go.Scatter:
    return go.Scatter(
        x=[point.validation[1] for point in members],
        y=[point.gap[1] for point in members],
        mode="markers",
        marker={"symbol": "circle", "size": 20, "color": PARETO, "line": {"width": 0}},
        hoverinfo="skip",
        name="Pareto front",
    )


def _named_trace(marked: Sequence[Point]) -> go.Scatter:
    return go.Scatter(
        x=[point.validation[1] for point in marked],
        y=[point.gap[1] for point in marked],
        mode="markers",
        marker={"symbol": "circle-open", "size": 17, "color": GAP, "line": {"width": 2}},
        hoverinfo="skip",
        name="named",
    )


def _names(points_: Sequence[Point], marked: Sequence[Point], named: Mapping[int, str]) -> list[dict[str, Any]]:
    """Names off their rings, where trials crowd: above for the wider gap, at the left where there is no room right."""
    middle = sum(point.gap[1] for point in marked) / max(1, len(marked))
    left = min((point.validation[0] for point in points_), default=0.0)
    right = max((point.validation[2] for point in points_), default=0.0)
    edge = left + _ROOM * (right - left)
    return [
        {
            "x": point.validation[1],
            "y": point.gap[1],
            "text": label(named[point.number]),
            "font": {"size": 13},
            "bgcolor": "rgba(255, 255, 255, 0.8)",
            "arrowcolor": GAP,
            "arrowwidth": 1,
            "arrowhead": 0,
            "standoff": 9,
            "ax": -46 if point.validation[1] > edge else 46,
            "ay": -38 if point.gap[1] > middle else 46,
            "xanchor": "right" if point.validation[1] > edge else "left",
        }
        for point in marked
    ]


def _interval_trace(tier: Tier, members: Sequence[Point]) -> go.Scatter:
    x: list[float | None] = []
    y: list[float | None] = []
    for point in members:
        x += [point.validation[0], point.validation[2], None]
        y += [point.gap[2], point.gap[0], None]
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": TIER_COLOURS[tier], "width": 1},
        opacity=min(0.4 if tier is Tier.LEADING else 0.22, 15 / len(members)),
        hoverinfo="skip",
        name=f"interval, tier {int(tier)}",
    )


def _point_trace(tier: Tier, members: Sequence[Point]) -> go.Scatter:
    return go.Scatter(
        x=[point.validation[1] for point in members],
        y=[point.gap[1] for point in members],
        customdata=[point.number for point in members],
        text=[point.hover for point in members],
        mode="markers",
        marker={"symbol": TIER_SYMBOLS[tier], "size": 10, "color": TIER_COLOURS[tier]},
        hovertemplate="%{text}<extra></extra>",
        name=f"tier {int(tier)}",
    )
