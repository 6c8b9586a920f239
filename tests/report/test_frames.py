"""A report as pandas frames."""

from __future__ import annotations

import pytest

from sweep.report.frames import epochs_frame, ranking_frame, waterfall_frame
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
