"""What is computed for all resamples at once, against `statistics` on the images that were drawn, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.resamples import Resamples, holm_rejected, mcnemar_less, mean_above, wilson_low
from sweep.diagnosis.statistics import (
    effective_counts,
    holm,
    mcnemar_exact,
    mean_above_zero,
    standard_error,
    wilson,
)
from sweep.records import IndexArray

DRAWS, IMAGES, TRIALS = 15, 60, 4


@dataclass(frozen=True)
class Drawn:
    """Resamples of units, and for each draw the images and their units written out."""

    resamples: Resamples
    units: IndexArray

    def written_out(self) -> Iterator[tuple[IndexArray, IndexArray]]:
        for counts in self.resamples.counts.astype(int):
            copies = [unit for unit, times in enumerate(counts) for _ in range(times)]
            images = [np.flatnonzero(self.units == unit) for unit in copies]
            codes = [np.full(len(one), copy) for copy, one in enumerate(images)]
            yield np.concatenate(images), np.concatenate(codes).astype(np.int64)

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([values[self.units == unit].sum(axis=0) for unit in range(self.units.max() + 1)])


def drawn(units: IndexArray, seed: int) -> Drawn:
    rng = np.random.default_rng(seed)
    number = int(units.max()) + 1
    counts = rng.multinomial(number, np.full(number, 1 / number), size=DRAWS).astype(np.float64)
    counts[0] = 1.0  # the validation side itself
    counts[1] = 0.0
    counts[1, 3] = number  # one unit again and again
    return Drawn(Resamples(counts=counts, sizes=np.bincount(units).astype(np.float64)), units)


@pytest.fixture
def images() -> Drawn:
    return drawn(np.arange(IMAGES, dtype=np.int64), 1)


@pytest.fixture
def sources() -> Drawn:
    units = np.random.default_rng(2).integers(0, 12, IMAGES)
    return drawn(np.unique(units, return_inverse=True)[1].astype(np.int64), 3)


@pytest.fixture
def right() -> NDArray[np.float64]:
    """Hits of four trials; the last one gets everything right, and the third equals the first."""
    hits = (np.random.default_rng(4).random((IMAGES, TRIALS)) < 0.7).astype(np.float64)
    hits[:, 2], hits[:, 3] = hits[:, 0], 1.0
    return hits


@pytest.fixture
def nats() -> NDArray[np.float64]:
    """Cross-entropies of four trials; the last one lies 0.1 above the first everywhere, the third equals the first."""
    values = np.random.default_rng(5).gamma(2.0, 0.4, (IMAGES, TRIALS))
    values[:, 2], values[:, 3] = values[:, 0], values[:, 0] + 0.1
    return values


AGAINST = np.arange(DRAWS, dtype=np.int64) % TRIALS


def test_lower_bounds_of_single_images_are_wilsons(images: Drawn, right: NDArray[np.float64]) -> None:
    expected = [[wilson(hits, IMAGES).low for hits in right[which].sum(axis=0)] for which, _ in images.written_out()]
    assert wilson_low(right, images.resamples, single=True, level=0.95) == pytest.approx(np.array(expected))


def test_lower_bounds_with_sources_carry_the_design_effect(sources: Drawn, right: NDArray[np.float64]) -> None:
    expected = [
        [wilson(*effective_counts(right[which, trial], codes), level=0.9).low for trial in range(TRIALS)]
        for which, codes in sources.written_out()
    ]
    found = wilson_low(sources.sums(right), sources.resamples, single=False, level=0.9)
    assert found == pytest.approx(np.array(expected))


@pytest.mark.parametrize("kind", ["images", "sources"])
def test_means_are_compared_by_the_same_t_test(
    kind: str, nats: NDArray[np.float64], request: pytest.FixtureRequest
) -> None:
    units: Drawn = request.getfixturevalue(kind)
    expected = [
        [mean_above_zero(nats[which, trial] - nats[which, other], codes) for trial in range(TRIALS)]
        for (which, codes), other in zip(units.written_out(), AGAINST, strict=True)
    ]
    found = mean_above(units.sums(nats), AGAINST, units.resamples)
    assert found == pytest.approx(np.array(expected), abs=1e-9)


def test_hits_are_compared_by_the_same_exact_test(images: Drawn, right: NDArray[np.float64]) -> None:
    expected = [
        [mcnemar_exact(right[which, trial], right[which, other], alternative="less") for trial in range(TRIALS)]
        for (which, _), other in zip(images.written_out(), AGAINST, strict=True)
    ]
    assert mcnemar_less(right, AGAINST, images.resamples) == pytest.approx(np.array(expected), abs=1e-12)


def test_the_error_of_a_mean_is_that_over_sources(sources: Drawn, nats: NDArray[np.float64]) -> None:
    resamples, sums = sources.resamples, sources.sums(nats)
    expected = [
        [standard_error(nats[which, trial], codes)[0] for trial in range(TRIALS)]
        for which, codes in sources.written_out()
    ]
    found = resamples.clustered_error(
        resamples.sums(sums) / resamples.images,
        resamples.sums(sums**2),
        resamples.sums(resamples.sizes[:, None] * sums),
    )
    # A source drawn twelve times has no spread, so only rounding is left of its error.
    assert found == pytest.approx(np.array(expected), abs=1e-8)


def test_one_source_alone_proves_nothing(nats: NDArray[np.float64]) -> None:
    alone = Resamples(counts=np.ones((1, 1)), sizes=np.array([float(IMAGES)]))
    sums = nats.sum(axis=0, keepdims=True)
    assert mean_above(sums, np.array([1]), alone).tolist() == [[1.0] * TRIALS]
    low = wilson_low(np.full((1, 1), 45.0), alone, single=False, level=0.95)
    assert low[0, 0] == pytest.approx(wilson(0.75, 1).low)


def test_holm_by_rows() -> None:
    rng = np.random.default_rng(6)
    p_values = rng.random((200, 7)) ** 4
    expected = [[p < 0.05 for p in holm(tuple(row))] for row in p_values]
    assert holm_rejected(p_values, 0.05).tolist() == expected


def test_holm_leaves_out_who_is_not_compared_and_counts_who_is_elsewhere() -> None:
    # 0.012 and 0.02 among two: both below 0.05 (2 * 0.012, then 0.02). Among five: 5 * 0.012 is not.
    p_values = np.array([[0.02, np.inf, 0.012]])
    assert holm_rejected(p_values, 0.05).tolist() == [[True, False, True]]
    assert holm_rejected(p_values, 0.05, accepted=3).tolist() == [[False, False, False]]
    assert not holm_rejected(np.full((2, 3), np.inf), 0.05).any()
