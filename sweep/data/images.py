"""The pixels of an index: decoded once and kept on disk."""

from __future__ import annotations

import errno
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sweep.data.cache import ArrayCache, content_key
from sweep.data.decoding import DECODER, decode_file, prepare_decoders, refusal
from sweep.errors import DataError
from sweep.progress import Progress
from sweep.records import DataIndex, UnreadableFile

__all__ = ["decode_images"]

Pixels = NDArray[np.uint8]

_TOLERATED_UNREADABLE = 0.05
_FAULTS_OF_THE_SYSTEM = (errno.ENOENT, errno.EACCES, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE)


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
