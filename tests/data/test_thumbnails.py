"""Small pictures of decoded ones."""

from __future__ import annotations

import numpy as np

from sweep.data.thumbnails import thumbnails


def test_every_pixel_of_a_thumbnail_is_the_mean_of_its_block() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    small = thumbnails(pixels)
    assert small.shape == (3, 32, 32, 3)
    blocks = pixels.reshape(3, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(small - blocks).max() <= 1


def test_sizes_that_do_not_divide_are_averaged_too() -> None:
    pixels = np.full((1, 50, 50, 3), 90, np.uint8)
    assert np.array_equal(thumbnails(pixels, 16), np.full((1, 16, 16, 3), 90, np.uint8))
