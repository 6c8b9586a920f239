"""Virtual repairs: what is left of the images, and what is not touched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sweep.records import Cause, Finding, Interval
from sweep.workflow.mending import mended
from sweep.workflow.observed import Observed

IMAGES = 200


@pytest.fixture
def observed() -> Observed:
    """Two classes of two hundred images, a third of them sealed; forty sources of five, each on both sides."""
    rng = np.random.default_rng(0)
    everything = np.arange(IMAGES)
    validation = everything[everything % 5 == 4]
    return Observed(
        positions=everything + 100,
        train=np.setdiff1d(everything, validation),
        validation=validation,
        labels=np.repeat(np.arange(40) % 2, 5),
        class_names=("cat", "dog"),
        features=rng.normal(size=(IMAGES, 4)).astype(np.float32),
        missing="",
        thumbnails=np.zeros((IMAGES, 32, 32, 3), np.uint8),
        sizes=np.full((IMAGES, 2), 64.0),
        content_hashes=tuple(str(one) for one in range(IMAGES)),
        groups=None,
        sources=np.repeat(np.arange(40), 5),
        pattern="(.+)_",
    )


def found(cause: Cause, rows: tuple[int, ...] = ()) -> Finding:
    effect = Interval(estimate=0.1, low=0.05, high=0.15)
    return Finding(cause=cause, effect=effect, p=1e-6, summary="", rows=rows)


@pytest.mark.parametrize("cause", [Cause.LEAK, Cause.LABEL_NOISE])
def test_images_are_left_out(observed: Observed, cause: Cause) -> None:
    left = mended(observed, found(cause, (4, 5, 9)))
    assert left is not None
    assert left.positions.tolist() == [row + 100 for row in range(IMAGES) if row not in (4, 5, 9)]
    assert (len(left.train), len(left.validation)) == (159, 38)
    assert left.features is not None
    assert observed.features is not None
    assert np.array_equal(left.features[left.validation[0]], observed.features[14])


def test_sources_stand_on_one_side(observed: Observed) -> None:
    left = mended(observed, found(Cause.BURSTS))
    assert left is not None
    assert left.groups is not None
    assert not set(left.groups[left.train]) & set(left.groups[left.validation])
    assert len(left.train) + len(left.validation) == IMAGES
    assert np.bincount(left.labels[left.validation]).min() >= 15


def test_sources_without_names_are_guessed(observed: Observed) -> None:
    rng = np.random.default_rng(1)
    frames = np.repeat(rng.normal(size=(40, 8)), 5, axis=0) + rng.normal(scale=0.01, size=(IMAGES, 8))
    left = mended(replace(observed, sources=None, features=frames.astype(np.float32)), found(Cause.BURSTS))
    assert left is not None
    assert left.groups is not None
    assert len(np.unique(left.groups)) == 40
    assert not set(left.groups[left.train]) & set(left.groups[left.validation])


def test_a_shift_is_mended_by_sides_of_all_images(observed: Observed) -> None:
    # All of one class in validation and the other in training, which no random split does.
    apart = replace(observed, train=np.flatnonzero(observed.labels == 0), validation=np.flatnonzero(observed.labels))
    left = mended(apart, found(Cause.SHIFT))
    assert left is not None
    assert np.bincount(left.labels[left.validation]).tolist() == pytest.approx([20, 20], abs=2)
    assert left.groups is None


def test_classes_in_another_order_get_the_names_of_training(observed: Observed) -> None:
    swapped = observed.labels.copy()
    swapped[observed.validation] = 1 - swapped[observed.validation]
    finding = replace(found(Cause.SHIFT), evidence={"reordered": True, "order": "1-0"})
    left = mended(replace(observed, labels=swapped), finding)
    assert left is not None
    assert np.array_equal(left.labels, observed.labels)
    assert np.array_equal(left.validation, observed.validation)


def test_what_cannot_be_mended_is_left_alone(observed: Observed) -> None:
    assert mended(observed, found(Cause.LEAK)) is None
    assert mended(observed, found(Cause.CAPACITY, (1, 2))) is None
    nearly_all = tuple(int(row) for row in observed.validation[:-10])
    assert mended(observed, found(Cause.LEAK, nearly_all)) is None
