"""Typeset digits: legible, centred about the middle, and as often dark on light as light on dark."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sweep.data.digits import DIGITS, draw_digit


def digits(label: int, count: int) -> NDArray[np.float64]:
    """Grey values, 0 to 255, shape (count, 64, 64)."""
    pictures = [draw_digit(label, np.random.default_rng((label, number))) for number in range(count)]
    return np.stack([np.asarray(picture, np.float64) for picture in pictures])


def ink(pictures: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each pixel lies from the paper, by a plane through the rim, 0 to 255."""
    rows, columns = np.mgrid[0:64, 0:64] / 32 - 1
    plane = np.stack([np.ones_like(rows), rows, columns], axis=-1)
    rim = np.ones((64, 64), bool)
    rim[4:-4, 4:-4] = False
    solution = np.linalg.lstsq(plane[rim], pictures[:, rim].T, rcond=None)[0]
    distance: NDArray[np.float64] = pictures - np.moveaxis(plane @ solution, -1, 0)
    return distance


def test_the_same_numbers_give_the_same_picture() -> None:
    first, again = digits(4, 3), digits(4, 3)
    np.testing.assert_array_equal(first, again)
    assert len(np.unique(first, axis=0)) == 3


def test_digits_are_dark_on_light_and_light_on_dark() -> None:
    for label in range(len(DIGITS)):
        inner = ink(digits(label, 40))[:, 12:52, 12:52]
        strongest = np.where(inner.max(axis=(1, 2)) > -inner.min(axis=(1, 2)), 1, -1)
        assert 8 <= (strongest > 0).sum() <= 32


def test_every_digit_stands_out_and_leaves_the_rim_free() -> None:
    for label in range(len(DIGITS)):
        found = np.abs(ink(digits(label, 20)))
        assert (
            np.quantile(found[:, 8:56, 8:56], 0.98, axis=(1, 2)) > 1.5 * np.quantile(found[:, :3], 0.9)
        ).mean() > 0.8


def test_two_of_a_kind_are_more_alike_than_a_one_and_an_eight() -> None:
    # Ink of many pictures laid over each other: a one is a bar, an eight has two bays.
    one, other, eight = (
        np.abs(ink(pictures)).mean(axis=0) for pictures in (digits(1, 120)[:60], digits(1, 120)[60:], digits(8, 60))
    )
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > np.corrcoef(one.ravel(), eight.ravel())[0, 1]
