"""One row of the ranking as plain values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sweep.records import Interval
from sweep.report.gather import Report
from sweep.report.rows import flat_row, predicted_shares, ranking_row, waterfall_rows


def test_a_row_nests_its_intervals_and_its_settings(toy_report: Report) -> None:
    row = toy_report.rows[0]
    nested = ranking_row(row, {"dropout": 0.5})
    assert nested["parameters"] == {"dropout": 0.5}
    assert nested["gap"] == {"estimate": row.gap.estimate, "low": row.gap.low, "high": row.gap.high, "level": 0.95}
    assert nested["tier"] == 1


def test_a_flat_row_has_single_columns() -> None:
    nested = {"rank": 1, "gap": {"estimate": 0.1, "low": 0.0, "high": 0.2, "level": 0.95}, "duplicates": [3, 4]}
    assert flat_row({**nested, "parameters": {"l2": 0.0}}) == {
        "rank": 1,
        "gap": 0.1,
        "gap_low": 0.0,
        "gap_high": 0.2,
        "duplicates": "3 4",
        "l2": 0.0,
    }


def test_a_row_tells_what_was_logged_and_how_often_it_would_be_chosen(toy_report: Report) -> None:
    row = toy_report.rows[0]
    nested = ranking_row(row, {})
    assert nested["logged_train_accuracy"] == row.measurement.logged_train_accuracy
    assert nested["logged_validation_loss"] == row.measurement.logged_validation_loss
    assert (nested["pareto"], nested["chosen"], nested["folds"]) == (row.pareto, row.chosen, 0)
    assert nested["validation_balanced_accuracy"] is None, "classes are equal"


def test_balanced_accuracy_has_its_columns_in_every_row(toy_report: Report) -> None:
    row = toy_report.rows[0]
    balanced = replace(row, balanced=Interval(estimate=0.7, low=0.6, high=0.8))
    without, known = flat_row(ranking_row(row, {})), flat_row(ranking_row(balanced, {}))
    assert list(without) == list(known)
    assert without["validation_balanced_accuracy_low"] is None
    assert known["validation_balanced_accuracy_low"] == 0.6
    assert known["train_balanced_accuracy"] == row.measurement.train_balanced_accuracy


def test_waterfall_rows_hold_both_quantities_term_by_term(full_report: Report) -> None:
    row = full_report.rows[0]
    rows = waterfall_rows(full_report, row)
    assert [one["term"] for one in rows if one["quantity"] == "accuracy"] == [
        "epoch_lag", "dropout", "augmentation", "batch_norm", "clean_gap", "validation_pipeline",
    ]  # fmt: skip
    assert [one["term"] for one in rows if one["quantity"] == "cross_entropy"][-2:] == ["penalty", "class_weights"]
    clean = next(one for one in rows if one["term"] == "clean_gap")
    assert (clean["trial"], clean["estimate"]) == (row.number, row.measurement.gap_accuracy)
    assert clean["order_low"] is None
    assert next(one for one in rows if one["term"] == "augmentation")["unchanged"] == "no augmentation"


def test_a_row_tells_how_often_each_class_is_predicted(toy_report: Report) -> None:
    row = toy_report.rows[0]
    prediction = replace(toy_report.predictions[row.number], predicted=np.array([0, 2, 2, 2], np.uint16))
    shares = predicted_shares(replace(toy_report, predictions={row.number: prediction}), row)
    names = toy_report.study.data.class_names
    assert shares == {name: (0.25, 0.0, 0.75, 0.0, 0.0)[place] for place, name in enumerate(names)}
    assert predicted_shares(replace(toy_report, predictions={}), row) is None
