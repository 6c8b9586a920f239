"""Modes with known accuracies: what logging hides, what moving statistics lose, and how sure either is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.probes.modes import batch_norm, training_mode
from sweep.diagnosis.statistics import mcnemar_exact, mean_above_zero, paired_accuracy_difference
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Cause, Finding, FitRecord, Measurement, ModeRecord, Scalar, TrialRecord

TrialMaker = Callable[..., TrialRecord]
N = 400  # validation images; 1,600 training images
Z = 1.959964
CHANGE = math.hypot(0.01, math.sqrt(2) / 1600)
TWO, THREE = CHANGE * math.sqrt(3), CHANGE * math.sqrt(6)  # (2 + 2²) / 2 and (3 + 3²) / 2 of its square


def mode(dropout: bool, augmentation: bool, accuracy: float, *, noise: float = 0.0, unchanged: str = "") -> ModeRecord:
    return ModeRecord(
        dropout=dropout,
        augmentation=augmentation,
        batch_statistics=True,
        accuracy=accuracy,
        cross_entropy=0.3,
        accuracy_noise=noise,
        cross_entropy_noise=noise,
        accuracy_change_error=0.0 if unchanged else 0.01,
        cross_entropy_change_error=0.0 if unchanged else 0.01,
        draws=4,
        unchanged=unchanged,
    )


def modes(first: float, second: float, third: float) -> tuple[ModeRecord, ...]:
    """E1, E2 and E3, before a clean accuracy of 0.98."""
    return mode(True, True, first, noise=0.004), mode(False, True, second), mode(False, False, third)


@pytest.fixture
def measurement(trial_record: TrialMaker) -> Measurement:
    """E0 0.80, E4 0.98, E5 0.75."""
    made = trial_record(0, correct=np.arange(N) < 300, train=0.98).measurement
    assert made is not None
    return replace(made, logged_train_accuracy=0.80, modes=modes(0.82, 0.95, 0.97))


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=5).judged[0].outcome


def bounds(finding: Finding) -> tuple[float, float, float]:
    assert finding.effect is not None
    return finding.effect.estimate, finding.effect.low, finding.effect.high


def fit(correct: NDArray[np.bool_] | NDArray[np.float64], *, seeds: int = 1) -> FitRecord:
    return FitRecord(
        name="a fit",
        seeds=seeds,
        train_accuracy=0.98,
        train_cross_entropy=0.1,
        correct=correct.astype(np.float64),
        cross_entropy=np.full(len(correct), 0.5),
        trainable_parameters=1,
        train_curve=np.zeros(3),
        validation_curve=np.zeros(3),
    )


# ---- the logged training accuracy ----------------------------------------------------------------------------------


def test_logging_hides_the_sum_of_what_training_switches_on(measurement: Measurement) -> None:
    found = training_mode(measurement)
    # 0.80 against 0.98: lag 0.02, dropout 0.13, augmentation 0.02, and batches that cost another 0.01.
    # A quarter of the gap of 0.23 may be misstated; 1,281 of 1,602 are logged as right, an error of 0.010007.
    half = Z * math.hypot(0.010007, THREE)
    assert bounds(found) == pytest.approx((0.1225, 0.1225 - half, 0.1225 + half), abs=1e-6)
    assert not found.exact
    assert found.images == 1600
    assert outcome(found) is Outcome.FOUND
    assert "80.0 %, understates by 18.0 points" in found.summary
    assert "moving weights −2.0, dropout −13.0, augmented images −2.0, batch norm" in found.summary
    assert found.evidence["dropout"] == pytest.approx(-0.13)
    assert found.evidence["clean_gap"] == pytest.approx(0.23)
    assert found.evidence["misstated"] == pytest.approx(0.18)
    assert found.summary.endswith(": 12.2 points more than a quarter of the clean gap of 23.0.")
    assert "23.0 points" in found.remedies[0].sentence


def test_batches_that_are_better_than_moving_statistics_are_another_cause(measurement: Measurement) -> None:
    found = training_mode(replace(measurement, modes=modes(0.82, 0.95, 0.995)))
    half = Z * math.hypot(0.010007, TWO)
    assert bounds(found) == pytest.approx((0.1375, 0.1375 - half, 0.1375 + half), abs=1e-6)
    assert "batch norm" not in found.summary
    assert "99.5 % measured clean but for the statistics of each batch" in found.summary


def test_the_p_is_two_sided_and_normal(measurement: Measurement) -> None:
    # 0.965 - 0.98 with an error of hypot(0.008, 0.024590) = 0.025859: z = 0.58008, p = 0.5619.
    flat = replace(measurement, validation_accuracy=0.98, logged_train_accuracy=0.965)
    found = training_mode(flat)
    assert found.p == pytest.approx(0.5619, abs=2e-4)
    assert outcome(found) is Outcome.UNDETERMINED
    over = training_mode(replace(flat, logged_train_accuracy=0.995))
    assert over.p == found.p
    assert "overstates" in over.summary


def test_the_p_is_that_of_a_quarter_of_the_gap(measurement: Measurement) -> None:
    # 0.08 and -0.08 against 0.0575, with the same error: z = 0.87010 and 5.317.
    found = training_mode(replace(measurement, logged_train_accuracy=0.90))
    assert found.p == pytest.approx(0.19212, abs=2e-4)
    assert bounds(found)[0] == pytest.approx(0.0225)


def test_three_points_mislead_beside_a_gap_of_two_and_not_beside_one_of_twenty_one(measurement: Measurement) -> None:
    many = replace(
        measurement,
        train_images=40_000,
        logged_train_accuracy=0.95,
        modes=tuple(
            replace(one, accuracy_noise=0.0005, accuracy_change_error=0.0005) for one in modes(0.95, 0.98, 0.98)
        ),
    )
    beside = {gap: training_mode(replace(many, validation_accuracy=0.98 - gap)) for gap in (0.02, 0.21)}
    assert bounds(beside[0.02])[0] == pytest.approx(0.025)
    assert outcome(beside[0.02]) is Outcome.FOUND
    assert outcome(beside[0.21]) is Outcome.EXCLUDED
    assert beside[0.21].summary.endswith(": no more than a quarter of the clean gap of 21.0.")


def test_an_accuracy_that_is_logged_as_it_is_excludes_the_cause(measurement: Measurement) -> None:
    still = tuple(
        replace(one, accuracy=0.98, accuracy_noise=0.0, accuracy_change_error=0.0) for one in measurement.modes
    )
    found = training_mode(replace(measurement, validation_accuracy=0.98, logged_train_accuracy=0.979, modes=still))
    # Not even one image changed, which is known to an image each way and mode; 1,567.4 of 1,602 were logged as right.
    half = Z * math.hypot(0.0036342, math.sqrt(3) * math.sqrt(2) / 1600)
    assert bounds(found) == pytest.approx((0.001, 0.001 - half, 0.001 + half), abs=1e-6)
    assert outcome(found) is Outcome.EXCLUDED


def test_where_nothing_is_drawn_the_lag_is_as_sure_as_single_answers(measurement: Measurement) -> None:
    fixed = tuple(mode(*on, 0.98, unchanged="nothing") for on in ((True, True), (False, True), (False, False)))
    found = training_mode(replace(measurement, modes=fixed))
    half = Z * 0.010007
    assert bounds(found) == pytest.approx((0.1225, 0.1225 - half, 0.1225 + half), abs=1e-6)
    assert (found.exact, found.images) == (False, 1600)
    # Two points of lag in 600 images are within two errors of 0.0056 of none.
    few = replace(measurement, modes=fixed, train_images=600, validation_accuracy=0.98, logged_train_accuracy=0.9695)
    assert training_mode(few).p == pytest.approx(0.140, abs=0.005)
    assert outcome(training_mode(few)) is Outcome.UNDETERMINED
    # Even 100 % of 50 is not known without an error.
    all_right = replace(few, train_images=50, train_accuracy=1.0, validation_accuracy=1.0, logged_train_accuracy=1.0)
    same = training_mode(replace(all_right, modes=tuple(replace(one, accuracy=1.0) for one in fixed)))
    assert same.p == 1.0
    assert same.effect is not None
    assert same.effect.high == pytest.approx(Z * math.sqrt(51 / 52 / 52 / 50))


def test_without_modes_the_whole_difference_is_judged(measurement: Measurement) -> None:
    found = training_mode(replace(measurement, modes=(), modes_reason="a custom train_step"))
    half = Z * 0.010007
    assert bounds(found) == pytest.approx((0.1225, 0.1225 - half, 0.1225 + half), abs=1e-6)
    assert not found.exact
    assert "a custom train_step" in found.summary
    assert outcome(found) is Outcome.FOUND


def test_what_was_not_logged_is_not_measured(measurement: Measurement) -> None:
    found = training_mode(replace(measurement, logged_train_accuracy=math.nan))
    assert found.effect is None
    assert "was not recorded" in found.missing


# ---- batch norm ----------------------------------------------------------------------------------------------------


def test_moving_statistics_lose_what_batches_had(measurement: Measurement) -> None:
    lost = replace(measurement, train_accuracy=0.90)
    found = batch_norm(lost)
    assert bounds(found) == pytest.approx((0.07, 0.07 - Z * CHANGE, 0.07 + Z * CHANGE), abs=1e-6)
    assert found.p == pytest.approx(1.55e-12, rel=0.1)  # z = 6.973, one-sided
    assert found.images == 1600
    assert outcome(found) is Outcome.FOUND
    assert "lose 7.0 points" in found.summary
    assert [tuple(remedy.changes) for remedy in found.remedies] == [
        ("model.batch_norm",),
        ("training.recalibrate",),
        ("model.batch_norm_momentum",),
    ]


def test_moving_statistics_that_are_better_are_no_harm(measurement: Measurement) -> None:
    found = batch_norm(replace(measurement, train_accuracy=1.0))
    assert bounds(found)[0] == pytest.approx(-0.03)
    assert found.p is not None
    assert found.p > 0.99
    assert "gain 3.0 points" in found.summary
    assert outcome(found) is Outcome.EXCLUDED


def test_recovered_validation_images_prove_it_where_training_shows_nothing(measurement: Measurement) -> None:
    before, after = np.arange(N) < 300, np.arange(N) < 340
    found = batch_norm(replace(measurement, train_accuracy=0.97), recalibrated=fit(after), baseline=fit(before))
    recovered = paired_accuracy_difference(after, before, level=0.975)
    # The larger of 0.00 and 0.10, the bounds of which at 97.5 % are those of the larger at 95 %.
    assert bounds(found) == pytest.approx((0.10, recovered.low, recovered.high))
    assert found.p == pytest.approx(2 * mcnemar_exact(before, after, alternative="less"))
    assert found.images == N
    assert outcome(found) is Outcome.FOUND
    assert found.remedies[0].changes == {"training.recalibrate": True}


def test_a_harm_in_training_stands_beside_a_recovery_of_nothing(measurement: Measurement) -> None:
    same = np.arange(N) < 300
    found = batch_norm(replace(measurement, train_accuracy=0.90), recalibrated=fit(same), baseline=fit(same))
    wide = 2.241403 * CHANGE  # of a normal 97.5 %
    assert bounds(found) == pytest.approx((0.07, 0.07 - wide, 0.07 + wide), abs=1e-6)
    assert found.remedies[0].changes == {"model.batch_norm": "frozen"}


def test_the_upper_bound_is_the_larger_one(measurement: Measurement) -> None:
    few = np.arange(20) < 15
    found = batch_norm(replace(measurement, train_accuracy=0.97), recalibrated=fit(few), baseline=fit(few))
    # 1,600 training images exclude it, 20 validation images do not.
    assert bounds(found)[2] == pytest.approx(paired_accuracy_difference(few, few, level=0.975).high)
    assert outcome(found) is Outcome.UNDETERMINED


def test_groups_and_means_over_seeds_are_judged_by_sources(measurement: Measurement) -> None:
    groups = np.arange(N) // 40
    before = np.repeat([1.0, 0.5, 1.0, 0.0, 1.0, 1.0, 0.5, 1.0, 0.5, 1.0], 40)
    after = np.minimum(1.0, before + np.repeat([0.0, 0.5, 0.0, 0.5, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0], 40))
    unmeasured = replace(measurement, modes=(), modes_reason="an earlier version")
    found = batch_norm(
        unmeasured, recalibrated=fit(after, seeds=2), baseline=fit(before, seeds=2), groups=groups, seed=3
    )
    assert bounds(found)[0] == pytest.approx(0.15)
    assert found.p == pytest.approx(mean_above_zero(after - before, groups))
    assert found.p is not None
    assert found.p > 0.02
    assert found.images == 10
    again = batch_norm(
        unmeasured, recalibrated=fit(after, seeds=2), baseline=fit(before, seeds=2), groups=groups, seed=3
    )
    assert again == found


def test_the_configuration_says_why(measurement: Measurement) -> None:
    chosen: dict[str, Scalar] = {
        "batch_norm": "train",
        "head_batch_norm": False,
        "batch_size": 4,
        "dropout": 0.0,
        "recalibrate": False,
    }
    found = batch_norm(replace(measurement, train_accuracy=0.90), configuration=chosen, momentum_steps=(0.999, 282))
    assert found.evidence["staleness"] == pytest.approx(0.754, abs=5e-4)
    assert found.evidence["kinds"] == "stale, tiny batch"
    assert "moving statistics that training was too short to renew and batches too small" in found.summary


def test_no_batch_norm_on_batches_cannot_be_the_cause(measurement: Measurement) -> None:
    still = replace(measurement.modes[2], accuracy=0.98, unchanged="no batch norm that trains")
    found = batch_norm(replace(measurement, modes=(*measurement.modes[:2], still)))
    assert (found.exact, found.p) == (True, 1.0)
    assert "no batch norm that trains" in found.summary
    assert outcome(found) is Outcome.EXCLUDED
    frozen = batch_norm(
        replace(measurement, modes=()), configuration={"batch_norm": "frozen", "head_batch_norm": False}
    )
    assert outcome(frozen) is Outcome.EXCLUDED


def test_without_modes_and_fits_nothing_is_said(measurement: Measurement) -> None:
    found = batch_norm(replace(measurement, modes=(), modes_reason="an earlier version"))
    assert found.missing == "an earlier version"
    assert found.cause is Cause.BATCH_NORM
    assert batch_norm(replace(measurement, modes=()), baseline=fit(np.ones(5))).effect is None
