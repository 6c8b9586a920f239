"""Small pictures of decoded ones: what perceptual hashes are taken from, and what a page shows."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["THUMBNAIL_SIZE", "thumbnails"]

Pixels = NDArray[np.uint8]

THUMBNAIL_SIZE = 32


def thumbnails(pixels: Pixels, size: int = THUMBNAIL_SIZE) -> Pixels:
    """Every picture averaged down to a small square.

    Args:
        pixels: uint8, shape (n_images, height, width, 3).
        size: pixels of the square's side.

    Returns:
        uint8, shape (n_images, size, size, 3).
    """
    small = np.empty((len(pixels), size, size, 3), np.uint8)

    def shrink(row: int) -> None:
        small[row] = np.asarray(Image.fromarray(pixels[row]).resize((size, size), Image.Resampling.BOX))

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for _ in threads.map(shrink, range(len(pixels))):
            pass
    return small
