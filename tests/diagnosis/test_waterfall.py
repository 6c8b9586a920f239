"""A reported gap with known steps, taken apart: the terms, their signs, their intervals, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.diagnosis.comparison import evidence_of
from sweep.diagnosis.statistics import wilson
from sweep.diagnosis.waterfall import Quantity, Term, Waterfall, meaning, waterfall
from sweep.records import IndexArray, Measurement, ModeRecord, TrialRecord

TrialMaker = Callable[..., TrialRecord]
N = 400
LABELS: IndexArray = np.arange(N, dtype=np.int64) % 5
Z = 1.959964
TRAINING = ("epoch_lag", "dropout", "augmentation", "batch_norm")


def mode(
    dropout: bool, augmentation: bool, batch_statistics: bool, accuracy: float, nats: float, **fields: object
) -> ModeRecord:
    values: dict[str, object] = {
        "accuracy_noise": 0.0,
        "cross_entropy_noise": 0.0,
        "accuracy_change_error": 0.01,
        "cross_entropy_change_error": 0.02,
        "draws": 4,
    }
    return ModeRecord(
        dropout=dropout,
        augmentation=augmentation,
        batch_statistics=batch_statistics,
        accuracy=accuracy,
        cross_entropy=nats,
        **{**values, **fields},  # type: ignore[arg-type]
    )


# Stored in any order. E1, E2 and E3, then E4 = 0.98 and 0.12 nats below.
MODES = (
    mode(False, False, True, 0.97, 0.15),
    mode(True, True, True, 0.82, 0.55, accuracy_noise=0.004, cross_entropy_noise=0.008),
    mode(False, True, True, 0.95, 0.20),
)


@pytest.fixture
def measurement(trial_record: TrialMaker) -> Measurement:
    """E0 0.80 and 0.60 nats, E5 0.75 and 0.90, E6 0.70 and 1.00; penalty 0.40 in the epoch's mean, 0.30 at its end."""
    correct = np.arange(N) < 300
    made = trial_record(3, correct=correct, train=0.98, train_cross_entropy=0.12, cross_entropy=np.linspace(0, 1.8, N))
    assert made.measurement is not None
    return replace(
        made.measurement,
        logged_train_accuracy=0.80,
        logged_train_loss=0.60 + 0.40 + 0.05,
        logged_penalty=0.40,
        logged_weighting=0.05,
        logged_validation_accuracy=0.70,
        logged_validation_loss=1.00 + 0.30,
        penalty=0.30,
        modes=MODES,
    )


def terms(found: Waterfall) -> dict[str, Term]:
    return {term.name: term for term in found.terms}


def estimates(found: Waterfall) -> dict[str, float]:
    return {term.name: term.interval.estimate for term in found.terms}


def test_the_accuracy_gap_is_six_terms_positive_where_validation_looks_worse(measurement: Measurement) -> None:
    found = waterfall(measurement, "accuracy")
    assert (found.reported_train, found.reported_validation) == (0.80, 0.70)
    assert found.reported_gap == pytest.approx(0.10)
    assert estimates(found) == pytest.approx(
        {
            "epoch_lag": -0.02,
            "dropout": -0.13,
            "augmentation": -0.02,
            "batch_norm": -0.01,
            "clean_gap": 0.23,
            "validation_pipeline": 0.05,
        }
    )
    assert list(found.steps.values()) == pytest.approx([0.80, 0.82, 0.95, 0.97, 0.98, 0.75, 0.70])


def test_the_loss_gap_has_rows_for_the_penalty_and_the_class_weights(measurement: Measurement) -> None:
    found = waterfall(measurement, "cross_entropy")
    assert (found.reported_train, found.reported_validation) == pytest.approx((1.05, 1.30))
    assert found.reported_gap == pytest.approx(0.25)
    assert list(found.steps.values()) == pytest.approx([0.60, 0.55, 0.20, 0.15, 0.12, 0.90, 1.00])
    assert estimates(found) == pytest.approx(
        {
            "epoch_lag": -0.05,
            "dropout": -0.35,
            "augmentation": -0.05,
            "batch_norm": -0.03,
            "clean_gap": 0.78,
            "validation_pipeline": 0.10,
            "penalty": -0.10,  # training logs 0.10 more of it
            "class_weights": -0.05,
        }
    )


