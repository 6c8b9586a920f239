"""A report as pandas frames."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sweep.report.frames import epochs_frame, findings_frame, ranking_frame, trials_frame, waterfall_frame
from sweep.report.gather import Report, gather_report


def test_the_ranking_frame_has_a_column_for_every_number(toy_report: Report) -> None:
    frame = ranking_frame(toy_report)
    assert frame.shape[0] == 37
    assert frame["rank"].tolist() == list(range(1, 38))
    first, row = frame.iloc[0], toy_report.rows[0]
    assert first["gap"] == pytest.approx(row.measurement.train_accuracy - row.validation.estimate)
    assert (first["gap_low"], first["gap_high"]) == (row.gap.low, row.gap.high)
    assert first["dropout"] == row.trial.parameters["dropout"]
    assert ranking_frame(gather_report(toy_report.study, [])).empty


def test_the_epochs_frame_has_a_row_for_every_epoch(toy_report: Report) -> None:
    frame = epochs_frame(toy_report.trials)
    baseline = frame[frame["trial"] == 0]
    assert baseline["epoch"].tolist() == list(range(1, 11))
    assert {"logged_train_accuracy", "train_accuracy", "validation_accuracy"} <= set(frame.columns)
    assert epochs_frame([]).columns.tolist() == frame.columns.tolist()


def test_the_waterfall_frame_sums_to_the_reported_gap(full_report: Report) -> None:
    frame = waterfall_frame(full_report)
    # Six terms of accuracy; of cross-entropy also the penalty and what weights and labels add.
    assert len(frame) == 37 * (6 + 8)
    first = full_report.rows[0]
    mine = frame[(frame["trial"] == first.number) & (frame["quantity"] == "accuracy")]
    reported = first.measurement.logged_train_accuracy - first.measurement.logged_validation_accuracy
    assert mine["estimate"].sum() == pytest.approx(reported)
    assert mine["term"].tolist()[-2:] == ["clean_gap", "validation_pipeline"]
    assert waterfall_frame(gather_report(full_report.study, [])).columns.tolist() == frame.columns.tolist()


def test_the_trials_frame_has_every_trial_and_field(toy_report: Report) -> None:
    frame = trials_frame(toy_report.trials)
    assert frame["trial"].tolist() == list(range(40))
    assert frame.loc[11, "failure"] == "the loss became NaN; try a lower learning_rate"
    assert frame.loc[30, "duplicate_of"] == 4
    assert frame.loc[0, "head_width"] == "none"
    named = trials_frame([replace(toy_report.trials[0], configuration={"state": 3})])
    assert (named.loc[0, "state"], named.loc[0, "configuration.state"]) == ("complete", 3)
    assert trials_frame([]).columns.tolist() == frame.columns.tolist()[:7]


def test_the_findings_frame_has_a_row_for_every_cause(diagnosed_report: Report, toy_report: Report) -> None:
    frame = findings_frame(diagnosed_report)
    assert diagnosed_report.diagnosis is not None
    assert len(frame) == len(diagnosed_report.diagnosis.verdict.judged)
    first, leak = frame.iloc[0], diagnosed_report.diagnosis.verdict.causes[0]
    assert leak.effect is not None
    assert (first["cause"], first["outcome"]) == ("leak", "found")
    assert (first["effect"], first["low"]) == (leak.effect.estimate, leak.effect.low)
    assert frame.set_index("cause").loc["shift", "missing"] == "no features"
    assert findings_frame(toy_report).columns.tolist() == frame.columns.tolist()
