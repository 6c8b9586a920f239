"""Trainings whose modes are worth the same: what the probes of modes say of them is chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.modes import batch_norm, training_mode
from sweep.records import Finding, FitRecord, Measurement, ModeRecord

DRAWS = 4
_BLANK: dict[str, Any] = {field.name: 0.5 for field in fields(Measurement) if field.default is MISSING}
_COUNTS: dict[str, Any] = {"validation_images": 100, "epochs": (), "folds": 0}


def _p(finding: Finding) -> float:
    assert finding.p is not None
    return finding.p


def _answers(rng: np.random.Generator, images: int, accuracy: float, moved: float) -> list[NDArray[np.float64]]:
    """Clean answers, and those of a noisy mode in each draw: as many images get better as get worse, on average.

    The first is one draw, the others are `DRAWS`: of dropout, of augmentation, of the batch's statistics.
    """
    clean = (rng.random(images) < accuracy).astype(np.float64)
    chance = np.where(clean == 1, 1 - moved, moved * accuracy / (1 - accuracy))
    return [clean, *((rng.random((draws, images)) < chance).astype(np.float64) for draws in (1, DRAWS, DRAWS, DRAWS))]


def _mode(
    values: NDArray[np.float64], following: NDArray[np.float64], *, dropout: bool, augmentation: bool
) -> ModeRecord:
    draws, images = values.shape
    change = values.mean(axis=0) - following.mean(axis=0)
    noise = float(np.sqrt(values.var(axis=0, ddof=1).mean() / (draws * images)))
    error = float(change.std(ddof=1) / np.sqrt(images))
    return ModeRecord(
        dropout=dropout,
        augmentation=augmentation,
        batch_statistics=True,
        accuracy=float(values.mean()),
        cross_entropy=0.5,
        accuracy_noise=noise,
        cross_entropy_noise=0.0,
        accuracy_change_error=error,
        cross_entropy_change_error=0.0,
        draws=draws,
    )


def _shares(clean: NDArray[np.float64], logged: NDArray[np.float64], *, gap: float = 0.0) -> dict[str, Any]:
    accuracy = float(clean.mean())
    return {
        "train_accuracy": accuracy,
        "logged_train_accuracy": float(logged.mean()),
        "validation_accuracy": accuracy - gap,
    }


def _measurement(rng: np.random.Generator, images: int, accuracy: float, moved: float) -> Measurement:
    clean, logged, first, second, third = _answers(rng, images, accuracy, moved)
    modes = (
        _mode(first, second, dropout=True, augmentation=True),
        _mode(second, third, dropout=False, augmentation=True),
        _mode(third, clean[np.newaxis], dropout=False, augmentation=False),
    )
    shares = _shares(clean, logged)
    return Measurement(**{**_BLANK, **_COUNTS, **shares, "train_images": images, "modes": modes})


def _logged_with_dropout_alone(rng: np.random.Generator) -> float:
    clean, logged, first, *_ = _answers(rng, 300, 0.9, 0.05)
    dropout = _mode(first, clean[np.newaxis], dropout=True, augmentation=True)
    still = replace(dropout, dropout=False, accuracy=float(clean.mean()), accuracy_change_error=0.0, unchanged="none")
    modes = (dropout, still, replace(still, augmentation=False))
    shares = _shares(clean, logged)
    return _p(training_mode(Measurement(**{**_BLANK, **_COUNTS, **shares, "train_images": 300, "modes": modes})))


def _logged(rng: np.random.Generator) -> float:
    return _p(training_mode(_measurement(rng, 300, 0.9, 0.05)))


def _lagged(rng: np.random.Generator) -> float:
    """Nothing is drawn, and a quarter of the gap is misstated; images are answered anew while weights move."""
    accuracy, gap = 0.9, 0.12
    clean = (np.arange(300) < accuracy * 300).astype(np.float64)
    logged = (rng.random(300) < accuracy - gap / 4).astype(np.float64)
    mode = _mode(np.stack([clean, clean]), clean[np.newaxis], dropout=False, augmentation=False)
    modes = (
        replace(mode, dropout=True, augmentation=True, unchanged="none"),
        replace(mode, augmentation=True, unchanged="none"),
        replace(mode, unchanged="none"),
    )
    known = {**_BLANK, **_COUNTS, **_shares(clean, logged, gap=gap), "train_images": 300, "modes": modes}
    return _p(training_mode(Measurement(**known)))


def _logged_of_few(rng: np.random.Generator) -> float:
    return _p(training_mode(_measurement(rng, 40, 0.95, 0.03)))


def _statistics(rng: np.random.Generator) -> float:
    return _p(batch_norm(_measurement(rng, 300, 0.9, 0.05)))


def _statistics_of_few(rng: np.random.Generator) -> float:
    return _p(batch_norm(_measurement(rng, 40, 0.95, 0.03)))


def _statistics_once(rng: np.random.Generator) -> float:
    """Eight images move at most, as many better as worse on average: here a normal tail is too thin."""
    measurement = _measurement(rng, 60, 0.95, 0.0)
    changed = rng.choice([-1.0, 1.0], size=rng.integers(0, 9))
    change = np.concatenate([changed, np.zeros(60 - len(changed))])
    mode = replace(
        measurement.modes[-1],
        accuracy=measurement.train_accuracy + float(change.mean()),
        accuracy_change_error=float(change.std(ddof=1) / np.sqrt(60)),
        draws=1,
    )
    return _p(batch_norm(replace(measurement, modes=(*measurement.modes[:2], mode))))


def _fit(correct: NDArray[np.float64]) -> FitRecord:
    return FitRecord(
        name="a fit",
        seeds=1,
        train_accuracy=1.0,
        train_cross_entropy=0.1,
        correct=correct,
        cross_entropy=np.full(len(correct), 0.5),
        trainable_parameters=1,
        train_curve=np.zeros(3),
        validation_curve=np.zeros(3),
    )


def _recalibrated(rng: np.random.Generator) -> float:
    """Modes and fits, of sources whose images move together."""
    groups = np.repeat(np.arange(30), rng.integers(1, 9, 30))
    before = rng.random(len(groups)) < rng.beta(4, 1, 30)[groups]
    after = np.where(rng.random(30)[groups] < 0.3, rng.random(30)[groups] < 0.8, before)
    before, after = (before, after) if rng.random() < 0.5 else (after, before)
    return _p(
        batch_norm(
            _measurement(rng, 300, 0.9, 0.05),
            recalibrated=_fit(after.astype(np.float64)),
            baseline=_fit(before.astype(np.float64)),
            groups=groups,
        )
    )


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "logged accuracy": _logged,
    "logged accuracy, dropout alone": _logged_with_dropout_alone,
    "logged accuracy, few images": _logged_of_few,
    "logged accuracy, a lag of a quarter of the gap": _lagged,
    "moving statistics": _statistics,
    "moving statistics, few images": _statistics_of_few,
    "moving statistics, few changes": _statistics_once,
    "moving statistics and recalibration, grouped": _recalibrated,
}