share = st.floats(0, 1)
amount = st.floats(0, 1000)


@given(
    shares=st.tuples(*[share] * 7),
    nats=st.tuples(*[amount] * 7),
    rows=st.tuples(amount, amount, st.floats(-100, 100)),
    quantity=st.sampled_from(get_args(Quantity)),
    measured=st.booleans(),
)
def test_terms_sum_to_the_reported_gap_whatever_the_numbers(
    trial_record: TrialMaker,
    shares: tuple[float, ...],
    nats: tuple[float, ...],
    rows: tuple[float, float, float],
    quantity: Quantity,
    measured: bool,
) -> None:
    made = trial_record(0, correct=np.ones(20, bool)).measurement
    assert made is not None
    penalty, logged_penalty, weighting = rows
    keys = ((True, True, True), (False, True, True), (False, False, True))
    one = replace(
        made,
        logged_train_accuracy=shares[0],
        logged_train_loss=nats[0] + logged_penalty + weighting,
        train_accuracy=shares[4],
        train_cross_entropy=nats[4],
        validation_accuracy=shares[5],
        validation_cross_entropy=nats[5],
        logged_validation_accuracy=shares[6],
        logged_validation_loss=nats[6] + penalty,
        penalty=penalty,
        logged_penalty=logged_penalty,
        logged_weighting=weighting,
        modes=tuple(mode(*key, shares[i], nats[i]) for i, key in enumerate(keys, start=1)) if measured else (),
    )
    found = waterfall(one, quantity)
    assert sum(estimates(found).values()) == pytest.approx(found.reported_gap, abs=1e-9)
    for term in found.terms:
        assert term.interval.low <= term.interval.estimate <= term.interval.high


def test_training_terms_carry_the_noise_of_draws_and_the_error_of_the_paired_change(measurement: Measurement) -> None:
    found = terms(waterfall(measurement, "accuracy"))
    widths = [found[name].interval.high - found[name].interval.estimate for name in TRAINING]
    assert widths == pytest.approx([Z * 0.004, Z * 0.01, Z * 0.01, Z * 0.01], abs=1e-6)
    nats = terms(waterfall(measurement, "cross_entropy", level=0.9))
    widths = [nats[name].interval.estimate - nats[name].interval.low for name in TRAINING]
    assert widths == pytest.approx([1.644854 * error for error in (0.008, 0.02, 0.02, 0.02)], abs=1e-6)
    assert nats["dropout"].interval.level == 0.9


def test_the_epoch_lag_is_exact_where_nothing_is_drawn(measurement: Measurement) -> None:
    quiet = replace(measurement, modes=tuple(replace(one, accuracy_noise=0.0) for one in MODES))
    lag = terms(waterfall(quiet, "accuracy"))["epoch_lag"].interval
    assert lag.low == lag.estimate == lag.high


def test_a_switch_that_does_nothing_is_an_exact_zero_that_says_why(measurement: Measurement) -> None:
    still = replace(MODES[0], accuracy=0.98, cross_entropy=0.12, unchanged="every batch norm is frozen")
    found = terms(waterfall(replace(measurement, modes=(still, *MODES[1:])), "accuracy"))
    term = found["batch_norm"]
    assert (term.interval.low, term.interval.estimate, term.interval.high) == (0, 0, 0)
    assert term.unchanged == "every batch norm is frozen"
    assert found["dropout"].unchanged == ""


