"""Choices that cost nothing: rules that have nothing to do with luck, and epochs that are all as good as the last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.optimism import Select, corrected_score
from sweep.diagnosis.probes.selection import EpochAnswers, best_of_many, last_epoch
from sweep.records import EpochRecord, Finding, FitRecord, IndexArray, Measurement

EPOCHS = 10
KEPT_LAST = {"keep": "last", "schedule": "constant"}
_MEASUREMENT: dict[str, Any] = {field.name: 0.5 for field in fields(Measurement) if field.default is MISSING}
_EPOCH: dict[str, Any] = {field.name: 0.5 for field in fields(EpochRecord)}


def _p(finding: Finding) -> float:
    assert finding.p is not None
    return finding.p


# ---- the choice ----------------------------------------------------------------------------------------------------


def _by(told: NDArray[np.float64]) -> Select:
    """The candidate of the largest mean of what is told of each image, shape (n_candidates, n_images)."""

    def select(weights: NDArray[np.float64]) -> IndexArray:
        return np.asarray(np.round(weights @ told.T, 9).argmax(axis=1), np.int64)

    return select


def _chosen(scores: NDArray[np.float64], select: Select, groups: IndexArray | None = None) -> float:
    selected = int(select(np.ones((1, scores.shape[1])))[0])
    optimism = corrected_score(scores, select, selected=selected, groups=groups, seed=0, draws=100)
    return _p(best_of_many(optimism, scores=scores, select=select, groups=groups))


def _unrelated(rng: np.random.Generator) -> float:
    """Chosen by numbers that have nothing to do with being right."""
    scores = (rng.random((5, 120)) < 0.8).astype(np.float64)
    return _chosen(scores, _by(rng.normal(size=(5, 120))))


def _unrelated_and_grouped(rng: np.random.Generator) -> float:
    """The same of unequal candidates, with sources of unequal size whose images go together."""
    groups = np.repeat(np.arange(40), rng.integers(1, 6, 40)).astype(np.int64)
    accuracies = rng.uniform(0.6, 0.95, (5, 1))
    scores = (rng.random((5, 40)) < accuracies).astype(np.float64)[:, groups]
    return _chosen(scores, _by(rng.normal(size=(5, 40))[:, groups]), groups)


def _far_ahead(rng: np.random.Generator) -> float:
    """One is so much better that not even a twentieth of the images would choose another."""
    accuracies = np.array([0.99, *[0.2] * 4])[:, np.newaxis]
    scores = (rng.random((5, 120)) < accuracies).astype(np.float64)
    return _chosen(scores, _by(scores))


# ---- the epoch -----------------------------------------------------------------------------------------------------


def _measured(curve: NDArray[np.float64], error: float, images: int) -> Measurement:
    epochs = tuple(
        EpochRecord(**{**_EPOCH, "epoch": number, "validation_cross_entropy": float(nats)})
        for number, nats in enumerate(curve, start=1)
    )
    known: dict[str, Any] = {
        "epochs": epochs,
        "epochs_run": len(epochs),
        "stopped": "finished",
        "validation_images": images,
        "validation_cross_entropy_error": error,
    }
    return Measurement(**{**_MEASUREMENT, **known})


def _nats(rng: np.random.Generator, images: int, groups: IndexArray | None = None) -> NDArray[np.float64]:
    """Cross-entropies after each epoch, which move from image to image and not on average; skewed, a few very large."""
    units = images if groups is None else int(groups.max()) + 1
    base = rng.lognormal(-1.5, 1.2, units)
    moved = base * np.exp(rng.normal(0, 0.3, (EPOCHS, units)))
    return moved if groups is None else moved[:, groups]


def _answered(nats: NDArray[np.float64]) -> EpochAnswers:
    return EpochAnswers(cross_entropy=nats, correct=nats < np.log(2))


def _halves(rng: np.random.Generator) -> float:
    nats = _nats(rng, 120)
    return _p(last_epoch(_measured(nats.mean(axis=1), 0.1, 120), KEPT_LAST, answers=_answered(nats)))


def _grouped_halves(rng: np.random.Generator) -> float:
    groups = np.repeat(np.arange(40), rng.integers(1, 8, 40)).astype(np.int64)
    nats = _nats(rng, len(groups), groups)
    measured = _measured(nats.mean(axis=1), 0.1, len(groups))
    return _p(last_epoch(measured, KEPT_LAST, answers=_answered(nats), groups=groups))


def _fit(nats: NDArray[np.float64], curve: NDArray[np.float64]) -> FitRecord:
    return FitRecord(
        name="a fit",
        seeds=1,
        train_accuracy=1.0,
        train_cross_entropy=0.1,
        correct=(nats < np.log(2)).astype(np.float64),
        cross_entropy=nats,
        trainable_parameters=1,
        train_curve=curve,
        validation_curve=curve,
    )


def _fits(rng: np.random.Generator) -> float:
    nats = _nats(rng, 120)
    curve = nats.mean(axis=1)
    fits = _fit(nats[curve.argmin()], curve), _fit(nats[-1], curve)
    return _p(last_epoch(_measured(curve, 0.1, 120), KEPT_LAST, fits=fits))


def _fits_of_eight(rng: np.random.Generator) -> float:
    """Each training has picked an epoch of its own; a few images, ever surer, carry the sums."""
    base = rng.lognormal(-1.5, 1.2, 120)
    sure = rng.choice([-0.05, 0.95], 120, p=[0.95, 0.05])  # the least sure get worse, all others better: 0 on average
    course = np.linspace(0, 1, EPOCHS)[:, np.newaxis] * sure
    moved = base * np.exp(rng.normal(0, 0.2, (8, EPOCHS, 120))) + course
    curves = moved.mean(axis=2)
    best = np.mean([one[curve.argmin()] for one, curve in zip(moved, curves, strict=True)], axis=0)
    last, curve = moved[:, -1].mean(axis=0), curves.mean(axis=0)
    fits = _fit(best, curve), _fit(last, curve)
    return _p(last_epoch(_measured(curve, 0.1, 120), KEPT_LAST, fits=fits))


def _means(rng: np.random.Generator) -> float:
    nats = _nats(rng, 120)
    error = float(nats[-1].std(ddof=1) / np.sqrt(120))
    return _p(last_epoch(_measured(nats.mean(axis=1), error, 120), KEPT_LAST))


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "choice by unrelated numbers": _unrelated,
    "choice by unrelated numbers, grouped": _unrelated_and_grouped,
    "choice of one far ahead": _far_ahead,
    "epochs by halves": _halves,
    "epochs by halves, grouped": _grouped_halves,
    "epochs by fits": _fits,
    "epochs by fits, eight trainings": _fits_of_eight,
    "epochs by means": _means,
}
