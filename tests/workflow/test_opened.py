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


def test_it_can_be_named(finished: tuple[Path, OpenedStudy]) -> None:
    assert open_study(finished[0], "photos").study.name == "photos"
