"""Rare classes: what accuracy hides, counted by hand, and what must not be taken for it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.probes.imbalance import imbalance
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Cause, Finding, IndexArray


def images(counts: tuple[int, ...], odd: tuple[int, ...]) -> tuple[NDArray[np.float64], IndexArray]:
    """Classes of so many images each, so many of which look like class 0, or class 0's like class 1."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(counts)), counts)
    looks = labels.copy()
    for one, count in enumerate(odd):
        looks[np.flatnonzero(labels == one)[:count]] = 1 if one == 0 else 0
    return 5.0 * np.eye(len(counts))[looks] + 0.1 * rng.normal(size=(len(labels), len(counts))), labels


def found(counts: tuple[int, ...], odd: tuple[int, ...], groups: IndexArray | None = None) -> Finding:
    features, labels = images(counts, odd)
    return imbalance(features=features, labels=labels, num_classes=len(counts), seed=0, groups=groups)


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=3).judged[0].outcome


def test_what_accuracy_hides_of_a_rare_class() -> None:
    """Class 2 loses 8 of 20 to class 0; accuracy is 312 of 320, balanced accuracy (1 + 1 + 0.6) / 3."""
    finding = found((200, 100, 20), (0, 0, 8))
    assert finding.cause is Cause.IMBALANCE
    assert finding.effect is not None
    assert finding.effect.estimate == pytest.approx(312 / 320 - 2.6 / 3)
    assert finding.effect.low > 0.02
    assert finding.p == pytest.approx(1 / 6000)
    assert outcome(finding) is Outcome.FOUND
    evidence = finding.evidence
    assert (evidence["rarest_class"], evidence["rarest_images"], evidence["rarest_recall"]) == (2, 20, 0.6)
    assert (evidence["commonest_class"], evidence["commonest_images"], evidence["commonest_recall"]) == (0, 200, 1.0)
    assert "class 2 has 20 images and class 0 200" in finding.summary


def test_weighting_classes_alike_comes_first_where_it_gives_something_back() -> None:
    rng = np.random.default_rng(1)
    labels = (np.arange(400) < 40).astype(np.int64)
    features = rng.normal(size=(400, 4))
    features[:, 0] += 2.0 * labels
    finding = imbalance(features=features, labels=labels, num_classes=2, seed=0)
    gained = finding.evidence["gained_by_weighting"]
    assert isinstance(gained, float)
    assert gained > 0.05
    assert finding.remedies[0].changes == {"training.class_weight": "balanced"}
    assert outcome(finding) is Outcome.FOUND


def test_rare_classes_that_are_found_as_often_do_no_harm() -> None:
    finding = found((200, 100, 20), (0, 0, 0))
    assert finding.effect is not None
    assert finding.effect.estimate == pytest.approx(0.0, abs=1e-12)
    assert finding.p == 1.0
    assert outcome(finding) is not Outcome.FOUND
    assert "is not shown" in finding.summary


def test_a_common_class_that_is_found_less_often_is_no_harm_of_this_kind() -> None:
    finding = found((200, 100, 30), (40, 0, 0))
    assert finding.effect is not None
    assert finding.effect.estimate < 0
    assert finding.p is not None
    assert finding.p > 0.5


def test_classes_within_a_factor_of_three_are_not_called_uneven() -> None:
    finding = found((50, 40, 20), (0, 0, 10))
    assert outcome(finding) is Outcome.EXCLUDED
    assert finding.summary == "the commonest class has 2.5 times the images of the rarest"


def test_sources_count_and_not_their_images() -> None:
    """The 8 lost images are one source of 8, so they are one coincidence."""
    groups = np.arange(320)
    groups[300:308] = 300
    alone, together = found((200, 100, 20), (0, 0, 8)), found((200, 100, 20), (0, 0, 8), groups)
    assert alone.p is not None
    assert together.p is not None
    assert together.p > 10 * alone.p
    assert outcome(together) is Outcome.UNDETERMINED


def test_classes_of_fewer_than_four_sources_have_no_say() -> None:
    finding = found((60, 30, 3), (0, 0, 3))
    assert finding.evidence == {} or finding.evidence["rarest_class"] == 1
    assert found((60, 3), (0, 0)).missing == "fewer than two of 2 classes have images of 4 sources"
