"""Opinions that do not know an image's own label, nor its source's, and that are right about it all the same."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.contamination import Views
from sweep.diagnosis.opinions import HeldOut, held_out

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
World = tuple[Array, Labels]


@pytest.fixture(scope="module")
def world() -> World:
    """300 images of three classes that a linear probe tells apart on 19 of 20."""
    rng = np.random.default_rng(2)
    labels = rng.integers(3, size=300)
    return np.eye(3, 20)[labels] * 3.0 + rng.normal(size=(300, 20)), labels


def prepared(features: Array, units: Labels | None = None, seed: int = 0) -> HeldOut:
    return held_out(features, units, 3, np.random.default_rng(seed))


def seen(world: World, units: Labels | None = None) -> Views:
    images = prepared(world[0], units)
    return images.views(world[1], images.penalty(world[1]))


def test_both_opinions_know_the_classes(world: World) -> None:
    labels = world[1]
    views = seen(world)
    counts = np.bincount(labels, minlength=3)
    np.testing.assert_allclose(np.exp(views.log_prior), (counts + 1) / 303)
    discriminant, neighbours = views.opinions
    assert np.mean((discriminant + views.log_prior).argmax(axis=1) == labels) > 0.93
    assert np.mean((neighbours + views.log_prior).argmax(axis=1) == labels) > 0.87


def test_an_image_is_judged_without_its_own_label(world: World) -> None:
    features, labels = world
    images = prepared(features)
    penalty = images.penalty(labels)
    changed = labels.copy()
    changed[7] = (labels[7] + 1) % 3
    before, after = images.views(labels, penalty), images.views(changed, penalty)
    fold = images.folds == images.folds[7]
    np.testing.assert_allclose(
        before.opinions[1][7] + before.log_prior, after.opinions[1][7] + after.log_prior, atol=0.01
    )
    own = before.opinions[0][7] - before.opinions[0][7].mean(), after.opinions[0][7] - after.opinions[0][7].mean()
    others = np.abs(after.opinions[0] - before.opinions[0])[~fold].max()
    assert np.abs(own[0] - own[1]).max() < 0.25 * np.ptp(own[0])
    assert others > 0  # those whose fits have seen it do change


def test_the_linear_score_is_held_out_exactly(world: World) -> None:
    features, labels = world
    images = prepared(features)
    changed = labels.copy()
    changed[7] = (labels[7] + 1) % 3
    first, second = (
        images.probe.held_out(np.eye(3)[one], images.penalty(labels), images.blocks)[7] for one in (labels, changed)
    )
    np.testing.assert_allclose(first, second, atol=1e-9)


def test_a_source_is_judged_without_any_of_its_labels(world: World) -> None:
    # Each image is there three times, the first under a wrong label: its copies would confirm that.
    features, labels = np.repeat(world[0][:120], 3, axis=0), np.repeat(world[1][:120], 3)
    features[:3] = features[labels == labels[0]].mean(axis=0)
    units = np.repeat(np.arange(120), 3)
    wrong = labels.copy()
    wrong[:3] = (labels[:3] + 1) % 3
    alone, together = seen((features, wrong)), seen((features, wrong), units)
    for opinion in together.opinions:
        assert opinion[0].argmax() == labels[0]
        assert np.ptp(opinion[0]) > 1
    assert alone.opinions[1][0, wrong[0]] > together.opinions[1][0, wrong[0]] + 0.5


def test_a_source_is_in_one_fold_and_its_images_are_no_neighbours(world: World) -> None:
    units = np.arange(300) // 3
    images = prepared(world[0], units)
    assert (units[images.neighbours] != units[:, np.newaxis]).all()
    np.testing.assert_array_equal(images.folds, np.repeat(images.folds[::3], 3))
    assert np.bincount(images.folds).tolist() == [60] * 5


def test_what_is_unlike_everything_else_is_uncertain(world: World) -> None:
    features, labels = world
    thrown = features.copy()
    thrown[0] = features[0] * 30
    views = seen((thrown, labels))
    reach = np.ptp(views.opinions[0], axis=1)
    assert reach[0] < 1.5 * reach[1:].max()
    assert np.mean((views.opinions[0] + views.log_prior).argmax(axis=1) == labels) > 0.9


def test_features_that_never_vary_count_for_nothing(world: World) -> None:
    features, labels = world
    padded = np.column_stack([features, np.full(300, 7.0)])
    np.testing.assert_allclose(seen((padded, labels)).opinions[0], seen(world).opinions[0], atol=1e-6)


def test_labels_go_where_the_errors_of_others_go(world: World) -> None:
    features, labels = world
    given = labels.copy()
    zeros = np.flatnonzero(labels == 0)
    given[zeros[::4]] = 1  # a quarter of class 0 is called 1; nothing else is wrong
    change = seen((features, given)).change
    called_one, called_two = given == 1, given == 2
    # Column: the true class. From 0 labels go to 1, more often than from 2 to anywhere.
    assert change[called_one, 0].mean() > 3 * change[called_two, 0].mean()
    assert change[called_one, 0].mean() > 3 * change[called_one, 2].mean()
    assert (change[np.arange(300), given] < 0).all()


def test_the_change_of_a_labels_probabilities_sums_to_none(world: World) -> None:
    features, labels = world
    images = prepared(features)
    penalty = images.penalty(labels)
    found = []
    for label in range(3):
        given = labels.copy()
        given[7] = label
        found.append(images.views(given, penalty).change[7])
    changes = np.stack(found)
    np.testing.assert_allclose(changes.sum(axis=0), 0.0, atol=0.1)
    assert (np.diag(changes) < 0).all()
    assert (changes[~np.eye(3, dtype=bool)] > 0).all()


def test_one_unit_of_the_rate_is_one_wrong_label_an_image(world: World) -> None:
    change = seen(world).change
    assert -change[np.arange(300), world[1]].mean() == pytest.approx(1.0, abs=0.1)


def test_the_seed_draws_the_folds_alone(world: World) -> None:
    features, labels = world
    first, again, other = (prepared(features, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.folds, again.folds)
    assert (first.folds != other.folds).any()
    np.testing.assert_array_equal(first.neighbours, other.neighbours)
    assert sorted(np.bincount(first.folds).tolist()) == [60] * 5
    views = first.views(labels, 0.1), again.views(labels, 0.1)
    np.testing.assert_array_equal(views[0].opinions[0], views[1].opinions[0])
