"""Balanced accuracy against published intervals, and where it is worth showing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.balanced import balanced_accuracy, classes_unequal
from sweep.diagnosis.statistics import wilson
from sweep.records import IndexArray


def answers(*classes: tuple[int, int]) -> tuple[NDArray[np.bool_], IndexArray]:
    """`answers((56, 70), (32, 80))`: 56 of the 70 images of class 0 are right, 32 of the 80 of class 1."""
    right = [np.arange(images) < hits for hits, images in classes]
    labels = [np.full(images, label) for label, (_, images) in enumerate(classes)]
    return np.concatenate(right), np.concatenate(labels).astype(np.int64)


def test_two_classes_give_the_published_interval() -> None:
    # R. G. Newcombe, Statist. Med. 17 (1998) 873-890, table II, method 10 (MOVER with Wilson's intervals): 56/70 minus
    # 48/80 lies in [0.0524, 0.3339]. Right on 56 of 70 and wrong on 48 of 80 is (1 + that difference) / 2.
    interval = balanced_accuracy(*answers((56, 70), (32, 80)))
    assert interval.estimate == pytest.approx((0.8 + 0.4) / 2)
    assert (interval.low, interval.high) == pytest.approx(((1 + 0.0524) / 2, (1 + 0.3339) / 2), abs=5e-5)


def test_each_class_counts_alike() -> None:
    correct, labels = answers((90, 90), (0, 10))
    interval = balanced_accuracy(correct, labels)
    assert correct.mean() == 0.9
    assert interval.estimate == 0.5  # naming the majority class is a coin toss


def test_one_class_gives_wilsons_interval_and_absent_classes_are_left_out() -> None:
    correct, labels = answers((30, 40))
    interval, plain = balanced_accuracy(correct, labels + 7, level=0.9), wilson(30, 40, level=0.9)
    assert (interval.low, interval.high, interval.level) == pytest.approx((plain.low, plain.high, 0.9))


def test_bounds_stay_inside_0_and_1() -> None:
    perfect = balanced_accuracy(*answers((5, 5), (4, 4)))
    assert perfect.high == 1.0
    assert 0.5 < perfect.low < 1.0
    assert balanced_accuracy(*answers((0, 5), (0, 4))).low == 0.0


def test_images_predicted_twice_prove_no_more_than_once() -> None:
    correct, labels = answers((56, 70), (32, 80))
    twice = balanced_accuracy(
        np.tile(correct, 2), np.tile(labels, 2), groups=np.tile(np.arange(150, dtype=np.int64), 2)
    )
    once = balanced_accuracy(correct, labels)
    assert twice.estimate == pytest.approx(once.estimate)
    # Units - 1 in the clustered variance makes the counts differ in the third digit.
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high), abs=1e-3)
    assert balanced_accuracy(np.tile(correct, 2), np.tile(labels, 2)).low > once.low + 0.01


@pytest.mark.parametrize(
    ("counts", "unequal"),
    [
        ((100, 100), False),
        ((119, 100), False),
        ((120, 100), True),
        ((50, 60, 55), True),
        ((10, 0), True),
        ((9,), False),
    ],
)
def test_classes_are_unequal_from_a_fifth_more(counts: tuple[int, ...], unequal: bool) -> None:
    assert classes_unequal(counts) is unequal
