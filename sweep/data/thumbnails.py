"""Small pictures: of decoded ones, for perceptual hashes, and of files, for people to look at."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sweep.data.decoding import prepare_decoders, read_picture

__all__ = ["THUMBNAIL_SIZE", "encoded_thumbnail", "thumbnails"]

Pixels = NDArray[np.uint8]

THUMBNAIL_SIZE = 32

_QUALITY = 80  # of JPEG: 2 to 5 kB at 96 pixels


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


def encoded_thumbnail(path: Path, size: int, *, content_hash: str = "") -> bytes | None:
    """A file's picture as a small JPEG without metadata, its proportions kept.

    Args:
        path: of the file.
        size: pixels of the longer side, at most.
        content_hash: SHA-256 that the file's bytes must have, hexadecimal; "" for any.

    Returns:
        The JPEG, or None where the file is not there, cannot be decoded, or is another one by now.
    """
    if not path.is_file():
        return None
    try:
        data = path.read_bytes()
        if content_hash and hashlib.sha256(data).hexdigest() != content_hash:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is damaged and can be read nevertheless
            image = read_picture(io.BytesIO(data), size, prepare_decoders())
    except Exception:  # damaged files raise nearly anything, and a report is written without them
        return None
    image.thumbnail((size, size))
    encoded = io.BytesIO()
    # By its pixels alone: where and when a photo was taken does not belong into a page.
    Image.fromarray(np.asarray(image)).save(encoded, "JPEG", quality=_QUALITY)
    return encoded.getvalue()
