"""Folds: a partition of whole units, near-equal in every class, the same for the same random numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.data.folds import check_fold_units, check_trainings, deal, fold_notes, fold_repeats, trainings
from sweep.data.units import Pool
from sweep.errors import DataError
from sweep.records import DataIndex, ImageRecord, IndexArray, SplitIndices

steady = settings(max_examples=60, derandomize=True, deadline=None)


def pool(labels: Sequence[int], units: Sequence[int]) -> Pool:
    return Pool.of_free(np.array(labels), np.array(units), np.ones(len(labels), bool), max(labels) + 1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def table(labels: Sequence[int], units: Sequence[int], dealt: IndexArray, folds: int) -> IndexArray:
    """Images of each fold and class, shape (folds, n_classes)."""
    counts = np.zeros((folds, max(labels) + 1), np.int64)
    np.add.at(counts, (dealt[np.array(units)], np.array(labels)), 1)
    return counts


def indices(*positions: int) -> IndexArray:
    return np.array(positions, np.int64)


def split(*folds: IndexArray, train: IndexArray | None = None, test: IndexArray | None = None) -> SplitIndices:
    return SplitIndices(
        train=indices() if train is None else train,
        validation=np.unique(np.concatenate(folds)),
        test=indices() if test is None else test,
        folds=folds,
    )


def index(labels: Sequence[int], groups: Sequence[str] | None = None) -> DataIndex:
    images = tuple(
        ImageRecord(path=f"{n}.png", label=label, group=groups[n] if groups else "", content_hash=str(n))
        for n, label in enumerate(labels)
    )
    return DataIndex(root="photos", class_names=tuple("abcdef"[: max(labels) + 1]), images=images)


# ---- dealing ---------------------------------------------------------------------------------------------------------


@steady
@given(
    class_sizes=st.lists(st.integers(5, 40), min_size=2, max_size=6), folds=st.integers(2, 5), seed=st.integers(0, 99)
)
def test_single_images_give_folds_that_differ_by_one_image_at_most(
    class_sizes: list[int], folds: int, seed: int
) -> None:
    labels = [label for label, size in enumerate(class_sizes) for _ in range(size)]
    units = list(range(len(labels)))
    dealt = deal(pool(labels, units), folds, rng=rng(seed))
    counts = table(labels, units, dealt, folds)
    assert counts.sum() == len(labels)
    assert np.ptp(counts, axis=0).max() <= 1
    assert np.ptp(counts.sum(axis=1)) <= 1
    np.testing.assert_array_equal(dealt, deal(pool(labels, units), folds, rng=rng(seed)))


@steady
@given(
    group_sizes=st.lists(st.lists(st.integers(1, 9), min_size=4, max_size=12), min_size=2, max_size=4),
    folds=st.integers(2, 4),
)
def test_a_class_with_enough_sources_of_its_own_stands_in_every_fold(group_sizes: list[list[int]], folds: int) -> None:
    pairs = [(label, size) for label, sizes in enumerate(group_sizes) for size in sizes]
    labels = [label for label, size in pairs for _ in range(size)]
    units = [unit for unit, (_, size) in enumerate(pairs) for _ in range(size)]
    counts = table(labels, units, deal(pool(labels, units), folds, rng=rng()), folds)
    assert counts.min() >= 1
    # The largest go first, each to the fold that has least: no two folds differ by more than one source.
    assert (np.ptp(counts, axis=0) <= [max(sizes) for sizes in group_sizes]).all()


@steady
@given(people=st.integers(4, 20), folds=st.integers(2, 4), seed=st.integers(0, 9))
def test_sources_that_span_classes_are_shared_out_evenly(people: int, folds: int, seed: int) -> None:
    """Everybody has two pictures of each of three classes, so that folds of as many people are the best there is."""
    labels = [label for _ in range(people) for label in (0, 0, 1, 1, 2, 2)]
    units = [person for person in range(people) for _ in range(6)]
    dealt = deal(pool(labels, units), folds, rng=rng(seed))
    assert np.ptp(np.bincount(dealt, minlength=folds)) <= 1


def test_units_of_their_own_fill_the_folds_that_spanning_ones_leave() -> None:
    # Two people with both classes, and one picture of each class by itself, in three folds.
    labels, units = [0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 2, 3]
    assert table(labels, units, deal(pool(labels, units), 3, rng=rng()), 3).tolist() == [[1, 1]] * 3


def test_units_that_the_pool_does_not_hold_are_not_dealt() -> None:
    found = pool([0, 0, 0, 1, 1, 1], list(range(6))).without(indices(1, 4))
    dealt = deal(found, 2, rng=rng())
    assert np.flatnonzero(dealt < 0).tolist() == [1, 4]
    assert sorted(dealt[[0, 2]].tolist()) == sorted(dealt[[3, 5]].tolist()) == [0, 1]


def test_other_random_numbers_deal_other_folds() -> None:
    found = pool([0] * 30, list(range(30)))
    assert not np.array_equal(deal(found, 3, rng=rng(0)), deal(found, 3, rng=rng(1)))


# ---- what folds mean -------------------------------------------------------------------------------------------------

TWICE = split(indices(0, 2), indices(4, 6), indices(0, 4), indices(2, 6), train=indices(1), test=indices(3, 5))


def test_each_fold_is_validated_by_the_training_on_all_others() -> None:
    sides = [(one.train.tolist(), one.validation.tolist(), one.test.tolist()) for one in trainings(TWICE)]
    assert sides == [
        ([1, 4, 6], [0, 2], [3, 5]),
        ([0, 1, 2], [4, 6], [3, 5]),
        ([1, 2, 6], [0, 4], [3, 5]),
        ([0, 1, 4], [2, 6], [3, 5]),
    ]
    assert all(one.folds == () for one in trainings(TWICE))


def test_repetitions_are_counted() -> None:
    single = SplitIndices(train=indices(0), validation=indices(1), test=indices())
    assert (fold_repeats(TWICE), fold_repeats(split(indices(0), indices(1, 2))), fold_repeats(single)) == (2, 1, 0)
    assert trainings(single) == (single,)


def test_folds_in_words() -> None:
    assert fold_notes(TWICE) == (
        "4 images are validated 2 times each, in 2 folds, drawn 2 times, of 2; 1 other image always trained on",
    )
    assert fold_notes(split(indices(0), indices(1, 2))) == ("3 images are validated once each, in 2 folds of 1 to 2",)
    assert fold_notes(SplitIndices(train=indices(0), validation=indices(1), test=indices())) == ()


# ---- what cannot be --------------------------------------------------------------------------------------------------


def test_a_class_with_fewer_images_than_folds() -> None:
    found, free = index([0] * 9 + [1] * 4), pool([0] * 9 + [1] * 4, list(range(13)))
    check_fold_units(found, free, 4, sealed=False)
    message = (
        r"class 'b': received 4 different images \(4 files\) beside the sealed ones; expected at least 5 different "
        r"images of every class, one for each fold; write validation = \{folds = 4\}, add images, set data.test = 0 or "
    )
    with pytest.raises(DataError, match=message):
        check_fold_units(found, free, 5, sealed=True)


def test_a_class_with_a_single_source() -> None:
    labels, units = [0] * 6 + [1] * 6, [0, 0, 1, 1, 2, 2, *[3] * 6]
    message = (
        r"class 'b': received 1 source \(6 files\); expected at least 2 sources of every class, one for each fold; add "
        r"images of other sources, set data.group = 'none' or exclude the class"
    )
    with pytest.raises(DataError, match=message):
        check_fold_units(index(labels, list("ppqqrrssssss")), pool(labels, units), 2, sealed=False)


def test_a_class_that_one_fold_holds_alone_cannot_be_trained_on() -> None:
    check_trainings(index([0, 1, 0, 1]), split(indices(0, 1), indices(2, 3)))
    with pytest.raises(DataError, match=r"class 'b': received no image to train on when fold 2 is held out; .* fewer"):
        check_trainings(index([0, 0, 1, 1]), split(indices(0), indices(1, 2, 3)))
