"""One epoch after the other: which images in which order, at which rate, mixed with whom."""

from __future__ import annotations

import numpy as np
import pytest

from sweep.records import SplitIndices
from sweep.studyfile.definition import TrainingSettings
from sweep.training.seeds import TrialSeeds
from sweep.training.stream import Stream, mixed
from sweep.training.task import Batches, Task, draw_batches

LABELS = np.repeat([0, 1], 15)
# Training images stand in any order in the split.
SPLIT = SplitIndices(train=np.arange(20)[::-1], validation=np.arange(20, 30), test=np.arange(0))


def stream(*, views: int = 0, **fields: object) -> Stream:
    settings = TrainingSettings.model_validate({"batch_size": 6, "epochs": 3, **fields})
    return Stream(Task.of(LABELS, SPLIT, 2), settings, views=views, seeds=TrialSeeds.of((1,)))


def taken(batches: Batches) -> list[int]:
    return [int(row) for rows, count in zip(batches.rows, batches.counts, strict=True) for row in rows[:count]]


def test_every_epoch_has_all_images_in_an_order_of_its_own() -> None:
    epochs = stream()
    first, second = taken(epochs.batches()), taken(epochs.batches())
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second


def test_without_shuffling_files_come_in_their_order_every_epoch() -> None:
    epochs = stream(shuffle=False)
    for _ in range(2):
        batches = epochs.batches()
        assert taken(batches) == list(range(20))
        assert batches.labels[0].tolist() == [0] * 6
        np.testing.assert_array_equal(batches.labels[3, :2], [1, 1])


@pytest.mark.parametrize("views", [0, 2])
@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_of_few_steps_goes_on_where_the_last_one_ended(shuffle: bool, views: int) -> None:
    """20 images are four batches, the last one of 2; three passes over them are four epochs of three batches."""
    whole, few = (stream(views=views, shuffle=shuffle, epochs=4, steps_per_epoch=steps) for steps in (0, 3))
    passes = [taken(whole.batches()) for _ in range(3)]
    epochs = [few.batches() for _ in range(4)]
    assert [batches.counts.tolist() for batches in epochs] == [[6, 6, 6], [2, 6, 6], [6, 2, 6], [6, 6, 2]]
    assert [row for batches in epochs for row in taken(batches)] == [row for drawn in passes for row in drawn]
    assert all(sorted(row % 30 for row in drawn) == list(range(20)) for drawn in passes)
    assert (passes[0] != passes[1]) == (shuffle or views > 0)
    for batches in epochs:
        np.testing.assert_array_equal(batches.labels, LABELS[batches.rows % 30])


def test_without_shuffling_later_classes_are_reached() -> None:
    epochs = stream(shuffle=False, batch_size=5, steps_per_epoch=2)
    assert [taken(epochs.batches()) for _ in range(3)] == [list(range(10)), list(range(10, 20)), list(range(10))]


def test_no_epoch_has_more_steps_than_images_need() -> None:
    assert stream(steps_per_epoch=9).batches().counts.tolist() == [6, 6, 6, 2]


def test_rates_go_with_the_steps() -> None:
    epochs = stream(steps_per_epoch=2, schedule="linear", learning_rate=0.6)
    for expected in ([0.6, 0.5], [0.4, 0.3], [0.2, 0.1]):
        assert epochs.batches().rates.tolist() == pytest.approx(expected)


def test_validation_views_are_drawn_only_where_they_are_asked_for() -> None:
    assert stream(views=2).validation_views() is None
    assert stream(augment_views=2, augment_validation=True).validation_views() is None  # none are there
    rows = stream(views=3, augment_views=3, augment_validation=True).validation_views()
    assert rows is not None
    assert (rows % 30).tolist() == list(range(20, 30))


def test_partners_are_of_the_same_batch_and_the_rest_is_left_alone() -> None:
    batches = stream(mixup=0.4).batches()
    mixing = batches.mixing
    assert mixing is not None
    assert (mixing.partners.dtype, mixing.shares.dtype) == (np.int32, np.float32)
    for partners, count in zip(mixing.partners, batches.counts, strict=True):
        assert sorted(partners[:count]) == list(range(count))
        assert partners[count:].tolist() == list(range(count, 6))
    assert len(set(mixing.shares.tolist())) == 4
    assert stream().batches().mixing is None


def test_mixing_shifts_no_other_random_number() -> None:
    for views in (0, 2):
        plain, blended = stream(views=views), stream(views=views, mixup=1.0)
        for _ in range(3):
            np.testing.assert_array_equal(plain.batches().rows, blended.batches().rows)


@pytest.mark.parametrize("strength", [0.2, 1.0, 8.0])
def test_shares_are_beta_distributed(strength: float) -> None:
    """Mean 1/2, variance 1 / (4 (2 a + 1)); 4 standard errors of 4,000 draws are at most 3 % of the deviation."""
    rows = np.arange(4000)
    batches = draw_batches(rows, rows, 1, None, rates=0.1)
    mixing = mixed(batches, strength, np.random.default_rng(0)).mixing
    assert mixing is not None
    deviation = (1 / (4 * (2 * strength + 1))) ** 0.5
    assert mixing.shares.mean() == pytest.approx(0.5, abs=4 * deviation / 4000**0.5)
    assert mixing.shares.std() == pytest.approx(deviation, rel=0.06)
