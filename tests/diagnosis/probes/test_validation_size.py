"""What a number of validation images can know, against errors worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import bdtr

from sweep.diagnosis.probes.validation_size import small_validation
from sweep.diagnosis.statistics import wilson
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Finding

ABSOLUTE = 0.7978845608  # mean of the absolute value of a standard normal


def finding(right: int, images: int, *, train: float = 0.99, harm: float = 0.02, folds: int = 0) -> Finding:
    return small_validation(correct=np.arange(images) < right, train_accuracy=train, harm=harm, folds=folds)


def outcome(found: Finding) -> Outcome:
    return judge([found], num_classes=5).judged[0].outcome


def test_750_images_know_78_percent_well_enough() -> None:
    found = finding(585, 750)
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(ABSOLUTE * math.sqrt(0.78 * 0.22 / 750))
    ends = wilson(585, 750)
    assert found.effect.low == pytest.approx(ABSOLUTE * math.sqrt(ends.high * (1 - ends.high) / 750))
    assert found.effect.high == pytest.approx(ABSOLUTE * math.sqrt(ends.low * (1 - ends.low) / 750))
    assert (found.p, found.exact) == (1.0, True)
    assert outcome(found) is Outcome.EXCLUDED
    assert found.evidence["half_width"] == pytest.approx((ends.high - ends.low) / 2)


def test_40_images_do_not_know_80_percent() -> None:
    found = finding(32, 40)
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(0.05046, abs=1e-5)
    assert outcome(found) is Outcome.FOUND
    assert "40 validation images put the accuracy at 80.0 % [65.2, 89.5]" in found.summary
    assert found.evidence["gap_includes_zero"] is False
    assert finding(32, 40, train=0.82).evidence["gap_includes_zero"] is True


def test_between_them_it_is_open() -> None:
    # 1.97 points, but 2.2 at an accuracy that 200 images do not rule out.
    assert outcome(finding(172, 200)) is Outcome.UNDETERMINED
    # No error at all is seen, but up to 3.6 points are possible.
    assert outcome(finding(40, 40)) is Outcome.UNDETERMINED


def test_the_margin_is_the_callers() -> None:
    assert finding(585, 750, harm=0.01).p == 0.0
    assert finding(32, 40, harm=0.051).p == 1.0


def test_half_right_is_the_widest_error_of_all() -> None:
    found = finding(20, 40)
    assert found.effect is not None
    assert found.effect.high == found.effect.estimate == pytest.approx(ABSOLUTE * 0.5 / math.sqrt(40))


@pytest.mark.parametrize(("share", "harm", "needed"), [(0.75, 0.03, 798), (0.9, 0.02, 868), (0.8, 0.02, 1535)])
def test_the_images_needed_bring_the_interval_to_the_margin(share: float, harm: float, needed: int) -> None:
    found = finding(round(100 * share), 100, harm=harm)
    assert found.evidence["images_needed"] == needed
    ends = wilson(share * needed, needed)
    assert (ends.high - ends.low) / 2 == pytest.approx(harm, rel=1e-3)


def test_sources_count_instead_of_images() -> None:
    # 50 sources of 10 images that are right or wrong together: as much as 50 images.
    correct = np.repeat(np.arange(50) < 40, 10)
    groups = np.repeat(np.arange(50), 10)
    found = small_validation(correct=correct, groups=groups, train_accuracy=0.99)
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(ABSOLUTE * math.sqrt(0.16 / 50), rel=0.02)
    assert outcome(found) is Outcome.FOUND
    assert found.evidence["sources"] == 50
    assert found.evidence["images_needed"] == pytest.approx(15350, rel=0.03)
    # Sources that do not matter leave nearly the images' own error, but their number leaves it open to a third.
    mixed = small_validation(correct=np.tile(np.arange(10) < 8, 50), groups=groups, train_accuracy=0.99)
    assert mixed.effect is not None
    assert mixed.effect.estimate == pytest.approx(ABSOLUTE * math.sqrt(0.16 / 500))
    assert mixed.effect.high / mixed.effect.estimate == pytest.approx(math.sqrt(49 / 31.555), rel=1e-3)


def test_one_source_is_one_image() -> None:
    found = small_validation(correct=np.arange(30) < 25, groups=np.zeros(30), train_accuracy=0.9)
    assert found.effect is not None
    assert found.effect.high == pytest.approx(ABSOLUTE * 0.5)


def test_folds_are_the_remedy_where_there_are_none() -> None:
    first, second = finding(32, 40).remedies
    assert first.changes == {"data.validation": "{folds = 5}"}
    assert second.changes == {}
    assert "1,535 images" in second.sentence
    assert len(finding(32, 40, folds=5).remedies) == 1


@pytest.mark.parametrize(("accuracy", "images"), [(0.8, 400), (0.9, 230), (0.95, 150)])
def test_sets_good_for_a_point_and_a_half_are_accused_less_than_once_in_a_hundred(accuracy: float, images: int) -> None:
    assert ABSOLUTE * math.sqrt(accuracy * (1 - accuracy) / images) < 0.0162
    right = np.arange(images + 1)
    chances = np.diff(bdtr(right, images, accuracy), prepend=0.0)
    likely = right[chances > 1e-6]
    accused = sum(chances[count] for count in likely if finding(int(count), images).p == 0.0)
    assert accused < 0.01


def test_twenty_of_twenty_are_no_proof() -> None:
    found = small_validation(correct=np.ones(20, bool), train_accuracy=1.0)
    assert found.effect is not None
    # Wilson's interval is [0.839, 1]; its middle is 0.919.
    assert found.effect.estimate == pytest.approx(ABSOLUTE * math.sqrt(0.919 * 0.081 / 20), rel=0.01)
    assert found.p == 0.0
    many = small_validation(correct=np.ones(2000, bool), train_accuracy=1.0)
    assert many.effect is not None
    assert many.effect.high < 0.01
