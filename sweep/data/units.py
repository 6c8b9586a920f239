"""Images that must stay together, and drawing some of those units at a wanted share of every class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sweep.records import ImageRecord, IndexArray

__all__ = ["Pool", "draw", "shared_units"]

_TRIES = 32
_SPANNING_STEPS = 100_000


def shared_units(images: Sequence[ImageRecord]) -> IndexArray:
    """The unit of each image, numbered by first appearance: equal bytes and equal groups join, also by way of others.

    Returns:
        int64, shape (n_images,).
    """
    leaders = list(range(len(images)))

    def leader(position: int) -> int:
        while leaders[position] != position:
            leaders[position] = position = leaders[leaders[position]]
        return position

    first: dict[tuple[str, str], int] = {}
    for position, image in enumerate(images):
        keys = [("content", image.content_hash)] + [("group", image.group)] * bool(image.group)
        for key in keys:
            low, high = sorted((leader(first.setdefault(key, position)), leader(position)))
            leaders[high] = low
    found = [leader(position) for position in range(len(images))]
    return np.unique(np.array(found, np.int64), return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Units that can still be drawn.

    Attributes:
        images: images of each class that the pool held at first, shape (n_classes,).
        sizes: images of each unit, shape (n_units,).
        single: of each class, the units with images of that class alone.
        spanning: the units with images of several classes.
        rows: their images of each class, shape (n_spanning, n_classes).
    """

    images: IndexArray
    sizes: IndexArray
    single: tuple[IndexArray, ...]
    spanning: IndexArray
    rows: IndexArray

    @classmethod
    def of_free(cls, labels: IndexArray, units: IndexArray, free: NDArray[np.bool_], num_classes: int) -> Pool:
        """The units of the images where `free` holds; a unit is free as a whole or not at all."""
        count = int(units.max(initial=-1)) + 1
        units, labels = units[free], labels[free]
        lowest, highest = np.full(count, num_classes), np.full(count, -1)
        np.minimum.at(lowest, units, labels)
        np.maximum.at(highest, units, labels)
        spanning = np.flatnonzero(lowest < highest)
        rows = np.zeros((len(spanning), num_classes), np.int64)
        among = np.isin(units, spanning)
        np.add.at(rows, (np.searchsorted(spanning, units[among]), labels[among]), 1)
        return cls(
            images=np.bincount(labels, minlength=num_classes),
            sizes=np.bincount(units, minlength=count),
            single=tuple(np.flatnonzero((lowest == label) & (highest == label)) for label in range(num_classes)),
            spanning=spanning,
            rows=rows,
        )

    @property
    def units(self) -> IndexArray:
        """How many units hold images of each class, shape (n_classes,)."""
        alone = np.fromiter(map(len, self.single), np.int64, len(self.single))
        spanning: IndexArray = (self.rows > 0).sum(axis=0, dtype=np.int64)
        return alone + spanning

    def without(self, drawn: IndexArray) -> Pool:
        """The pool after `drawn` was taken; `images` stays, since shares are shares of what it held at first."""
        kept = ~np.isin(self.spanning, drawn)
        return replace(
            self,
            single=tuple(units[~np.isin(units, drawn)] for units in self.single),
            spanning=self.spanning[kept],
            rows=self.rows[kept],
        )


def draw(pool: Pool, share: float, *, reserve: int, rng: np.random.Generator) -> IndexArray:
    """Draw units whose images come nearest to `share` of every class.

    Each class gives at least one unit and keeps at least `reserve`, if its units allow that at all. What one class
    misses, for its units are too large, the next ones make up for, so that the whole comes near the share too.

    Returns:
        Unit numbers, in no order.
    """
    chosen = _choose_spanning(pool, share, reserve, rng)
    drawn = [pool.spanning[chosen]]
    taken = pool.rows[chosen].sum(axis=0)
    spare = pool.units - np.count_nonzero(pool.rows[chosen], axis=0) - reserve
    missed = 0.0
    for label, units in enumerate(pool.single):
        if not len(units):
            continue
        sizes = pool.sizes[units]
        wanted = share * pool.images[label] - taken[label] + missed
        limits = (int(taken[label] == 0), min(len(units), int(spare[label])))
        picked = _choose_nearest(sizes, wanted, limits, rng)
        drawn.append(units[picked])
        largest = sizes.max() / 2
        missed = float(np.clip(wanted - sizes[picked].sum(), -largest, largest))
    return np.concatenate(drawn)


def _choose_nearest(sizes: IndexArray, wanted: float, limits: tuple[int, int], rng: np.random.Generator) -> list[int]:
    """Positions, at least and at most as many as `limits` say, of units whose sizes add up to nearly `wanted`.

    Random orders are tried, each taking what brings the sum nearer, until none could be better.
    """
    at_least, at_most = limits
    best: list[int] = []
    best_distance = np.inf
    for _ in range(_TRIES):
        order = rng.permutation(len(sizes)).tolist()
        total, chosen = 0, list[int]()
        for position in order:
            size = int(sizes[position])
            if len(chosen) < at_most and abs(total + size - wanted) < abs(total - wanted):
                chosen.append(position)
                total += size
        if len(chosen) < at_least:
            chosen = order[:at_least]
            total = int(sizes[chosen].sum())
        if abs(total - wanted) < best_distance:
            best, best_distance = chosen, abs(total - wanted)
        if best_distance <= 0.5:
            break
    return best


def _choose_spanning(pool: Pool, share: float, reserve: int, rng: np.random.Generator) -> list[int]:
    """Positions in `pool.spanning` whose images come near `share` of each class's images in such units.

    Classes with no unit of their own must get one here; the try that leaves the fewest of them out is the best.
    """
    if not len(pool.spanning):
        return []
    wanted = share * pool.rows.sum(axis=0)
    weights = 1.0 / np.maximum(pool.images, 1) ** 2
    needy = np.array([not len(units) for units in pool.single])
    spare = pool.units - reserve
    best: list[int] = []
    best_score = (np.inf, np.inf)
    for _ in range(max(1, min(_TRIES, _SPANNING_STEPS // len(pool.spanning)))):
        images, units, chosen = np.zeros_like(pool.images), np.zeros_like(pool.images), list[int]()
        for position in rng.permutation(len(pool.spanning)).tolist():
            row = pool.rows[position]
            touched = row > 0
            if (units[touched] >= spare[touched]).any():
                continue
            nearer = (weights * ((images + row - wanted) ** 2 - (images - wanted) ** 2)).sum() < 0
            if nearer or (touched & needy & (units == 0)).any():
                images, units = images + row, units + touched
                chosen.append(position)
        score = (float((needy & (units == 0)).sum()), float((weights * (images - wanted) ** 2).sum()))
        if score < best_score:
            best, best_score = chosen, score
    return best
