"""Bursts: what sources on both sides are worth, known or guessed, and what can be said where none is seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.probes.bursts import bursts
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Finding, Interval

Features = NDArray[np.float64]
Codes = NDArray[np.int64]
World = tuple[Features, Codes]

SIDES = np.random.default_rng(99).permutation(400)
TRAIN, VALIDATION = SIDES[:300], SIDES[300:]


def frames(sources: int, *, apart: float, near: float = 1.0, seed: int = 0) -> tuple[Features, Codes, Codes]:
    """400 frames of sources of one class each: sources differ by `apart`, frames of one by `near`, classes hardly."""
    rng = np.random.default_rng(seed)
    codes = np.arange(400) % sources
    labels = codes % 2
    centres = apart * rng.normal(size=(sources, 30))
    classes = 0.3 * rng.normal(size=(2, 30))
    return centres[codes] + classes[labels] + near * rng.normal(size=(400, 30)), labels, codes


def found(
    features: Features,
    labels: Codes,
    sources: Codes | None,
    *,
    train: Codes = TRAIN,
    validation: Codes = VALIDATION,
    thumbnails: NDArray[np.uint8] | None = None,
    pattern: str = "",
) -> Finding:
    return bursts(
        features=features,
        labels=labels,
        sources=sources,
        train=train,
        validation=validation,
        thumbnails=thumbnails,
        pattern=pattern,
        seed=0,
    )


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=2).judged[0].outcome


def effect(finding: Finding) -> Interval:
    assert finding.effect is not None
    return finding.effect


def test_frames_on_both_sides_are_worth_what_their_sources_tell() -> None:
    features, labels, codes = frames(40, apart=2.0)
    finding = found(features, labels, codes, pattern=r"^(.+)_\d+")
    in_training = np.isin(codes[VALIDATION], codes[TRAIN])
    assert outcome(finding) is Outcome.FOUND
    evidence = finding.evidence
    lost = float(evidence["accuracy_images_left_out"]) - float(evidence["accuracy_sources_left_out"])
    assert effect(finding).estimate == pytest.approx(lost * in_training.mean())
    assert 0.15 < effect(finding).estimate < 0.4
    shared = len(np.intersect1d(codes[VALIDATION], codes[TRAIN]))
    assert evidence["validation_share"] == in_training.mean()
    assert evidence["shared_sources"] == shared
    assert evidence["images_per_shared_source"] == 10.0
    assert finding.images == shared
    assert finding.rows == tuple(sorted(VALIDATION[in_training].tolist()))
    assert finding.remedies[0].changes == {"data.group": r"^(.+)_\d+"}
    assert f"of the validation images come from {shared} sources with images in training too" in finding.summary


def test_only_the_share_from_such_sources_counts() -> None:
    features, labels, codes = frames(40, apart=2.0)
    # Sources 0 to 19 on both sides; of the others each on one side, every second one in validation.
    mixed = codes < 20
    alone = (codes >= 20) & (codes % 4 < 2)
    validation = np.flatnonzero((mixed & (np.arange(400) < 160)) | alone)
    train = np.setdiff1d(np.arange(400), validation)
    finding = found(features, labels, codes, train=train, validation=validation[::-1].copy())
    share = 80 / len(validation)
    assert finding.evidence["validation_share"] == pytest.approx(share)
    assert finding.rows == tuple(np.flatnonzero(mixed & (np.arange(400) < 160)).tolist())
    assert finding.evidence["measured_images"] == 200
    lost = float(finding.evidence["accuracy_images_left_out"]) - float(finding.evidence["accuracy_sources_left_out"])
    assert effect(finding).estimate == pytest.approx(share * lost)


def test_a_split_by_source_cannot_have_it() -> None:
    features, labels, codes = frames(40, apart=2.0)
    train, validation = np.flatnonzero(codes < 30), np.flatnonzero(codes >= 30)
    finding = found(features, labels, codes, train=train, validation=validation)
    assert outcome(finding) is Outcome.EXCLUDED
    assert finding.exact
    assert finding.rows == ()


def test_sources_that_say_nothing_are_harmless(feature_world: Callable[..., World]) -> None:
    features, labels = feature_world(1_200, separation=6.0)
    sources = np.random.default_rng(0).integers(400, size=1_200)
    finding = found(features, labels, sources, train=np.arange(800), validation=np.arange(800, 1_200))
    assert outcome(finding) is Outcome.EXCLUDED
    assert finding.p is not None
    assert finding.p > 0.1


def test_exhibits_show_both_sides_of_a_source() -> None:
    features, labels, codes = frames(40, apart=2.0)
    exhibits = found(features, labels, codes).exhibits
    assert len(exhibits) == 3
    for exhibit in exhibits:
        assert len(set(codes[list(exhibit.images)].tolist())) == 1
        assert exhibit.images[0] in VALIDATION
        assert exhibit.images[-1] in TRAIN


def test_close_frames_are_guessed() -> None:
    features, labels, codes = frames(80, apart=2.0, near=0.05)
    known, guessed = found(features, labels, codes), found(features, labels, None)
    assert outcome(guessed) is Outcome.FOUND
    assert guessed.evidence["guessed"] is True
    assert guessed.evidence["shared_sources"] == known.evidence["shared_sources"]
    assert guessed.rows == known.rows
    assert effect(guessed).estimate == pytest.approx(effect(known).estimate, abs=0.05)
    assert "guessed sources" in guessed.summary
    assert guessed.images == 0


def test_copies_of_a_picture_are_no_source(feature_world: Callable[..., World]) -> None:
    features, labels = feature_world(400, separation=6.0)
    pictures = np.random.default_rng(0).integers(256, size=(400, 4, 4, 3), dtype=np.uint8)
    copies = np.arange(100) // 4 * 4
    features[:100], labels[:100], pictures[:100] = features[copies], labels[copies], pictures[copies]
    assert float(found(features, labels, None, thumbnails=pictures).evidence["validation_share"]) == 0.0
    assert float(found(features, labels, None).evidence["validation_share"]) > 0.15


def test_where_nearest_images_do_nothing_unseen_sources_are_excluded(feature_world: Callable[..., World]) -> None:
    features, labels = feature_world(400, separation=6.0)
    finding = found(features, labels, None)
    assert outcome(finding) is Outcome.EXCLUDED
    assert finding.p == 1.0
    assert effect(finding).estimate == 0.0
    assert finding.summary.startswith("no three images are so close to each other")


def test_where_they_do_unseen_sources_are_not() -> None:
    # Sources of ten frames that are hardly closer to each other than to others: no guess sees them.
    features, labels, codes = frames(40, apart=1.0, near=1.0)
    assert effect(found(features, labels, codes)).estimate > 0.05
    finding = found(features, labels, None)
    assert finding.evidence["validation_share"] == 0.0
    assert outcome(finding) is Outcome.UNDETERMINED
    assert effect(finding).high > 0.05
    assert finding.rows == ()


def test_one_shared_source_shows_nothing() -> None:
    features, labels, codes = frames(40, apart=2.0)
    validation = np.flatnonzero((codes >= 30) | ((codes == 0) & (np.arange(400) < 200)))
    train = np.setdiff1d(np.arange(400), validation)
    finding = found(features, labels, codes, train=train, validation=validation)
    share = 5 / len(validation)
    assert finding.p == 1.0
    assert (effect(finding).low, effect(finding).high) == pytest.approx((-share, share))


def test_a_single_source_is_not_measured() -> None:
    features, labels, _ = frames(40, apart=2.0)
    finding = found(features, labels, np.zeros(400, dtype=np.int64))
    assert finding.missing == "no class has a second source to learn it from"


def test_a_side_without_images_is_not_measured() -> None:
    finding = found(*frames(40, apart=2.0), validation=np.array([], dtype=np.int64))
    assert finding.missing == "one side of the split has no images"


def test_of_very_few_images_nothing_is_excluded() -> None:
    features, labels, _ = frames(40, apart=2.0)
    finding = found(features[:5], labels[:5], None, train=np.arange(3), validation=np.arange(3, 5))
    assert outcome(finding) is Outcome.UNDETERMINED
    assert effect(finding).high > 0.4


def test_the_seed_decides_what_is_drawn() -> None:
    features, labels, codes = frames(40, apart=1.0)
    assert found(features, labels, codes) == found(features, labels, codes)
