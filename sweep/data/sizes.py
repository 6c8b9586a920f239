"""How large the images of a source are, from the headers of a few of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from sweep.data.decoding import prepare_decoders
from sweep.records import DataIndex

__all__ = ["sample_sizes"]


def sample_sizes(index: DataIndex, count: int = 100) -> tuple[tuple[int, int], ...]:
    """Width and height, pixels, of up to `count` images evenly spaced in the index; unreadable ones are passed over."""
    formats = prepare_decoders()
    chosen = np.unique(np.linspace(0, len(index.images) - 1, min(count, len(index.images)), dtype=np.int64))
    sizes = []
    for position in chosen:
        try:
            with Image.open(Path(index.root) / index.images[position].path, formats=formats) as image:
                sizes.append(image.size)
        except (OSError, ValueError, Image.DecompressionBombError):
            continue
    return tuple(sizes)
