"""The sentence beside each figure speaks of this study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sweep.records import StudyRecord, TrialRecord
from sweep.report.captions import (
    curves_caption,
    gap_caption,
    importances_caption,
    parallel_caption,
    ranking_caption,
    waterfall_caption,
)
from sweep.report.gather import Report, gather_report

StudyMaker = Callable[..., StudyRecord]


def test_the_ranking_names_its_leader_and_its_ties(toy_report: Report) -> None:
    assert ranking_caption(toy_report) == (
        "Trial 18 scores highest (J), and 13 others are not significantly worse. Among these the smallest gap comes "
        "first. In 10 of them, marked “=”, the gap cannot be told from rank 1's."
    )


def test_a_lonely_leader_is_not_compared(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]) -> None:
    assert ranking_caption(gather_report(study_record(), toy_trials[:1])) == "Trial 0 scores highest (J)."
    assert ranking_caption(gather_report(study_record(), [])) == "No trial is eligible for tier 1."


def test_the_curves_tell_where_validation_was_best(toy_report: Report) -> None:
    baseline = toy_report.ranking.baseline
    assert baseline is not None
    assert curves_caption(toy_report, baseline) == (
        "Your configuration was still improving on validation at its last epoch, 10."
    )
    epochs = list(toy_report.epochs[baseline.number])
    epochs[3] = replace(epochs[3], validation_cross_entropy=0.01)
    early = replace(toy_report, epochs={baseline.number: epochs})
    assert curves_caption(early, baseline) == (
        "Your configuration is best on validation at epoch 4 of 10; what train gains afterwards is gap."
    )
    assert curves_caption(toy_report, None) == "No trial has finished an epoch yet."


def test_the_plane_tells_where_rank_1_lies(toy_report: Report) -> None:
    assert gap_caption(toy_report) == (
        "Lower right is better. Trial 18 lies 9.6 points lower and 3.2 points further right than your configuration."
    )


def test_without_a_comparison_the_plane_is_explained(study_record: StudyMaker) -> None:
    report = gather_report(study_record(), [])
    assert gap_caption(report).startswith("Lower right is better: a small gap")
    assert parallel_caption(report) == "Each line is a trial, and no trial has reached tier 1."


def test_importances_name_the_strongest_field_of_each_side(toy_report: Report) -> None:
    assert importances_caption(toy_report) == "The gap is moved most by dropout (52 %), validation most by l2 (44 %)."
    same = replace(toy_report, importances={"gap": {"l2": 0.6}, "validation": {"l2": 0.7}})
    assert importances_caption(same) == "The gap is moved most by l2 (60 %), and validation too."
    half = replace(toy_report, importances={"gap": {}, "validation": {"l2": 0.7}})
    assert importances_caption(half) == "The validation accuracy is moved most by l2 (70 %)."


def test_missing_importances_give_their_reason(study_record: StudyMaker) -> None:
    report = gather_report(study_record(), [], importances="Fewer than 10 finished trials.")
    assert importances_caption(report) == "Fewer than 10 finished trials."
    assert importances_caption(gather_report(study_record(), [])) == "There are too few finished trials to tell."


def test_the_waterfall_names_what_hides_most_of_the_gap(full_report: Report) -> None:
    # Dropout takes 4 points and epoch lag 1.2 from the number that Keras logs.
    assert waterfall_caption(full_report, full_report.ranking.baseline) == (
        "What Keras would report hides 5.2 points of the gap of your configuration; the largest part is dropout (−4.0)."
    )


def test_the_waterfall_may_add_to_the_gap_or_leave_it(full_report: Report) -> None:
    row = full_report.ranking.rows[0]
    one = replace(row.measurement, modes=(), logged_train_accuracy=row.measurement.train_accuracy + 0.02)
    assert waterfall_caption(full_report, replace(row, measurement=one)) == (
        "What Keras would report adds 2.0 points to the gap of trial 18; the largest part is training mode (2.0)."
    )
    same = replace(one, logged_train_accuracy=one.train_accuracy)
    assert waterfall_caption(full_report, replace(row, measurement=same)) == (
        "The gap that Keras would report of trial 18 is the clean one."
    )
    unknown = replace(one, logged_train_accuracy=float("nan"))
    assert waterfall_caption(full_report, replace(row, measurement=unknown)).startswith("Not all that Keras")
    assert waterfall_caption(full_report, None) == "No trial has been measured yet."
