"""Files whose measures give the class away, and what larger images bring."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.probes.shortcut import resolution, shortcut
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Finding


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=2).judged[0].outcome


def photos(images: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sizes and classes that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    return np.exp(rng.normal(6.5, 0.5, (images, 2))).round().astype(np.float64), rng.integers(2, size=images)


# ---- the class by its files' measures --------------------------------------------------------------------------------


def test_sizes_that_have_nothing_to_do_with_the_class() -> None:
    sizes, labels = photos(400)
    finding = shortcut(sizes=sizes, labels=labels, num_classes=2, seed=0)
    assert outcome(finding) is not Outcome.FOUND
    assert finding.effect is not None
    assert finding.effect.low < 0 < finding.effect.high
    assert finding.p is not None
    assert finding.p > 0.05


def test_a_class_of_one_camera_is_found() -> None:
    sizes, labels = photos(400)
    sizes[labels == 1] = [640, 480]
    finding = shortcut(sizes=sizes, labels=labels, num_classes=2, seed=0)
    assert outcome(finding) is Outcome.FOUND
    assert finding.p == 1 / 6000
    assert finding.effect is not None
    assert finding.effect.estimate > 0.45  # of the half that there is beyond guessing
    assert finding.evidence["guessing"] == 0.5
    assert len(finding.remedies) == 2
    assert finding.remedies[0].changes == {}


def test_the_measure_that_tells_most_is_named() -> None:
    # Wide photos against upright ones, of any size.
    sizes, labels = photos(500)
    sizes[:, 0] = sizes[:, 1] * np.where(labels == 1, 1.5, 0.67) * np.exp(0.1 * photos(500, 3)[0][:, 0] / 700)
    finding = shortcut(sizes=sizes, labels=labels, num_classes=2, seed=0)
    assert outcome(finding) is Outcome.FOUND
    assert "the best of them is the aspect ratio" in finding.summary
    alone = finding.evidence
    assert float(alone["balanced_accuracy aspect ratio"]) > float(alone["balanced_accuracy height"]) + 0.2


def test_the_accuracy_is_that_of_the_cells_by_hand() -> None:
    # Two sizes: of 30 small files 24 are of class 0, of 20 large ones 14 of class 1. Held out, all files of the class
    # with the greater share in their cell are told rightly: 24 of 30 of class 0, 14 of 20 of class 1.
    sizes = np.repeat([[100, 100], [200, 200]], [30, 20], axis=0)
    labels = np.r_[np.zeros(24), np.ones(6), np.zeros(6), np.ones(14)].astype(np.int64)
    finding = shortcut(sizes=sizes, labels=labels, num_classes=2, seed=0, draws=999)
    assert finding.evidence["balanced_accuracy"] == pytest.approx((24 / 30 + 14 / 20) / 2)
    assert finding.effect is not None
    assert finding.effect.estimate == pytest.approx(0.25)


def test_guessing_by_a_rare_class_is_no_accuracy() -> None:
    # 90 % of one class: right on 90 % of the files, and on half in the balance.
    sizes, _ = photos(600)
    labels = (np.arange(600) % 10 == 0).astype(np.int64)
    finding = shortcut(sizes=sizes, labels=labels, num_classes=2, seed=0)
    assert finding.evidence["guessing"] == 0.5
    assert finding.evidence["by_chance"] == pytest.approx(0.5, abs=0.02)
    assert finding.effect is not None
    assert finding.effect.estimate < 0.1
    assert outcome(finding) is not Outcome.FOUND


def test_a_weak_tendency_is_seen_though_the_accuracy_gains_little() -> None:
    # Four tenths of one class have one camera's size, which tells at most two tenths of the files beyond guessing.
    sizes, labels = photos(800)
    sizes[(labels == 1) & (np.random.default_rng(5).random(800) < 0.4)] = [640, 480]
    finding = shortcut(sizes=sizes, labels=labels, num_classes=2, seed=0)
    assert finding.p == 1 / 6000
    assert outcome(finding) is Outcome.FOUND
    assert finding.effect is not None
    assert 0.05 < finding.effect.estimate < 0.25


def test_intervals_cover_guessing_where_few_cells_turn_over_easily() -> None:
    # Three sizes: what a whole cell is taken for may hang on one file.
    rng = np.random.default_rng(2)
    covered, p = 0, []
    for seed in range(150):
        sizes = np.array([[640, 480], [480, 640], [800, 800]])[rng.integers(3, size=150)]
        finding = shortcut(sizes=sizes, labels=rng.integers(3, size=150), num_classes=3, seed=seed, draws=199)
        assert finding.effect is not None
        covered += finding.effect.low <= 0 <= finding.effect.high
        p.append(finding.p)
    assert covered / 150 > 0.9
    assert np.mean(np.array(p) <= 0.05) < 0.1


def test_sources_count_once_a_class() -> None:
    # Twelve sources with a size and a class each, 50 files a source: chance often does as well.
    rng = np.random.default_rng(3)
    source = np.repeat(np.arange(12), 50)
    sizes, labels = rng.integers(200, 2000, (12, 2))[source], rng.integers(2, size=12)[source]
    assert outcome(shortcut(sizes=sizes, labels=labels, num_classes=2, seed=0)) is Outcome.FOUND
    finding = shortcut(sizes=sizes, labels=labels, num_classes=2, seed=0, groups=source)
    assert outcome(finding) is Outcome.UNDETERMINED
    assert finding.images == 12


def test_other_columns_and_unreadable_files() -> None:
    sizes, labels = photos(300)
    formats = np.column_stack([sizes, labels])
    formats[:100, 1] = np.nan
    named = ("width", "height", "format")
    finding = shortcut(sizes=formats, labels=labels, num_classes=2, seed=0, columns=named)
    assert outcome(finding) is Outcome.FOUND
    assert finding.images == 200
    assert finding.evidence["balanced_accuracy format"] == 1.0
    assert "width, height, format and aspect ratio" in finding.summary


def test_files_of_one_size_tell_nothing() -> None:
    finding = shortcut(sizes=np.full((40, 2), 224.0), labels=np.arange(40) % 2, num_classes=2, seed=0)
    assert outcome(finding) is Outcome.EXCLUDED
    assert finding.exact


def test_without_two_classes_of_known_size_nothing_is_measured() -> None:
    sizes, _ = photos(30)
    assert shortcut(sizes=sizes, labels=np.zeros(30, np.int64), num_classes=2, seed=0).missing
    assert shortcut(sizes=np.full((30, 2), np.nan), labels=np.arange(30) % 2, num_classes=2, seed=0).missing
    # A class with a single file takes no part.
    lone = np.r_[np.zeros(15), np.ones(14), 2].astype(np.int64)
    finding = shortcut(sizes=sizes, labels=lone, num_classes=3, seed=0)
    assert finding.evidence["guessing"] == 0.5
    assert finding.images == 29


# ---- the detail that resizing takes away -----------------------------------------------------------------------------


def answered(*rights: int, images: int = 400) -> list[NDArray[np.bool_]]:
    """Each gets the first so many images right."""
    return [np.arange(images) < right for right in rights]


def test_the_best_larger_size_is_the_remedy() -> None:
    at = dict(zip((160, 224, 320), answered(300, 352, 340), strict=True))
    finding = resolution(correct_at=at)
    assert outcome(finding) is Outcome.FOUND
    assert finding.effect is not None
    assert finding.effect.estimate == pytest.approx(52 / 400)
    assert [remedy.changes for remedy in finding.remedies] == [{"data.image_size": 224}]
    assert "At 160 pixels a linear probe is right on 75.0 %" in finding.summary
    assert "at 224 on 88.0 %, 13.0 points" in finding.summary
    assert finding.evidence == {"accuracy at 160": 0.75, "accuracy at 224": 0.88, "accuracy at 320": 0.85}


def test_of_equally_good_sizes_the_smaller_one_is_taken() -> None:
    at = dict(zip((320, 160, 224), answered(380, 300, 380), strict=True))
    assert resolution(correct_at=at).remedies[0].changes == {"data.image_size": 224}


def test_larger_images_that_bring_nothing_are_excluded() -> None:
    finding = resolution(correct_at=dict(zip((160, 224), answered(300, 296), strict=True)))
    assert outcome(finding) is Outcome.EXCLUDED
    assert finding.remedies == ()
    assert "1.0 points" in finding.summary
    assert "less (p = 1.00)" in finding.summary


def test_a_gain_in_few_sources_proves_nothing() -> None:
    at = dict(zip((160, 224), answered(300, 360), strict=True))
    finding = resolution(correct_at=at, groups=np.arange(400) // 30)
    assert finding.images == 14
    assert outcome(finding) is Outcome.UNDETERMINED


def test_without_a_larger_size_nothing_is_measured() -> None:
    assert resolution(correct_at={160: np.ones(10, np.bool_)}).missing == "no larger image size was tried"
