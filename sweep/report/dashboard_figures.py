"""Our figures as Optuna's dashboard shows them: each in a card 450 pixels high, drawn by an older plotly.js."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import escape
from textwrap import wrap

from sweep.report.captions import curves_caption, gap_caption, parallel_caption, waterfall_caption
from sweep.report.figure_set import Figure, draw_figures
from sweep.report.gather import Report
from sweep.report.sentences import curve_sentence
from sweep.report.wording import plain

__all__ = ["MOST_TRIALS", "dashboard_figures"]

MOST_TRIALS = 200
"""More are not drawn: the dashboard fetches every figure anew each few seconds."""

_MOST_FIELDS = 3
_WIDER = 0.3
# Characters that a card of half a laptop's screen has room for, in a title and in a sentence.
_HEADING_LENGTH = 66
_LINE_LENGTH = 84


def dashboard_figures(report: Report) -> dict[str, Figure]:
    """Name -> figure with the sentence that says what to see in it; none before a trial is measured.

    Of more than 200 trials the first 200 and the baseline are shown, of the fields the three that move the gap most.
    """
    few = replace(report, rows=tuple(row for row in report.rows if row.rank <= MOST_TRIALS or row.baseline))
    drawn = draw_figures(few)
    if drawn:
        _fit_parallel_coordinates(drawn["parallel-coordinates"])
        _fit_waterfall(drawn["waterfall-accuracy"])
    sentences = _sentences(report)
    shown = {name: _in_card(drawn[name], sentence) for name, sentence in sentences.items() if name in drawn}
    return shown | dict(_influence(few, drawn))


def _sentences(report: Report) -> dict[str, str]:
    """What to see in each figure but those of the fields, by its name."""
    reference, trials = report.ranking.baseline or report.ranking.best, len(report.rows)
    thinned = f" Of {trials:,} trials the first {MOST_TRIALS} and the baseline are shown." * (trials > MOST_TRIALS)
    return {
        "waterfall-accuracy": waterfall_caption(report, reference),
        "curves": curves_caption(report, reference),
        "gap-against-validation": gap_caption(report) + thinned,
        "parallel-coordinates": parallel_caption(report) + thinned,
        "finalists": "Better is further left for the gap, and further right for validation accuracy.",
    }


def _influence(report: Report, drawn: Mapping[str, Figure]) -> Iterator[tuple[str, Figure]]:
    """Of the fields that move the gap most, or of the first ones where that is not known.

    Named by place and not by field: the dashboard knows no way to take back the figure of another field.
    """
    shares = report.importances.get("gap", {})
    names = [name for name in drawn if name.startswith("influence-")]
    curves = sorted(zip(names, report.marginals, strict=True), key=lambda pair: -shares.get(pair[1].name, 0.0))
    for place, (name, curve) in enumerate(curves[:_MOST_FIELDS], start=1):
        yield f"influence-{place}", _in_card(drawn[name], curve_sentence(curve))


def _fit_parallel_coordinates(figure: Figure) -> None:
    """Slanted names of axes, which stand close to each other; and no settings beside the pointer.

    Repeated at every axis of every line these are most of all figures, and the gap against validation has them too.
    """
    for trace in figure.data:
        trace.update(text=None, hovertemplate="trial %{customdata}<extra></extra>")
    for name in figure.layout.annotations:
        if name.y > 1:
            name.update(textangle=-25, xanchor="left", yanchor="bottom", y=1.04, font={"size": 11})
    figure.update_yaxes(range=[figure.layout.yaxis.range[0], 1.34])
    figure.update_layout(margin_r=60)


def _fit_waterfall(figure: Figure) -> None:
    """More room for the numbers at the right, which keep their size in a narrower figure."""
    low, high = figure.layout.xaxis.range
    figure.update_xaxes(range=[low, high + _WIDER * (high - low)])


def _in_card(figure: Figure, sentence: str) -> Figure:
    """The figure with its sentence below its title and on white, which suits the light and the dark dashboard."""
    # The title is escaped already: a word that is cut could end within an entity.
    heading = wrap(figure.layout.title.text, _HEADING_LENGTH, break_long_words=False)
    lines = [escape(line, quote=False) for line in wrap(plain(sentence), _LINE_LENGTH)]
    text = "<br>".join(f"<b>{line}</b>" for line in heading)
    text += "".join(f"<br><span style='font-size:13px'>{line}</span>" for line in lines)
    figure.update_layout(
        height=None,
        autosize=True,
        paper_bgcolor="white",
        title={"text": text, "x": 0.02, "xref": "container", "y": 0.97},
        legend={"y": 0, "yref": "container", "yanchor": "bottom"},
        margin={"t": 60 + 18 * (len(heading) + len(lines)), "b": 84 if figure.layout.showlegend else 52},
    )
    return figure
