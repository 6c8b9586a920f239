"""Features that show the classes, that hide them, and that are held against something better."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.probes.features import weak_features
from sweep.diagnosis.statistics import mcnemar_exact, paired_accuracy_difference
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Cause, Finding, Interval

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
World = tuple[Array, Labels]


def found(world: World, classes: int, seed: int = 0, **held_against: object) -> Finding:
    return weak_features(
        features=world[0],
        labels=world[1],
        num_classes=classes,
        seed=seed,
        **held_against,  # type: ignore[arg-type]
    )


def effect_of(finding: Finding) -> tuple[Interval, float]:
    assert finding.effect is not None
    assert finding.p is not None
    return finding.effect, finding.p


def outcome(finding: Finding) -> Outcome:
    """Among 21 other causes that are tested and absent."""
    p = finding.p
    assert p is not None
    verdict = judge([finding], num_classes=4)
    return verdict.judged[0].outcome if p * 22 < 0.01 or p > 0.01 else Outcome.UNDETERMINED


def noise(images: int, classes: int, width: int = 30, seed: int = 0) -> World:
    """Features that lie across the task."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, 3)))
    return rng.normal(size=(images, width)), rng.permutation(np.arange(images) % classes)


def test_features_across_the_task_are_weak_without_any_other_network() -> None:
    finding = found(noise(600, 4), 4)
    effect, p = effect_of(finding)
    assert finding.cause is Cause.WEAK_FEATURES
    assert p < 1e-4
    assert outcome(finding) is Outcome.FOUND
    # All that the best head gets wrong may be lost, 0.15 · 0.75 less what it may get right beyond chance for certain.
    assert effect.estimate == pytest.approx(1 - float(finding.evidence["accuracy"]))
    assert effect.estimate == pytest.approx(0.73, abs=0.04)
    assert 0 < effect.low < 0.15 * effect.estimate
    assert effect.estimate < effect.high < 0.8
    assert finding.images == 600
    assert float(finding.evidence["p_with_shuffled_labels"]) > 0.05
    assert finding.summary.startswith("No head on the frozen features tells the classes apart: the best gets 2")
    assert finding.remedies[0].changes["model.unfrozen_layers"] == 20
    assert finding.remedies[0].changes["training.head_epochs"] == 3


def test_a_task_that_may_be_hard_for_everything_is_not_blamed_on_the_features(
    feature_world: Callable[..., World],
) -> None:
    finding = found(feature_world(600, classes=4, width=20, separation=1.0, seed=1), 4)
    effect, p = effect_of(finding)
    accuracy = float(finding.evidence["accuracy"])
    assert 0.4 < accuracy < 0.6
    assert p > 0.99
    assert outcome(finding) is Outcome.UNDETERMINED
    assert (effect.estimate, effect.low) == (0.0, 0.0)
    assert effect.high == pytest.approx(1 - accuracy, abs=0.05)
    assert finding.images == 0  # more of them would not tell
    assert "was not measured" in finding.summary


def test_features_that_tell_everything_are_excluded(feature_world: Callable[..., World]) -> None:
    finding = found(feature_world(600, classes=4, separation=12.0, seed=2), 4)
    assert outcome(finding) is Outcome.EXCLUDED
    assert effect_of(finding)[0].high < 0.01


def test_few_images_prove_no_weakness() -> None:
    effect, p = effect_of(finding := found(noise(60, 4), 4))
    assert outcome(finding) is Outcome.UNDETERMINED
    assert p > 0.001
    assert effect.high > 0.6
    assert finding.images == 60


def test_a_rare_class_that_is_never_predicted_may_be_known_all_the_same() -> None:
    rng = np.random.default_rng(3)
    labels = (np.arange(1500) % 25 == 0).astype(np.int64)
    features = rng.normal(size=(1500, 3)) + 1.3 * labels[:, None] * [1, 0, 0]
    finding = found((features, labels), 2)
    # Nothing is gained over calling all of them frequent, and yet the rare ones stand out.
    assert float(finding.evidence["accuracy"]) == pytest.approx(0.96, abs=0.002)
    assert float(finding.evidence["balanced_accuracy"]) > 0.68
    assert effect_of(finding)[1] > 0.9


def better(labels: Labels, share: float, seed: int = 0) -> Array:
    """A network that is right on some images."""
    return (np.random.default_rng(np.random.SeedSequence((seed, 4))).random(len(labels)) < share).astype(np.float64)


def test_a_network_with_trained_layers_shows_what_is_missing(feature_world: Callable[..., World]) -> None:
    world = feature_world(500, classes=4, separation=1.2, seed=4)
    theirs = better(world[1], 0.9)
    finding = found(world, 4, unfrozen=theirs)
    effect, p = effect_of(finding)
    missing = theirs.mean() - float(finding.evidence["accuracy"])
    assert missing > 0.2
    assert effect.estimate == pytest.approx(missing)
    assert (p, outcome(finding)) == (pytest.approx(0, abs=1e-10), Outcome.FOUND)
    assert finding.images == 500
    assert finding.evidence["unfrozen_accuracy"] == theirs.mean()


