"""Leaks: copies that were planted are found, look-alikes and frames are none, and the numbers told of either."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.probes.copies import leak
from sweep.diagnosis.statistics import wilson
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Finding, Interval

Pixels = NDArray[np.float64]
Codes = NDArray[np.int64]

IMAGES, TRAIN, VALIDATION = 400, np.arange(280), np.arange(280, 400)


def patches(count: int = IMAGES, seed: int = 0) -> Pixels:
    """Pictures that have nothing in common."""
    drawn = np.random.default_rng(seed).uniform(30, 220, (count, 4, 4, 3))
    return np.kron(drawn, np.ones((1, 8, 8, 1)))


def discs(place: Pixels, radius: Pixels, seed: int = 0) -> Pixels:
    """Pictures that look much alike: a disc with soft edges on a plain ground."""
    axis = np.arange(32.0)
    away = np.hypot(axis[:, None] - place[:, 0, None, None], axis - place[:, 1, None, None])
    ground = 60 + 100 * np.clip(radius[:, None, None] - away + 0.5, 0, 1)
    return np.repeat(ground[..., None], 3, axis=-1) + np.random.default_rng(seed).normal(0, 2, (len(place), 32, 32, 3))


def found(
    pictures: Pixels,
    *,
    labels: Codes | None = None,
    correct: NDArray[np.float64] | None = None,
    groups: Codes | None = None,
    hashes: list[str] | None = None,
    validation: Codes = VALIDATION,
    seen: Pixels | None = None,
) -> Finding:
    by_features = pictures if seen is None else seen
    return leak(
        features=by_features.reshape(-1, 8, 4, 8, 4, 3).mean(axis=(2, 4, 5)).reshape(len(pictures), -1),
        thumbnails=np.clip(np.rint(pictures), 0, 255).astype(np.uint8),
        content_hashes=[f"file {row}" for row in range(len(pictures))] if hashes is None else hashes,
        labels=np.arange(len(pictures)) % 2 if labels is None else labels,
        train=TRAIN,
        validation=validation,
        correct=np.ones(len(validation)) if correct is None else correct,
        groups=groups,
        seed=0,
    )


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=2).judged[0].outcome


def effect(finding: Finding) -> Interval:
    assert finding.effect is not None
    return finding.effect


def leaking(count: int, *, noise: float) -> Pixels:
    """The first validation images show what the training images of the same numbers do, darker and noisy."""
    pictures = patches()
    copied = 0.8 * pictures[:count] + np.random.default_rng(9).normal(0, noise, (count, 32, 32, 3))
    pictures[280 : 280 + count] = copied if noise else pictures[:count]
    return pictures


def test_without_copies_the_bound_is_that_of_none_among_so_many() -> None:
    finding = found(patches())
    assert outcome(finding) is Outcome.UNDETERMINED  # 120 images are too few to exclude two points
    assert effect(finding) == wilson(0, 120)
    assert finding.p == 1.0
    assert finding.rows == ()
    assert finding.exhibits == ()
    assert finding.remedies == ()
    assert finding.summary == "0 of the 120 validation images have a copy in training"
    assert finding.images == 120


def test_equal_pictures_are_facts() -> None:
    correct = np.r_[np.ones(12), np.zeros(54), np.ones(54)]
    finding = found(leaking(12, noise=0), correct=correct)
    assert outcome(finding) is Outcome.FOUND
    assert finding.exact
    assert finding.p == 0.0
    assert effect(finding) == wilson(12, 120)
    assert finding.rows == tuple(range(280, 292))
    assert finding.evidence["equal"] == 12
    assert finding.evidence["accuracy_on_copies"] == 1.0
    assert finding.evidence["accuracy_without_copies"] == 0.5
    # All 12 of 12 right where 66 of 120 are: the chance to draw only right ones.
    draws = np.prod([(66 - one) / (120 - one) for one in range(12)])
    assert finding.evidence["fisher_p"] == pytest.approx(draws)
    assert "(12 with equal pixels); accuracy is 55.0 % with them, 50.0 % without" in finding.summary


def test_equal_files_are_dropped_by_the_study_file() -> None:
    hashes = [f"file {row}" for row in range(IMAGES)]
    hashes[285] = hashes[5]
    with_files = found(leaking(12, noise=0), hashes=hashes)
    assert with_files.remedies[0].changes == {"data.deduplicate": True}
    assert found(leaking(12, noise=0)).remedies[0].changes == {}


def test_darker_and_noisy_copies_are_found_by_their_pixels() -> None:
    finding = found(leaking(12, noise=3.0))
    assert outcome(finding) is Outcome.FOUND
    assert not finding.exact
    assert finding.p is not None
    assert finding.p < 1e-6
    assert finding.evidence["near"] == 12
    assert finding.rows == tuple(range(280, 292))
    assert 0.09 < effect(finding).estimate <= 0.1
    assert effect(finding).low > 0.02
    assert len(finding.exhibits) == 12
    assert {exhibit.images[0] - exhibit.images[1] for exhibit in finding.exhibits} == {280}


def test_mirrored_and_cropped_copies_too() -> None:
    pictures = patches()
    pictures[280:300] = pictures[:20]
    seen = pictures.copy()  # a backbone's features say the same of a mirrored picture
    pictures[280:290] = pictures[:10, :, ::-1]
    pictures[290:300] = np.pad(pictures[10:20], ((0, 0), (1, 0), (1, 0), (0, 0)), mode="edge")[:, :32, :32]
    finding = found(pictures, seen=seen)
    assert finding.evidence["near"] == 20
    assert outcome(finding) is Outcome.FOUND


def test_validation_images_are_told_in_the_order_of_the_index() -> None:
    finding = found(leaking(12, noise=0), validation=VALIDATION[::-1].copy())
    assert finding.rows == tuple(range(280, 292))


def test_a_picture_under_two_labels_is_told_and_taken_out_but_no_leak() -> None:
    labels = np.arange(IMAGES) % 2
    labels[280:283] = 1 - labels[280:283]
    finding = found(leaking(3, noise=0), labels=labels)
    assert effect(finding).estimate == 0.0
    assert finding.p == 1.0
    assert finding.rows == (280, 281, 282)
    assert finding.evidence["contradictory"] == 3
    assert finding.summary.endswith("; 3 stand in training under another label")
    assert [exhibit.images for exhibit in finding.exhibits] == [(280, 0), (281, 1), (282, 2)]


def test_copies_under_another_label_do_not_pass_for_copies() -> None:
    labels = np.arange(IMAGES) % 2
    labels[280:292] = 1 - labels[280:292]
    finding = found(leaking(12, noise=3.0), labels=labels)
    assert finding.evidence["near"] == 0
    assert outcome(finding) is not Outcome.FOUND


def test_pictures_that_look_alike_are_no_copies() -> None:
    rng = np.random.default_rng(3)
    pictures = discs(rng.uniform(11, 21, (IMAGES, 2)), rng.uniform(4, 9, IMAGES))
    finding = found(pictures)
    assert outcome(finding) is not Outcome.FOUND
    assert finding.p is not None
    assert finding.p > 0.01
    assert int(finding.evidence["near"]) <= 6
    assert int(finding.evidence["hidden"]) > 20  # among them a copy would not show


def test_frames_of_one_source_are_bursts() -> None:
    rng = np.random.default_rng(4)
    source = np.arange(IMAGES) % 40
    pictures = patches(40)[source] + rng.normal(0, 6, (IMAGES, 32, 32, 3))
    finding = found(pictures, labels=source % 2)
    assert outcome(finding) is Outcome.UNDETERMINED
    assert int(finding.evidence["near"]) <= 6
    assert int(finding.evidence["hidden"]) >= 114
    assert effect(finding).high > 0.9
    assert finding.images == 0
    # Where the sources are known, only other ones are asked.
    known = found(pictures, labels=source % 2, groups=source)
    assert known.evidence["hidden"] == 0
    assert effect(known).estimate == 0.0


def test_few_near_ones_are_said_to_be_chance() -> None:
    finding = found(leaking(1, noise=3.0))
    assert finding.evidence["near"] == 1
    assert finding.p is not None
    assert finding.p > 0.01
    assert "1 of the 120 validation images look like copies of training images (1 nearly equal" in finding.summary
    assert "accuracy" not in finding.summary
    assert finding.remedies == ()


def test_equal_pictures_stay_facts_beside_a_near_one_that_may_be_chance() -> None:
    pictures = leaking(12, noise=0)
    pictures[399] = 0.8 * pictures[119] + np.random.default_rng(9).normal(0, 3, (32, 32, 3))
    finding = found(pictures)
    assert finding.evidence["near"] == 1
    assert effect(finding).estimate == pytest.approx(0.1)
    assert effect(finding).low == wilson(12, 120).low
    assert finding.rows == (*range(280, 292), 399)


def test_sources_widen_the_interval() -> None:
    pictures = leaking(12, noise=0)
    groups = np.r_[np.arange(280), 1000 + np.arange(120) // 12]
    finding = found(pictures, groups=groups)
    assert effect(finding).estimate == pytest.approx(0.1)
    assert effect(finding).low < wilson(12, 120).low - 0.02
    assert effect(finding).high > wilson(12, 120).high + 0.1


def test_a_side_without_images_is_not_measured() -> None:
    finding = found(patches(), validation=np.array([], dtype=np.int64))
    assert finding.missing == "one side of the split has no images"
