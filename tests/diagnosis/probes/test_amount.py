"""The predicted gain against what twice the images do bring, in worlds that can give them and on real pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sweep.diagnosis.probes.amount import few_images
from sweep.diagnosis.ridge import RidgeProbe, one_hot, stratified_order
from sweep.records import Cause, Finding, IndexArray

Array = NDArray[np.float64]
World = tuple[Array, NDArray[np.int64]]


def found(world: World, trained: int, validated: int, classes: int, seed: int = 0, **given: object) -> Finding:
    """Of the first images of a world as training and the next ones as validation."""
    rows = np.arange(trained + validated)
    return few_images(
        features=world[0][rows],
        labels=world[1][rows],
        train=rows[:trained],
        validation=rows[trained:],
        num_classes=classes,
        seed=seed,
        **given,  # type: ignore[arg-type]
    )


def hits(features: Array, labels: NDArray[np.int64], train: IndexArray, others: IndexArray) -> NDArray[np.bool_]:
    """What a linear probe that is fitted to some images gets right of others."""
    probe, targets = RidgeProbe(features[train]), one_hot(labels[train], int(labels.max()) + 1)
    told = probe.predict(targets, probe.chosen_penalty(targets), features[others])
    return np.asarray(told.argmax(axis=1) == labels[others])


def test_the_predicted_gain_is_what_twice_the_images_bring(feature_world: Callable[..., World]) -> None:
    actual, findings = [], []
    fresh = np.arange(3000, 6000)
    for seed in range(4):
        features, labels = world = feature_world(6000, classes=10, width=80, separation=3.0, seed=seed)
        findings.append(found(world, 300, 300, 10))
        # Of five sets of 300 images and as many more: what one of them gains varies by two points.
        sets = np.split(np.arange(3000), 5)
        gains = [
            hits(features, labels, drawn, fresh).mean() - hits(features, labels, drawn[:300], fresh).mean()
            for drawn in sets
        ]
        actual.append(np.mean(gains))
    effects = [finding.effect for finding in findings if finding.effect is not None]
    assert len(effects) == 4
    assert np.mean(actual) > 0.03
    assert np.mean([effect.estimate for effect in effects]) == pytest.approx(np.mean(actual), abs=0.01)
    for effect, gain, finding in zip(effects, actual, findings, strict=True):
        assert 0 < effect.low < gain < effect.high < 0.12
        assert finding.p is not None
        assert finding.p < 0.0004
    assert findings[0].cause is Cause.FEW_IMAGES
    assert findings[0].images == 600
    assert [remedy.changes for remedy in findings[0].remedies] == [{}, {"training.augment_views": 4}]


def test_where_few_images_tell_everything_more_bring_nothing(feature_world: Callable[..., World]) -> None:
    finding = found(feature_world(900, classes=2, width=2, separation=1.5, seed=2), 600, 300, 2)
    assert finding.effect is not None
    assert finding.p is not None
    assert finding.effect.low < 0 < finding.effect.high < 0.015
    assert finding.p > 0.05


def test_the_gain_is_read_off_the_last_doubling(feature_world: Callable[..., World]) -> None:
    finding = found(feature_world(500, classes=4, width=40, separation=2.0, seed=3), 400, 100, 4)
    assert finding.effect is not None
    # Nine tenths of 400 images and parts of them; (1/√400 - 1/√800) : (1/√180 - 1/√360) = 0.67082.
    names = [f"accuracy_at_{images}" for images in (22, 45, 90, 180, 360)]
    assert list(finding.evidence)[:5] == names
    curve = [float(finding.evidence[name]) for name in names]
    assert curve == sorted(curve)
    assert finding.effect.estimate == pytest.approx(0.67082 * (curve[4] - curve[3]), rel=1e-4)
    # Asked to predict what it knows: (1/√180 - 1/√360) : (1/√90 - 1/√180) = 1/√2.
    assert finding.evidence["measured_from_half"] == pytest.approx(curve[4] - curve[3])
    assert finding.evidence["predicted_from_half"] == pytest.approx((curve[3] - curve[2]) / np.sqrt(2))
    low, high = (float(finding.evidence[f"predicted_from_half_{end}"]) for end in ("low", "high"))
    assert low < curve[4] - curve[3] < high < low + 0.2
    assert (finding.evidence["training_images"], finding.evidence["validation_images"]) == (400, 100)
    sentence = finding.summary
    assert sentence.startswith("Twice the 400 training images would raise a linear probe's accuracy by ")
    assert f"fitted to 180 of them it gets {100 * curve[3]:.1f} % of unseen images right, to 360 " in sentence


@pytest.fixture
def bursts() -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Sources of eight images, each of a look of its own that says nothing of the class; 60 for training, 20 beside."""
    rng = np.random.default_rng(np.random.SeedSequence((4, 1)))
    groups = np.repeat(np.arange(80), 8)
    labels = np.repeat(rng.permutation(np.arange(80) % 2), 8)
    looks = np.repeat(rng.normal(size=(80, 150)), 8, axis=0)
    return looks + rng.normal(scale=0.7, size=looks.shape), labels, groups


