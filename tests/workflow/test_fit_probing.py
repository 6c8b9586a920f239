"""What short trainings say of a trial, and what is left of its predictions once its cause is mended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sweep.records import Cause, Finding, FitRecord, Interval, ModeRecord, PredictionRecord, Remedy, Scalar
from sweep.studyfile.definition import Configuration, ModelSettings, TrainingSettings
from sweep.workflow.fit_probing import probe_fits, probe_repaired
from sweep.workflow.fits import Fits
from sweep.workflow.trial_probing import PredictedSide, Trained, probe_records, probes_of_predictions

IMAGES = 300
LABELS = np.arange(IMAGES) % 3
COLLAPSED = np.where(np.arange(IMAGES) < 240, 0, LABELS).astype(np.uint16)
WEAKER: dict[str, Scalar] = {"model.l2": 0.1}


def fit(name: str, predicted: np.ndarray[Any, np.dtype[np.uint16]], changes: dict[str, Scalar]) -> FitRecord:
    right = (predicted == LABELS).astype(np.float64)
    return FitRecord(
        name=name,
        changes=changes,
        seeds=3,
        train_accuracy=float(right.mean()) + 0.02,
        train_cross_entropy=0.5,
        correct=right,
        cross_entropy=1.1 - right,
        trainable_parameters=1000,
        train_curve=np.linspace(1.0, 0.5, 5),
        validation_curve=np.linspace(1.0, 0.6, 5),
        predicted=predicted,
    )


@pytest.fixture
def one(trial_record: Callable[..., Any]) -> Trained:
    """A trial that takes nearly every image for the first of three classes."""
    measurement = trial_record(0, correct=COLLAPSED == LABELS).measurement
    kept = measurement.predictions[0]
    return Trained(
        measurement=measurement,
        flat=Configuration(model=ModelSettings(l2=1.0), training=TrainingSettings()).stored(),
        prediction=PredictionRecord(
            side=kept.side,
            moment=kept.moment,
            predicted=COLLAPSED,
            cross_entropy=(1.1 - (COLLAPSED == LABELS)).astype(np.float16),
        ),
        labels=LABELS,
        groups=None,
        positions=np.arange(IMAGES) + 50,
        train_counts=np.array([400, 400, 400]),
        validation_counts=np.array([100, 100, 100]),
        seed=0,
        harm=0.02,
    )


def fits(*variants: FitRecord) -> Fits:
    return Fits(
        baseline=fit("baseline", COLLAPSED, {}),
        again=fit("again", COLLAPSED, {}),
        variants={one.name: one for one in variants},
        memorised=None,
        labels=LABELS,
        groups=None,
        images=np.arange(IMAGES) + 50,
        positions=1,
    )


def over_regularized(*changes: dict[str, Scalar]) -> Finding:
    return Finding(
        cause=Cause.OVER_REGULARIZED,
        effect=Interval(estimate=0.4, low=0.3, high=0.5),
        p=1e-9,
        summary="",
        remedies=tuple(Remedy(sentence="Weaken it.", changes=one) for one in changes),
    )


def test_a_collapse_that_the_remedy_ends_is_no_cause(one: Trained) -> None:
    records = probe_records(one)
    biased = next(finding for finding in records if finding.cause is Cause.CLASS_BIAS)
    assert biased.effect is not None
    assert biased.effect.low > 0.4
    learnt = LABELS.astype(np.uint16)
    found = probe_repaired(
        one, fits(fit("weaker", learnt, WEAKER)), [biased, over_regularized({"model.dropout": 0.1}, WEAKER)]
    )
    again = {finding.cause: finding for finding in found}
    assert set(again) == {Cause.SMALL_VALIDATION, Cause.CLASS_BIAS, Cause.CONFUSABLE_CLASSES}
    assert {finding.repaired for finding in found} == {(Cause.OVER_REGULARIZED,)}
    mended = again[Cause.CLASS_BIAS].effect
    assert mended is not None
    assert mended.high < 0.1


def test_a_collapse_that_half_a_remedy_leaves_is_left_open(one: Trained) -> None:
    less = np.where(np.arange(IMAGES) < 90, 0, LABELS).astype(np.uint16)
    found = probe_repaired(one, fits(fit("weaker", less, WEAKER)), [over_regularized(WEAKER)])
    bias = next(finding for finding in found if finding.cause is Cause.CLASS_BIAS)
    assert bias.missing == "a network that hardly learns prefers a class: mend over-regularized first"
    assert bias.repaired == (Cause.OVER_REGULARIZED,)


def test_which_of_two_classes_that_are_alike_is_named_more_often_is_no_bias(one: Trained) -> None:
    """Class 1 takes half of class 2, and loses a fifth to it; class 0 is always right."""
    mixed = LABELS.astype(np.uint16)
    mixed[np.flatnonzero(LABELS == 2)[:50]] = 1
    mixed[np.flatnonzero(LABELS == 1)[:20]] = 2
    alone = PredictedSide(
        predicted=mixed,
        cross_entropy=np.ones(IMAGES),
        train_accuracy=0.9,
        labels=LABELS,
        groups=None,
        positions=None,
    )
    said = {cause: probe() for cause, probe in probes_of_predictions(one, alone)}
    bias, confused = said[Cause.CLASS_BIAS], said[Cause.CONFUSABLE_CLASSES]
    assert confused.evidence["members"] == "1-2"
    assert confused.p is not None
    assert confused.p < 0.01
    assert bias.effect is not None
    assert bias.effect.estimate == 0.0
    assert bias.p == 1.0


def test_without_such_a_training_nothing_is_said(one: Trained) -> None:
    other = fits(fit("weaker", COLLAPSED, {"model.l2": 0.2}))
    assert probe_repaired(one, other, [over_regularized(WEAKER)]) == ()
    assert probe_repaired(one, other, [Finding.impossible(Cause.OVER_REGULARIZED, "no L2")]) == ()


def test_weaker_regularisers_that_help_are_the_cause(one: Trained) -> None:
    learnt = LABELS.astype(np.uint16)
    configuration = Configuration(model=ModelSettings(l2=1.0), training=TrainingSettings())
    found = {
        finding.cause: finding
        for finding in probe_fits(one, configuration, fits(fit("weaker, penalty", learnt, WEAKER)))
    }
    effect = found[Cause.OVER_REGULARIZED].effect
    assert effect is not None
    assert effect.estimate == pytest.approx(float(np.mean(COLLAPSED != LABELS)))
    assert found[Cause.OVER_REGULARIZED].remedies[0].changes == WEAKER
    assert found[Cause.BOTTLENECK].exact, "there is no hidden layer"


def test_a_network_that_learns_with_one_thing_changed_trains(one: Trained) -> None:
    learnt = LABELS.astype(np.uint16)
    configuration = Configuration(model=ModelSettings(l2=1.0), training=TrainingSettings())
    dead = replace(fit("baseline", COLLAPSED, {}), train_accuracy=0.33)

    def not_training(*variants: FitRecord) -> Finding:
        given = replace(fits(*variants), baseline=dead, memorised=0.3)
        return next(one for one in probe_fits(long, configuration, given) if one.cause is Cause.NOT_TRAINING)

    long = replace(one, measurement=replace(one.measurement, epochs_run=20))
    assert not_training().exact is False
    assert not_training(fit("weaker, penalty", learnt, WEAKER)).exact


def test_frozen_batch_norm_is_held_against_what_is_configured(one: Trained) -> None:
    legacy = Configuration(model=ModelSettings(batch_norm="legacy"), training=TrainingSettings())
    mode = ModeRecord(
        dropout=False,
        augmentation=False,
        batch_statistics=True,
        accuracy=0.5,
        cross_entropy=1.0,
        accuracy_noise=0.0,
        cross_entropy_noise=0.0,
        accuracy_change_error=0.01,
        cross_entropy_change_error=0.01,
        draws=1,
        unchanged="",
    )
    asked = replace(one, flat=legacy.stored(), measurement=replace(one.measurement, modes=(mode,)))
    better = fit("frozen", LABELS.astype(np.uint16), {"model.batch_norm": "frozen"})
    found = next(finding for finding in probe_fits(asked, legacy, fits(better)) if finding.cause is Cause.BATCH_NORM)
    assert found.evidence["frozen_in_validation"] == pytest.approx(float(np.mean(COLLAPSED != LABELS)))
    assert found.remedies[0].changes == {"model.batch_norm": "frozen"}
    other = fit("linear", LABELS.astype(np.uint16), {"model.head_width": "none"})
    assert Cause.BATCH_NORM not in {finding.cause for finding in probe_fits(asked, legacy, fits(other))}
