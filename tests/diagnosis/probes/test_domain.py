"""Whether two sides are of one kind: areas and counts by hand, what is told apart and what is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.probes.domain import Domain, Sides, tell_apart

World = tuple[NDArray[np.float64], NDArray[np.int64]]


def sides_of(world: World, validation: NDArray[np.bool_], sources: NDArray[np.int64] | None = None) -> Sides:
    features, labels = world
    return Sides(features=features, labels=labels, validation=validation, sources=sources, num_classes=3)


def told(sides: Sides, draws: int = 999) -> Domain:
    return tell_apart(sides, rng=np.random.default_rng(5), draws=draws)


@pytest.fixture
def random_sides(feature_world: Callable[..., World]) -> Sides:
    """300 images of three classes, 100 of them for validation."""
    return sides_of(feature_world(300, width=10), np.random.default_rng(3).permutation(300) < 100)


def test_random_sides_are_not_told_apart(random_sides: Sides) -> None:
    domain = told(random_sides)
    assert domain.p_features > 0.1
    assert domain.p_labels > 0.1
    assert domain.area == pytest.approx(domain.expected, abs=0.08)
    # Held-out fits lie below a half by chance: each image is missing from the mean of its own side.
    assert 0.4 < domain.expected < 0.5


def test_a_shift_of_all_classes_is_seen(random_sides: Sides) -> None:
    features = random_sides.features + 1.5 * random_sides.validation[:, None] / np.sqrt(10)
    domain = told(replace(random_sides, features=features))
    assert domain.p_features == 1 / 1000
    # The best direction separates two normal densities by 1.5: area Φ(1.5 / √2) = 0.856.
    assert domain.area == pytest.approx(0.856, abs=0.06)
    assert domain.p_labels > 0.1


def test_a_shift_that_differs_from_class_to_class_and_cancels_is_seen_too(random_sides: Sides) -> None:
    push = np.array([[1.0, 0.0], [-0.5, np.sqrt(0.75)], [-0.5, -np.sqrt(0.75)]])
    features = random_sides.features.copy()
    features[:, :2] += 2 * push[random_sides.labels] * random_sides.validation[:, None]
    assert told(replace(random_sides, features=features)).p_features == 1 / 1000


def test_more_images_of_one_class_are_no_difference_in_looks(feature_world: Callable[..., World]) -> None:
    world = feature_world(400, width=10, separation=4.0)
    rng = np.random.default_rng(1)
    validation = rng.random(400) < np.array([0.6, 0.2, 0.2])[world[1]]
    domain = told(sides_of(world, validation))
    assert domain.p_features > 0.05
    assert domain.p_labels == 1 / 1000
    assert domain.p == 2 / 1000


def test_scores_are_in_the_order_of_the_images(random_sides: Sides) -> None:
    features = random_sides.features.copy()
    odd = np.flatnonzero(random_sides.validation)[:5]
    features[random_sides.validation, 0] += 1.5
    features[odd, 0] += 6
    scores = told(replace(random_sides, features=features), draws=19).scores
    assert set(np.argsort(-scores)[:5].tolist()) == set(odd.tolist())


def test_sources_that_differ_are_no_difference_of_sides(feature_world: Callable[..., World]) -> None:
    # 30 sources of ten images each, told apart at sight; ten of them are validated.
    rng = np.random.default_rng(8)
    source = np.repeat(np.arange(30), 10)
    features, labels = feature_world(30, width=10)
    world = features[source] * 2 + 0.3 * rng.normal(size=(300, 10)), labels[source]
    validation = (rng.permutation(30) < 10)[source]
    assert told(sides_of(world, validation)).p_features == 1 / 1000
    assert told(sides_of(world, validation, source)).p_features > 0.05


def test_few_sources_cannot_show_much(feature_world: Callable[..., World]) -> None:
    # One source of five is validated: chance gives the same in one of five draws, however different it is.
    features, _ = feature_world(100, width=10)
    source = np.repeat(np.arange(5), 20)
    sides = Sides(
        features=features + 9.0 * (source == 4)[:, None],
        labels=np.zeros(100, np.int64),
        validation=source == 4,
        sources=source,
        num_classes=1,
    )
    assert told(sides).p_features > 0.1


def test_sources_on_both_sides_feign_no_difference(feature_world: Callable[..., World]) -> None:
    world = feature_world(200, width=10)
    rng = np.random.default_rng(2)
    assert told(sides_of(world, rng.random(200) < 0.3, np.arange(200) // 4)).p_features > 0.05


def test_classes_that_stand_on_one_side_alone_show_in_the_counts(feature_world: Callable[..., World]) -> None:
    world = feature_world(120)
    domain = told(sides_of(world, world[1] == 2))
    assert domain.area == 0.5
    assert domain.p_features == 1.0
    assert domain.p_labels == 1 / 1000


def test_features_that_say_nothing_tell_nothing() -> None:
    sides = Sides(
        features=np.ones((40, 3)),
        labels=np.arange(40) % 2,
        validation=np.arange(40) < 12,
        sources=None,
        num_classes=2,
    )
    assert told(sides).p_features > 0.1


def test_the_same_seed_gives_the_same_answer(random_sides: Sides) -> None:
    first, second = told(random_sides, draws=199), told(random_sides, draws=199)
    assert (first.p_features, first.p_labels, first.expected) == (second.p_features, second.p_labels, second.expected)