def test_whole_sources_are_drawn(bursts: tuple[Array, NDArray[np.int64], NDArray[np.int64]]) -> None:
    features, labels, groups = bursts
    alone = found((features, labels), 480, 160, 2)
    together = found((features, labels), 480, 160, 2, groups=groups)
    assert alone.effect is not None
    assert together.effect is not None
    # Each of another source of the same look is a gain that new sources do not bring.
    assert float(alone.evidence["accuracy_at_432"]) > 0.8
    assert alone.effect.low > 0
    assert alone.p is not None
    assert alone.p < 0.005
    assert float(together.evidence["accuracy_at_432"]) == pytest.approx(0.5, abs=0.08)
    assert together.effect.low < 0
    assert together.p is not None
    assert together.p > 0.05
    assert together.images == 80
    names = np.array([f"clip {source:02}" for source in groups])
    assert found((features, labels), 480, 160, 2, groups=names).effect == together.effect


def test_validation_images_of_trained_sources_have_no_say(
    bursts: tuple[Array, NDArray[np.int64], NDArray[np.int64]],
) -> None:
    features, labels, groups = bursts
    some = groups.copy()
    some[480:560] = groups[:80]
    finding = found((features, labels), 480, 160, 2, groups=some)
    assert finding.evidence["validation_images"] == 80
    every = found((features, labels), 480, 160, 2, groups=np.arange(640) % 60)
    assert every.evidence["validation_images"] == 0
    assert "gain_on_validation" not in every.evidence


def test_too_few_images_or_sources_show_no_curve(feature_world: Callable[..., World]) -> None:
    world = feature_world(200, classes=4, width=5)
    finding = found(world, 15, 100, 4)
    assert finding.effect is None
    assert finding.missing == "halves of 15 images of 4 classes are too few for a curve"
    assert found(world, 16, 100, 4).effect is not None
    assert found(world, 150, 50, 4, groups=np.arange(200) // 11).missing == (
        "halves of 14 sources of 4 classes are too few for a curve"
    )
    giant = np.r_[np.zeros(38, int), 1:163]
    assert found(world, 150, 50, 4, groups=giant).missing == (
        "a single source has so many of the images that no half is like all"
    )
    assert found(world, 152, 48, 4, groups=giant).effect is not None


def test_the_same_seed_gives_the_same_finding(feature_world: Callable[..., World]) -> None:
    world = feature_world(150, classes=3, width=30, seed=5)
    assert found(world, 100, 50, 3, seed=1) == found(world, 100, 50, 3, seed=1)
    assert found(world, 100, 50, 3, seed=1).p != found(world, 100, 50, 3, seed=2).p


def test_images_that_are_all_certain_leave_a_chance_of_others(feature_world: Callable[..., World]) -> None:
    finding = found(feature_world(120, classes=2, width=3, separation=20.0), 80, 40, 2)
    assert finding.effect is not None
    assert finding.effect.estimate == 0.0
    assert 0 < finding.effect.high < 0.05
    assert finding.p == 0.5


def test_on_sonar_pictures_halves_predict_what_all_images_bring(shared: Path) -> None:
    features, labels = _pixels(shared / "data" / "nksid_sonar")
    gains, errors, findings = [], [], []
    for seed in range(4):
        order, _ = stratified_order(labels, np.random.default_rng(seed))
        held, half, other = np.split(order, [288, 504])
        rows = np.concatenate([half, held[:100]])
        world = features[rows], labels[rows]
        findings.append(found(world, len(half), 100, 5))
        few, many = (hits(features, labels, train, held) for train in (half, np.concatenate([half, other])))
        gains.append(float(many.mean() - few.mean()))
        errors.append(float((many * 1.0 - few).std()) / np.sqrt(len(held)))
    effects = [finding.effect for finding in findings if finding.effect is not None]
    assert np.mean([effect.low for effect in effects]) < np.mean(gains) < np.mean([effect.high for effect in effects])
    for effect, gain, error in zip(effects, gains, errors, strict=True):
        assert effect.low - 1.96 * error < gain < effect.high + 1.96 * error


def _pixels(folder: Path) -> World:
    """Grey pictures of 16 × 16 pixels."""
    features, labels = [], []
    for label, name in enumerate(sorted(folder.iterdir())):
        for path in sorted(name.iterdir()):
            features.append(np.asarray(Image.open(path).convert("L").resize((16, 16)), np.float64).ravel())
            labels.append(label)
    return np.array(features), np.array(labels)
