"""The Python face of a finished study."""

from __future__ import annotations

from pathlib import Path

from sweep.workflow.opened import OpenedStudy, open_study


def test_ranking_and_epochs_are_frames(finished: tuple[Path, OpenedStudy]) -> None:
    study = open_study(finished[0])
    ranking, epochs = study.ranking(), study.epochs()
    assert len(ranking) == 3
    assert len(epochs) == 3 * 2
    assert study.best is not None
    assert study.best.number == ranking.iloc[0]["trial"]
    assert set(epochs["trial"]) == {0, 1, 2}


def test_findings_waterfall_and_every_trial_are_frames(finished: tuple[Path, OpenedStudy]) -> None:
    study = finished[1]
    assert {"leak", "head-capacity"} & set(study.findings()["cause"]) >= {"leak"}
    assert study.waterfall()["trial"].nunique() == 3
    assert study.trials_frame()["state"].tolist() == ["complete"] * 3
    assert study.baseline is not None
    assert study.baseline.number == 0


def test_a_notebook_shows_it_and_its_figures(finished: tuple[Path, OpenedStudy]) -> None:
    study = finished[1]
    assert repr(study) == "OpenedStudy('photos', 3 trials)"
    assert study.verdict in study._repr_html_().replace("&quot;", '"').replace("&#x27;", "'")
    figures = study.figures()
    assert {"waterfall-accuracy", "curves", "gap-against-validation"} <= set(figures)
    assert [trace.name for trace in figures["curves"].data[:2]] == ["train", "validation"]


def test_two_of_its_trials_can_be_compared(finished: tuple[Path, OpenedStudy]) -> None:
    compared = finished[1].compare(1, 2)
    assert compared.pair.second.row.number == 2
    assert repr(compared) == "Compared('trial 1', 'trial 2')"
    assert ">A: trial 1\n" in compared._repr_html_()


def test_it_can_be_named(finished: tuple[Path, OpenedStudy]) -> None:
    assert open_study(finished[0], "photos").study.name == "photos"
