"""How large the images of a source are, from the headers of their files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from sweep.data.decoding import prepare_decoders
from sweep.records import DataIndex

__all__ = ["read_sizes", "sample_sizes"]


def sample_sizes(index: DataIndex, count: int = 100) -> tuple[tuple[int, int], ...]:
    """Width and height, pixels, of up to `count` images evenly spaced in the index; unreadable ones are passed over."""
    chosen = np.unique(np.linspace(0, len(index.images) - 1, min(count, len(index.images)), dtype=np.int64))
    return tuple(size for size in read_sizes(index, chosen.tolist()) if size is not None)


def read_sizes(index: DataIndex, positions: Sequence[int]) -> tuple[tuple[int, int] | None, ...]:
    """Width and height, pixels, of the files at these positions as they are stored; None for unreadable ones."""
    formats = prepare_decoders()

    def read(position: int) -> tuple[int, int] | None:
        try:
            with Image.open(Path(index.root) / index.images[position].path, formats=formats) as image:
                return image.size
        except (OSError, ValueError, Image.DecompressionBombError):
            return None

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return tuple(threads.map(read, positions))
