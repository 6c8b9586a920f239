"""What the rest of a source is worth to a linear probe: something where it tells the class, nothing elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.leaving_out import LeftOut, leave_out

Codes = NDArray[np.int64]


def world(
    images: int, sources: int, *, of_class: float, of_source: float, seed: int = 0
) -> tuple[Codes, Codes, object]:
    """Sources of one class each; features tell the class, and the source, as strongly as wanted."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(sources, size=images)
    labels = codes % 2
    features = (
        of_class * np.stack([labels, 1 - labels], axis=1) @ rng.normal(size=(2, 60))
        + of_source * rng.normal(size=(sources, 60))[codes]
        + rng.normal(size=(images, 60))
    )
    return labels, codes, features


def left_out(labels: Codes, sources: Codes, features: object, asked: NDArray[np.bool_] | None = None) -> LeftOut:
    everywhere = np.ones(len(labels), dtype=np.bool_) if asked is None else asked
    return leave_out(np.asarray(features), labels, sources, everywhere, np.random.default_rng(0))


def test_images_of_a_source_that_was_seen_are_easy() -> None:
    # The class of a source says nothing of the next source of that class.
    found = left_out(*world(400, 20, of_class=0.0, of_source=2.0))
    assert found.images.tolist() == list(range(400))
    assert found.alone.shape == found.together.shape == (3, 400)
    assert found.alone.mean() > 0.95
    assert 0.3 < found.together.mean() < 0.6
    assert found.helped.mean() == pytest.approx(found.alone.mean() - found.together.mean())


def test_sources_that_say_nothing_beyond_the_class_are_worth_nothing() -> None:
    worth = [left_out(*world(240, 24, of_class=0.4, of_source=0.0, seed=seed)).helped.mean() for seed in range(20)]
    assert abs(np.mean(worth)) < 0.015


def test_a_class_in_a_single_source_cannot_be_measured() -> None:
    labels, sources, features = world(200, 10, of_class=1.0, of_source=0.5)
    labels = np.where(sources == 3, 2, labels)
    found = left_out(labels, sources, features)
    assert found.images.tolist() == np.flatnonzero(labels != 2).tolist()


def test_a_single_source_leaves_nothing_to_learn_from() -> None:
    labels, _, features = world(100, 10, of_class=1.0, of_source=0.0)
    found = left_out(labels, np.zeros(100, dtype=np.int64), features)
    assert found.images.tolist() == []
    assert found.alone.shape == (3, 0)


def test_only_the_images_asked_are_left_out() -> None:
    labels, sources, features = world(200, 10, of_class=0.5, of_source=1.0)
    asked = sources < 4
    found = left_out(labels, sources, features, asked)
    assert found.images.tolist() == np.flatnonzero(asked).tolist()


def test_of_a_large_source_four_hundred_images_are_looked_at() -> None:
    labels = np.arange(1_300) % 2
    sources = np.repeat([0, 1, 2], [900, 250, 150])
    features = labels[:, None] + np.random.default_rng(0).normal(size=(1_300, 3))
    found = left_out(labels, sources, features)
    assert np.bincount(sources[found.images]).tolist() == [400, 250, 150]
    assert (np.diff(found.images) > 0).all()


def test_an_image_is_not_predicted_by_itself() -> None:
    # Features that tell every image apart, labels by chance: what is fitted would be right, held out it is a guess.
    rng = np.random.default_rng(5)
    labels = rng.integers(2, size=150)
    found = left_out(labels, rng.integers(30, size=150), rng.normal(size=(150, 300)))
    assert 0.35 < found.alone.mean() < 0.65
    assert 0.35 < found.together.mean() < 0.65


def test_the_same_seed_draws_the_same_blocks() -> None:
    given = world(150, 12, of_class=0.5, of_source=0.5)
    assert (left_out(*given).together == left_out(*given).together).all()
