"""Every figure by its name, fit to stand alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sweep.report.figure_set import Figure, draw_figures
from sweep.report.gather import Report, gather_report


@pytest.fixture(scope="module")
def figures(full_report: Report) -> dict[str, Figure]:
    return draw_figures(full_report)


def test_a_full_study_has_every_figure(figures: dict[str, Figure]) -> None:
    assert list(figures) == [
        "waterfall-accuracy",
        "waterfall-cross-entropy",
        "finalists",
        "influence-batch-size",
        "influence-dropout",
        "influence-head-width",
        "influence-l2",
        "influence-unfrozen-layers",
        "curves",
        "gap-against-validation",
        "parallel-coordinates",
    ]
    assert all(figure.layout.title.text for figure in figures.values())
    assert {figure.layout.paper_bgcolor for figure in figures.values()} == {"white"}


def test_train_and_validation_are_told_in_a_legend_once(figures: dict[str, Figure]) -> None:
    curves = figures["curves"]
    assert [trace.name for trace in curves.data if trace.showlegend] == ["train", "validation"]
    assert curves.layout.showlegend
    assert not figures["influence-dropout"].layout.showlegend, "its axes have their names"


def test_a_study_without_a_result_has_none(full_report: Report) -> None:
    assert draw_figures(gather_report(full_report.study, [])) == {}


def test_names_of_hyperparameters_fit_files_and_stay_text(full_report: Report) -> None:
    first = full_report.marginals[0]
    names = ("../../etc/passwd\0", "../../ETC/passwd", "😀", "<a href='x'>b</a>")
    drawn = draw_figures(replace(full_report, marginals=tuple(replace(first, name=name) for name in names)))
    assert [name for name in drawn if name.startswith("influence")] == [
        "influence-etc-passwd",
        "influence-etc-passwd-again",
        "influence-field",
        "influence-a-href-x-b-a",
    ]
    marked = drawn["influence-a-href-x-b-a"].layout
    assert "&lt;a" in marked.title.text
    assert "<a" not in marked.title.text + marked.xaxis.title.text
