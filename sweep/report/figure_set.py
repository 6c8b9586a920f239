"""Every figure of a report by its name: for notebooks, image files and dashboards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import get_args

from plotly.graph_objects import Figure

from sweep.diagnosis.ranking import RankedTrial
from sweep.diagnosis.waterfall import Quantity
from sweep.report.figures import draw_curves, draw_gap_against_validation, gather_curve, gather_points
from sweep.report.gather import Report
from sweep.report.marginal_figure import common_ranges, draw_marginal
from sweep.report.parallel import draw_parallel_coordinates, gather_parallel_coordinates
from sweep.report.repeat_figure import draw_repeats, gather_finalists
from sweep.report.sentences import row_name
from sweep.report.style import label
from sweep.report.thinning import shown_rows
from sweep.report.waterfall_drawing import draw_waterfall
from sweep.report.waterfall_figure import gather_waterfall

__all__ = ["Figure", "draw_figures"]

_TITLE_HEIGHT = 36
_TITLES = {
    "waterfall-accuracy": "What the reported gap is made of, in points of accuracy",
    "waterfall-cross-entropy": "What the reported gap is made of, in nats of cross-entropy",
    "finalists": "The finalists, trained again: means with 95 % intervals, and single repetitions",
    "curves": "Train and validation, clean, epoch by epoch",
    "gap-against-validation": "Gap against validation accuracy, both clean",
    "parallel-coordinates": "The settings of every trial, its gap and its validation accuracy",
}
_IN_LEGEND = ("train", "validation", "Pareto front", "tier 1", "tier 2", "tier 3", "tier 4")


def draw_figures(report: Report) -> dict[str, Figure]:
    """Name -> figure, in the order of the page; what a study has nothing for is left out.

    The names are "waterfall-accuracy", "waterfall-cross-entropy", "finalists", "influence-" and a swept field,
    "curves", "gap-against-validation" and "parallel-coordinates": lower-case letters, digits and hyphens.
    Of more than a thousand trials the figures show those that the page does (`shown_rows`).
    """
    ranking, rows = report.ranking, shown_rows(report)
    if ranking.best is None:
        return {}
    baseline_and_best = [row for row in dict.fromkeys((ranking.baseline, ranking.best)) if row is not None]
    names = {row.number: row_name(report, row) for row in baseline_and_best}
    drawn = {
        f"waterfall-{quantity.replace('_', '-')}": draw_waterfall(gather_waterfall(report, baseline_and_best, quantity))
        for quantity in get_args(Quantity)
    }
    if report.repeated:
        drawn["finalists"] = draw_repeats(gather_finalists(report))
    drawn |= _influence(report)
    drawn["curves"] = draw_curves([gather_curve(report, row) for row in _two(report.ranking.rows, baseline_and_best)])
    drawn["gap-against-validation"] = draw_gap_against_validation(gather_points(report, rows), names)
    drawn["parallel-coordinates"] = draw_parallel_coordinates(*gather_parallel_coordinates(report, rows))
    return {name: _standing_alone(figure, _TITLES.get(name, "")) for name, figure in drawn.items()}


def _two(rows: Sequence[RankedTrial], first: Sequence[RankedTrial]) -> Sequence[RankedTrial]:
    """The baseline and rank 1; the next one beside a baseline that is rank 1 itself."""
    return tuple(dict.fromkeys((*first, *rows)))[:2]


def _influence(report: Report) -> dict[str, Figure]:
    ranges = common_ranges(report.marginals)
    names = _distinct(curve.name for curve in report.marginals)
    drawn = {}
    for name, curve in zip(names, report.marginals, strict=True):
        figure = draw_marginal(curve, ranges)
        figure.update_layout(height=300, margin={"l": 64, "r": 24, "b": 48})
        figure.update_xaxes(title_text=label(curve.name), automargin=True)
        figure.update_yaxes(automargin=True)
        figure.update_yaxes(title_text="mean gap, points", col=1)
        figure.update_yaxes(title_text="mean validation, %", col=2)
        figure.update_layout(
            title_text=f"What {label(curve.name)} does to the gap and to validation, with 95 % intervals"
        )
        drawn[f"influence-{name}"] = figure
    return drawn


def _standing_alone(figure: Figure, title: str) -> Figure:
    """The figure with a title, a legend and paper, which the page has already."""
    seen: set[str] = set()
    for trace in figure.data:
        trace.showlegend = trace.name in _IN_LEGEND and trace.name not in seen
        seen.add(trace.name)
    at_top = {"y": 1, "yref": "container", "yanchor": "top"}
    at_left = {"x": 0, "xref": "paper", "xanchor": "left"}
    figure.update_layout(
        title={"text": title or figure.layout.title.text, "font": {"size": 16}, "pad": {"t": 14}, **at_left, **at_top},
        height=figure.layout.height + _TITLE_HEIGHT,
        margin_t=figure.layout.margin.t + _TITLE_HEIGHT,
        showlegend=sum(bool(trace.showlegend) for trace in figure.data) > 1,
        paper_bgcolor="white",  # its ink is dark, whatever a notebook's or a viewer's ground is
        legend={"orientation": "h", "traceorder": "normal", "x": 1, "xanchor": "right", **at_top},
    )
    return figure


def _distinct(fields: Iterator[str]) -> list[str]:
    """Fields as parts of file names: a hypermodel's may be any text, and two of them alike but for a character."""
    found: list[str] = []
    for field in fields:
        name = re.sub(r"[^a-z0-9]+", "-", field.lower()).strip("-")[:60] or "field"
        while name in found:
            name += "-again"
        found.append(name)
    return found
