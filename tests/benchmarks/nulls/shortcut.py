"""Files whose sizes have nothing to do with their class, and image sizes that all do equally well."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.shortcut import resolution, shortcut

__all__ = ["NULLS"]

DRAWS = 199


def cameras(rng: np.random.Generator) -> float:
    """200 files in five sizes."""
    kinds = np.array([[640, 480], [480, 640], [1024, 768], [800, 800], [300, 200]])
    return _shortcut_p(kinds[rng.choice(5, size=200, p=[0.5, 0.2, 0.15, 0.1, 0.05])], rng.integers(3, size=200))


def heavy_tailed(rng: np.random.Generator) -> float:
    """120 files of any size, some very large, of classes of which one is rare."""
    return _shortcut_p(200 + 100 * rng.standard_cauchy((120, 2)) ** 2, rng.choice(3, size=120, p=[0.7, 0.2, 0.1]))


def sources(rng: np.random.Generator) -> float:
    """40 sources of 1 to 20 files, each with a size of its own and one class."""
    source = np.repeat(np.arange(40), rng.integers(1, 21, size=40))
    sizes = rng.integers(200, 2000, size=(40, 2))
    return _shortcut_p(sizes[source], rng.integers(2, size=40)[source], source)


def larger(rng: np.random.Generator) -> float:
    """300 images at three sizes, right on 80 % at each, mostly on the same."""
    hard = rng.random(300)
    return _resolution_p({pixels: 0.7 * hard + 0.3 * rng.random(300) < 0.62 for pixels in (160, 224, 320)})


def larger_sources(rng: np.random.Generator) -> float:
    """30 sources of ten images that are right or wrong together."""
    hard = rng.random(30)
    source = np.repeat(np.arange(30), 10)
    right = {pixels: (0.7 * hard + 0.3 * rng.random(30) < 0.6)[source] for pixels in (160, 224)}
    return _resolution_p(right, source)


def _shortcut_p(
    sizes: NDArray[np.generic], labels: NDArray[np.int64], groups: NDArray[np.int64] | None = None
) -> float:
    found = shortcut(sizes=sizes, labels=labels, num_classes=3, seed=0, groups=groups, draws=DRAWS).p
    assert found is not None
    return found


def _resolution_p(right: dict[int, NDArray[np.bool_]], groups: NDArray[np.int64] | None = None) -> float:
    found = resolution(correct_at=right, groups=groups).p
    assert found is not None
    return found


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "shortcut, cameras": cameras,
    "shortcut, heavy-tailed": heavy_tailed,
    "shortcut, sources": sources,
    "resolution, larger": larger,
    "resolution, sources": larger_sources,
}
