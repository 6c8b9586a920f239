"""What the numbers of a classifier that was trained elsewhere say about the causes of its gap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.curves import LEAST_EPOCHS
from sweep.diagnosis.probes.head import bottleneck
from sweep.diagnosis.probes.masks import HiddenLayers
from sweep.diagnosis.probes.modes import batch_norm, training_mode
from sweep.diagnosis.probes.not_training import not_training
from sweep.diagnosis.ridge import RidgeProbe, one_hot
from sweep.diagnosis.sources import Groups
from sweep.diagnosis.switching import contract_modes
from sweep.diagnosis.verdict import judge, latest
from sweep.diagnosis.wording import percent, points
from sweep.records import Cause, Finding, FitRecord, IndexArray
from sweep.training.evaluation import Evaluation, evaluate
from sweep.workflow.audit_features import UNFROZEN, weak_frozen_part, wrong_pixels
from sweep.workflow.audited import Audited
from sweep.workflow.linear_head import PENALTY
from sweep.workflow.observed import Observed
from sweep.workflow.probing import Rounds
from sweep.workflow.shielded import Probe, probed
from sweep.workflow.trial_probing import PredictedSide, Trained, probes_of_predictions

__all__ = ["head_bottleneck", "linear_fit", "own_findings"]

_GIVEN = 1_000_000
"""Trainings that a fit counts for here: it is this very network that is asked about, and a closed form has no luck."""
_SHORT = "it takes short trainings, which `sweep run` does with the study file that --study-file writes"


def own_findings(
    one: Audited,
    pixels: NDArray[np.uint8],
    observed: Observed,
    default: NDArray[np.float32] | None,
    *,
    seed: int,
    harm: float,
) -> Rounds:
    """What is found of the model itself, each probe shielded from the others.

    Args:
        one: the model's numbers.
        pixels: of the index.
        observed: what the probes of data are given of the images that are not sealed.
        default: features of our default backbone, shape (n_images, n_features), or None.
        seed: of the study.
        harm: the harm margin, a share of the images.

    Returns:
        A round, and where batch norm's statistics are found wrong another one of what the predictions say without that.
    """
    trained, side = _trained(one, observed, seed, harm), _side(one.train, one.validation, observed)
    probes = (
        *_of_modes(one, side.groups, seed, harm),
        *probes_of_predictions(trained, side),
        *_of_head(one, observed, trained),
        (Cause.WEAK_FEATURES, lambda: weak_frozen_part(one, observed, default, seed)),
        (Cause.PREPROCESSING, lambda: wrong_pixels(one, pixels, observed, seed)),
    )
    first = (*_unmeasured(one), *(probed(cause, probe) for cause, probe in probes))
    verdict = judge(latest([first]), num_classes=observed.num_classes, harm=harm)
    if one.recalibrated is None or Cause.BATCH_NORM not in {finding.cause for finding in verdict.causes}:
        return (first,)
    mended = probes_of_predictions(trained, _side(*one.recalibrated, observed))
    return first, tuple(replace(probed(cause, probe), repaired=(Cause.BATCH_NORM,)) for cause, probe in mended)


def _trained(one: Audited, observed: Observed, seed: int, harm: float) -> Trained:
    counts = [
        np.bincount(observed.labels[rows], minlength=observed.num_classes)
        for rows in (observed.train, observed.validation)
    ]
    return Trained(
        measurement=one.measurement,
        flat={},
        prediction=None,
        labels=None,
        groups=None,
        positions=None,
        train_counts=counts[0],
        validation_counts=counts[1],
        seed=seed,
        harm=harm,
        class_names=observed.class_names,
    )


def _side(train: Evaluation, validation: Evaluation, observed: Observed) -> PredictedSide:
    return PredictedSide(
        predicted=validation.predicted,
        cross_entropy=validation.cross_entropies,
        train_accuracy=train.accuracy,
        labels=observed.labels[observed.validation],
        groups=_validated(observed),
        positions=observed.positions[observed.validation],
    )


def _validated(observed: Observed) -> IndexArray | None:
    """The source of each validation image."""
    return None if observed.groups is None else observed.groups[observed.validation]


def _fit(name: str, train: Evaluation, validation: Evaluation) -> FitRecord:
    return FitRecord(
        name=name,
        seeds=_GIVEN,
        train_accuracy=train.accuracy,
        train_cross_entropy=train.cross_entropy,
        correct=validation.correct.astype(np.float64),
        cross_entropy=validation.cross_entropies,
        trainable_parameters=0,
        train_curve=np.zeros(0),
        validation_curve=np.zeros(0),
    )


# ---- probes ----------------------------------------------------------------------------------------------------------


def _unmeasured(one: Audited) -> Iterator[Finding]:
    """Causes that the file of a model cannot speak of, each with the reason; later findings replace them."""
    unlogged = "what Keras logged in training is not in the file of a model"
    yield Finding.not_measured(Cause.BOOKKEEPING, unlogged)
    yield Finding.not_measured(Cause.LAST_EPOCH, "the file has the weights of one epoch")
    pixels = one.foreign.image_size
    known = f"the model takes pictures of {pixels} pixels" if pixels else "the model was asked at one size alone"
    yield Finding.not_measured(Cause.RESOLUTION, known)
    for cause in (Cause.CAPACITY, Cause.OVER_REGULARIZED, Cause.LEARNING_RATE):
        yield Finding.not_measured(cause, _SHORT)
    modes = contract_modes(one.measurement.modes)
    if modes and modes[0].unchanged:
        yield Finding.impossible(Cause.IDLE_DROPOUT, "There is no dropout that could be idle.")
    else:
        yield Finding.not_measured(Cause.IDLE_DROPOUT, _SHORT)
    if one.read.backbone and not one.read.model["unfrozen_layers"]:
        yield Finding.impossible(Cause.DISTORTION, "The backbone is frozen: nothing of it can be distorted.")
    else:
        yield Finding.not_measured(Cause.DISTORTION, _SHORT)


def _of_modes(one: Audited, groups: Groups | None, seed: int, harm: float) -> Iterator[tuple[Cause, Probe]]:
    yield Cause.TRAINING_MODE, lambda: _training_mode(one, harm)
    again = one.recalibrated
    yield (
        Cause.BATCH_NORM,
        lambda: batch_norm(
            one.measurement,
            baseline=_fit("baseline", one.train, one.validation),
            recalibrated=None if again is None else _fit("recalibrated", *again),
            groups=groups,
            seed=seed,
        ),
    )


def _training_mode(one: Audited, harm: float) -> Finding:
    """How much E1 differs from E4; by how much more the weights still moved is not known, so nothing is excluded."""
    modes = contract_modes(one.measurement.modes)
    if not modes:
        return Finding.not_measured(Cause.TRAINING_MODE, one.measurement.modes_reason)
    if all(mode.unchanged for mode in modes):
        reason = "the modes of training and of inference are the same, and what Keras logged is not in a model's file"
        return Finding.not_measured(Cause.TRAINING_MODE, reason)
    found, trained = training_mode(one.measurement), one.measurement.logged_train_accuracy
    if found.effect is None:
        return found
    plain = found.effect.low > 0 and found.effect.estimate >= harm
    # The better statistics of a batch are a matter of batch norm.
    but = " but for the statistics of each batch" if float(found.evidence["batch_norm"]) > 0 else ""
    return replace(
        found,
        effect=found.effect if plain else replace(found.effect, high=max(found.effect.high, trained)),
        images=0,
        summary=f"In the mode of training these weights get {percent(trained)} of the training images right and clean "
        f"{percent(one.measurement.train_accuracy)}: what Keras logged last was off by "
        f"{points(float(found.evidence['misstated']))} points{but}, "
        "and by what the weights still moved.",
    )


def _of_head(one: Audited, observed: Observed, trained: Trained) -> Iterator[tuple[Cause, Probe]]:
    yield (
        Cause.NOT_TRAINING,
        lambda: not_training(
            _fit("baseline", one.train, one.validation),
            small_fit_accuracy=None,
            counts=trained.train_counts,
            epochs=LEAST_EPOCHS,
            groups=_validated(observed),
            harm=trained.harm,
        ),
    )
    yield Cause.BOTTLENECK, lambda: head_bottleneck(one, observed, harm=trained.harm)


def head_bottleneck(one: Audited, observed: Observed, *, harm: float) -> Finding:
    """Whether the head's hidden layers lose what a linear head on the frozen features finds.

    A head that was trained too little loses it too, but then a linear head on what its last layer is given does not:
    the gain over the model and the gain over that must both be shown, so the larger p counts.

    Args:
        one: the model, with the features before its head and before its last layer.
        observed: labels, sides and sources.
        harm: the harm margin, a share of the images.

    Source: R. L. Berger, Multiparameter hypothesis testing and acceptance sampling, Technometrics 24 (1982).
    """
    frozen, last, read = one.said.frozen, one.said.last, one.read
    if frozen is None or last is None:
        return Finding.not_measured(Cause.BOTTLENECK, UNFROZEN)
    if not read.head_known:
        return Finding.not_measured(Cause.BOTTLENECK, "the head has layers that are not told apart")
    hidden = HiddenLayers(
        widths=tuple(read.widths),
        rates=tuple(read.rates),
        classes=observed.num_classes,
        filters=int(read.model.get("conv_filters", 0)),
    )
    linear, images, groups = linear_fit(frozen, observed, "linear"), len(observed.train), _validated(observed)
    found = [
        bottleneck(baseline, linear, hidden, train_images=images, groups=groups, harm=harm)
        for baseline in (_fit("baseline", one.train, one.validation), linear_fit(last, observed, "baseline"))
    ]
    lesser = max(found, key=lambda finding: finding.p or 0.0)
    return replace(lesser, evidence={name: value for name, value in lesser.evidence.items() if name != "trainings"})


def linear_fit(features: NDArray[np.float32], observed: Observed, name: str) -> FitRecord:
    """A linear head in closed form, fitted to the training side and judged on validation.

    Args:
        features: of the images that are not sealed, shape (n_images, n_features).
        observed: their labels and sides.
        name: of the record.
    """
    train, validation, labels = observed.train, observed.validation, observed.labels
    head, targets = RidgeProbe(features[train]), one_hot(labels[train], observed.num_classes)
    fitted = head.fitted(targets, PENALTY).astype(np.float32)
    predicted = head.predict(targets, PENALTY, features[validation]).astype(np.float32)
    # Only which score is the largest counts.
    return _fit(name, evaluate(fitted, labels[train]), evaluate(predicted, labels[validation]))
