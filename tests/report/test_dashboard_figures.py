"""Figures as the dashboard's older plotly.js is given them. It draws them in `tests/browser`."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from sweep.report import dashboard_figures as module
from sweep.report.captions import gap_caption
from sweep.report.dashboard_figures import dashboard_figures
from sweep.report.figure_set import Figure
from sweep.report.gather import Report


@pytest.fixture(scope="module")
def figures(full_report: Report) -> dict[str, Figure]:
    return dashboard_figures(full_report)


def sentence_of(figure: Figure) -> str:
    """What stands below the title, its lines joined."""
    return " ".join(re.findall(r"<span[^>]*>(.*?)</span>", figure.layout.title.text))


def test_what_a_study_has_is_shown_under_names_that_stay(figures: dict[str, Figure]) -> None:
    assert list(figures) == [
        "waterfall-accuracy",
        "curves",
        "gap-against-validation",
        "parallel-coordinates",
        "finalists",
        "influence-1",
        "influence-2",
        "influence-3",
    ]


def test_the_fields_are_those_that_move_the_gap_most(figures: dict[str, Figure]) -> None:
    titles = [figures[f"influence-{place}"].layout.title.text for place in (1, 2, 3)]
    assert [next(name for name in ("dropout", "l2", "unfrozen_layers") if name in title) for title in titles] == [
        "dropout",
        "l2",
        "unfrozen_layers",
    ]


def test_each_says_what_to_see_in_it(full_report: Report, figures: dict[str, Figure]) -> None:
    assert figures["gap-against-validation"].layout.title.text.startswith("<b>")
    assert sentence_of(figures["gap-against-validation"]) == gap_caption(full_report)
    assert all(figure.layout.title.text.count("<br>") >= 1 for figure in figures.values())


def test_they_fill_their_card_on_white_and_hold_no_typed_arrays(figures: dict[str, Figure]) -> None:
    for figure in figures.values():
        text = figure.to_json()
        fields = json.loads(text)
        assert "bdata" not in text
        assert "height" not in fields["layout"]
        assert fields["layout"]["paper_bgcolor"] == "white"
        assert len(text) < 60_000


def test_of_many_trials_the_first_are_drawn(full_report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TRIALS", 4)
    figure = dashboard_figures(full_report)["gap-against-validation"]
    drawn = {number for trace in figure.data if trace.customdata is not None for number in trace.customdata}
    baseline = full_report.ranking.baseline
    assert baseline is not None
    assert drawn == {*(row.number for row in full_report.ranking.rows[:4]), baseline.number}
    thinned = f"Of {len(full_report.rows)} trials the first 4 and the baseline are shown."
    assert sentence_of(figure).endswith(thinned)


def test_nothing_is_drawn_before_a_trial_is_measured(full_report: Report) -> None:
    ranking = replace(full_report.ranking, rows=(), leader=None)
    assert dashboard_figures(replace(full_report, rows=(), ranking=ranking, repeated={}, marginals=())) == {}
