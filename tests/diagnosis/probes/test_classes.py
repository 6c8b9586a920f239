"""A class that is predicted too often: counts worked out by hand, and what must not be taken for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, Unpack

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from sweep.diagnosis.probes.classes import class_bias
from sweep.diagnosis.statistics import wilson
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Cause, Finding, IndexArray

ALIKE = (100, 100, 100)


def answers(confusion: NDArray[np.int64]) -> tuple[IndexArray, IndexArray]:
    """Predictions and labels with these counts by true (row) and predicted class."""
    true, given = np.indices(confusion.shape).reshape(2, -1)
    return np.repeat(given, confusion.ravel()), np.repeat(true, confusion.ravel())


# Class 0 takes 10 images of class 1 and 12 of class 2, and loses none.
SWALLOWED = answers(np.array([[40, 0, 0], [10, 20, 0], [12, 0, 18]]))


class Options(TypedDict, total=False):
    num_classes: int
    counts_train: ArrayLike
    groups: ArrayLike
    predicted_train: ArrayLike
    predicted_batch_mode: ArrayLike
    positions: IndexArray
    class_names: Sequence[str]


def found(data: tuple[IndexArray, IndexArray], **options: Unpack[Options]) -> Finding:
    predicted, labels = data
    given: Options = {"num_classes": 3, "counts_train": ALIKE}
    given.update(options)
    return class_bias(predicted=predicted, labels=labels, **given)


def outcome(finding: Finding, num_classes: int = 3) -> Outcome:
    return judge([finding], num_classes=num_classes).judged[0].outcome


def test_the_excess_of_the_class_that_takes_most() -> None:
    finding = found(SWALLOWED)
    assert finding.cause is Cause.CLASS_BIAS
    assert finding.effect is not None
    assert finding.effect.estimate == pytest.approx(0.22)
    assert finding.p == pytest.approx(3 * 0.5**22)
    assert outcome(finding) is Outcome.FOUND
    evidence = finding.evidence
    assert (evidence["class"], evidence["taken"], evidence["lost"]) == (0, 22, 0)
    assert (evidence["predicted_share"], evidence["true_share"]) == pytest.approx((0.62, 0.4))
    assert (evidence["class_taken_from"], evidence["taken_from_it"]) == (2, 12)
    assert finding.summary == (
        "class 0 is 62.0 % of the predictions and 40.0 % of the labels of 100 validation images, an excess of "
        f"22.0 points [{100 * finding.effect.low:.1f}, {100 * finding.effect.high:.1f}], p < 0.001; "
        "12 of 22 that it takes are of class 2"
    )


def test_each_recall_comes_with_wilsons_interval() -> None:
    evidence = found(SWALLOWED).evidence
    expected = wilson(20, 30)
    assert evidence["recall_0"] == 1.0
    recall = (evidence["recall_1"], evidence["recall_1_low"], evidence["recall_1_high"])
    assert recall == pytest.approx((expected.estimate, expected.low, expected.high))


def test_a_class_that_takes_as_many_as_it_loses_is_no_bias() -> None:
    even = np.full((3, 3), 150) + np.diag([1_700] * 3)  # 15 % errors, the same in all directions
    finding = found(answers(even))
    assert finding.effect is not None
    assert finding.effect.estimate == 0.0
    assert finding.p == 1.0
    assert outcome(finding) is Outcome.EXCLUDED
    assert finding.summary.startswith("no class is shown to be predicted more often than it occurs")


def test_predictions_are_held_against_the_labels_of_the_same_images() -> None:
    # 6,000 images of three classes, 14 errors, all of them into class 0: the marginals, taken for independent samples,
    # differ by a sixth of a standard error; image by image it is 14 tosses that all fall on one side.
    confusion = np.diag([2_000, 1_993, 1_993])
    confusion[1:, 0] = 7
    assert found(answers(confusion)).p == pytest.approx(3 * 0.5**14)


def test_the_lower_bound_holds_for_all_classes_at_once() -> None:
    few, many = found(SWALLOWED), found(SWALLOWED, num_classes=30, counts_train=[100] * 30)
    assert few.effect is not None
    assert many.effect is not None
    assert many.effect.low < few.effect.low
    assert many.effect.high == few.effect.high
    assert many.p == pytest.approx(10 * (few.p or 0))


def test_errors_of_one_source_count_once() -> None:
    predicted, labels = SWALLOWED
    apart, together = np.arange(100), np.where((predicted == 0) & (labels != 0), 100, np.arange(100))
    assert found(SWALLOWED, groups=apart).p == pytest.approx(found(SWALLOWED).p, abs=1e-4)
    finding = found(SWALLOWED, groups=together)
    assert finding.p is not None
    assert finding.p > 0.1
    assert outcome(finding) is not Outcome.FOUND


def test_two_sources_that_agree_prove_little() -> None:
    # All images of both sources are taken: a t test without spread would say p = 0.
    data = np.zeros(20, dtype=np.int64), np.ones(20, dtype=np.int64)
    assert found(data, groups=np.repeat([0, 1], 10)).p == pytest.approx(3 * 0.25)


def test_two_classes_are_tested_on_both_sides() -> None:
    confusion = np.array([[50, 0], [9, 41]])
    assert found(answers(confusion), num_classes=2, counts_train=(9, 9)).p == pytest.approx(2 * 0.5**9)


def test_the_training_prior_explains_it() -> None:
    finding = found(SWALLOWED, counts_train=(400, 100, 100))
    assert finding.summary.endswith("it has 4.0 times the training images of the classes that it takes from")
    assert dict(finding.remedies[0].changes) == {"training.class_weight": "balanced"}
    assert finding.evidence["training_share"] == pytest.approx(2 / 3)


def test_training_images_that_go_the_same_way_explain_it() -> None:
    predicted = np.repeat([0, 1, 2], [160, 70, 70])
    finding = found(SWALLOWED, predicted_train=predicted)
    assert finding.evidence["excess_on_training"] == pytest.approx(0.2)
    assert "on training images it is 20.0" in finding.summary
    assert "learning_rate" in finding.remedies[0].sentence


def test_moving_statistics_explain_what_the_batchs_own_do_not_show() -> None:
    predicted, labels = SWALLOWED
    finding = found(SWALLOWED, predicted_batch_mode=labels)
    assert finding.evidence["excess_batch_mode"] == 0.0
    assert "its moving ones make it" in finding.summary
    assert [dict(one.changes) for one in finding.remedies] == [
        {"model.batch_norm": "frozen"},
        {"training.recalibrate": True},
    ]
    same = found(SWALLOWED, predicted_batch_mode=predicted)
    assert same.evidence["excess_batch_mode"] == pytest.approx(0.22)
    assert same.remedies == found(SWALLOWED).remedies


def test_a_collapse_is_called_one() -> None:
    data = np.full(60, 2), np.arange(60) % 3
    finding = found(data)
    assert finding.summary.startswith("class 2 is predicted for every image and 33.3 % of the labels")
    assert finding.evidence["recall_0"] == 0.0
    assert outcome(finding) is Outcome.FOUND


def test_the_pictures_are_those_that_it_takes() -> None:
    finding = found(SWALLOWED, positions=np.arange(1_000, 1_100))
    (exhibit,) = finding.exhibits
    assert exhibit.images == (*range(1_040, 1_050), 1_070, 1_071)
    assert exhibit.caption == "taken for class 0 and of another"
    assert found(SWALLOWED).exhibits == ()


def test_without_images_nothing_is_measured() -> None:
    nothing = np.empty(0, dtype=np.int64)
    assert found((nothing, nothing)).missing == "there are no validation images"


def test_all_right_is_no_bias() -> None:
    labels = np.arange(600) % 3
    finding = found((labels, labels))
    assert finding.p == 1.0
    assert outcome(finding) is Outcome.EXCLUDED


def test_classes_are_called_by_their_names_and_the_numbers_stay_in_the_evidence() -> None:
    names = ("<b>cat", "dog {0}", 'the "fox"')
    finding = found(SWALLOWED, class_names=names, positions=np.arange(100))
    assert finding.summary.startswith('class "<b>cat" is 62.0 % of the predictions')
    assert finding.summary.endswith('12 of 22 that it takes are of class "the "fox""')
    assert finding.remedies[0].sentence.startswith('Collect images of class "the "fox"" that look like')
    assert finding.exhibits[0].caption == 'taken for class "<b>cat" and of another'
    assert (finding.evidence["class"], finding.evidence["class_taken_from"]) == (0, 2)
    all_alike = np.ones(40, dtype=np.int64), np.repeat([0, 1], 20)
    summary = found(all_alike, class_names=names).summary
    assert summary.startswith('class "dog {0}" is predicted for every image and 50.0 % of the labels of 40')


def test_classes_that_are_alike_count_as_one() -> None:
    """Class 1 takes 20 images of class 2 and loses none: as one class they take nothing of class 0."""
    pair = answers(np.array([[40, 0, 0], [0, 30, 0], [0, 20, 10]]))
    assert outcome(found(pair)) is Outcome.FOUND
    as_one = found(pair, alike=(1, 2))
    assert as_one.effect is not None
    assert as_one.effect.estimate == 0.0
    assert as_one.p == 1.0
    # What both take of the third is still there.
    swallowing = answers(np.array([[20, 20, 0], [0, 30, 0], [0, 10, 20]]))
    finding = found(swallowing, alike=(1, 2))
    assert finding.effect is not None
    assert finding.effect.estimate == pytest.approx(0.2)
