"""`sweep holdout`: the seal is broken once, knowingly, and for ever on record."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from sweep.diagnosis.ranking import rank
from sweep.errors import StoreError, UsageError
from sweep.progress import Silent
from sweep.records import ImageRecord, Side, TrialRecord
from sweep.store.results import open_database
from sweep.workflow.holdout import check_holdout, choose_candidates, expected_accuracy, open_holdout
from sweep.workflow.opened import OpenedStudy
from sweep.workflow.run import run_study

TrialMaker = Callable[..., TrialRecord]
QUICK = ("data.image_size=32", "training.epochs=1", "search.pruner=none", "search.repeats=0")


@pytest.fixture
def database(finished: tuple[Path, OpenedStudy], tmp_path: Path) -> Path:
    """A copy of the finished study whose seal is whole."""
    return Path(shutil.copy(finished[0], tmp_path / "study.db"))


def test_the_best_and_the_baseline_are_measured_on_the_sealed_images(
    database: Path, finished: tuple[Path, OpenedStudy]
) -> None:
    report = open_holdout(database, top=2, progress=Silent())
    opening = report.openings[0].record
    assert len(report.openings) == 1
    assert (opening.test_images, opening.seen_before) == (9, 0)
    assert len(opening.results) <= 2
    assert opening.results[0].rank == 1
    assert any(result.baseline for result in opening.results)
    trials = {trial.number: trial.measurement for trial in finished[1].trials}
    for result in opening.results:
        measured = trials[result.number]
        assert measured is not None
        assert result.validation_accuracy == measured.validation_accuracy, "trained again as the trial was"
        assert result.prediction.side is Side.TEST
        assert len(result.prediction.predicted) == 9
        assert 0 <= result.accuracy <= 1
    assert opening.results[0].predicted_low < opening.results[0].predicted_high


def test_a_second_look_is_refused_until_it_is_acknowledged(database: Path) -> None:
    open_holdout(database, top=1, progress=Silent())
    with pytest.raises(StoreError, match=r"9 of 9 images were opened before.*--acknowledge"):
        open_holdout(database, top=1, progress=Silent())
    with pytest.raises(StoreError, match="opened before"):
        check_holdout(database)
    report = open_holdout(database, top=1, acknowledge=True, progress=Silent())
    assert [opening.record.seen_before for opening in report.openings] == [0, 9]


def test_the_same_images_in_another_study_are_no_fresh_ones(database: Path, finished: tuple[Path, OpenedStudy]) -> None:
    open_holdout(database, top=1, progress=Silent())
    photos = finished[0].parent / "photos"
    run_study(str(photos), trials=1, database=database, name="second", sets=QUICK)
    with pytest.raises(StoreError, match="9 of 9 images were opened before"):
        check_holdout(database, study="second")


def test_other_images_than_the_studys_leave_the_seal_whole(photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = photo_folder({"cat": 30, "dog": 30})
    run_study(str(folder), trials=1, database=tmp_path / "study.db", sets=QUICK)
    shutil.copy(folder / "cat" / "cat_000.png", folder / "dog" / "dog_999.png")
    with pytest.raises(StoreError, match="other images than it was run on"):
        open_holdout(tmp_path / "study.db", progress=Silent())
    with open_database(tmp_path / "study.db") as opened:
        assert opened.opened_images() == frozenset()


def test_a_study_without_a_test_side_has_nothing_to_open(photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = photo_folder({"cat": 20, "dog": 20})
    run_study(str(folder), trials=1, database=tmp_path / "study.db", sets=(*QUICK, "data.test=0"))
    with pytest.raises(UsageError, match=r"no sealed test side.*data\.test = 0\.15"):
        check_holdout(tmp_path / "study.db")


@pytest.mark.parametrize("top", [0, 6])
def test_five_configurations_at_the_most(database: Path, top: int) -> None:
    with pytest.raises(UsageError, match=rf"--top: received {top}; expected 1 to 5"):
        check_holdout(database, top=top)


def test_a_database_of_version_1_does_not_know_where_its_images_were(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE sweep_studies SET base = NULL")
        connection.commit()
    with pytest.raises(StoreError, match=r"no folder that its images lie in.*sweep run"):
        check_holdout(database)


def test_another_test_side_than_the_stored_one_leaves_the_seal_whole(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "UPDATE sweep_images SET split = 'train' WHERE position = "
            "(SELECT min(position) FROM sweep_images WHERE split = 'test')"
        )
        connection.commit()
    with pytest.raises(StoreError, match="another test side than it was run with"):
        open_holdout(database, progress=Silent())
    with open_database(database) as opened:
        assert opened.opened_images() == frozenset()


def test_who_is_opened(trial_record: TrialMaker) -> None:
    trials = [
        trial_record(number, correct=np.arange(200) < right, objective=right / 200 - 2, baseline=number == 0)
        for number, right in ((0, 120), (1, 180), (2, 179), (3, 178))
    ]
    predictions = {trial.number: trial.measurement.predictions[0] for trial in trials if trial.measurement}
    rows = rank(trials, predictions, class_counts=[40] * 5, labels=np.arange(200) % 5).rows
    order = [row.number for row in rows]
    assert order[-1] == 0
    assert [row.number for row in choose_candidates(rows, 3, "toys")] == [*order[:2], 0]
    assert [row.number for row in choose_candidates(rows, 1, "toys")] == order[:1]
    assert [row.number for row in choose_candidates(rows, 4, "toys")] == order


def test_images_without_a_source_are_sources_of_their_own(trial_record: TrialMaker) -> None:
    baseline = trial_record(0, correct=np.arange(200) < 160, baseline=True)
    assert baseline.measurement is not None
    ranking = rank(
        [baseline], {0: baseline.measurement.predictions[0]}, class_counts=[40] * 5, labels=np.arange(200) % 5
    )

    def width(bursts: int, frames: int, loose: int) -> float:
        groups = [f"burst-{burst}" for burst in range(bursts) for _ in range(frames)] + [""] * loose
        sealed = [
            ImageRecord(path=f"{number}.png", label=0, group=group, content_hash=f"{number:064x}")
            for number, group in enumerate(groups)
        ]
        found = expected_accuracy(ranking, ranking.rows[0], sealed)
        assert found is not None
        return found.high - found.low

    assert width(1, 10, 100) == width(101, 1, 0), "one burst and a hundred loose images: 101 sources"
    assert width(0, 0, 110) < width(1, 10, 100) < width(11, 10, 0)


def test_nobody_is_opened_where_nothing_was_learnt(trial_record: TrialMaker) -> None:
    lost = trial_record(0, correct=np.arange(200) < 41, cross_entropy=1.7)
    assert lost.measurement is not None
    rows = rank([lost], {0: lost.measurement.predictions[0]}, class_counts=[40] * 5, labels=np.arange(200) % 5).rows
    with pytest.raises(UsageError, match="no configuration that is shown to beat the class frequencies"):
        choose_candidates(rows, 3, "toys")
