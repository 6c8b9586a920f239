"""The probes of one trial that short trainings of its configuration are needed for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sweep.diagnosis.probes.fitting import distortion, learning_rate
from sweep.diagnosis.probes.head import bottleneck, capacity
from sweep.diagnosis.probes.masks import HiddenLayers
from sweep.diagnosis.probes.modes import batch_norm
from sweep.diagnosis.probes.not_training import not_training
from sweep.diagnosis.probes.regularizers import idle_dropout, over_regularized
from sweep.diagnosis.probes.selection import last_epoch
from sweep.diagnosis.verdict import judge
from sweep.records import Cause, Finding, FitRecord
from sweep.studyfile.definition import Configuration
from sweep.workflow.fits import Fits
from sweep.workflow.shielded import Probe, probed
from sweep.workflow.trial_probing import PredictedSide, Trained, probes_of_predictions

__all__ = ["probe_fits", "probe_repaired"]

_FROZEN = {"model.batch_norm": "frozen"}
_HARDLY_LEARN = (Cause.NOT_TRAINING, Cause.LEARNING_RATE, Cause.OVER_REGULARIZED, Cause.BOTTLENECK)


def probe_fits(one: Trained, configuration: Configuration, fits: Fits) -> tuple[Finding, ...]:
    """What short trainings add; a cause that the records speak of too is judged by both together."""
    return tuple(probed(cause, probe) for cause, probe in _of_fits(one, configuration, fits))


def probe_repaired(one: Trained, fits: Fits, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """What the predictions say once the first cause that was found is mended, where a short training has done that.

    A network that hardly learns prefers a class, and that is then no cause of its own. Where it still prefers one the
    short training may not have mended all of it, and the preference is left open.

    Args:
        one: the trial.
        fits: its short trainings.
        findings: one a cause, of the records and of the fits.
    """
    for finding in judge(findings, num_classes=one.num_classes, harm=one.harm).causes:
        fit = _mending(finding, fits)
        if fit is not None and fit.predicted is not None:
            side = PredictedSide(
                predicted=fit.predicted,
                cross_entropy=fit.cross_entropy,
                train_accuracy=fit.train_accuracy,
                labels=fits.labels,
                groups=fits.groups,
                positions=fits.images,
            )
            again = (probed(cause, probe) for cause, probe in probes_of_predictions(one, side))
            return tuple(replace(_left_open(said, finding, one), repaired=(finding.cause,)) for said in again)
    return ()


def _left_open(said: Finding, mended: Finding, one: Trained) -> Finding:
    """A bias that a network which hardly learns may owe to that is not measured."""
    shown = any(found.cause is Cause.CLASS_BIAS for found in judge([said], num_classes=2, harm=one.harm).causes)
    if not shown or mended.cause not in _HARDLY_LEARN:
        return said
    return Finding.not_measured(
        said.cause, f"a network that hardly learns prefers a class: mend {mended.cause.value} first"
    )


def _mending(finding: Finding, fits: Fits) -> FitRecord | None:
    """The short training with the first remedy's changes that there is one with."""
    by_changes = {json.dumps(dict(fit.changes), sort_keys=True): fit for fit in fits.variants.values()}
    asked = (json.dumps(dict(remedy.changes), sort_keys=True) for remedy in finding.remedies if remedy.changes)
    return next((by_changes[changes] for changes in asked if changes in by_changes), None)


def _of_fits(one: Trained, configuration: Configuration, fits: Fits) -> Iterator[tuple[Cause, Probe]]:
    yield from _of_heads(one, configuration, fits)
    shared: dict[str, Any] = {"groups": fits.groups, "again": fits.again}
    variants, model, training = fits.variants, configuration.model, configuration.training
    yield (
        Cause.LEARNING_RATE,
        lambda: learning_rate(
            fits.baseline,
            lower=fits.having("lower rate"),
            higher=fits.having("higher rate"),
            longer=variants.get("longer"),
            labels=fits.labels,
            best=variants.get("best"),
            harm=one.harm,
            **shared,
        ),
    )
    yield (
        Cause.NOT_TRAINING,
        lambda: not_training(
            fits.baseline,
            small_fit_accuracy=fits.memorised,
            counts=one.train_counts,
            epochs=one.measurement.epochs_run,
            groups=fits.groups,
            others=tuple(variants.values()),
            harm=one.harm,
        ),
    )
    yield (
        Cause.DISTORTION,
        lambda: distortion(
            fits.baseline,
            variants.get("frozen"),
            unfrozen_layers=model.unfrozen_layers,
            learning_rate=training.learning_rate,
            head_epochs=training.head_epochs,
            **shared,
        ),
    )
    yield from _of_kept_weights(one, fits)


def _of_kept_weights(one: Trained, fits: Fits) -> Iterator[tuple[Cause, Probe]]:
    """Of batch norm's statistics and of the epoch that was kept, where they were trained otherwise too."""
    variants = fits.variants
    recalibrated, best = variants.get("recalibrated"), variants.get("best")
    frozen = next((fit for fit in variants.values() if dict(fit.changes) == _FROZEN), None)
    if recalibrated is not None or frozen is not None:
        yield (
            Cause.BATCH_NORM,
            lambda: batch_norm(
                one.measurement,
                configuration=one.flat,
                recalibrated=recalibrated,
                frozen=frozen,
                baseline=fits.baseline,
                groups=fits.groups,
                seed=one.seed,
            ),
        )
    if best is not None:
        yield (
            Cause.LAST_EPOCH,
            lambda: last_epoch(
                one.measurement,
                one.flat,
                fits=(best, fits.baseline),
                labels=fits.labels,
                groups=fits.groups,
                seed=one.seed,
            ),
        )


def _of_heads(one: Trained, configuration: Configuration, fits: Fits) -> Iterator[tuple[Cause, Probe]]:
    shared: dict[str, Any] = {"groups": fits.groups, "again": fits.again, "harm": one.harm}
    baseline, images = fits.baseline, one.measurement.train_images
    linear, rates = fits.variants.get("linear"), _rates(configuration)
    yield (
        Cause.CAPACITY,
        lambda: capacity(baseline, fits.having("smaller"), fits.labels, train_images=images, **shared),
    )
    if linear is None:
        yield Cause.BOTTLENECK, partial(Finding.impossible, Cause.BOTTLENECK, "the head has no hidden layer")
    else:
        hidden = HiddenLayers(
            widths=configuration.model.head_width,
            rates=rates,
            classes=one.num_classes,
            filters=configuration.model.conv_filters,
        )
        yield Cause.BOTTLENECK, lambda: bottleneck(baseline, linear, hidden, train_images=images, **shared)
    yield (
        Cause.IDLE_DROPOUT,
        lambda: idle_dropout(
            baseline,
            fits.variants.get("undropped"),
            rate=_strongest(configuration),
            positions=fits.positions,
            train_images=images,
            **shared,
        ),
    )
    weaker = (*fits.having("weaker"), *fits.having("undropped"))
    yield (
        Cause.OVER_REGULARIZED,
        lambda: over_regularized(baseline, weaker, train_images=images, groups=fits.groups, again=fits.again),
    )


def _rates(configuration: Configuration) -> tuple[float, ...]:
    """The dropout rate behind each hidden dense layer."""
    model = configuration.model
    if model.dropout_position != "after_dense":
        return (0.0,) * len(model.head_width)
    return model.dropout if isinstance(model.dropout, tuple) else (model.dropout,) * len(model.head_width)


def _strongest(configuration: Configuration) -> float:
    rate = configuration.model.dropout
    return max(rate, default=0.0) if isinstance(rate, tuple) else rate
