"""Heads too large and too narrow, planted in what short trainings would record, and look-alikes that are neither."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import t as student

from sweep.diagnosis.probes.head import bottleneck, capacity
from sweep.diagnosis.probes.masks import HiddenLayers
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Finding, FitRecord, Scalar

Floats = NDArray[np.float64]

LABELS = np.repeat(np.arange(4), [400, 200, 200, 200])
FOUR = HiddenLayers(widths=(4, 4), rates=(0.8, 0.0), classes=4)


def shares(*runs: tuple[int, float]) -> Floats:
    return np.concatenate([np.full(count, value) for count, value in runs])


def fit(
    name: str,
    correct: Floats,
    *,
    train: float,
    parameters: int = 1000,
    changes: Mapping[str, Scalar] | None = None,
    dead: float = float("nan"),
    seeds: int = 3,
) -> FitRecord:
    return FitRecord(
        name=name,
        changes=changes or {},
        seeds=seeds,
        train_accuracy=train,
        train_cross_entropy=0.1,
        correct=correct,
        cross_entropy=np.ones(len(correct)),
        trainable_parameters=parameters,
        train_curve=np.empty(0),
        validation_curve=np.empty(0),
        dead_units=dead,
    )


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=4).judged[0].outcome


BASELINE = fit("baseline", shares((750, 1.0), (250, 0.0)), train=0.998, parameters=294_944)
# Right on 30 images on which the baseline is wrong, wrong on 10 on which it is right: two points better.
POOLED = fit(
    "pooled",
    shares((740, 1.0), (10, 0.0), (30, 1.0), (220, 0.0)),
    train=0.9,
    parameters=6405,
    changes={"model.pooling": "avg", "model.head_width": "none"},
)
# Narrows the gap by more, but loses six points of validation.
TINY = fit("tiny", shares((690, 1.0), (310, 0.0)), train=0.8, parameters=100, changes={"model.conv_filters": 1})


def test_a_smaller_head_that_is_as_good_narrows_the_gap() -> None:
    found = capacity(BASELINE, [TINY, POOLED], LABELS, train_images=3000)
    assert outcome(found) is Outcome.FOUND
    assert found.effect is not None
    # 0.998 - 0.9 of training accuracy, and the two points of validation.
    assert found.effect.estimate == pytest.approx(0.118)
    # No image differs between trainings; their training accuracies do, by little more than 0.08 of a Bernoulli draw.
    images, trainings = (42 / 1002 - (20 / 1002) ** 2) / 1002, (0.0064 + 1 / 3000) * (0.998 * 0.002 + 0.9 * 0.1) / 3
    degrees = (images + trainings) ** 2 / (images**2 / 999 + trainings**2 / 12)
    error, centre = np.sqrt(images + trainings), 0.098 + 20 / 1002
    assert found.effect.low == pytest.approx(centre - student.ppf(1 - 0.025 / 2, degrees) * error)
    assert found.p == pytest.approx(2 * student.sf(centre / error, degrees))  # two heads were tried
    assert found.remedies[0].changes == POOLED.changes
    assert len(found.remedies) == 1
    assert found.evidence["parameters_per_image"] == pytest.approx(98.3, abs=0.05)
    assert found.evidence["clean_gap"] == pytest.approx(0.248)
    assert found.evidence["clean_gap_smaller"] == pytest.approx(0.13)
    assert "narrower by 11.8 points" in found.summary
    assert "2.13 instead of 98.3 parameters" in found.summary


def test_a_head_that_loses_validation_does_not_count() -> None:
    found = capacity(BASELINE, [TINY], LABELS, train_images=3000)
    assert found.p == pytest.approx(1.0, abs=1e-3)
    assert found.effect is not None
    assert (found.effect.estimate, found.effect.high) == (0.0, 0.0)
    assert outcome(found) is Outcome.EXCLUDED


def test_a_head_that_may_lose_validation_settles_nothing() -> None:
    # One point lower, on few images: a loss of two is not ruled out.
    few = fit("baseline", shares((75, 1.0), (25, 0.0)), train=0.998)
    smaller = fit("smaller", shares((70, 1.0), (5, 0.0), (4, 1.0), (21, 0.0)), train=0.85)
    found = capacity(few, [smaller], LABELS[::10], train_images=300)
    assert found.p is not None
    assert found.p > 0.2
    assert found.effect is not None
    assert found.effect.low <= 0.0
    assert outcome(found) is Outcome.UNDETERMINED


def test_where_smaller_heads_leave_the_gap_capacity_is_excluded() -> None:
    same = [fit(f"smaller {number}", BASELINE.correct.copy(), train=0.998) for number in range(3)]
    found = capacity(BASELINE, same, LABELS, train_images=3000)
    assert outcome(found) is Outcome.EXCLUDED


def test_what_it_fits_of_permuted_labels_it_has_learnt_by_heart() -> None:
    permuted = fit("permuted", BASELINE.correct, train=0.96)
    found = capacity(BASELINE, [POOLED], LABELS, train_images=3000, permuted=permuted)
    assert found.evidence["chance"] == pytest.approx(0.4)
    assert found.evidence["memorised"] == pytest.approx(0.56)
    assert "memorised" not in capacity(BASELINE, [POOLED], LABELS, train_images=3000).evidence


def test_without_a_smaller_head_nothing_is_measured() -> None:
    assert outcome(capacity(BASELINE, [], LABELS, train_images=3000)) is Outcome.NOT_MEASURED


def test_whole_sources_decide_about_a_smaller_head() -> None:
    # Where training accuracies are all but 1, the validation images are what is uncertain.
    baseline, smaller = fit("baseline", BASELINE.correct, train=1.0), fit("smaller", POOLED.correct, train=0.9999)
    alone = capacity(baseline, [smaller], LABELS, train_images=3000)
    grouped = capacity(baseline, [smaller], LABELS, train_images=3000, groups=np.arange(1000) // 25)
    assert alone.images == 1000
    assert grouped.images == 40
    assert alone.p is not None
    assert grouped.p is not None
    assert grouped.p > 10 * alone.p
    # Else more trainings would help, and more images would not.
    assert capacity(BASELINE, [POOLED], LABELS, train_images=3000).images == 0


def test_a_head_that_loses_the_margin_is_found_one_time_in_twenty_at_most() -> None:
    rng = np.random.default_rng(np.random.SeedSequence((0, 73)))
    found = 0
    for _ in range(200):
        rates = expit(rng.normal(3.0, 2.0, 400) + rng.normal(0.0, 0.1, (3, 1)))
        lossy = rates * (1 - 0.02 / rates.mean())
        one, other = (fit("fit", (rng.random((3, 400)) < some).mean(axis=0), train=0.999) for some in (rates, lossy))
        smaller = fit("smaller", other.correct, train=0.7)
        found += outcome(capacity(one, [smaller], LABELS[:400], train_images=800)) is Outcome.FOUND
    assert found <= 18


LINEAR = fit(
    "linear",
    shares((960, 1.0), (40, 0.0)),
    train=1.0,
    changes={"model.head_width": "none", "model.dropout": 0.0},
)
NARROW = fit("baseline", shares((780, 1.0), (220, 0.0)), train=0.81, dead=0.25)


def test_four_units_under_dropout_are_a_bottleneck() -> None:
    found = bottleneck(NARROW, LINEAR, FOUR, train_images=3000, probe_correct=np.arange(1000) < 970)
    assert outcome(found) is Outcome.FOUND
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(0.18)
    assert found.evidence["active_units"] == pytest.approx(0.8)
    assert found.evidence["all_dropped"] == pytest.approx(0.4096)
    assert found.evidence["masked_accuracy_at_most"] == pytest.approx(0.6928)
    assert found.evidence["masked_accuracy_one_unit_a_class"] == pytest.approx(0.4)
    assert found.evidence["dead_units"] == 0.25
    assert found.evidence["ridge_gains"] == pytest.approx(0.19)
    assert "0.8 of the narrowest layer's 4 units are active under dropout 0.8" in found.summary
    assert "training accuracy higher by 19.0" in found.summary
    assert [dict(remedy.changes) for remedy in found.remedies] == [
        {"model.head_width": "none", "model.dropout": 0.0},
        {"model.head_width": "64-64", "model.dropout": 0.5},
        {"model.kernel_initializer": "he_uniform"},
    ]


def test_a_narrow_layer_without_dropout_is_made_wider_alone() -> None:
    plain = HiddenLayers(widths=(4,), rates=(0.0,), classes=4)
    remedies = bottleneck(NARROW, LINEAR, plain, train_images=3000).remedies
    assert dict(remedies[1].changes) == {"model.head_width": "32"}
    convolution = HiddenLayers(widths=(), rates=(), classes=4, filters=4)
    assert len(bottleneck(NARROW, LINEAR, convolution, train_images=3000).remedies) == 2


def test_a_head_that_fits_training_as_well_is_not_narrow() -> None:
    # It loses 18 points on validation, but all of it is overfitting: training accuracy is that of the linear head.
    large = fit("baseline", NARROW.correct, train=0.995)
    found = bottleneck(large, LINEAR, FOUR, train_images=3000)
    assert found.effect is not None
    assert found.effect.high == 0.0
    assert outcome(found) is Outcome.EXCLUDED
    assert found.p is not None
    assert found.p > 0.05


def test_a_head_as_good_as_a_linear_one_is_excluded() -> None:
    good = fit("baseline", LINEAR.correct, train=0.999)
    assert outcome(bottleneck(good, LINEAR, FOUR, train_images=3000)) is Outcome.EXCLUDED


def test_wide_layers_are_no_bottleneck_by_arithmetic() -> None:
    wide = HiddenLayers(widths=(64,), rates=(0.5,), classes=4)
    found = bottleneck(NARROW, LINEAR, wide, train_images=3000)
    assert found.evidence["narrowest_width"] == 64  # a quarter is dead: 24 of 32 are left, which is measured
    assert not found.exact
    living = fit("baseline", NARROW.correct, train=0.81)
    excluded = bottleneck(living, LINEAR, wide, train_images=3000)
    assert excluded.exact
    assert "32 active units or more for 4 classes" in excluded.summary
    assert outcome(excluded) is Outcome.EXCLUDED


def test_without_hidden_layers_there_is_no_bottleneck() -> None:
    none = HiddenLayers(widths=(), rates=(), classes=4)
    assert bottleneck(NARROW, LINEAR, none, train_images=3000).exact


def test_the_luck_of_whole_trainings_is_no_bottleneck() -> None:
    rng = np.random.default_rng(np.random.SeedSequence((0, 72)))
    found = 0
    for _ in range(200):
        logits = rng.normal(3.0, 3.0, 200)
        one, other = (
            fit("fit", (rng.random((3, 200)) < expit(logits + rng.normal(0.0, 0.15, (3, 1)))).mean(axis=0), train=train)
            for train in (0.8, 0.95)
        )
        p = bottleneck(one, other, FOUR, train_images=3000).p
        assert p is not None
        found += p < 0.05
    assert found <= 18
