"""What a model's own numbers say, on features that are made up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.verdict import Outcome, judge, latest
from sweep.records import Cause, Finding, Measurement, ModeRecord
from sweep.training.evaluation import Evaluation, evaluate
from sweep.training.foreign import ForeignModel, Said
from sweep.training.reading_off import ReadOff
from sweep.workflow.audit_probing import linear_fit, own_findings
from sweep.workflow.audited import Audited
from sweep.workflow.observed import Observed

CLASSES, TRAIN, VALIDATION, FEATURES = 4, 400, 200, 12
TOTAL = TRAIN + VALIDATION
Features = NDArray[np.float32]


@pytest.fixture
def labels() -> NDArray[np.int64]:
    return np.arange(TOTAL, dtype=np.int64) % CLASSES


@pytest.fixture
def features(labels: NDArray[np.int64]) -> Features:
    """Four classes on four axes, well apart."""
    rng = np.random.default_rng(0)
    return (5 * np.eye(FEATURES)[labels] + rng.normal(0, 1, (TOTAL, FEATURES))).astype(np.float32)


@pytest.fixture
def observed(labels: NDArray[np.int64]) -> Observed:
    return Observed(
        positions=np.arange(TOTAL),
        train=np.arange(TRAIN),
        validation=np.arange(TRAIN, TOTAL),
        labels=labels,
        class_names=("a", "b", "c", "d"),
        features=None,
        missing="",
        thumbnails=np.zeros((TOTAL, 32, 32, 3), np.uint8),
        sizes=np.ones((TOTAL, 2)),
        content_hashes=tuple(map(str, range(TOTAL))),
        groups=None,
        sources=None,
        pattern="",
    )


def measured(train: Evaluation, validation: Evaluation, trained: float) -> Measurement:
    """With dropout that takes the training accuracy to `trained`."""
    modes = tuple(
        ModeRecord(
            dropout=place == 0,
            augmentation=place < 2,
            batch_statistics=True,
            accuracy=trained if place == 0 else train.accuracy,
            cross_entropy=0.1,
            accuracy_noise=0.002,
            cross_entropy_noise=0.0,
            accuracy_change_error=0.004,
            cross_entropy_change_error=0.0,
            draws=2,
            unchanged="" if place == 0 else "there is none",
        )
        for place in range(3)
    )
    fields = dict.fromkeys(Measurement.__dataclass_fields__, 0)
    values: dict[str, object] = {
        "train_accuracy": train.accuracy,
        "validation_accuracy": validation.accuracy,
        "train_cross_entropy": 0.1,
        "validation_cross_entropy": 0.1,
        "logged_train_accuracy": trained,
        "logged_validation_accuracy": validation.accuracy,
        "train_images": TRAIN,
        "validation_images": VALIDATION,
        "modes": modes,
        "modes_reason": "",
        "epochs": (),
        "predictions": (),
    }
    return Measurement(**{**fields, **values})  # type: ignore[arg-type]


def audited(
    observed: Observed,
    *,
    frozen: Features | None,
    last: Features | None,
    said: Features,
    widths: tuple[int, ...] = (3,),
    trained: float = 0.9,
) -> Audited:
    """A model that says `said` (as logits) of the images."""
    train, validation = (evaluate(said[rows], observed.labels[rows]) for rows in (observed.train, observed.validation))
    return Audited(
        foreign=cast("ForeignModel", SimpleNamespace(image_size=32)),
        read=ReadOff(widths=list(widths), rates=[0.0] * len(widths), head_known=True),
        way="none",
        said=Said(logits=said, frozen=frozen, last=last),
        train=train,
        validation=validation,
        recalibrated=None,
        measurement=measured(train, validation, trained),
        sampled=TRAIN,
    )


def found(one: Audited, observed: Observed, default: Features | None = None) -> dict[Cause, Finding]:
    pixels = np.zeros((TOTAL, 8, 8, 3), np.uint8)
    rounds = own_findings(one, pixels, observed, default, seed=0, harm=0.02)
    return {finding.cause: finding for finding in latest(rounds)}


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=CLASSES).judged[0].outcome


def ridge_scores(features: Features, observed: Observed) -> Features:
    """What the best linear head says, as logits."""
    rows = np.column_stack([features, np.ones(len(features))])
    weights = np.linalg.lstsq(rows[observed.train], np.eye(CLASSES)[observed.labels[observed.train]], rcond=None)[0]
    return np.asarray(10 * rows @ weights, np.float32)


# ---- the head --------------------------------------------------------------------------------------------------------


def test_a_hidden_layer_that_loses_a_class_is_a_bottleneck(observed: Observed, features: Features) -> None:
    """One unit orders four classes, and a linear head behind it tells two of them at best."""
    one_unit = features[:, :1]
    said = ridge_scores(one_unit, observed)
    bottleneck = found(audited(observed, frozen=features, last=one_unit, said=said, widths=(1,)), observed)[
        Cause.BOTTLENECK
    ]
    assert outcome(bottleneck) is Outcome.FOUND
    assert bottleneck.effect is not None
    assert bottleneck.effect.estimate > 0.3


def test_a_head_that_was_trained_too_little_has_no_bottleneck(observed: Observed, features: Features) -> None:
    """The model is as bad, but a linear head on what its last layer is given is not."""
    hidden = features[:, :4]
    said = ridge_scores(features[:, :1], observed)
    bottleneck = found(audited(observed, frozen=features, last=hidden, said=said, widths=(4,)), observed)[
        Cause.BOTTLENECK
    ]
    assert outcome(bottleneck) is not Outcome.FOUND
    assert bottleneck.p is not None
    assert bottleneck.p > 0.05


@pytest.mark.parametrize("lacking", ["frozen", "last", "head"])
def test_a_head_that_cannot_be_compared_is_not_measured(observed: Observed, features: Features, lacking: str) -> None:
    one = audited(
        observed,
        frozen=None if lacking == "frozen" else features,
        last=None if lacking == "last" else features,
        said=ridge_scores(features, observed),
    )
    if lacking == "head":
        one.read.head_known = False
    assert outcome(found(one, observed)[Cause.BOTTLENECK]) is Outcome.NOT_MEASURED


def test_a_linear_fit_is_judged_on_validation(observed: Observed, features: Features) -> None:
    fit = linear_fit(features, observed, "linear")
    told = ridge_scores(features, observed)
    expected = evaluate(told[observed.validation], observed.labels[observed.validation])
    assert fit.correct.shape == (VALIDATION,)
    assert abs(float(fit.correct.mean()) - expected.accuracy) < 0.02
    noise = np.random.default_rng(5).normal(size=(TOTAL, 300)).astype(np.float32)
    by_heart = linear_fit(noise, observed, "noise")
    assert by_heart.train_accuracy > 0.8
    assert by_heart.correct.mean() < 0.4


# ---- features --------------------------------------------------------------------------------------------------------


def test_frozen_features_are_held_against_those_of_the_default_backbone(observed: Observed, features: Features) -> None:
    noise = np.random.default_rng(3).normal(size=features.shape).astype(np.float32)
    weak = audited(observed, frozen=noise, last=noise, said=ridge_scores(noise, observed), widths=())
    finding = found(weak, observed, default=features)[Cause.WEAK_FEATURES]
    assert outcome(finding) is Outcome.FOUND
    assert finding.evidence["unfrozen_accuracy"] == pytest.approx(0.99, abs=0.02)
    strong = audited(observed, frozen=features, last=features, said=ridge_scores(features, observed), widths=())
    assert outcome(found(strong, observed, default=noise)[Cause.WEAK_FEATURES]) is Outcome.EXCLUDED
    assert outcome(found(strong, observed)[Cause.WEAK_FEATURES]) is not Outcome.FOUND


# ---- the mode of training --------------------------------------------------------------------------------------------


def test_what_dropout_takes_is_told_of_these_weights(observed: Observed, features: Features) -> None:
    said = ridge_scores(features, observed)
    finding = found(audited(observed, frozen=None, last=None, said=said, trained=0.85), observed)[Cause.TRAINING_MODE]
    assert finding.summary.startswith("In the mode of training these weights get 85.0 % of the training images right")
    assert "that Keras logs" not in finding.summary
    assert outcome(finding) is Outcome.FOUND


def test_what_keras_logged_is_never_excluded_unseen(observed: Observed, features: Features) -> None:
    """The weights still moved while it was logged."""
    said = ridge_scores(features, observed)
    clean = evaluate(said[observed.train], observed.labels[observed.train]).accuracy
    finding = found(audited(observed, frozen=None, last=None, said=said, trained=clean), observed)[Cause.TRAINING_MODE]
    assert outcome(finding) is Outcome.UNDETERMINED
