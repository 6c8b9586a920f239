"""The best of the heads that are quickly fitted to frozen features: ridge regressions and nearest neighbours.

Each is asked of images that it has not seen. What the best of them gets right is what the features give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.diagnosis.neighbours import nearest_images
from sweep.diagnosis.permutations import permutation_p
from sweep.diagnosis.ridge import PENALTIES, RidgeProbe, one_hot, stratified_blocks
from sweep.diagnosis.sources import Groups, source_codes
from sweep.diagnosis.statistics import effective_counts
from sweep.records import IndexArray

__all__ = ["BestHead", "best_head"]

FloatArray = NDArray[np.float64]

FEWEST_BLOCKS, BLOCK = 10, 200
"""Images are left out by tenths, of many images by smaller parts: the cost grows with the third power of a block."""
NEIGHBOURS = 10
"""A vote of several: of a burst that nobody has declared, a single one tells the scene and not the class."""
_AT_ONCE = 20  # permuted labels, of 15,000 images and 10 classes 24 MB a head
SHUFFLES = 99
"""Permuted labels: evidence alone hangs on them, no decision."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BestHead:
    """The head that gets most right, and how well heads tell classes apart that are taken as equally frequent.

    Attributes:
        name: in words.
        judged: positions of the images that heads were asked of, ascending.
        correct: whether the best is right, 0.0 or 1.0, shape (n_judged,).
        balanced: mean over the classes of the share that is right, at the head that is best at that, which weighs its
            scores by how rare a class is.
        effective: independent images behind `balanced`, fewer where classes or sources are of unequal size.
        shuffled: mean of `balanced` on permuted labels.
        p_shuffled: that `balanced` is no more than that.
    """

    name: str
    judged: IndexArray
    correct: FloatArray
    balanced: float
    effective: float
    shuffled: float
    p_shuffled: float


@dataclass(frozen=True, slots=True, eq=False)
class _Heads:
    """Heads ready to be fitted to any labels.

    Attributes:
        probe: of all images.
        blocks: what is left out together.
        judged: the images of all blocks.
        neighbours: of each judged image, shape (n_judged, n_neighbours).
    """

    probe: RidgeProbe
    blocks: list[IndexArray]
    judged: IndexArray
    neighbours: IndexArray

    def scores(self, targets: FloatArray) -> FloatArray:
        """Of each head, shape (n_heads, n_judged, n_targets), the neighbours' last."""
        linear = [self._linear(targets, penalty)[self.judged] for penalty in PENALTIES]
        return np.stack([*linear, targets[self.neighbours].mean(axis=1)])

    def _linear(self, targets: FloatArray, penalty: float) -> FloatArray:
        if len(self.blocks) > 1:
            return self.probe.held_out(targets, penalty, self.blocks)
        # The same but for the penalty's unit, at a cost that does not grow with the third power of the block.
        return self.probe.fitted_to(np.setdiff1d(np.arange(len(targets)), self.judged), targets, penalty)


def best_head(
    features: ArrayLike,
    labels: IndexArray,
    *,
    num_classes: int,
    rng: np.random.Generator,
    judged: IndexArray | None = None,
    groups: Groups | None = None,
) -> BestHead:
    """Fit every head and keep the best: its accuracy is a little too high, as that of any winner.

    Args:
        features: shape (n_images, n_features).
        labels: int, shape (n_images,).
        num_classes: of the study.
        rng: draws what is left out together.
        judged: positions of the images to ask of, by heads that are fitted to all others; None: all images are asked
            of, left out by tenths or less.
        groups: source of every image; whole ones are left out.
    """
    codes = None if groups is None else source_codes(groups)
    count = max(FEWEST_BLOCKS, len(labels) // BLOCK)
    blocks = stratified_blocks(labels, count, rng, codes) if judged is None else [np.sort(judged)]
    asked = np.sort(np.concatenate(blocks))
    heads = _Heads(RidgeProbe(features), blocks, asked, _neighbours(features, blocks)[asked])
    targets = one_hot(labels, num_classes)
    rarity = 1 / np.maximum(targets.mean(axis=0), 1 / len(labels))
    truth, scores = labels[asked], heads.scores(targets)
    correct = scores.argmax(axis=2) == truth
    best = int(correct.sum(axis=1).argmax())
    hits, weights = (scores * rarity).argmax(axis=2) == truth, _weights(truth)
    balanced = np.minimum(1.0, hits @ weights)  # which rounding may exceed

    def shuffled(count: int) -> FloatArray:
        moved = [_moved(codes, len(labels), rng) for _ in range(count)]
        return np.concatenate([_shuffled(heads, labels, targets * rarity, some) for some in _batches(moved)])

    p, chances = permutation_p(float(balanced.max()), shuffled, draws=SHUFFLES)
    independent = effective_counts(hits[balanced.argmax()], None if codes is None else codes[asked])[1] / len(asked)
    return BestHead(
        name="nearest neighbours" if best == len(PENALTIES) else f"ridge regression of penalty {PENALTIES[best]:g}",
        judged=asked,
        correct=correct[best].astype(np.float64),
        balanced=float(balanced.max()),
        effective=independent / float(weights @ weights),
        shuffled=float(chances.mean()),
        p_shuffled=p,
    )


def _neighbours(features: ArrayLike, blocks: list[IndexArray]) -> IndexArray:
    """The nearest images outside of each image's block, shape (n_images, n_neighbours)."""
    points = np.array(features, dtype=np.float64)
    points -= points.mean(axis=0)
    spread = points.std(axis=0)
    points /= np.where(spread > 0, spread, 1)
    block_of = np.arange(len(blocks), len(blocks) + len(points))
    for number, block in enumerate(blocks):
        block_of[block] = number
    return nearest_images(points, min(NEIGHBOURS, len(points) - max(map(len, blocks))), block_of)


def _moved(codes: IndexArray | None, images: int, rng: np.random.Generator) -> IndexArray:
    """A permutation of the images that moves those of a source together as far as sizes allow."""
    sources = np.arange(images) if codes is None else codes
    drawn = rng.permutation(int(sources.max()) + 1)[sources]
    moved = np.empty(images, np.int64)
    moved[np.argsort(sources, kind="stable")] = np.argsort(drawn, kind="stable")
    return moved


def _shuffled(heads: _Heads, labels: IndexArray, targets: FloatArray, moved: Sequence[IndexArray]) -> FloatArray:
    """The best balanced accuracy on labels that are permuted in several ways, shape (n_ways,).

    Args:
        heads: to be fitted.
        labels: of all images.
        targets: one-hot, each class divided by its share.
        moved: where each image takes its label from, shape (n_images,) each.
    """
    ways, classes = len(moved), targets.shape[1]
    scores = heads.scores(np.concatenate([targets[one] for one in moved], axis=1))
    given = scores.reshape(*scores.shape[:2], ways, classes).argmax(axis=3)
    truths = [labels[one][heads.judged] for one in moved]
    return np.array([((given[:, :, way] == truth) @ _weights(truth)).max() for way, truth in enumerate(truths)])


def _batches(moved: list[IndexArray]) -> Iterator[list[IndexArray]]:
    yield from (moved[start : start + _AT_ONCE] for start in range(0, len(moved), _AT_ONCE))


def _weights(labels: IndexArray) -> FloatArray:
    """Of each image, 1 in sum: the classes weigh the same, and so do the images of one."""
    _, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(1 / (len(counts) * counts[places]))
