"""Families of images: those that were planted are found, and hardly any where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.guessed_sources import guess_sources, neighbourhoods

Features = NDArray[np.float64]


def spread(count: int, *, width: int = 6, seed: int = 0) -> Features:
    """Images that are independent of one another."""
    return np.random.default_rng(seed).normal(size=(count, width)) + 2.0


def with_families(count: int, families: int, members: int, *, closeness: float) -> Features:
    """The first `families` images come `members` times, a little different each time; the others once."""
    images = spread(count)
    copies = np.concatenate([np.repeat(np.arange(families), members), np.arange(families, count)])
    noise = np.random.default_rng(1).normal(0, closeness, (len(copies), images.shape[1]))
    noise[families * members :] = 0
    return images[copies] + noise


def test_planted_families_are_found_and_nothing_else() -> None:
    guess = guess_sources(with_families(200, 12, 4, closeness=0.001))
    assert guess.p < 1e-4
    planted = np.repeat(np.arange(12), 4)
    found = guess.codes[:48]
    assert (found[:, None] == found).tolist() == (planted[:, None] == planted).tolist()
    others = guess.codes[48:]
    assert len(set(others.tolist()) - set(found.tolist())) >= 185


def test_independent_images_are_hardly_ever_linked() -> None:
    p_values = [guess_sources(spread(150, seed=seed)).p for seed in range(60)]
    assert np.mean(np.array(p_values) <= 0.1) <= 0.15
    unlinked = guess_sources(spread(150, seed=int(np.argmax(p_values))))
    assert unlinked.codes.tolist() == list(range(150))


def test_dense_classes_far_apart_are_no_families() -> None:
    images = spread(300)
    images[100:] = 0.05 * images[100:] + np.eye(6)[np.arange(200) % 2] * 5
    assert guess_sources(images).p > 0.01


def test_only_directions_count() -> None:
    images = with_families(200, 12, 4, closeness=0.01)
    scaled = images * np.random.default_rng(2).uniform(1, 100, (len(images), 1))
    assert guess_sources(scaled).codes.tolist() == guess_sources(images).codes.tolist()


def test_nothing_is_guessed_of_fewer_than_sixteen_images() -> None:
    guess = guess_sources(np.ones((15, 4)))
    assert guess.p == 1.0
    assert guess.codes.tolist() == list(range(15))


def test_equal_images_are_linked() -> None:
    images = spread(100)
    images[[3, 50, 80]] = images[3]
    codes = guess_sources(images).codes
    assert codes[3] == codes[50] == codes[80]


def test_images_in_batches_are_linked_across_batches() -> None:
    images = spread(1_100)
    images[[2, 600, 1_050]] = images[2] * (1 + np.array([[0.0], [1e-9], [2e-9]]))
    codes = guess_sources(images).codes
    assert codes[2] == codes[600] == codes[1_050]


def test_neighbourhoods_are_ten_images_of_one_class() -> None:
    images, labels = spread(100), np.repeat([0, 1], [65, 35])
    codes = neighbourhoods(images, labels, np.random.default_rng(0))
    sizes = np.bincount(codes)
    assert sorted(sizes.tolist()) == [5, 5, *[10] * 9]
    assert all(len(np.unique(labels[codes == code])) == 1 for code in range(len(sizes)))


def test_neighbourhoods_hold_what_is_near() -> None:
    centres = np.random.default_rng(0).normal(size=(8, 20))
    planted = np.random.default_rng(1).permutation(np.repeat(np.arange(8), 10))
    images = centres[planted] + np.random.default_rng(2).normal(0, 0.05, (80, 20))
    codes = neighbourhoods(images, np.zeros(80, dtype=np.int64), np.random.default_rng(3))
    assert (codes[:, None] == codes).tolist() == (planted[:, None] == planted).tolist()


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (2, [1, 1]), (7, [3, 4]), (19, [9, 10])])
def test_a_small_class_is_halved(count: int, sizes: list[int]) -> None:
    codes = neighbourhoods(spread(count), np.zeros(count, dtype=np.int64), np.random.default_rng(0))
    assert sorted(np.bincount(codes).tolist()) == sizes
