"""Batches as Keras cuts them, and the probe."""

from __future__ import annotations

import numpy as np
import pytest

from sweep.records import SplitIndices
from sweep.studyfile.definition import TrainingSettings
from sweep.training.task import Task, draw_batches, steps_per_epoch, stratified_probe


def test_every_row_is_in_one_batch_and_the_last_one_is_shorter() -> None:
    rows, labels = np.arange(100, 110), np.arange(10)
    batches = draw_batches(rows, labels, 4, np.random.default_rng(0), rates=0.1)
    assert batches.rows.shape == (3, 4)
    assert batches.counts.tolist() == [4, 4, 2]
    assert batches.examples == 10
    counted = [row for step in range(3) for row in batches.rows[step, : batches.counts[step]]]
    assert sorted(counted) == rows.tolist()
    np.testing.assert_array_equal(batches.labels, batches.rows - 100)


def test_a_batch_larger_than_the_set_is_one_step() -> None:
    batches = draw_batches(np.arange(3), np.zeros(3, np.int64), 8, np.random.default_rng(0), rates=0.1)
    assert batches.rows.shape == (1, 8)
    assert batches.counts.tolist() == [3]


def test_full_batches_have_no_remainder() -> None:
    batches = draw_batches(np.arange(8), np.zeros(8, np.int64), 4, np.random.default_rng(0), rates=0.1)
    assert batches.counts.tolist() == [4, 4]
    np.testing.assert_array_equal(batches.rates, np.float32([0.1, 0.1]))


def test_an_order_may_be_kept() -> None:
    kept = draw_batches(np.arange(10, 0, -1), np.zeros(10, np.int64), 4, None, rates=0.1)
    assert kept.rows[:2].reshape(-1).tolist() == [10, 9, 8, 7, 6, 5, 4, 3]


@pytest.mark.parametrize(("limit", "steps"), [(0, 4), (3, 3), (9, 4)])
def test_an_epoch_has_as_many_steps_as_images_and_limit_allow(limit: int, steps: int) -> None:
    assert steps_per_epoch(TrainingSettings(batch_size=8, steps_per_epoch=limit), 25) == steps


def test_the_probe_has_each_class_with_its_share() -> None:
    labels = np.repeat([0, 1, 2], [80, 80, 40])
    probe = stratified_probe(np.arange(200), labels, size=50)
    assert len(set(probe.tolist())) == 50
    assert np.bincount(labels[probe]).tolist() == [20, 20, 10]
    np.testing.assert_array_equal(probe, stratified_probe(np.arange(200), labels, size=50))


def test_the_probe_is_no_larger_than_a_curve_needs() -> None:
    split = SplitIndices(train=np.arange(900), validation=np.arange(900, 1800), test=np.array([], np.int64))
    assert len(Task.of(np.zeros(1800, np.int64), split, 2).probe) == 500


def test_a_small_training_set_is_its_own_probe() -> None:
    split = SplitIndices(train=np.array([1, 3]), validation=np.array([0, 2, 4]), test=np.array([], np.int64))
    assert Task.of(np.array([0, 1, 0, 1, 0]), split, 2).probe.tolist() == [1, 3]


def test_a_view_of_an_image_stands_where_the_image_stands_among_those_not_sealed() -> None:
    split = SplitIndices(train=np.array([1, 5]), validation=np.array([2, 7]), test=np.array([0, 3, 4, 6]))
    task = Task.of(np.zeros(8, np.int64), split, 2)
    assert task.developed.tolist() == [1, 2, 5, 7]
    rows = task.draw_views(np.array([5, 7, 1]), 3, np.random.default_rng(0))
    assert (rows % 4).tolist() == [2, 3, 0]
    assert rows.max() < 12
    drawn = [task.draw_views(np.array([7]), 3, np.random.default_rng(seed))[0] // 4 for seed in range(20)]
    assert set(drawn) == {0, 1, 2}


def test_on_other_sides_views_stand_where_they_stood() -> None:
    split = SplitIndices(train=np.array([1, 5]), validation=np.array([2, 7]), test=np.array([0]))
    other = SplitIndices(train=np.array([2]), validation=np.array([5]), test=np.array([0]))
    task = Task.of(np.zeros(8, np.int64), split, 2)
    assert task.on(None) is task
    moved = task.on(other)
    assert (moved.train.tolist(), moved.validation.tolist(), moved.probe.tolist()) == ([2], [5], [2])
    assert moved.developed.tolist() == [1, 2, 5, 7]


def test_balanced_weights_are_those_of_the_training_side() -> None:
    # 6 training images, 3 classes, of which 4, 2 and 0: 6 / (3 · 4), 6 / (3 · 2), and nothing to weight.
    labels = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2])
    split = SplitIndices(train=np.arange(6), validation=np.arange(6, 9), test=np.array([], np.int64))
    task = Task.of(labels, split, 3)
    weights = task.class_weights(TrainingSettings(class_weight="balanced"))
    assert weights is not None
    assert weights.tolist() == [0.5, 1.0, 0.0]
    assert task.class_weights(TrainingSettings()) is None
