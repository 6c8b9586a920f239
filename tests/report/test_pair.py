"""Two rows side by side: of one study, of two with the same validation images, of two with other ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sweep.records import ImageRecord, PredictionRecord, Split, StudyRecord, TrialRecord
from sweep.report.gather import Report, gather_report
from sweep.report.pair import Setting, gather_pair

StudyMaker = Callable[..., StudyRecord]
Images = tuple[tuple[ImageRecord, Split], ...]


def test_two_trials_of_a_study_are_paired(toy_report: Report) -> None:
    first, second = toy_report.ranking.rows[25], toy_report.ranking.rows[0]
    pair = gather_pair((toy_report, first), (toy_report, second))
    assert pair.one_study
    assert pair.unpaired == ""
    assert first.baseline
    assert (pair.first.name, pair.second.name) == ("trial 0 (your configuration)", "trial 18")
    assert pair.found.comparison == toy_report.ranking.comparison
    assert [one.field for one in pair.settings] == ["dropout", "head_width", "l2"]
    assert Setting(field="head_width", first="none", second=64) in pair.settings
    assert [one.name for one in pair.recalls] == list(toy_report.study.data.class_names)
    assert sum(one.recall.first.estimate for one in pair.recalls) / 5 == pytest.approx(first.validation.estimate)


@pytest.fixture(scope="module")
def elsewhere(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images) -> Report:
    """The same trials in a study that lists its images the other way round and its classes too."""
    images = tuple(
        (replace(image, label=4 - image.label, path=f"other/{image.path}"), side) for image, side in labelled_images
    )[::-1]
    names = tuple(reversed(study_record().data.class_names))
    return gather_report(
        study_record(name="again", class_names=names), [turned(one) for one in toy_trials], images=images
    )


def turned(trial: TrialRecord) -> TrialRecord:
    if trial.measurement is None:
        return trial
    (prediction,) = trial.measurement.predictions
    other = replace(
        prediction, predicted=(4 - prediction.predicted)[::-1], cross_entropy=prediction.cross_entropy[::-1]
    )
    return replace(trial, measurement=replace(trial.measurement, predictions=(other,)))


def test_two_studies_of_the_same_images_are_paired_by_content(toy_report: Report, elsewhere: Report) -> None:
    within = gather_pair((toy_report, toy_report.ranking.rows[25]), (toy_report, toy_report.ranking.rows[0]))
    across = gather_pair((toy_report, toy_report.ranking.rows[25]), (elsewhere, elsewhere.ranking.rows[0]))
    assert across.unpaired == ""
    assert not across.one_study
    assert across.second.name == "again: trial 18"
    assert across.found == within.found
    assert across.recalls == within.recalls


def test_other_validation_images_are_not_paired_and_it_says_why(
    toy_report: Report, study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    places = [place for place, (_, side) in enumerate(labelled_images) if side is Split.VALIDATION]
    images = tuple(
        (replace(image, content_hash=f"new {place}"), side) if place in places[:100] else (image, side)
        for place, (image, side) in enumerate(labelled_images)
    )
    other = gather_report(study_record(name="other"), toy_trials, images=images)
    pair = gather_pair((toy_report, toy_report.ranking.rows[25]), (other, other.ranking.rows[0]))
    assert pair.unpaired == "their validation images are not the same (600 and 600, 500 of them in both)"
    assert not pair.found.comparison.paired
    assert pair.found.p_accuracy is None
    within = gather_pair((toy_report, toy_report.ranking.rows[25]), (toy_report, toy_report.ranking.rows[0]))
    width = pair.found.comparison.accuracy_gained.high - pair.found.comparison.accuracy_gained.low
    assert width > within.found.comparison.accuracy_gained.high - within.found.comparison.accuracy_gained.low
    assert [one.recall.p for one in pair.recalls] == [None] * 5


def test_images_that_changed_their_class_are_not_paired(
    toy_report: Report, study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    moved = [
        (replace(image, label=(image.label + 1) % 5), side) if image.path == "5.jpg" else (image, side)
        for image, side in labelled_images
    ]
    other = gather_report(study_record(name="other"), toy_trials, images=moved)
    pair = gather_pair((toy_report, toy_report.ranking.rows[0]), (other, other.ranking.rows[1]))
    assert pair.unpaired == "1 of their validation images have another class in the other study"


def test_studies_without_stored_images_are_not_paired(
    toy_report: Report, study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    other = gather_report(study_record(name="other"), toy_trials)
    pair = gather_pair((toy_report, toy_report.ranking.rows[0]), (other, other.ranking.rows[1]))
    assert pair.unpaired == "the images of one study are not stored"
    assert pair.recalls == ()


def test_copies_on_one_side_are_paired_one_to_one(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    copied = [
        (replace(image, content_hash="copy"), side) if image.path in ("0.jpg", "5.jpg") else (image, side)
        for image, side in labelled_images
    ]
    one, other = (gather_report(study_record(name=name), toy_trials, images=copied) for name in ("one", "other"))
    pair = gather_pair((one, one.ranking.rows[25]), (other, other.ranking.rows[0]))
    assert pair.unpaired == ""
    assert pair.found == gather_pair((one, one.ranking.rows[25]), (one, one.ranking.rows[0])).found


def test_a_trial_without_predictions_is_named(toy_report: Report) -> None:
    number = toy_report.ranking.rows[0].number
    known: dict[int, PredictionRecord] = {key: one for key, one in toy_report.predictions.items() if key != number}
    report = replace(toy_report, predictions=known)
    pair = gather_pair((report, report.ranking.rows[25]), (report, report.ranking.rows[0]))
    assert pair.unpaired == f"the predictions of trial {number} are not stored"
    assert pair.found.answers is None
    assert np.isfinite(pair.found.comparison.accuracy_gained.low)


def test_with_folds_every_prediction_of_an_image_is_put_in_order(
    study_record: StudyMaker, trial_record: Callable[..., TrialRecord], labelled_images: Images
) -> None:
    rng = np.random.default_rng(3)
    right = [rng.random(1200) < share for share in (0.7, 0.8)]
    first, second = (trial_record(number, correct=correct) for number, correct in enumerate(right))
    assert second.measurement is not None
    (prediction,) = second.measurement.predictions
    # The other study lists its images the other way round, in each of the two repetitions.
    blocks = [np.arange(600)[::-1], 600 + np.arange(600)[::-1]]
    order = np.concatenate(blocks)
    other = replace(prediction, predicted=prediction.predicted[order], cross_entropy=prediction.cross_entropy[order])
    again = replace(second, measurement=replace(second.measurement, predictions=(other,)))
    reports = []
    for name, trial, images, repeats in (
        ("one", first, labelled_images, 2),
        ("other", again, labelled_images[::-1], 2),
        ("once", again, labelled_images[::-1], 0),
    ):
        record = study_record(name=name)
        folded = replace(record, data=replace(record.data, fold_repeats=repeats))
        reports.append(gather_report(folded, [trial], images=images))
    one, two, once = reports
    pair = gather_pair((one, one.ranking.rows[0]), (two, two.ranking.rows[0]))
    assert pair.unpaired == ""
    assert pair.found.answers is not None
    assert pair.found.answers.both == int(np.sum(right[0] & right[1]))
    assert pair.found.answers.only_second == int(np.sum(~right[0] & right[1]))
    alone = gather_pair((one, one.ranking.rows[0]), (once, once.ranking.rows[0]))
    assert alone.unpaired == "one study predicts every image in 2 repetitions, the other in 1"
