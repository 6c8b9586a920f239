"""What a linear probe gets right of images that it learns without, alone or together with all of their source.

Both ways leave out as many images of each class at a time, so only what stays behind differs: the rest of the source,
or none of it. Where sources say nothing beyond the class, both are right equally often on average, by symmetry.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.diagnosis.ridge import PENALTIES, RidgeProbe, one_hot
from sweep.records import IndexArray

__all__ = ["LeftOut", "leave_out"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_REPEATS = 3  # ways of cutting into blocks, to average over
_FEWEST_BLOCKS, _BLOCK = 10, 200  # a block's cost grows with the third power of its images
_MOST_OF_A_SOURCE = 400  # images, for the same reason


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """What the probe gets right, 0 or 1, shape (repeats, n_measured).

    Attributes:
        images: positions of the measured ones, ascending.
        alone: with single images left out.
        together: with whole sources left out.
    """

    images: IndexArray
    alone: FloatArray
    together: FloatArray

    @property
    def helped(self) -> FloatArray:
        """What the rest of its source does for each image, on average, shape (n_measured,)."""
        return np.asarray((self.alone - self.together).mean(axis=0))


def leave_out(
    features: ArrayLike, labels: IndexArray, sources: IndexArray, asked: BoolArray, rng: np.random.Generator
) -> LeftOut:
    """Predict images in blocks, by a probe that is fitted to all other images.

    Images are not measured if their class lies in one block, so that nothing is left to learn it from; of a single
    source none are.

    Args:
        features: shape (n_images, n_features).
        labels: from 0 on, shape (n_images,).
        sources: from 0 on, shape (n_images,); up to 400 images of each are looked at.
        asked: which images to leave out, whole sources of them; the others are only learnt from.
        rng: draws the blocks.
    """
    kept = _thinned(sources, rng)
    own_labels, own_sources, own_asked = labels[kept], sources[kept], asked[kept]
    if len(np.unique(own_sources)) < 2:
        return LeftOut(images=kept[:0], alone=np.zeros((_REPEATS, 0)), together=np.zeros((_REPEATS, 0)))
    probe, targets = RidgeProbe(np.asarray(features)[kept]), one_hot(own_labels, int(labels.max()) + 1)

    def right(penalty: float, folds: IndexArray | None) -> BoolArray:
        blocks = None if folds is None else [np.flatnonzero(folds == block) for block in range(folds.max() + 1)]
        return np.asarray(probe.held_out(targets, penalty, blocks).argmax(axis=1) == own_labels)

    # Chosen before anything is cut into blocks, so that it favours neither way; of equally good ones the strongest.
    penalty = max(reversed(PENALTIES), key=lambda one: float(right(one, None).mean()))
    alone, together, learnable = [], [], np.ones(int(own_asked.sum()), dtype=np.bool_)
    for _ in range(_REPEATS):
        folds = _folds(own_labels, own_sources, own_asked, rng)
        counts = np.zeros((folds.max() + 1, targets.shape[1]))
        np.add.at(counts, (folds[own_asked], own_labels[own_asked]), 1)
        learnable &= (counts < targets.sum(axis=0))[folds[own_asked], own_labels[own_asked]]
        together.append(right(penalty, folds)[own_asked])
        alone.append(right(penalty, _exchanged(folds, own_labels, rng))[own_asked])
    return LeftOut(
        images=kept[own_asked][learnable],
        alone=np.array(alone, dtype=np.float64)[:, learnable],
        together=np.array(together, dtype=np.float64)[:, learnable],
    )


def _thinned(sources: IndexArray, rng: np.random.Generator) -> IndexArray:
    """At most `_MOST_OF_A_SOURCE` positions of each source, drawn at random, ascending."""
    order = rng.permutation(len(sources))
    order = order[np.argsort(sources[order], kind="stable")]
    sizes = np.bincount(sources)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[rank < _MOST_OF_A_SOURCE])


def _folds(labels: IndexArray, sources: IndexArray, asked: BoolArray, rng: np.random.Generator) -> IndexArray:
    """The block in which each image asked is left out, whole sources at a time; -1 for other images.

    Large sources come first, each into the block that has least of its classes.
    """
    codes, own = np.unique(sources[asked], return_inverse=True)
    counts = np.zeros((len(codes), int(labels.max()) + 1))
    np.add.at(counts, (own, labels[asked]), 1)
    totals = np.maximum(1, counts.sum(axis=0))
    blocks = min(len(codes), max(_FEWEST_BLOCKS, math.ceil(len(own) / _BLOCK)))
    loads, block_of = np.zeros((blocks, counts.shape[1])), np.zeros(len(codes), dtype=np.int64)
    shuffled = rng.permutation(len(codes))
    for code in shuffled[np.argsort(-counts.sum(axis=1)[shuffled], kind="stable")]:
        overlap = loads @ (counts[code] / totals**2)
        block_of[code] = np.lexsort((loads.sum(axis=1), overlap))[0]
        loads[block_of[code]] += counts[code]
    folds = np.full(len(labels), -1, dtype=np.int64)
    folds[asked] = block_of[own]
    return folds


def _exchanged(folds: IndexArray, labels: IndexArray, rng: np.random.Generator) -> IndexArray:
    """Blocks with as many images of each class, drawn one by one."""
    drawn = folds.copy()
    for label in np.unique(labels):
        own = np.flatnonzero((labels == label) & (folds >= 0))
        drawn[own] = rng.permutation(folds[own])
    return drawn
