"""What the frozen parts of somebody's own models say of the images: computed once, kept for later trials."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sweep.backbones.weights import weights_digest
from sweep.features.engine import make_engine
from sweep.progress import Progress
from sweep.records import IndexArray
from sweep.training.hyper_cut import CutModel
from sweep.training.recent import RecentlyUsed, physical_memory

__all__ = ["FrozenOutputs"]

Float32: TypeAlias = NDArray[np.float32]

_SHARE_OF_MEMORY = 8
_AT_ONCE = 256
_GIGABYTE = 1e9


class FrozenOutputs:
    """Outputs of frozen parts in memory, by digest of configuration and weights: equal parts share them.

    Args:
        pixels: uint8, shape (n_images, height, width, 3), in the order of the index.
        developed: the images that are not sealed, positions in the index, ascending.
        progress: stage "frozen part".
    """

    def __init__(self, pixels: NDArray[np.uint8], developed: IndexArray, progress: Progress) -> None:
        self._pixels = pixels
        self._developed = developed
        self._progress = progress
        self._capacity = physical_memory() / _SHARE_OF_MEMORY
        self._kept: RecentlyUsed[str, Float32] = RecentlyUsed(self._capacity, lambda outputs: outputs.nbytes)

    def why_too_large(self, cut: CutModel) -> str:
        """Why a part's outputs cannot be kept, as a clause, or ""."""
        size = 4 * len(self._developed) * math.prod(cut.frozen.output_shape[1:])
        if size <= self._capacity:
            return ""
        return f'what "{cut.layer}" gives would take {size / _GIGABYTE:,.1f} GB of memory'

    def of(self, cut: CutModel) -> Float32:
        """Outputs of the images that are not sealed, float32, shape (n_developed, …), in the order of `developed`."""
        return self._kept.get(weights_digest(cut.frozen), lambda: self._compute(cut))

    def rows(self, images: IndexArray) -> IndexArray:
        """Where images of the index stand in the outputs."""
        return np.searchsorted(self._developed, images)

    def _compute(self, cut: CutModel) -> Float32:
        engine = make_engine(cut.frozen)
        count = len(self._developed)
        outputs = np.empty((count, *cut.frozen.output_shape[1:]), np.float32)
        with self._progress.stage("frozen part", count, "images") as advance:
            for start in range(0, count, _AT_ONCE):
                batch = self._pixels[self._developed[start : start + _AT_ONCE]].astype(np.float32)
                outputs[start : start + _AT_ONCE] = engine.run(batch)[0]
                advance(len(batch))
        return outputs