def test_the_comparison_is_paired_and_on_the_images_that_the_network_did_not_see(
    feature_world: Callable[..., World],
) -> None:
    features, labels = world = feature_world(400, classes=3, separation=2.5, seed=5)
    judged = np.arange(300, 400)
    theirs = np.full(400, np.nan)
    theirs[judged] = better(labels[judged], 0.97)
    finding = found(world, 3, unfrozen=theirs)
    assert finding.images == 100
    # Heads that are fitted to the other 300 images: nearest class mean is Bayes' rule here, and they come close.
    means = np.stack([features[:300][labels[:300] == label].mean(axis=0) for label in range(3)])
    nearest = ((features[judged, None] - means) ** 2).sum(axis=2).argmin(axis=1) == labels[judged]
    assert float(finding.evidence["accuracy"]) == pytest.approx(nearest.mean(), abs=0.03)
    effect, p = effect_of(finding)
    like = paired_accuracy_difference(theirs[judged], nearest)
    assert (effect.low, effect.high) == pytest.approx((like.low, like.high), abs=0.05)
    assert p == pytest.approx(mcnemar_exact(theirs[judged], nearest, alternative="greater"), abs=0.03)


def test_a_network_that_is_no_better_excludes_weak_features(feature_world: Callable[..., World]) -> None:
    world = feature_world(3000, classes=3, separation=5.0, width=4, seed=6)
    finding = found(world, 3, unfrozen=better(world[1], 0.98))
    assert float(finding.evidence["accuracy"]) > 0.97
    assert outcome(finding) is Outcome.EXCLUDED


def test_a_network_that_learned_nothing_excludes_nothing(feature_world: Callable[..., World]) -> None:
    world = feature_world(600, classes=4, width=20, separation=1.0, seed=1)
    effect, p = effect_of(finding := found(world, 4, unfrozen=better(world[1], 0.25)))
    assert effect.estimate < -0.1
    assert p > 0.99
    assert effect.high == pytest.approx(1 - float(finding.evidence["accuracy"]), abs=0.05)
    assert outcome(finding) is Outcome.UNDETERMINED


def test_shares_of_several_trainings_are_compared_too(feature_world: Callable[..., World]) -> None:
    world = feature_world(400, classes=4, separation=1.2, seed=7)
    theirs = (better(world[1], 0.8, 1) + better(world[1], 0.8, 2) + better(world[1], 0.8, 3)) / 3
    finding = found(world, 4, unfrozen=theirs)
    effect, p = effect_of(finding)
    assert effect.estimate == pytest.approx(theirs.mean() - float(finding.evidence["accuracy"]))
    assert effect.low < effect.estimate < effect.high < effect.low + 0.2
    assert p < 1e-6


def test_a_target_is_held_against_the_best_head(feature_world: Callable[..., World]) -> None:
    world = feature_world(800, classes=4, separation=2.0, seed=8)
    accuracy = float(found(world, 4).evidence["accuracy"])
    effect, p = effect_of(short := found(world, 4, target=accuracy + 0.1))
    assert effect.estimate == pytest.approx(0.1)
    assert effect.low == pytest.approx(0.1 - 1.96 * np.sqrt(accuracy * (1 - accuracy) / 800), abs=0.003)
    assert p < 1e-6
    assert outcome(short) is Outcome.FOUND
    assert "10.0 points" in short.summary
    assert f"below the {100 * (accuracy + 0.1):.1f} % that are asked for" in short.summary
    reached = found(world, 4, target=accuracy - 0.05)
    assert outcome(reached) is Outcome.EXCLUDED
    assert effect_of(found(world, 4, target=accuracy))[1] == pytest.approx(0.5, abs=0.03)


def test_what_sources_alone_explain_does_not_make_features_strong() -> None:
    rng = np.random.default_rng(9)
    groups, labels = np.repeat(np.arange(400), 3), np.repeat(rng.permutation(np.arange(400) % 3), 3)
    features = np.repeat(rng.normal(size=(400, 500)), 3, axis=0) + rng.normal(scale=0.05, size=(1200, 500))
    alone, together = found((features, labels), 3), found((features, labels), 3, groups=groups)
    assert float(alone.evidence["accuracy"]) > 0.9
    assert float(together.evidence["accuracy"]) < 0.42
    assert effect_of(together)[1] < 0.05
    assert together.images == 400


def test_what_cannot_be_measured_is_said() -> None:
    features, labels = noise(40, 2)
    assert found((features, np.ones(40, int)), 2).missing == "all images are of one class"
    assert found((features, labels), 2, groups=np.zeros(40)).missing == "all images are of one source"


def test_the_same_seed_gives_the_same_finding() -> None:
    world = noise(90, 3)
    assert found(world, 3, seed=1) == found(world, 3, seed=1)
    assert found(world, 3, seed=1).evidence != found(world, 3, seed=2).evidence
