"""Wrong labels: how many are found, which, and that classes which overlap are no wrong labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.probes.labels import label_noise
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Cause, Finding, Interval

Labels = NDArray[np.int64]
World = tuple[NDArray[np.float64], Labels]
Worlds = Callable[..., World]


def found(features: NDArray[np.float64], labels: Labels, *, seed: int = 0, groups: Labels | None = None) -> Finding:
    classes = int(labels.max()) + 1
    return label_noise(features=features, labels=labels, num_classes=classes, seed=seed, groups=groups)


def flipped(labels: Labels, share: float, *, seed: int = 5) -> Labels:
    """Labels of which that share, drawn evenly, is given any other class."""
    rng = np.random.default_rng(seed)
    classes = int(labels.max()) + 1
    wrong = rng.permutation(len(labels))[: round(share * len(labels))]
    given = labels.copy()
    given[wrong] = (labels[wrong] + rng.integers(1, classes, size=len(wrong))) % classes
    return given


def measured(finding: Finding) -> tuple[Interval, float]:
    assert finding.effect is not None
    assert finding.p is not None
    return finding.effect, finding.p


def outcome(finding: Finding) -> Outcome:
    """Among 21 other causes that are tested and absent."""
    others = [
        Finding(cause=cause, effect=Interval(estimate=0.0, low=-0.01, high=0.01), p=1.0, summary="")
        for cause in Cause
        if cause is not finding.cause
    ][:21]
    judged = judge([finding, *others], num_classes=3).judged
    return next(one.outcome for one in judged if one.finding is finding)


def recall_and_precision(finding: Finding, wrong: NDArray[np.bool_]) -> tuple[float, float]:
    rows = list(finding.rows)
    return float(wrong[rows].sum() / wrong.sum()), float(wrong[rows].mean())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_right_labels_of_separate_classes_are_excluded(feature_world: Worlds, seed: int) -> None:
    finding = found(*feature_world(600, separation=3.2, seed=seed))
    effect, p = measured(finding)
    assert outcome(finding) is Outcome.EXCLUDED
    assert p > 0.05
    assert effect.low < 0.005
    assert len(finding.rows) <= 3


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_classes_that_overlap_are_no_wrong_labels(feature_world: Worlds, classes: int, seed: int) -> None:
    features, labels = feature_world(500, classes=classes, separation=1.4, seed=seed)
    finding = found(features, labels)
    effect, p = measured(finding)
    assert outcome(finding) is not Outcome.FOUND
    assert p > 0.05
    assert effect.low < 0.005
    # Many images lie on another class's side: confident learning would count them.
    nearest = np.stack([features[labels == one].mean(axis=0) for one in range(classes)])
    side = ((features[:, np.newaxis] - nearest) ** 2).sum(axis=2).argmin(axis=1)
    assert np.mean(side != labels) > 0.12
    assert len(finding.rows) < 0.02 * 500


@pytest.mark.parametrize("share", [0.05, 0.15, 0.3])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_share_of_flipped_labels_lies_in_the_interval(feature_world: Worlds, share: float, seed: int) -> None:
    features, labels = feature_world(600, separation=3.2, seed=seed)
    given = flipped(labels, share)
    finding = found(features, given)
    effect, _ = measured(finding)
    assert outcome(finding) is Outcome.FOUND
    assert effect.low <= share <= effect.high
    assert effect.estimate == pytest.approx(share, abs=0.04)
    assert effect.high - effect.low < 0.05 + 0.3 * share
    recall, precision = recall_and_precision(finding, given != labels)
    assert recall > 0.75
    assert precision > 0.85
    assert f"{len(finding.rows)} of 600 images are flagged" in finding.summary
    assert f"the {len(finding.rows)} flagged images" in finding.remedies[0].sentence
    # The mistakes that are planted are found as often as those that were there.
    assert float(finding.evidence["recall"]) == pytest.approx(recall, abs=0.2)
    assert float(finding.evidence["false_flag_share"]) < 0.03


def test_wrong_labels_are_found_where_classes_overlap_too(feature_world: Worlds) -> None:
    features, labels = feature_world(1_000, separation=2.0)
    given = flipped(labels, 0.15)
    finding = found(features, given)
    effect, _ = measured(finding)
    assert outcome(finding) is Outcome.FOUND
    assert effect.low <= 0.15 <= effect.high
    _, precision = recall_and_precision(finding, given != labels)
    assert precision > 0.7


def test_labels_that_go_one_way_are_named(feature_world: Worlds) -> None:
    features, labels = feature_world(600, separation=3.2)
    given = labels.copy()
    zeros = np.flatnonzero(labels == 0)
    given[zeros[: len(zeros) // 4]] = 2
    finding = found(features, given)
    effect, _ = measured(finding)
    share = float(np.mean(given != labels))
    assert share > 0.06
    assert outcome(finding) is Outcome.FOUND
    assert effect.low <= share <= effect.high
    assert finding.evidence["most_flagged_class"] == 2
    assert finding.evidence["suggested_class"] == 0
    assert "most as class 2 that looks like class 0" in finding.summary
    recall, precision = recall_and_precision(finding, given != labels)
    assert recall > 0.75
    assert precision > 0.85


@pytest.mark.parametrize("share", [0.05, 0.15])
def test_two_classes(feature_world: Worlds, share: float) -> None:
    features, labels = feature_world(600, classes=2, separation=2.6)
    finding = found(features, flipped(labels, share))
    effect, _ = measured(finding)
    assert outcome(finding) is Outcome.FOUND
    assert effect.low <= share <= effect.high


def copies(world: World, times: int) -> tuple[NDArray[np.float64], Labels, Labels]:
    """So many images of each source, nearly alike."""
    features, labels = np.repeat(world[0], times, axis=0), np.repeat(world[1], times)
    near = features + np.random.default_rng(9).normal(scale=0.2, size=features.shape)
    return near, labels, np.repeat(np.arange(len(world[1])), times)


def test_sources_whose_every_image_is_wrong_are_found_by_other_sources(feature_world: Worlds) -> None:
    features, labels, groups = copies(feature_world(200, separation=3.2), 4)
    given = np.repeat(flipped(labels[::4], 0.15), 4)
    finding = found(features, given, groups=groups)
    effect, _ = measured(finding)
    assert outcome(finding) is Outcome.FOUND
    assert effect.low <= 0.15 <= effect.high
    recall, precision = recall_and_precision(finding, given != labels)
    assert recall > 0.8
    assert precision > 0.85
    # Nothing is learnt from more copies: as sure as of 200 images, hardly surer.
    assert 180 <= finding.images <= 320
    alone, _ = measured(found(features[::4], given[::4]))
    assert effect.high - effect.low > 0.7 * (alone.high - alone.low)
    # Without their sources the copies vouch for one another, and hide it.
    hidden, _ = measured(found(features, given))
    assert hidden.high < 0.15


def test_sources_with_right_labels_are_no_finding(feature_world: Worlds) -> None:
    features, labels, groups = copies(feature_world(120, separation=2.5), 4)
    finding = found(features, labels, groups=groups)
    _, p = measured(finding)
    assert outcome(finding) is not Outcome.FOUND
    assert p > 0.05
    assert found(features, labels, groups=7 + 3 * groups) == finding  # names of sources say nothing


def test_few_images_leave_it_open(feature_world: Worlds) -> None:
    features, labels = feature_world(60, separation=2.5)
    clean, wrong = found(features, labels), found(features, flipped(labels, 0.15))
    assert outcome(clean) is not Outcome.FOUND
    effect, _ = measured(wrong)
    assert effect.low <= 0.15 <= effect.high
    assert effect.high - effect.low > 0.1
    assert wrong.images == 60


def test_a_class_of_too_few_sources_is_left_out(feature_world: Worlds) -> None:
    features, labels = feature_world(300, separation=3.2)
    labels[labels == 2] = 1
    labels[:4] = 2
    finding = found(features, labels)
    assert finding.evidence["judged"] == 296
    assert not set(finding.rows) & {0, 1, 2, 3}
    assert (
        found(features, np.where(labels == 2, 2, 0)).missing == "fewer than two of 3 classes have images of 5 sources"
    )


def test_many_images_of_four_sources_are_too_few_sources(feature_world: Worlds) -> None:
    features, labels = feature_world(200, classes=2, separation=3.2)
    groups = np.where(labels == 0, np.arange(200), 200 + np.arange(200) % 4)
    finding = found(features, labels, groups=groups)
    assert finding.cause is Cause.LABEL_NOISE
    assert finding.effect is None
    assert finding.p is None
    assert "5 sources" in finding.missing


def test_positions_are_those_of_all_images(feature_world: Worlds) -> None:
    features, labels = feature_world(900, separation=3.2)
    given = flipped(labels, 0.1)
    train = np.random.default_rng(1).permutation(900)[:600]
    finding = label_noise(features=features, labels=given, num_classes=3, seed=0, train=train)
    rows = list(finding.rows)
    assert rows == sorted(set(rows))
    assert set(rows) <= set(train.tolist())
    assert finding.evidence["judged"] == 600
    assert len(rows) == finding.evidence["flagged"]
    assert np.mean((given != labels)[rows]) > 0.85
    images = [image for exhibit in finding.exhibits for image in exhibit.images]
    assert len(images) == 12
    assert set(images) <= set(rows)
    assert (given != labels)[images].all()
    assert 1 < len(finding.exhibits) <= 6
    for exhibit in finding.exhibits:
        # What it looks like is what it was.
        captions = {f"labelled {given[one]}, looks like {labels[one]}" for one in exhibit.images}
        assert captions == {exhibit.caption}


def test_classes_are_called_by_their_names_and_the_numbers_stay_in_the_evidence(feature_world: Worlds) -> None:
    features, labels = feature_world(600, separation=3.2)
    given = flipped(labels, 0.1)
    names = ("<b>cat", "dog", "fox")
    finding = label_noise(features=features, labels=given, num_classes=3, seed=0, class_names=names)
    own, other = finding.evidence["most_flagged_class"], finding.evidence["suggested_class"]
    assert isinstance(own, int)
    assert isinstance(other, int)
    assert f'most as class "{names[own]}" that looks like class "{names[other]}"' in finding.summary
    quoted = {f'labelled "{one}", looks like "{two}"' for one in names for two in names if one != two}
    assert {exhibit.caption for exhibit in finding.exhibits} <= quoted


def test_labels_that_are_not_judged_have_no_say(feature_world: Worlds) -> None:
    features, labels = feature_world(400, separation=3.0)
    train = np.arange(300)
    spoilt = features.copy()
    spoilt[300:] = 1e6
    first, second = (
        label_noise(features=one, labels=given, num_classes=3, seed=0, train=train)
        for one, given in ((features, labels), (spoilt, np.r_[labels[:300], (labels[300:] + 1) % 3]))
    )
    assert first == second


def test_the_same_seed_gives_the_same_finding(feature_world: Worlds) -> None:
    features, labels = feature_world(300, separation=2.6)
    given = flipped(labels, 0.1)
    first, again, other = (found(features, given, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert measured(first)[0] != measured(other)[0]
    assert measured(first)[0].estimate == pytest.approx(measured(other)[0].estimate, abs=0.03)


def test_the_size_of_features_does_not_matter(feature_world: Worlds) -> None:
    features, labels = feature_world(300, separation=2.6)
    given = flipped(labels, 0.1)
    scaled = features * np.geomspace(1e-3, 1e3, features.shape[1]) + 5.0
    assert found(scaled, given).rows == found(features, given).rows
