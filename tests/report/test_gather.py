"""Records in, one report and two frames out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

from sweep.diagnosis.tiers import Tier
from sweep.diagnosis.waterfall import Quantity
from sweep.records import ImageRecord, Split, StudyRecord, TrialRecord
from sweep.report.gather import Report, gather_report

StudyMaker = Callable[..., StudyRecord]
Images = tuple[tuple[ImageRecord, Split], ...]


def test_a_report_counts_every_fate_of_a_trial(toy_report: Report) -> None:
    assert toy_report.states == {"complete": 33, "pruned": 4, "failed": 2, "duplicate": 1}
    assert len(toy_report.ranking.rows) == 37
    assert toy_report.wanted == 40
    assert toy_report.question.startswith("Four look-alike toys")


def test_failures_are_grouped_by_reason(toy_report: Report) -> None:
    (group,) = toy_report.failures
    assert group.numbers == (11, 23)
    assert group.reason.startswith("the loss became NaN")


def test_predictions_are_taken_from_the_measurements(toy_report: Report) -> None:
    assert toy_report.ranking.comparison is not None
    assert toy_report.ranking.comparison.paired
    assert toy_report.ranking.notes == ()


def test_without_images_the_ranking_says_that_nothing_is_paired(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    report = gather_report(study_record(), toy_trials)
    assert report.ranking.comparison is not None
    assert not report.ranking.comparison.paired
    assert "No predictions are stored for 37 of 37 trials" in report.ranking.notes[0]


def test_groups_of_the_validation_side_reach_the_intervals(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    bursts = [(replace(image, group=f"burst {int(image.path[:-4]) // 20}"), side) for image, side in labelled_images]
    plain = gather_report(study_record(), toy_trials, images=labelled_images)
    grouped = gather_report(study_record(), toy_trials, images=bursts)
    assert "600 validation images come from 30 sources" in grouped.ranking.notes[0]
    assert grouped.rows[0].validation.low <= plain.rows[0].validation.low


def test_the_baselines_settings_come_from_its_configuration(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    # A baseline outside the space is stored without parameters.
    outside = replace(toy_trials[0], parameters={}, configuration={"l2": 0.0, "dropout": 0.5, "epochs": 10})
    report = gather_report(study_record(), [outside, *toy_trials[1:]], images=labelled_images)
    assert report.ranking.baseline is not None
    assert report.parameters(report.ranking.baseline)["l2"] == 0.0
    assert report.changed(report.ranking.baseline) == {}


def test_changed_names_only_what_differs_from_the_baseline(toy_report: Report) -> None:
    row = next(row for row in toy_report.ranking.rows if row.number == 18)
    assert set(toy_report.changed(row)) == {"dropout", "head_width", "l2"}
    assert set(toy_report.parameters(row)) == set(toy_report.swept)


def test_without_a_baseline_everything_counts_as_changed(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    report = gather_report(study_record(), toy_trials[1:])
    assert set(report.changed(report.rows[0])) == set(report.swept)


def test_a_study_without_a_space_shows_what_its_trials_vary(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    report = gather_report(study_record(space={}), toy_trials)
    assert report.swept == ("batch_size", "dropout", "head_width", "l2", "unfrozen_layers")


def test_our_default_is_not_called_the_users(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]) -> None:
    report = gather_report(replace(study_record(), default_baseline=True), toy_trials)
    assert "than our default" in report.sentence
    assert "your configuration" not in report.sentence


def test_importances_or_the_reason_why_there_are_none(study_record: StudyMaker) -> None:
    report = gather_report(study_record(), [], importances="Fewer than 10 finished trials.")
    assert (report.importances, report.importances_reason) == ({}, "Fewer than 10 finished trials.")


def test_sorting_changes_the_rows_and_not_the_ranking(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    by_gap = gather_report(study_record(), toy_trials, images=labelled_images, sort="gap")
    gaps = [row.gap.estimate for row in by_gap.rows]
    assert gaps == sorted(gaps)
    assert by_gap.rows[0].tier is Tier.BEHIND
    assert by_gap.ranking.rows[0].rank == 1


def test_a_field_with_one_choice_is_told_once_and_not_in_every_row(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    space = {"dropout": {"low": 0.0, "high": 0.9}, "l2": {"choices": [toy_trials[1].configuration["l2"]]}}
    report = gather_report(study_record(space=space), toy_trials, images=labelled_images)
    assert report.fixed == {"l2": toy_trials[1].configuration["l2"]}
    assert all("l2" not in report.changed(row) for row in report.rows)
    assert all("l2" in report.parameters(row) for row in report.rows)


def test_finalists_are_compared_with_the_baseline(full_report: Report) -> None:
    assert list(full_report.repeated) == [18, 37, 26, 0], "in the order of the ranking"
    assert full_report.survival is not None
    assert full_report.survival.reference == 0
    assert [one.comparison.second for one in full_report.survival.against] == [18, 37, 26]


def test_without_a_repeated_baseline_the_first_is_the_reference(full_report: Report, toy_report: Report) -> None:
    others = [one for one in full_report.repetitions if one.number != 0]
    report = gather_report(full_report.study, full_report.trials, repeats=others)
    assert report.survival is not None
    assert report.survival.reference == next(iter(report.repeated))
    alone = [one for one in others if one.number == 18]
    assert gather_report(full_report.study, full_report.trials, repeats=alone).survival is None
    assert toy_report.survival is None


def test_openings_are_judged_by_what_they_saw(full_report: Report) -> None:
    first, second = full_report.openings
    assert (first.result.seen_before, second.result.seen_before) == (0, 300)
    assert first.result.scores[0].accuracy.estimate == first.record.results[0].accuracy
    blind = gather_report(full_report.study, full_report.trials, holdouts=[first.record])
    assert blind.openings[0].result == first.result, "whatever has become of the study's images"


def test_the_waterfall_sums_to_what_keras_would_have_reported(full_report: Report) -> None:
    for row in full_report.rows:
        for quantity in get_args(Quantity):
            fall = full_report.waterfall(row, quantity)
            assert abs(sum(term.interval.estimate for term in fall.terms) - fall.reported_gap) < 1e-9


def test_every_field_that_varies_has_its_curve(full_report: Report) -> None:
    assert [curve.name for curve in full_report.marginals] == list(full_report.swept)


def test_unequal_classes_and_folds_are_known(study_record: StudyMaker) -> None:
    plain = gather_report(study_record(), [])
    assert (plain.unequal, plain.folds) == (False, 0)
    counts = {"train": (0, 0), "validation": (600, 480), "test": ()}
    definition = json.loads(study_record().definition)
    definition["data"]["validation"] = {"folds": 5, "repeats": 2}
    study = replace(study_record(), definition=json.dumps(definition))
    folded = gather_report(replace(study, data=replace(study.data, counts=counts, fold_repeats=2)), [])
    assert (folded.unequal, folded.folds) == (True, 5)
