"""The end of a run: the first configurations again, on other splits, each once and never twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from sweep.diagnosis.ranking import RankedTrial, rank
from sweep.errors import TrialError
from sweep.progress import Silent
from sweep.records import RepeatRecord, Split, SplitIndices, TrialRecord, TrialState
from sweep.store.results import open_database
from sweep.studyfile.definition import Configuration
from sweep.training.trial import Trainer
from sweep.workflow.finalists import choose_finalists
from sweep.workflow.opened import OpenedStudy
from sweep.workflow.run import run_study

QUICK = ("data.image_size=32", "training.epochs=2", "training.learning_rate=0.01", "search.pruner=none")

TrialMaker = Callable[..., TrialRecord]


def rows(*trials: TrialRecord) -> tuple[RankedTrial, ...]:
    predictions = {trial.number: trial.measurement.predictions[0] for trial in trials if trial.measurement is not None}
    return rank(trials, predictions, class_counts=[40] * 5, labels=np.arange(200) % 5).rows


def scored(trial_record: TrialMaker, number: int, right: int, **fields: object) -> TrialRecord:
    return trial_record(number, correct=np.arange(200) < right, objective=right / 200 - 2, **fields)


def test_the_first_ones_and_the_baseline_are_repeated(trial_record: TrialMaker) -> None:
    ranked = rows(
        scored(trial_record, 0, 150, baseline=True),
        *(scored(trial_record, number, 190 - number) for number in range(1, 6)),
    )
    chosen = choose_finalists(ranked, 3)
    assert [row.number for row in chosen] == [row.number for row in ranked[:3]] + [0]
    assert [row.rank for row in chosen] == sorted(row.rank for row in chosen)


def test_a_baseline_among_the_first_takes_nobodys_place(trial_record: TrialMaker) -> None:
    ranked = rows(
        scored(trial_record, 0, 195, baseline=True, train=0.98),
        *(scored(trial_record, number, 190 - number) for number in range(1, 6)),
    )
    chosen = choose_finalists(ranked, 3)
    assert len(chosen) == 4
    assert sum(row.baseline for row in chosen) == 1


def test_nothing_is_repeated_where_nothing_was_learnt(trial_record: TrialMaker) -> None:
    ranked = rows(*(scored(trial_record, number, 41, cross_entropy=1.7) for number in range(3)))
    assert choose_finalists(ranked, 3) == ()
    assert choose_finalists(rows(scored(trial_record, 0, 190)), 0) == ()


def test_a_pruned_baseline_is_not_repeated(trial_record: TrialMaker) -> None:
    ranked = rows(scored(trial_record, 0, 150, baseline=True, state=TrialState.PRUNED), scored(trial_record, 1, 190))
    assert [row.number for row in choose_finalists(ranked, 3)] == [1]


# ---- in a run --------------------------------------------------------------------------------------------------------


def stored(database: Path, *, with_predictions: bool = False) -> tuple[RepeatRecord, ...]:
    with open_database(database) as opened:
        return opened.repeats(opened.study().name, with_predictions=with_predictions)


def test_a_run_ends_with_its_finalists_repeated(finished: tuple[Path, OpenedStudy]) -> None:
    records = stored(finished[0], with_predictions=True)
    numbers = {record.number for record in records}
    assert {record.repeat for record in records} == {1, 2}
    assert len(records) == 2 * len(numbers)
    baseline = next(trial.number for trial in finished[1].trials if trial.baseline)
    assert baseline in numbers
    for record in records:
        assert record.new_split
        assert (record.train_images, record.validation_images) == (39, 12)
        assert record.validation is not None
        assert record.validation.logits is not None
        assert record.validation.logits.shape == (12, 2)


def test_every_repetition_has_a_split_of_its_own_under_the_same_seal(
    finished: tuple[Path, OpenedStudy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Path(shutil.copy(finished[0], tmp_path / "study.db"))
    with open_database(database) as opened:
        sides = [side for _, side in opened.images("photos")]
    splits: dict[int, list[SplitIndices]] = {}
    train = Trainer.train

    def spied(
        self: Trainer, configuration: Configuration, *, seed: Sequence[int], split: SplitIndices, **named: object
    ) -> object:
        splits.setdefault(seed[2], []).append(split)
        return train(self, configuration, seed=seed, split=split, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "train", spied)
    sets = (*QUICK, "search.finalists=1", "search.repeats=4")
    run_study(str(finished[0].parent / "photos"), trials=3, database=database, sets=sets)
    assert sorted(splits) == [3, 4], "1 and 2 are there already"
    for repeat in splits.values():
        assert all(one is repeat[0] for one in repeat), "all finalists of a repetition share its split"
        np.testing.assert_array_equal(repeat[0].test, [n for n, side in enumerate(sides) if side is Split.TEST])
    assert not np.array_equal(splits[3][0].validation, splits[4][0].validation)


def test_the_same_command_repeats_nothing(
    finished: tuple[Path, OpenedStudy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = finished[0].parent / "photos"
    sets = (*QUICK, "search.finalists=1", "search.repeats=1")
    run_study(str(folder), trials=2, database=tmp_path / "study.db", sets=sets)
    before = stored(tmp_path / "study.db")
    assert before, "the baseline at least"
    trained: list[object] = []
    train = Trainer.train

    def counted(self: Trainer, *arguments: object, **named: object) -> object:
        trained.append(named.get("seed"))
        return train(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "train", counted)
    run_study(str(folder), trials=2, database=tmp_path / "study.db", sets=sets)
    assert trained == []
    more = (*QUICK, "search.finalists=1", "search.repeats=2")
    run_study(str(folder), trials=2, database=tmp_path / "study.db", sets=more)
    assert len(trained) == len(before), "one more repetition of each, nothing twice"
    assert len(stored(tmp_path / "study.db")) == 2 * len(before)


def test_a_failed_repetition_is_said_and_the_others_go_on(
    finished: tuple[Path, OpenedStudy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Path(shutil.copy(finished[0], tmp_path / "study.db"))
    done = len(stored(database))
    finalists = {record.number for record in stored(database)}
    train = Trainer.train

    def failing(self: Trainer, *arguments: object, **named: object) -> object:
        if named["seed"][2] == 3 and named["seed"][1] == min(finalists):  # type: ignore[index]
            raise TrialError("trial", received="a loss of nan", expected="a number", remedy="lower learning_rate")
        return train(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "train", failing)
    notes: list[str] = []

    class Noting(Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    photos = finished[0].parent / "photos"
    run_study(
        str(photos), trials=3, database=database, sets=(*QUICK, "search.finalists=1", "search.repeats=3"),
        progress=Noting(),
    )  # fmt: skip
    assert any("repetition 3 of trial" in note and "lower learning_rate" in note for note in notes)
    assert len(stored(database)) == done + len(finalists) - 1


def test_no_repetition_is_started_after_the_time_is_over(photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = photo_folder({"cat": 30, "dog": 30})
    run_study(str(folder), trials=2, database=tmp_path / "study.db", sets=QUICK, timeout=1e-6)
    assert stored(tmp_path / "study.db") == ()
