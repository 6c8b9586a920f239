"""Preprocessing: what better features and a better scale say together, and what can be changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.probes.preprocessing import preprocessing
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Finding

World = tuple[NDArray[np.float64], NDArray[np.int64]]
Values = NDArray[np.float64]

# As measured with MobileNet: the scale that it was trained on, half of it, and none at all.
DISTANCES = {"auto": 0.15, "0..1": 0.84, "none": 9.7}


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=3).judged[0].outcome


@pytest.fixture
def ways(feature_world: Callable[..., World]) -> Callable[..., tuple[dict[str, Values], NDArray[np.int64]]]:
    """Features of the same images with noise of their own: `ways(images, auto=0.0, none=2.0)`."""

    def make(images: int = 300, **noise: float) -> tuple[dict[str, Values], NDArray[np.int64]]:
        features, labels = feature_world(images, width=10, separation=3.0)
        rng = np.random.default_rng(7)
        names = {"zero_to_one": "0..1", "bgr": "channels = bgr"}
        return {
            names.get(name, name): features + size * rng.normal(size=features.shape) for name, size in noise.items()
        }, labels

    return make


def measured(distances: Mapping[str, float], chunks: int = 12) -> dict[str, Values]:
    rng = np.random.default_rng(3)
    return {name: distance + 0.02 * rng.normal(size=chunks) for name, distance in distances.items()}


Ways = Callable[..., tuple[dict[str, Values], NDArray[np.int64]]]


def test_the_right_one_is_left_alone(ways: Ways) -> None:
    candidates, labels = ways(600, auto=0.0, none=2.0, zero_to_one=1.0)
    finding = preprocessing(
        candidates=candidates, chosen="auto", labels=labels, seed=0, discrepancy=measured(DISTANCES)
    )
    assert outcome(finding) is Outcome.EXCLUDED
    assert finding.p == 1.0
    assert finding.remedies == ()
    assert finding.images == 600
    assert "off by a factor of 1.2 as configured." in finding.summary


def test_the_wrong_scale_is_found_and_named_by_its_field(ways: Ways) -> None:
    candidates, labels = ways(auto=0.0, none=2.0, zero_to_one=1.0)
    finding = preprocessing(
        candidates=candidates, chosen="none", labels=labels, seed=0, discrepancy=measured(DISTANCES)
    )
    assert outcome(finding) is Outcome.FOUND
    assert finding.effect is not None
    shares = {name: float(finding.evidence[f"accuracy {name}"]) for name in candidates}
    assert finding.effect.estimate == pytest.approx(shares["auto"] - shares["none"])
    assert finding.effect.high < 0.5
    assert [remedy.changes for remedy in finding.remedies] == [{"model.preprocessing": "auto"}]
    # exp(9.7) = 16,318; exp(0.15) = 1.16.
    assert "as configured and of 1.2 with auto." in finding.summary
    assert "16," in finding.summary


def test_channels_need_no_second_sign(ways: Ways) -> None:
    candidates, labels = ways(auto=1.8, bgr=0.0)
    finding = preprocessing(candidates=candidates, chosen="auto", labels=labels, seed=0)
    assert outcome(finding) is Outcome.FOUND
    assert [remedy.changes for remedy in finding.remedies] == [{"model.channels": "bgr"}]
    assert "batch norm" not in finding.summary


def test_a_wrong_scale_that_the_probe_copes_with_is_said_and_never_excluded(ways: Ways) -> None:
    candidates, labels = ways(600, auto=0.0)
    candidates["0..1"] = candidates["auto"] / 3 + 1  # the same to a probe that standardises
    kwargs = {"candidates": candidates, "chosen": "0..1", "labels": labels, "seed": 0}
    assert outcome(preprocessing(**kwargs)) is Outcome.EXCLUDED  # type: ignore[arg-type]
    finding = preprocessing(**kwargs, discrepancy=measured(DISTANCES))  # type: ignore[arg-type]
    assert outcome(finding) is Outcome.UNDETERMINED
    assert finding.effect is not None
    assert finding.effect.high == finding.evidence["accuracy auto"]
    assert finding.images == 0  # more of them would not settle it
    assert finding.summary.endswith("the scale is wrong even if this probe copes with it.")
    assert [remedy.changes for remedy in finding.remedies] == [{"model.preprocessing": "auto"}]


def test_what_the_scale_cannot_tell_the_probe_does(ways: Ways) -> None:
    # Centring leaves variances as they are, so "none" fits as well as "caffe" does.
    candidates, labels = ways(caffe=0.0, none=1.0, auto=3.0)
    distances = measured({"auto": 9.9, "none": 0.20, "caffe": 0.22})
    finding = preprocessing(candidates=candidates, chosen="auto", labels=labels, seed=0, discrepancy=distances)
    assert [remedy.changes for remedy in finding.remedies] == [{"model.preprocessing": "caffe"}]


def test_a_slightly_smaller_discrepancy_says_nothing(ways: Ways) -> None:
    candidates, labels = ways(600, auto=0.0, bgr=1.0)
    distances = measured({"auto": 0.15, "channels = bgr": 0.10})
    finding = preprocessing(candidates=candidates, chosen="auto", labels=labels, seed=0, discrepancy=distances)
    assert outcome(finding) is Outcome.EXCLUDED
    assert "the scale is wrong" not in finding.summary


def test_a_way_that_no_field_sets_is_told_in_words(ways: Ways) -> None:
    candidates, labels = ways(auto=1.8, twice=0.0)
    (remedy,) = preprocessing(candidates=candidates, chosen="auto", labels=labels, seed=0).remedies
    assert remedy.changes == {}
    assert "twice" in remedy.sentence


def test_whole_sources_are_left_out(ways: Ways) -> None:
    # A way that stamps each source is told by heart as long as a source's other images are in the fit.
    rng = np.random.default_rng(1)
    source = np.repeat(np.arange(30), 10)
    labels = rng.integers(3, size=30)[source]
    stamped = rng.normal(size=(30, 30))[source] + 0.05 * rng.normal(size=(300, 30))
    candidates = {"auto": rng.normal(size=(300, 30)), "none": stamped}
    kwargs = {"candidates": candidates, "chosen": "auto", "labels": labels, "seed": 0}
    assert outcome(preprocessing(**kwargs)) is Outcome.FOUND  # type: ignore[arg-type]
    finding = preprocessing(**kwargs, groups=source)  # type: ignore[arg-type]
    assert outcome(finding) is not Outcome.FOUND
    assert finding.p is not None
    assert finding.p > 0.01
    assert finding.images == 30


def test_too_little_to_compare(ways: Ways) -> None:
    candidates, labels = ways(20, auto=0.0, none=1.0)
    assert preprocessing(candidates=candidates, chosen="auto", labels=labels, seed=0).missing
    alone, labels = ways(auto=0.0)
    assert "1 ways" in preprocessing(candidates=alone, chosen="auto", labels=labels, seed=0).missing
    with pytest.raises(ValueError, match="expected 'torch' among the candidates, got"):
        preprocessing(candidates=candidates, chosen="torch", labels=labels, seed=0)
