"""Nearest neighbours found by hand, and Cover and Hart's bound where the least error is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from sweep.diagnosis.neighbours import cover_hart, nearest_images

LINE = np.array([[0.0], [1.0], [3.0], [7.0]])


def test_neighbours_on_a_line() -> None:
    assert nearest_images(LINE, 2).tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]


def test_an_image_passes_its_own_source_over() -> None:
    # The first two are of one source: each finds the third first, then the fourth, and no third neighbour.
    found = nearest_images(LINE, 3, ["a", "a", "b", "c"])
    assert found.tolist() == [[2, 3, -1], [2, 3, -1], [1, 0, 3], [2, 1, 0]]


def test_more_neighbours_than_images_do_not_exist() -> None:
    assert nearest_images(LINE, 5)[0].tolist() == [1, 2, 3, -1, -1]


def test_rows_in_batches_find_what_all_of_them_at_once_find() -> None:
    features = np.random.default_rng(0).normal(size=(2_300, 3))
    away = ((features[1_500, None] - features) ** 2).sum(axis=1)
    away[1_500] = np.inf
    assert nearest_images(features, 4)[1_500].tolist() == np.argsort(away)[:4].tolist()


def test_the_bound_is_cover_and_harts() -> None:
    # 50 images in pairs far from one another; in nine of each hundred pairs' places the two differ: error 0.18.
    pairs = np.repeat(np.arange(50.0) * 10, 2) + np.tile([0.0, 1.0], 50)
    labels = np.repeat(np.arange(50) % 2, 2)
    labels[:18:2] = 1 - labels[:18:2]
    found = cover_hart(pairs[:, None], labels)
    assert found.estimate == pytest.approx(0.5 * (1 - np.sqrt(1 - 2 * 0.18)))
    assert found.estimate == pytest.approx(0.1)
    assert found.low == pytest.approx(0.5 * (1 - np.sqrt(1 - 2 * 0.1170)), abs=1e-4)  # Wilson, 18 of 100
    assert found.high == pytest.approx(0.2667, abs=1e-4)


def test_the_least_error_lies_between_the_bounds() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(2, size=3_000)
    found = cover_hart((labels * 2.0 + rng.normal(size=3_000))[:, None], labels)
    least = float(ndtr(-1.0))
    assert found.low < found.estimate < least < found.high
    assert found.estimate > 0.7 * least


def test_without_another_source_every_image_is_wrong() -> None:
    assert cover_hart(LINE, [0, 0, 1, 1], ["a"] * 4).high == 1.0


def test_one_class_cannot_be_missed() -> None:
    assert cover_hart(LINE, [0, 0, 0, 0]).estimate == 0.0
