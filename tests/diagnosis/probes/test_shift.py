"""Shift: what is found, what is no finding, and what is said of either."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.probes.shift import shift
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Cause, Finding

World = tuple[NDArray[np.float64], NDArray[np.int64]]

TRAIN, VALIDATION = np.arange(300), np.arange(300, 450)


def found(world: World, *, draws: int = 4_999, groups: NDArray[np.int64] | None = None) -> Finding:
    features, labels = world
    return shift(
        features=features,
        labels=labels,
        train=TRAIN,
        validation=VALIDATION,
        num_classes=3,
        groups=groups,
        seed=0,
        draws=draws,
    )


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=3).judged[0].outcome


@pytest.fixture
def world(feature_world: Callable[..., World]) -> World:
    """450 images of three classes that a linear probe tells apart on 19 of 20."""
    return feature_world(450, width=10, separation=3.0)


def test_sides_of_one_kind(world: World) -> None:
    finding = found(world)
    assert outcome(finding) is not Outcome.FOUND
    assert finding.p is not None
    assert finding.p > 0.1
    assert finding.effect is not None
    assert finding.effect.low < 0 < finding.effect.high
    assert finding.images == 150
    assert finding.exhibits == ()


def test_validation_images_pushed_towards_another_class(world: World) -> None:
    features, labels = world
    centres = np.stack([features[labels == label].mean(axis=0) for label in range(3)])
    pushed = features.copy()
    pushed[300:] += 0.6 * (centres[1] - centres[0])
    finding = found((pushed, labels))
    assert outcome(finding) is Outcome.FOUND
    assert finding.p == 2 / 5000
    assert finding.effect is not None
    evidence = finding.evidence
    loss = float(evidence["held_out_accuracy"]) - float(evidence["validation_accuracy"])
    assert finding.effect.estimate == pytest.approx(loss)
    assert 0.1 < finding.effect.estimate < 0.4
    assert float(evidence["area"]) > 0.8
    assert "less (p < 0.001); within a class the sides are told apart" in finding.summary
    assert len(finding.remedies) == 2
    assert "data.validation" in finding.remedies[0].sentence


def test_a_difference_that_costs_nothing_is_no_finding(world: World) -> None:
    features, labels = world
    # No fit to training can use what never varies there.
    stamped = np.column_stack([features, np.r_[np.zeros(300), np.random.default_rng(0).random(150)]])
    finding = found((stamped, labels))
    assert float(finding.evidence["features_p"]) == 1 / 200  # told coarsely, where nothing hangs on it
    assert finding.p == finding.evidence["loss_p"]
    assert outcome(finding) is not Outcome.FOUND


def test_the_images_most_unlike_training_are_shown(world: World) -> None:
    features, labels = world
    odd = [310, 333, 401, 444]
    moved = features.copy()
    moved[300:, 0] += 1.0
    moved[odd, 0] += 8.0
    (exhibit,) = found((moved, labels), draws=199).exhibits
    assert set(exhibit.images[:4]) == set(odd)
    assert len(exhibit.images) == 8
    assert min(exhibit.images) >= 300


def test_classes_in_another_order_are_called_that(world: World) -> None:
    features, labels = world
    renamed = labels.copy()
    renamed[300:] = np.array([1, 2, 0])[labels[300:]]
    finding = found((features, renamed))
    assert outcome(finding) is Outcome.FOUND
    assert finding.effect is not None
    assert finding.effect.estimate > 0.8
    # What is called class 1 there was class 0 by its looks.
    assert finding.evidence["order"] == "2-0-1"
    assert "its classes 0, 1, 2 are training's 2, 0, 1" in finding.summary
    assert "another order" in finding.summary
    (remedy,) = finding.remedies
    assert remedy.sentence.startswith("Give the classes of validation the order that training has")
    named = shift(
        features=features,
        labels=renamed,
        train=TRAIN,
        validation=VALIDATION,
        num_classes=3,
        seed=0,
        class_names=("<b>cat", "dog", "fox"),
    )
    order = 'its classes "<b>cat", "dog", "fox" are training\'s "fox", "<b>cat", "dog"'
    assert order in named.summary
    assert order in named.remedies[0].sentence
    assert named.evidence["order"] == "2-0-1"


def test_too_many_images_of_a_hard_class_are_a_shift_too(feature_world: Callable[..., World]) -> None:
    # Class 0 is easy, 1 and 2 are hardly told apart; training has mostly the easy one, validation the others.
    rng = np.random.default_rng(4)
    labels = np.r_[rng.choice(3, 300, p=[0.8, 0.1, 0.1]), rng.choice(3, 150, p=[0.2, 0.4, 0.4])]
    centres = np.zeros((3, 10))
    centres[0, 0], centres[1, 1], centres[2, 1] = 4.0, 0.4, -0.4
    finding = found((centres[labels] + rng.normal(size=(450, 10)), labels))
    assert outcome(finding) is Outcome.FOUND
    assert float(finding.evidence["labels_p"]) == 1 / 5000
    assert float(finding.evidence["features_p"]) > 0.01
    assert "the counts of classes differ more than by chance (p < 0.001)." in finding.summary


def test_a_handful_of_sources_cannot_prove_a_shift(world: World) -> None:
    features, labels = world
    sources = np.r_[np.arange(300) // 30, 10 + np.arange(150) // 75]  # ten for training, two for validation
    moved = features.copy()
    moved[300:] += 3.0
    assert outcome(found((moved, labels))) is Outcome.FOUND
    finding = found((moved, labels), groups=sources)
    assert outcome(finding) is Outcome.UNDETERMINED
    assert finding.images == 2
    assert finding.p is not None
    assert finding.p > 0.01


@pytest.mark.parametrize(
    ("train", "validation", "groups", "reason"),
    [
        (np.arange(9), np.arange(20, 60), None, "fewer than 10 images (9 train, 40 validate)"),
        (np.arange(40), np.arange(40, 44), None, "(40 train, 4 validate)"),
        (np.arange(40), np.arange(40, 60), np.arange(60) // 40, "all training images come from one source"),
    ],
)
def test_what_cannot_be_measured_says_why(
    world: World,
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
    groups: NDArray[np.int64] | None,
    reason: str,
) -> None:
    features, labels = world[0][:60], world[1][:60]
    finding = shift(
        features=features, labels=labels, train=train, validation=validation, num_classes=3, groups=groups, seed=0
    )
    assert finding.cause is Cause.SHIFT
    assert finding.effect is None
    assert finding.p is None
    assert reason in finding.missing


def test_images_outside_both_sides_count_for_nothing(world: World) -> None:
    features, labels = world
    spoilt = features.copy()
    spoilt[[5, 77, 350]] = 1e6
    sides = np.setdiff1d(TRAIN, [5, 77]), np.setdiff1d(VALIDATION, [350])
    first, second = (
        shift(
            features=one, labels=labels, train=sides[0], validation=sides[1], num_classes=3, seed=0, draws=99
        ).evidence
        for one in (features, spoilt)
    )
    assert first == second
