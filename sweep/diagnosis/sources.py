"""Images that come from one source: as codes, and as the blocks that are left out together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.records import IndexArray

__all__ = ["Groups", "source_blocks", "source_codes"]

Groups = Sequence[Any] | NDArray[Any]


def source_codes(groups: Groups) -> IndexArray:
    """The sources of images as numbers from 0, int64, shape (n_images,)."""
    return np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)


def source_blocks(codes: IndexArray) -> tuple[IndexArray, ...]:
    """Positions of the images of each source, ascending; together they are all positions."""
    order = np.argsort(codes, kind="stable")
    return tuple(np.split(order, np.flatnonzero(np.diff(codes[order])) + 1))
