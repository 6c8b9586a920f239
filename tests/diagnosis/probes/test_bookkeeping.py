"""Logged numbers that are off by known amounts: each way of it, the largest, and the unit that carries the harm."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sweep.diagnosis.probes.bookkeeping import bookkeeping
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Finding, Measurement, Scalar, TrialRecord, Unit

TrialMaker = Callable[..., TrialRecord]
N = 400
PLAIN: dict[str, Scalar] = {
    "augment_validation": False,
    "validation_steps": 0,
    "steps_per_epoch": 0,
    "shuffle": True,
    "batch_size": 8,
}


@pytest.fixture
def clean(trial_record: TrialMaker) -> Measurement:
    """1,600 training and 400 validation images, logged as they are: 0.90 and 0.40 nats against 0.75 and 0.70 nats."""
    made = trial_record(0, correct=np.arange(N) < 300, train=0.90, train_cross_entropy=0.4).measurement
    assert made is not None
    return replace(made, logged_train_accuracy=0.90, logged_train_loss=0.4)


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=5).judged[0].outcome


def bounds(finding: Finding) -> tuple[float, float, float]:
    assert finding.effect is not None
    return finding.effect.estimate, finding.effect.low, finding.effect.high


def test_numbers_that_are_kept_alike_exclude_it(clean: Measurement) -> None:
    found = bookkeeping(clean, PLAIN, validation_counts=(80,) * 5, train_counts=(320,) * 5)
    assert bounds(found) == (0, 0, 0)
    assert (found.p, found.exact, found.unit) == (1.0, True, Unit.ACCURACY)
    assert found.remedies == ()
    assert found.summary == "Both sides are logged alike, but for what training switches on."
    assert outcome(found) is Outcome.EXCLUDED


def test_augmented_validation_is_off_by_what_it_costs(clean: Measurement) -> None:
    augmented = replace(clean, logged_validation_accuracy=0.70, logged_validation_loss=0.9)
    found = bookkeeping(augmented, {**PLAIN, "augment_validation": True})
    assert bounds(found) == pytest.approx((0.05, 0.05, 0.05))
    assert (found.p, found.images) == (0.0, 0)
    assert outcome(found) is Outcome.FOUND
    assert "logged at 70.0 % where all its images, clean, give 75.0 %" in found.summary
    assert found.remedies[0].changes == {"training.augment_validation": False}


def test_a_few_batches_of_validation_may_flatter_too(clean: Measurement) -> None:
    partial = replace(clean, logged_validation_accuracy=0.80, logged_validation_loss=0.5)
    found = bookkeeping(partial, {**PLAIN, "validation_steps": 5})
    assert found.evidence["validation_pipeline"] == pytest.approx(-0.05)
    assert found.remedies[0].changes == {"training.validation_steps": 0}
    # One epoch's luck is no measure: so few images are off by so much on average.
    seen = 5 * 8
    share, images = partial.validation_accuracy, partial.validation_images
    usual = math.sqrt(2 / math.pi * share * (1 - share) / seen * (1 - seen / images))
    assert bounds(found) == pytest.approx((usual, usual, usual))
    assert usual > 0.05
    lucky = bookkeeping(replace(partial, logged_validation_accuracy=share), {**PLAIN, "validation_steps": 5})
    assert bounds(lucky) == pytest.approx((usual, usual, usual))


def test_an_epoch_of_some_images_is_off_by_their_sampling_error(clean: Measurement) -> None:
    # 20 batches of 8 are a tenth of 1,600: sqrt(0.9 * 0.1 * 0.9 / 160) * sqrt(2 / pi).
    found = bookkeeping(clean, {**PLAIN, "steps_per_epoch": 20})
    error = math.sqrt(0.081 / 160) * 0.7978845608
    assert bounds(found) == pytest.approx((error, error, error))
    assert found.evidence["epoch_coverage"] == pytest.approx(0.1)
    assert found.remedies[0].changes == {"training.steps_per_epoch": 0}
    assert outcome(found) is Outcome.EXCLUDED  # 1.8 points
    assert bounds(bookkeeping(clean, PLAIN, steps_coverage=0.1)) == bounds(found)
    assert bounds(bookkeeping(clean, {**PLAIN, "steps_per_epoch": 200})) == (0, 0, 0)


def test_skipped_classes_are_not_known(clean: Measurement) -> None:
    found = bookkeeping(clean, {**PLAIN, "steps_per_epoch": 20, "shuffle": False})
    assert bounds(found)[2] == pytest.approx(0.9)
    assert outcome(found) is Outcome.UNDETERMINED


def test_an_unshuffled_epoch_praises_what_it_has_just_seen(clean: Measurement) -> None:
    unshuffled = replace(clean, logged_train_accuracy=0.97)
    found = bookkeeping(unshuffled, {**PLAIN, "shuffle": False})
    assert bounds(found) == pytest.approx((0.07, 0.07, 0.07))
    assert found.remedies[0].changes == {"training.shuffle": True}
    assert bounds(bookkeeping(unshuffled, PLAIN)) == (0, 0, 0)
    behind = replace(clean, logged_train_accuracy=0.80)
    assert bounds(bookkeeping(behind, {**PLAIN, "shuffle": False})) == (0, 0, 0)


def test_a_sorted_split_leaves_classes_out(clean: Measurement) -> None:
    found = bookkeeping(clean, PLAIN, validation_counts=(0, 0, 0, 80, 320), train_counts=(400, 400, 400, 320, 0))
    assert bounds(found) == pytest.approx((0.8, 0.8, 0.8))
    assert outcome(found) is Outcome.FOUND
    assert "80.0 % of the validation images are of classes that training does not have" in found.summary


def test_other_shares_of_classes_are_told_but_not_priced(clean: Measurement) -> None:
    # 0.3 and 0.1 against 0.2 in two classes: a distance of 0.1.
    found = bookkeeping(clean, PLAIN, validation_counts=(120, 40, 80, 80, 80), train_counts=(320,) * 5)
    assert bounds(found) == pytest.approx((0.0, 0.0, 0.1))
    assert found.evidence["label_distance"] == pytest.approx(0.1)
    # Expected 88 and 72 of 400, 352 and 288 of 1,600: 32² (1/88 + 1/72 + 1/352 + 1/288) = 32.32.
    assert found.evidence["label_p"] == pytest.approx(1.645e-6, rel=0.01)
    assert outcome(found) is Outcome.UNDETERMINED
    chance = bookkeeping(clean, PLAIN, validation_counts=(82, 78, 80, 80, 80), train_counts=(320,) * 5)
    assert bounds(chance) == (0, 0, 0)


def test_weights_in_the_training_loss_alone_are_harm_in_nats(clean: Measurement) -> None:
    # Weights add 0.30 to training's loss; its penalty is 0.05 above validation's: together 0.35.
    weighted = replace(
        clean,
        logged_train_loss=0.4 + 0.30 + 0.25,
        logged_weighting=0.30,
        logged_penalty=0.25,
        penalty=0.20,
        logged_validation_loss=0.7 + 0.20,
    )
    found = bookkeeping(weighted, PLAIN, validation_counts=(80,) * 5, train_counts=(320,) * 5)
    assert found.unit is Unit.CROSS_ENTROPY
    assert bounds(found) == pytest.approx((0.35, 0.35, 0.35))
    assert found.evidence["misstated_accuracy"] == 0
    assert "off by 0.35 nats (validation pipeline +0.00, penalty −0.05, class weights −0.30)" in found.summary
    assert outcome(found) is Outcome.FOUND
    # Without the number of classes nats have no margin.
    bare = bookkeeping(weighted, PLAIN)
    assert bare.unit is Unit.ACCURACY
    assert bare.evidence["misstated_nats"] == pytest.approx(0.35)


def test_a_penalty_and_smoothing_on_both_sides_cancel(clean: Measurement) -> None:
    both = replace(
        clean,
        logged_train_loss=0.4 + 0.25 + 5.0,
        logged_weighting=0.25,
        logged_penalty=5.0,
        penalty=5.0,
        logged_validation_loss=0.7 + 0.25 + 5.0,
    )
    found = bookkeeping(both, PLAIN, validation_counts=(80,) * 5, train_counts=(320,) * 5)
    assert found.evidence["misstated_nats"] == pytest.approx(0.0, abs=1e-9)
    assert outcome(found) is Outcome.EXCLUDED


def test_the_unit_is_that_of_the_greater_harm(clean: Measurement) -> None:
    # 6 points are three margins, 0.04 nats 1.2 margins of 0.02 * ln 5.
    both = replace(
        clean,
        logged_validation_accuracy=0.69,
        logged_validation_loss=0.72,
        logged_weighting=-0.02,
        logged_train_loss=0.38,
    )
    assert bookkeeping(both, PLAIN, validation_counts=(80,) * 5, train_counts=(320,) * 5).unit is Unit.ACCURACY
    # An accuracy known to a bound only is not passed over for nats that exclude.
    open_ended = {**PLAIN, "steps_per_epoch": 20, "shuffle": False}
    slight = replace(clean, logged_weighting=-0.03, logged_train_loss=0.37, train_accuracy=1.0)
    found = bookkeeping(slight, open_ended, validation_counts=(80,) * 5, train_counts=(320,) * 5)
    assert found.unit is Unit.ACCURACY
    assert outcome(found) is Outcome.UNDETERMINED


def test_what_was_not_logged_is_not_measured(clean: Measurement) -> None:
    found = bookkeeping(replace(clean, logged_validation_accuracy=math.nan, logged_validation_loss=math.nan), PLAIN)
    assert found.effect is None
    only_losses = bookkeeping(replace(clean, logged_weighting=math.nan), PLAIN)
    assert outcome(only_losses) is Outcome.EXCLUDED
    assert "misstated_nats" not in {name for name, value in only_losses.evidence.items() if value}