def test_the_clean_gap_is_that_of_the_ranking(measurement: Measurement, trial_record: TrialMaker) -> None:
    validation = measurement.predictions[0]
    trial = trial_record(3, correct=np.ones(N, bool))
    groups = (np.arange(N) // 8).astype(np.int64)
    for codes in (None, groups):
        evidence = evidence_of(trial, measurement, validation, labels=LABELS, groups=codes)
        kept = {"validation": validation, "labels": LABELS, "groups": codes}
        accuracy = terms(waterfall(measurement, "accuracy", **kept))["clean_gap"].interval  # type: ignore[arg-type]
        nats = terms(waterfall(measurement, "cross_entropy", **kept))["clean_gap"].interval  # type: ignore[arg-type]
        for ours, theirs in ((accuracy, evidence.gap), (nats, evidence.gap_cross_entropy)):
            assert (ours.estimate, ours.low, ours.high) == pytest.approx(
                (theirs.estimate, theirs.low, theirs.high), abs=1e-4
            )
        # Half precision may not spoil the sum.
        assert nats.estimate == measurement.gap_cross_entropy


def test_groups_widen_the_clean_gap(measurement: Measurement) -> None:
    groups = np.arange(N) // 8
    stored = measurement.predictions[0]
    plain = terms(waterfall(measurement, "accuracy", validation=stored, labels=LABELS))["clean_gap"].interval
    careful = terms(waterfall(measurement, "accuracy", validation=stored, labels=LABELS, groups=groups))["clean_gap"]
    assert careful.interval.high - careful.interval.low > 2 * (plain.high - plain.low)


def test_without_predictions_the_measurements_own_numbers_give_the_interval(measurement: Measurement) -> None:
    gap = terms(waterfall(measurement, "accuracy", validation=measurement.predictions[0], labels=LABELS[:-1]))
    expected = wilson(300, N)
    assert gap["clean_gap"].interval.low == pytest.approx(0.98 - expected.high)
    nats = terms(waterfall(measurement, "cross_entropy"))["clean_gap"].interval
    assert nats.high - nats.estimate == pytest.approx(Z * measurement.validation_cross_entropy_error, rel=1e-6)


@pytest.mark.parametrize(
    ("folds", "train_images", "images", "validated"),
    [
        (5, 320, None, 400),
        (5, 1320, None, 400),  # 1,000 images are trained on in every fold
        (2, 320, 400, 160),  # pruned after two folds of five
        (10, 320, 400, 400),  # two repetitions of five folds
    ],
)
def test_with_folds_of_80_images_those_of_the_finished_folds_are_validated(
    measurement: Measurement, folds: int, train_images: int, images: int | None, validated: int
) -> None:
    folded = replace(measurement, folds=folds, train_images=train_images, validation_images=80)
    found = terms(waterfall(folded, "accuracy", images=images))
    assert found["clean_gap"].interval.low == pytest.approx(0.98 - wilson(0.75 * validated, validated).high)
    # Half of 0.1875 + 0.21 + 0.05 - 0.0025, as with one split.
    pipeline = found["validation_pipeline"].interval
    assert pipeline.high - pipeline.estimate == pytest.approx(Z * math.sqrt(0.2225 / validated), abs=1e-6)


def test_a_stored_share_a_rounding_above_1_is_all_right(measurement: Measurement) -> None:
    above = math.nextafter(1, 2)
    old = replace(measurement, validation_accuracy=above, logged_validation_accuracy=above)
    found = terms(waterfall(old, "accuracy"))
    assert found["clean_gap"].interval.high == pytest.approx(0.98 - wilson(N, N).low)
    pipeline = found["validation_pipeline"].interval
    assert pipeline.low == pipeline.estimate == pipeline.high == 0


def test_the_validation_pipeline_lies_between_paired_and_unpaired(measurement: Measurement) -> None:
    # 0.75 and 0.70: unpaired variance 0.1875 + 0.21, least 0.05 - 0.0025; sqrt(0.2225 / 400) = 0.023585.
    term = terms(waterfall(measurement, "accuracy"))["validation_pipeline"].interval
    assert term.high - term.estimate == pytest.approx(Z * 0.023585, abs=1e-6)
    nats = terms(waterfall(measurement, "cross_entropy"))
    clean, pipeline = nats["clean_gap"].interval, nats["validation_pipeline"].interval
    assert pipeline.high - pipeline.low == pytest.approx(clean.high - clean.low)


def test_where_validation_is_logged_clean_its_term_is_exact(measurement: Measurement) -> None:
    # Keras' float32 is off by a little.
    clean = replace(measurement, logged_validation_accuracy=0.75, logged_validation_loss=0.90 + 0.30 + 2e-6)
    for quantity in get_args(Quantity):
        term = terms(waterfall(clean, quantity))["validation_pipeline"]
        assert term.interval.low == term.interval.high == pytest.approx(0, abs=1e-5)
        assert term.unchanged == "validation is logged on the same clean images"


def test_without_modes_the_training_terms_are_one(measurement: Measurement) -> None:
    reason = "a custom train_step cannot be switched"
    for modes in ((), MODES[:2]):
        found = waterfall(replace(measurement, modes=modes, modes_reason=reason), "accuracy")
        assert [term.name for term in found.terms] == ["training_mode", "clean_gap", "validation_pipeline"]
        term = found.terms[0]
        assert term.interval.estimate == pytest.approx(0.80 - 0.98)
        assert term.interval.low == term.interval.high == term.interval.estimate
        assert term.unchanged == reason
        assert list(found.steps) == ["E0", "E4", "E5", "E6"]


def test_a_penalty_whose_mean_was_not_recorded_is_taken_as_at_the_end(measurement: Measurement) -> None:
    old = replace(measurement, logged_penalty=math.nan, logged_weighting=0.0, modes=(), modes_reason="earlier version")
    found = waterfall(old, "cross_entropy")
    assert estimates(found)["penalty"] == 0
    assert "was not recorded" in terms(found)["penalty"].unchanged
    assert terms(found)["class_weights"].unchanged == "no class weights, label smoothing or MixUp"
    assert sum(estimates(found).values()) == pytest.approx(found.reported_gap, abs=1e-9)


def test_no_penalty_says_so(measurement: Measurement) -> None:
    none = replace(measurement, penalty=0.0, logged_penalty=0.0)
    assert terms(waterfall(none, "cross_entropy"))["penalty"].unchanged == "no penalty"


def test_the_order_of_switching_gives_a_range_where_all_corners_are_measured(measurement: Measurement) -> None:
    # Augmentation does nothing. Dropout off first: 0.80 -> 0.90, then batch norm -> 0.98. The other way: 0.80 -> 0.70.
    two = (
        mode(True, True, True, 0.80, 0.5),
        mode(False, True, True, 0.90, 0.4, unchanged="no augmentation"),
        mode(False, False, True, 0.90, 0.4),
        mode(True, False, False, 0.70, 0.9),
    )
    found = terms(waterfall(replace(measurement, modes=two), "accuracy"))
    assert found["dropout"].order == pytest.approx((0.70 - 0.98, 0.80 - 0.90))
    assert found["batch_norm"].order == pytest.approx((0.90 - 0.98, 0.80 - 0.70))
    assert found["augmentation"].order is None
    nats = terms(waterfall(replace(measurement, modes=two), "cross_entropy"))
    assert nats["dropout"].order == pytest.approx((0.12 - 0.9, 0.4 - 0.5))
    assert terms(waterfall(replace(measurement, modes=two[:3]), "accuracy"))["dropout"].order is None


@pytest.mark.parametrize("name", [*TRAINING, "clean_gap", "validation_pipeline", "penalty", "class_weights"])
def test_every_term_has_a_sentence(name: str) -> None:
    assert meaning(name)
    assert meaning("dropout") == "what dropout takes from the training numbers only"
    with pytest.raises(KeyError, match="luck"):
        meaning("luck")
