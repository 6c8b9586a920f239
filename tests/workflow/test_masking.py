"""What is wrong with the images is kept from the probes of a trial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sweep.records import Cause, Finding, Interval, Moment, PredictionRecord, Side
from sweep.studyfile.definition import Configuration, ModelSettings, TrainingSettings
from sweep.workflow.masking import Masks, masks_of, unanswered
from sweep.workflow.trial_probing import Trained, probe_records


def found(cause: Cause, *rows: int, p: float = 1e-6, **evidence: bool) -> Finding:
    effect = Interval(estimate=0.1, low=0.05, high=0.15)
    return Finding(cause=cause, effect=effect, p=p, summary="", rows=rows, evidence=evidence)


def masks(*findings: Finding) -> Masks:
    return masks_of([findings], num_classes=3, harm=0.02)


def test_copies_and_wrong_labels_are_left_out_where_they_are_found() -> None:
    seen = masks(found(Cause.LEAK, 4, 9), found(Cause.LABEL_NOISE, 2, 9), found(Cause.BURSTS, 1))
    assert seen.left_out.tolist() == [2, 4, 9]
    assert seen.unanswerable == {}
    assert seen.kept(np.array([1, 2, 3, 4, 5])).tolist() == [0, 2, 4]
    assert masks(found(Cause.LEAK, 4, p=0.3)).left_out.tolist() == []


def test_another_order_of_classes_makes_validation_worthless() -> None:
    seen = masks(found(Cause.SHIFT, reordered=True))
    assert {Cause.LEARNING_RATE, Cause.CLASS_BIAS, Cause.CAPACITY} <= set(seen.unanswerable)
    assert Cause.TRAINING_MODE not in seen.unanswerable
    told = unanswered([found(Cause.LEARNING_RATE), found(Cause.TRAINING_MODE)], seen)
    assert told[0].missing == "validation cannot tell while its classes stand in another order: mend that first"
    assert told[1].effect is not None


def test_another_kind_of_images_says_nothing_of_which_classes_are_confused() -> None:
    seen = masks(found(Cause.SHIFT, reordered=False))
    assert set(seen.unanswerable) == {Cause.CLASS_BIAS, Cause.CONFUSABLE_CLASSES}
    assert masks(found(Cause.SHIFT, p=0.5)).unanswerable == {}


@pytest.fixture
def one(trial_record: Callable[..., Any]) -> Trained:
    """A trial that is right but on the last 60 of 300 images, which it takes for the first class."""
    labels = np.arange(300) % 3
    predicted = np.where(np.arange(300) < 240, labels, 0).astype(np.uint16)
    prediction = PredictionRecord(
        side=Side.VALIDATION,
        moment=Moment.SELECTED,
        predicted=predicted,
        cross_entropy=np.where(predicted == labels, 0.1, 2.0).astype(np.float16),
    )
    return Trained(
        measurement=trial_record(0, correct=predicted == labels).measurement,
        flat=Configuration(model=ModelSettings(), training=TrainingSettings()).stored(),
        prediction=prediction,
        labels=labels,
        groups=tuple(f"source {number // 3}" for number in range(300)),
        positions=np.arange(300) + 1000,
        train_counts=np.array([400, 400, 400]),
        validation_counts=np.array([100, 100, 100]),
        seed=0,
        harm=0.02,
    )


def test_a_trial_is_judged_without_masked_images(one: Trained) -> None:
    masked = Masks(left_out=np.arange(1240, 1300))
    fewer = one.without(masked)
    assert fewer.prediction is not None
    assert fewer.labels is not None
    assert fewer.positions is not None
    assert fewer.groups is not None
    assert np.array_equal(fewer.prediction.predicted, fewer.labels)
    assert (len(fewer.labels), len(fewer.groups), fewer.positions[-1]) == (240, 240, 1239)

    def bias(findings: tuple[Finding, ...]) -> Interval:
        effect = next(finding for finding in findings if finding.cause is Cause.CLASS_BIAS).effect
        assert effect is not None
        return effect

    def images(findings: tuple[Finding, ...]) -> object:
        size = next(finding for finding in findings if finding.cause is Cause.SMALL_VALIDATION)
        return size.evidence["images"]

    assert bias(probe_records(one)).low > 0.02
    assert images(probe_records(one, masked)) == 300, "how many there are is a matter of the side as it is"
    assert bias(probe_records(one, masked)).estimate < 0.02
    assert one.without(Masks(left_out=np.empty(0, np.int64))) is one
