"""Errors between few classes: counts worked out by hand, chance, and a class that takes images of all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, Unpack

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from sweep.diagnosis.probes.confusable import DRAWS, confusable_classes
from sweep.diagnosis.verdict import ORDER, SIGNIFICANCE, Outcome, judge
from sweep.records import Cause, Finding, IndexArray


def answers(confusion: NDArray[np.int64]) -> tuple[IndexArray, IndexArray]:
    """Predictions and labels with these counts by true (row) and predicted class."""
    true, given = np.indices(confusion.shape).reshape(2, -1)
    return np.repeat(given, confusion.ravel()), np.repeat(true, confusion.ravel())


# Four classes of 100; of the first two 20 each are taken for the other.
PAIR = np.array([[80, 20, 0, 0], [20, 80, 0, 0], [0, 0, 100, 0], [0, 0, 0, 100]])


class Options(TypedDict, total=False):
    cross_entropy: ArrayLike
    groups: ArrayLike
    probe_correct: ArrayLike
    positions: IndexArray
    draws: int
    seed: int
    class_names: Sequence[str]


def found(confusion: NDArray[np.int64], **options: Unpack[Options]) -> Finding:
    predicted, labels = answers(confusion)
    given: Options = {"cross_entropy": np.zeros(len(labels)), "seed": 0, "draws": 999}
    given.update(options)
    return confusable_classes(
        predicted=predicted, labels=labels, num_classes=len(confusion), train_accuracy=0.99, **given
    )


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=4).judged[0].outcome


def test_a_pair_is_held_against_chance() -> None:
    # By chance a third of the 40 errors would be between the two: 26.7 of 400 images are beyond it.
    finding = found(PAIR, draws=DRAWS)
    assert finding.cause is Cause.CONFUSABLE_CLASSES
    assert finding.effect is not None
    assert finding.effect.estimate == pytest.approx((40 - 40 / 3) / 400)
    assert 0.03 < finding.effect.low < finding.effect.estimate < finding.effect.high < 0.1
    assert finding.p == 1 / (DRAWS + 1)
    assert outcome(finding) is Outcome.FOUND
    assert finding.evidence["classes"] == "0 and 1"
    assert finding.evidence["errors_expected"] == pytest.approx(40 / 3)
    assert (finding.evidence["accuracy"], finding.evidence["accuracy_if_merged"]) == pytest.approx((0.9, 1.0))
    assert finding.summary.startswith("40 of 40 errors are between classes 0 and 1, where chance would make 13: 6.7")


def test_the_least_p_survives_as_many_tests_as_there_are_causes() -> None:
    assert len(ORDER) / (DRAWS + 1) < SIGNIFICANCE


def test_errors_in_all_directions_are_excluded_where_images_are_many() -> None:
    finding = found(np.full((4, 4), 60) + np.diag([1_000] * 4))
    assert finding.effect is not None
    assert finding.effect.estimate == pytest.approx(0.0, abs=0.005)
    assert finding.p is not None
    assert finding.p > 0.1
    assert outcome(finding) is Outcome.EXCLUDED
    assert finding.summary.startswith("errors are not shown to concentrate in few classes")


def test_a_class_that_takes_images_of_all_others_is_another_cause() -> None:
    confusion = np.diag([200, 160, 160, 160, 160])
    confusion[1:, 0] = 40
    finding = found(confusion)
    assert finding.effect is not None
    assert finding.effect.estimate == pytest.approx(0.0, abs=1e-9)
    assert finding.p == 1.0


def test_errors_that_follow_the_sizes_of_the_classes_are_chance() -> None:
    # Errors go to the largest class most often because it is the largest.
    sizes = np.array([1_200, 300, 300, 200])
    share = sizes * (1 - np.eye(4)) / (sizes.sum() - sizes)[:, None]
    confusion = np.rint(0.2 * sizes[:, None] * share).astype(np.int64)
    np.fill_diagonal(confusion, sizes - confusion.sum(axis=1))
    finding = found(confusion)
    assert finding.p is not None
    assert finding.p > 0.1


def test_a_clique_is_found_whole() -> None:
    # Eight classes of 150; the first four are each taken for the other three, the rest errs in all directions.
    confusion = np.diag([104] * 4 + [143] * 4)
    confusion[:4, :4] += 14 * (1 - np.eye(4, dtype=np.int64))
    confusion[:4, 4:] += 1
    confusion[4:] += 1
    confusion[4:, 4:] -= np.eye(4, dtype=np.int64)
    finding = found(confusion)
    assert finding.evidence["classes"] == "0, 1, 2 and 3"
    assert finding.evidence["errors_between"] == 168
    assert outcome(finding) is Outcome.FOUND


def test_errors_of_one_source_are_one_error() -> None:
    groups = np.arange(400)
    predicted, labels = answers(PAIR)
    groups[predicted != labels] = np.repeat([1_000, 2_000], 20)
    together = found(PAIR, groups=groups)
    assert together.p is not None
    assert together.p > 0.1  # two tosses with odds of a third
    assert together.images < 25
    assert outcome(together) is Outcome.UNDETERMINED
    apart = found(PAIR, groups=np.arange(400))
    assert (apart.effect, apart.p) == (found(PAIR).effect, found(PAIR).p)


def test_two_classes_cannot_have_it() -> None:
    finding = found(np.array([[40, 10], [10, 40]]))
    assert finding.exact
    assert outcome(finding) is Outcome.EXCLUDED


def test_three_classes_can() -> None:
    confusion = np.array([[150, 50, 0], [50, 150, 0], [0, 0, 200]])
    finding = found(confusion, draws=DRAWS)
    assert finding.effect is not None
    assert finding.effect.estimate == pytest.approx(50 / 600)  # half of the 100 errors would be there by chance
    assert outcome(finding) is Outcome.FOUND


@pytest.mark.parametrize("images", [60, 900])
def test_no_errors_at_all(images: int) -> None:
    finding = found(np.diag([images // 3] * 3))
    assert finding.p == 1.0
    # Wilson's bound of nothing in 60 images is 6 points.
    assert outcome(finding) is (Outcome.UNDETERMINED if images == 60 else Outcome.EXCLUDED)


def test_a_collapsed_model_confuses_no_pair() -> None:
    confusion = np.zeros((4, 4), dtype=np.int64)
    confusion[:, 2] = 50
    finding = found(confusion)
    assert finding.effect is not None
    assert finding.effect.estimate == pytest.approx(0.0)
    assert finding.p == 1.0


def test_the_surest_errors_are_shown_first() -> None:
    predicted, labels = answers(PAIR)
    nats = np.linspace(0.0, 8.0, 400)
    finding = found(PAIR, cross_entropy=nats, positions=np.arange(400) + 5_000)
    (exhibit,) = finding.exhibits
    wrong = np.flatnonzero(predicted != labels)
    assert exhibit.images == tuple(5_000 + wrong[::-1][:12])
    assert exhibit.caption == "classes 0 and 1, one taken for another"
    assert finding.evidence["cross_entropy_between"] == pytest.approx(nats[wrong].mean())


def test_a_probe_that_errs_on_the_same_images_is_evidence() -> None:
    predicted, labels = answers(PAIR)
    finding = found(PAIR, probe_correct=predicted == labels)
    assert finding.evidence["probe_right_on_errors"] == 0.0
    assert finding.evidence["probe_accuracy_in_them"] == pytest.approx(0.8)
    assert finding.evidence["train_accuracy"] == 0.99


def test_the_same_seed_gives_the_same_p() -> None:
    confusion = np.full((4, 4), 4) + np.diag([80] * 4)
    confusion[0, 1] += 4
    first = found(confusion, seed=3)
    assert first.p == found(confusion, seed=3).p
    assert first.p != found(confusion, seed=4).p


def test_without_images_nothing_is_measured() -> None:
    nothing = np.zeros((4, 4), dtype=np.int64)
    assert found(nothing).missing == "there are no validation images"


def test_classes_are_called_by_their_names_and_the_numbers_stay_in_the_evidence() -> None:
    finding = found(PAIR, class_names=("<b>cat", "dog", "fox", "hen"), positions=np.arange(400))
    assert finding.summary.startswith('40 of 40 errors are between classes "<b>cat" and "dog", where chance')
    assert finding.exhibits[0].caption == 'classes "<b>cat" and "dog", one taken for another'
    assert finding.evidence["classes"] == "0 and 1"
