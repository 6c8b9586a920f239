"""Frozen features against what trials with unfrozen layers get right on the same images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Cause, Scalar, TrialRecord, TrialState
from sweep.report.gather import Report
from sweep.workflow.deeper import Deeper, deeper_trials, held_against_deeper
from sweep.workflow.masking import Masks
from sweep.workflow.observed import Observed
from sweep.workflow.trial_probing import Trained

VALIDATED, TRAINED = 200, 300
LABELS = np.arange(VALIDATED) % 2
SAME: dict[str, Scalar] = {"backbone": "mobilenet", "weights": "imagenet", "unfrozen_layers": 0}
NOTHING = Masks(left_out=np.zeros(0, np.int64))


def right(share: float) -> NDArray[np.bool_]:
    return np.arange(VALIDATED) < share * VALIDATED


@pytest.fixture
def trial(trial_record: Callable[..., TrialRecord]) -> Callable[..., TrialRecord]:
    def made(number: int, share: float, *, state: TrialState = TrialState.COMPLETE, **fields: Scalar) -> TrialRecord:
        record = trial_record(number, correct=right(share), state=state, classes=2)
        return replace(record, configuration={**SAME, **fields})

    return made


def baseline_of(record: TrialRecord) -> Trained:
    assert record.measurement is not None
    return Trained(
        measurement=record.measurement,
        flat=record.configuration,
        prediction=record.measurement.predictions[0],
        labels=LABELS,
        groups=None,
        positions=np.arange(VALIDATED),
        train_counts=np.array([150, 150]),
        validation_counts=np.array([100, 100]),
        seed=0,
        harm=0.02,
    )


def report_of(trials: Sequence[TrialRecord]) -> Report:
    predictions = {one.number: one.measurement.predictions[0] for one in trials if one.measurement is not None}
    return cast(Report, SimpleNamespace(trials=trials, predictions=predictions))


def test_only_complete_trials_that_train_more_of_the_same_backbone_count(trial: Callable[..., TrialRecord]) -> None:
    own = trial(0, 0.7)
    trials = [
        own,
        trial(1, 0.80, unfrozen_layers=10),
        trial(2, 0.95, unfrozen_layers=20),
        trial(3, 0.99, unfrozen_layers=10, backbone="resnet50"),
        trial(4, 0.99, unfrozen_layers=10, state=TrialState.PRUNED),
        trial(5, 0.99),
    ]
    found = deeper_trials(report_of(trials), baseline_of(own))
    assert [(one.number, one.layers, one.accuracy) for one in found] == [(2, 20, 0.95), (1, 10, 0.8)]
    unfrozen = trial(0, 0.7, unfrozen_layers=5)
    assert deeper_trials(report_of(trials), baseline_of(unfrozen)) == ()


def observed(signal: float) -> Observed:
    """Two classes that one of ten features tells apart; training's images stand first."""
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.arange(TRAINED) % 2, LABELS])
    features = rng.normal(size=(TRAINED + VALIDATED, 10)).astype(np.float32)
    features[:, 0] += signal * labels
    images = len(labels)
    return Observed(
        positions=np.arange(images) + 7,
        train=np.arange(TRAINED),
        validation=np.arange(TRAINED, images),
        labels=labels,
        class_names=("cat", "dog"),
        features=features,
        missing="",
        thumbnails=np.zeros((images, 32, 32, 3), np.uint8),
        sizes=np.ones((images, 2)),
        content_hashes=tuple(map(str, range(images))),
        groups=None,
        sources=None,
        pattern="",
    )


PREDICTED = np.arange(VALIDATED) + 7 + TRAINED


def test_a_trial_that_gets_more_right_than_any_head_shows_weak_features() -> None:
    deeper = [Deeper(number=9, layers=20, correct=right(0.95)), Deeper(number=4, layers=10, correct=right(0.8))]
    finding = held_against_deeper(observed(1.0), deeper, PREDICTED, NOTHING, seed=0)
    assert judge([finding], num_classes=2).judged[0].outcome is Outcome.FOUND
    assert finding.cause is Cause.WEAK_FEATURES
    assert finding.effect is not None
    assert 0.15 < finding.effect.estimate < 0.4
    assert finding.summary.endswith(": trial 9, the best of 2 trials with unfrozen layers.")
    assert finding.remedies[0].changes["model.unfrozen_layers"] == 20
    alone = held_against_deeper(observed(1.0), deeper[:1], PREDICTED, NOTHING, seed=0)
    assert finding.p == pytest.approx(2 * (alone.p or 0.0))
    assert "trial 9, the one trial with unfrozen layers" in alone.summary


def test_a_trial_that_is_no_better_excludes_them() -> None:
    # As many right as the head gets at most.
    finding = held_against_deeper(
        observed(6.0), [Deeper(number=9, layers=20, correct=right(1.0))], PREDICTED, NOTHING, seed=0
    )
    assert judge([finding], num_classes=2).judged[0].outcome is not Outcome.FOUND


def test_masked_images_have_no_say() -> None:
    """The trial is right on the second half alone; without it nothing speaks for the trial."""
    second = Deeper(number=9, layers=20, correct=~right(0.5))
    masks = Masks(left_out=PREDICTED[VALIDATED // 2 :])
    finding = held_against_deeper(observed(3.0), [second], PREDICTED, masks, seed=0)
    assert finding.effect is not None
    assert finding.effect.estimate < -0.5
    assert finding.evidence["unfrozen_accuracy"] == 0.0
