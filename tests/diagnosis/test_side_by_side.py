"""Two trials against each other: worked-out counts, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from sweep.diagnosis.comparison import Evidence, evidence_of
from sweep.diagnosis.side_by_side import class_recalls, set_side_by_side
from sweep.records import TrialRecord

TrialMaker = Callable[..., TrialRecord]
LABELS = np.arange(200, dtype=np.int64) % 5


def evidence(
    trial_record: TrialMaker, number: int, wrong: Sequence[int], *, train: float = 0.99, groups: bool = False
) -> Evidence:
    correct = np.ones(200, np.bool_)
    correct[list(wrong)] = False
    trial = trial_record(number, correct=correct, train=train, cross_entropy=np.where(correct, 0.1, 2.0))
    assert trial.measurement is not None
    (prediction,) = trial.measurement.predictions
    sources = np.arange(200, dtype=np.int64) // 4 if groups else None
    return evidence_of(trial, trial.measurement, prediction, labels=LABELS, groups=sources)


def test_the_one_that_is_right_where_the_other_is_wrong_is_better(trial_record: TrialMaker) -> None:
    first, second = (evidence(trial_record, number, range(wrong)) for number, wrong in ((0, 50), (1, 38)))
    found = set_side_by_side(first, second)
    assert found.answers is not None
    assert (found.answers.both, found.answers.only_first, found.answers.only_second, found.answers.none) == (
        150,
        0,
        12,
        38,
    )
    assert found.p_accuracy == pytest.approx(2 * 0.5**12), "exact McNemar: twelve images, all on one side"
    assert found.better == "second"
    assert found.smaller_gap == "second", "train is alike, so what validation gains the gap loses"
    turned = set_side_by_side(second, first)
    assert (turned.better, turned.smaller_gap) == ("first", "first")
    assert turned.comparison.accuracy_gained.estimate == pytest.approx(-0.06)


def test_what_may_be_chance_is_not_shown(trial_record: TrialMaker) -> None:
    found = set_side_by_side(evidence(trial_record, 0, range(50)), evidence(trial_record, 1, range(2, 51), train=0.995))
    assert found.better == found.smaller_gap == "neither"
    assert found.p_accuracy == 1.0


def test_two_alike_do_not_differ(trial_record: TrialMaker) -> None:
    found = set_side_by_side(evidence(trial_record, 0, range(50)), evidence(trial_record, 1, range(50)))
    assert (found.p_accuracy, found.p_cross_entropy, found.better) == (1.0, 1.0, "neither")


def test_more_accuracy_at_the_cost_of_cross_entropy_is_mixed(trial_record: TrialMaker) -> None:
    first, second = evidence(trial_record, 0, range(50)), evidence(trial_record, 1, range(25))
    assert second.cross_entropy is not None
    found = set_side_by_side(first, replace(second, cross_entropy=second.cross_entropy + 3.0))
    assert found.better == "mixed"


def test_a_smaller_gap_may_come_from_the_training_side_alone(trial_record: TrialMaker) -> None:
    first = evidence(trial_record, 0, range(50), train=0.99)
    found = set_side_by_side(first, evidence(trial_record, 1, range(50), train=0.85))
    assert (found.better, found.smaller_gap) == ("neither", "second")
    assert found.comparison.gap_narrowed.estimate == pytest.approx(0.14)


def test_with_sources_the_tests_are_over_sources(trial_record: TrialMaker) -> None:
    single = set_side_by_side(evidence(trial_record, 0, range(50)), evidence(trial_record, 1, range(38)))
    grouped = set_side_by_side(
        evidence(trial_record, 0, range(50), groups=True), evidence(trial_record, 1, range(38), groups=True)
    )
    assert single.p_accuracy is not None
    assert grouped.p_accuracy is not None
    assert grouped.p_accuracy > 100 * single.p_accuracy, "twelve images are three sources"


def test_without_predictions_the_intervals_decide(trial_record: TrialMaker) -> None:
    first, second = (
        replace(evidence(trial_record, number, range(wrong)), correct=None, cross_entropy=None)
        for number, wrong in ((0, 100), (1, 20))
    )
    found = set_side_by_side(first, second)
    assert (found.p_accuracy, found.p_cross_entropy, found.answers) == (None, None, None)
    assert not found.comparison.paired
    assert found.better == "second"


# ---- recall --------------------------------------------------------------------------------------------------------


def test_recall_is_counted_by_class(trial_record: TrialMaker) -> None:
    # The forty images of class 0 are every fifth; the first has twenty of them wrong, the second none.
    first, second = evidence(trial_record, 0, range(0, 100, 5)), evidence(trial_record, 1, ())
    recalls = class_recalls(first, second, labels=(LABELS, LABELS))
    assert [one.label for one in recalls] == [0, 1, 2, 3, 4]
    bad, *others = recalls
    assert (bad.images, bad.first.estimate, bad.second.estimate, bad.gained.estimate) == ((40, 40), 0.5, 1.0, 0.5)
    assert bad.p == pytest.approx(5 * 2 * 0.5**20), "McNemar's, times five classes"
    assert all((one.gained.estimate, one.p) == (0.0, 1.0) for one in others)


def test_of_different_images_recall_has_no_p(trial_record: TrialMaker) -> None:
    first, second = evidence(trial_record, 0, range(0, 100, 5)), evidence(trial_record, 1, ())
    other = np.where(LABELS == 4, 9, LABELS)
    recalls = class_recalls(first, second, labels=(LABELS, other))
    assert [one.label for one in recalls] == [0, 1, 2, 3]
    assert all(one.p is None for one in recalls)
    assert recalls[0].gained.low < 0.5 < recalls[0].gained.high


def test_without_predictions_there_is_no_recall(trial_record: TrialMaker) -> None:
    one = evidence(trial_record, 0, ())
    assert class_recalls(one, replace(one, correct=None), labels=(LABELS, LABELS)) == ()
