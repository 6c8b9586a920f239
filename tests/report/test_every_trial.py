"""The table of every trial: rows in any state, numbers that a script can sort."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from sweep.records import FailureRecord, StudyRecord, TrialRecord, TrialState
from sweep.report.every_trial import every_trial, trial_columns
from sweep.report.gather import Report, gather_report

StudyMaker = Callable[..., StudyRecord]


def rows_of(report: Report) -> dict[int, dict[str, object]]:
    """The rows by trial, their cells by column."""
    data = every_trial(report)
    keys = [*(key for key, *_ in data["columns"]), "note"]
    return {row[0]: dict(zip(keys, row, strict=True)) for row in data["rows"]}


def test_columns_are_fixed_ones_and_the_fields_that_vary(toy_report: Report) -> None:
    keys = [column.key for column in trial_columns(toy_report)]
    assert keys[:9] == ["trial", "state", "rank", "tier", "train", "validation", "gap", "j", "epoch"]
    assert keys[9:] == ["time", "batch_size", "dropout", "head_width", "l2", "unfrozen_layers"]


def test_every_trial_has_a_row_by_rank_and_those_without_one_last(toy_report: Report) -> None:
    rows = every_trial(toy_report)["rows"]
    assert sorted(row[0] for row in rows) == list(range(40))
    assert [row[2] for row in rows[:3]] == [1, 2, 3]
    assert [(row[0], row[2]) for row in rows[-2:]] == [(11, None), (23, None)]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def test_cells_are_percentages_with_their_bounds(toy_report: Report) -> None:
    best, row = toy_report.rows[0], rows_of(toy_report)[toy_report.rows[0].number]
    assert row["train"] == round(100 * best.measurement.train_accuracy, 4)
    interval = (best.gap.estimate, best.gap.low, best.gap.high)
    assert row["gap"] == [round(100 * value, 4) for value in interval]
    assert row["epoch"] == [14, "14/14"]
    assert row["batch_size"] == 32
    assert row["dropout"] == "0.636"


def test_notes_say_whose_it_is_of_what_it_is_a_copy_and_why_it_failed(toy_report: Report) -> None:
    rows = rows_of(toy_report)
    assert rows[0]["note"] == "your configuration"
    assert (rows[30]["state"], rows[30]["note"], rows[30]["rank"]) == ("complete", "same as 4", rows[4]["rank"])
    assert (rows[11]["state"], rows[11]["validation"]) == ("failed", None)
    assert rows[11]["note"] == "the loss became NaN; try a lower learning_rate"


def test_hostile_and_long_reasons_are_plain_and_short(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    failed = replace(toy_trials[11], failure=FailureRecord(kind="nan", reason="\u202e" + "x" * 300, epoch=1))
    note = rows_of(gather_report(study_record(), [toy_trials[0], failed]))[11]["note"]
    assert str(note).startswith("�x")
    assert len(str(note)) == 160


def test_a_trial_that_runs_has_neither_numbers_nor_a_note(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    running = replace(toy_trials[1], state=TrialState.RUNNING, measurement=None, objective=None)
    row = rows_of(gather_report(study_record(), [toy_trials[0], running]))[1]
    assert (row["state"], row["note"], row["gap"], row["j"], row["time"]) == ("running", "", None, None, None)
