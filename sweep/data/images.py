"""The pixels of an index: decoded once, kept on disk, augmented on demand."""

from __future__ import annotations

import errno
import math
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sweep.data.cache import ArrayCache, content_key
from sweep.data.decoding import DECODER, decode_file, prepare_decoders, refusal
from sweep.errors import DataError
from sweep.progress import Progress
from sweep.records import DataIndex, UnreadableFile

__all__ = ["augment_images", "decode_images"]

Pixels = NDArray[np.uint8]

_TOLERATED_UNREADABLE = 0.05
_FAULTS_OF_THE_SYSTEM = (errno.ENOENT, errno.EACCES, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE)

# Ranges that leave a picture of everyday things what it is.
_SHIFT = 0.1  # of the side
_ROTATION = 15.0  # degrees
_ZOOM = 0.15
_BRIGHTNESS = 0.2
_CONTRAST = 0.2
# A corner rotated, zoomed out and shifted by the most lies 0.365 sides outside.
_BORDER = 0.37


# ---- decoding --------------------------------------------------------------------------------------------------------


def decode_images(
    index: DataIndex, image_size: int, *, cache: ArrayCache, progress: Progress
) -> tuple[DataIndex, Pixels]:
    """Decode every image of the index, or find them decoded in the cache.

    Returns:
        The index without the files that could not be decoded, which it lists, and the pixels of its images: uint8,
        shape (n_images, image_size, image_size, 3), memory-mapped and read-only.

    Raises:
        DataError: more than 5 % of the files are unreadable.
        CacheError: the pixels cannot be kept.
    """
    _check_readable(index)
    key = content_key("pixels", DECODER, str(image_size), *(image.content_hash for image in index.images))
    while (pixels := cache.load(key)) is None or (meta := cache.meta(key)) is None:
        _decode_into(cache, key, index, image_size, progress)
    reasons: dict[int, str] = dict(meta["unreadable"])
    unreadable = (UnreadableFile(path=index.images[row].path, reason=reason) for row, reason in reasons.items())
    readable = replace(
        index,
        images=tuple(image for row, image in enumerate(index.images) if row not in reasons),
        unreadable=(*index.unreadable, *unreadable),
    )
    _check_readable(readable)
    return readable, pixels[: len(readable.images)]


def _decode_into(cache: ArrayCache, key: str, index: DataIndex, image_size: int, progress: Progress) -> None:
    """Write the pixels of the readable images, in order, and into the side data why others are none.

    Rows that unreadable files leave over stay black at the end.
    """
    formats = prepare_decoders()
    root = Path(index.root)

    def decode(path: str) -> Pixels | str:
        try:
            return decode_file(root / path, image_size, formats)
        except MemoryError:
            raise
        except Exception as error:  # a damaged file makes Pillow raise nearly anything
            # A passing fault must not be kept as the file's own.
            if isinstance(error, OSError) and error.errno in _FAULTS_OF_THE_SYSTEM:
                raise _cannot_open(path, error) from error
            return refusal(error)

    shape = (len(index.images), image_size, image_size, 3)
    reasons: list[tuple[int, str]] = []
    with (
        cache.writer(key, shape, np.uint8, meta={"unreadable": reasons}) as pixels,
        progress.stage("decoding", len(index.images), "images") as advance,
        warnings.catch_warnings(),
        ThreadPoolExecutor(os.cpu_count()) as threads,  # Pillow decodes and resizes outside the interpreter's lock
    ):
        warnings.simplefilter("ignore")
        for row, result in enumerate(threads.map(decode, (image.path for image in index.images))):
            if isinstance(result, str):
                reasons.append((row, result))
            else:
                pixels[row - len(reasons)] = result
            advance()


def _cannot_open(path: str, error: OSError) -> DataError:
    return DataError(
        path,
        received=os.strerror(error.errno or 0).lower(),
        expected="the file that was listed a moment ago",
        remedy="check the disk, and leave the folder as it is while a study starts",
    )


def _check_readable(index: DataIndex) -> None:
    broken, total = len(index.unreadable), len(index.images) + len(index.unreadable)
    if index.images and broken <= _TOLERATED_UNREADABLE * total:
        return
    named = "; ".join(f"{file.path}: {file.reason}" for file in index.unreadable[:3])
    raise DataError(
        index.root,
        received=f"{broken:,} of {total:,} files that cannot be decoded ({named})",
        expected=f"at most {_TOLERATED_UNREADABLE:.0%} of them",
        remedy="repair or remove them, or name them in data.exclude",
    )


# ---- augmentation ----------------------------------------------------------------------------------------------------


def augment_images(pixels: Pixels, names: tuple[str, ...], seed: int) -> Pixels:
    """One random view of each image, the same for the same seed and number of images.

    flip: left to right, every other time; shift: up to 10 % of the side each way; rotate: up to 15 degrees; zoom:
    up to 15 % in or out; brightness, contrast: up to 20 % less or more. What comes into view is the picture mirrored
    at its border. A name draws the same numbers whatever other names are asked for.

    Args:
        pixels: uint8, shape (n_images, size, size, 3).
        names: which of the above.
        seed: of this view.

    Returns:
        uint8, the shape of `pixels`.
    """
    drawn = np.random.default_rng(np.random.SeedSequence(seed)).uniform(-1, 1, size=(len(pixels), 7))
    views = np.empty(pixels.shape, np.uint8)

    def fill(row: int) -> None:
        flip, shift_x, shift_y, rotate, zoom, brightness, contrast = drawn[row]
        view = _moved(pixels[row], names, flip, np.array([shift_x, shift_y]), rotate, zoom)
        if "brightness" in names:
            view = _stretched(view, 0.0, 1 + _BRIGHTNESS * brightness)
        if "contrast" in names:
            view = _stretched(view, float(view.mean()), 1 + _CONTRAST * contrast)
        views[row] = view

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(fill, range(len(pixels))))
    return views


def _moved(
    picture: Pixels, names: Sequence[str], flip: float, shift: NDArray[np.float64], rotate: float, zoom: float
) -> Pixels:
    """Flip, shift, rotate and zoom one picture in one resampling; each number lies between -1 and 1."""
    size = len(picture)
    mirror = -1.0 if "flip" in names and flip < 0 else 1.0
    shift = shift * (_SHIFT * size * ("shift" in names))
    angle = math.radians(_ROTATION * rotate * ("rotate" in names))
    scale = 1 + _ZOOM * zoom * ("zoom" in names)
    # Pillow asks where each pixel of the view comes from: (x, y) -> (a x + b y + c, d x + e y + f).
    linear = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]) / scale
    linear[0] *= mirror
    border = math.ceil(_BORDER * size)
    start = border + size / 2 - linear @ (shift + size / 2)
    padded = np.pad(picture, ((border, border), (border, border), (0, 0)), mode="reflect")
    view = Image.fromarray(padded).transform(
        (size, size),
        Image.Transform.AFFINE,
        (linear[0, 0], linear[0, 1], start[0], linear[1, 0], linear[1, 1], start[1]),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(view)


def _stretched(picture: Pixels, pivot: float, factor: float) -> Pixels:
    """Values moved away from the pivot by a factor, or towards it."""
    values = (picture.astype(np.float32) - pivot) * factor + pivot
    stretched: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return stretched
