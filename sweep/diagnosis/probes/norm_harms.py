"""What batch norm costs, in up to three ways of measuring it, and the errors of changes from one mode to another.

Changes of a mode are normal, with the stored errors of the paired changes. To each one image is added that got better
and one that got worse: with a handful of changed images the normal tail is too thin without them, and no change at all
would be known without an error (D. G. Bonett and R. M. Price, J. Educ. Behav. Stat. 37 (2012), for paired shares).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from sweep.diagnosis.quantiles import normal_quantile
from sweep.diagnosis.statistics import (
    Groups,
    mcnemar_exact,
    mean_above_zero,
    paired_accuracy_difference,
    paired_difference,
    standard_error,
)
from sweep.diagnosis.switching import contract_modes
from sweep.diagnosis.wording import size
from sweep.records import FitRecord, Interval, Measurement, ModeRecord, Scalar

__all__ = ["LEVEL", "Harm", "change_error", "norm_harms", "normal_interval"]

LEVEL = 0.95

_STREAM = 501  # of this module's random numbers
_TRIED = (
    ("re-estimated moving statistics", "recovered_in_validation", "training.recalibrate"),
    ("training with frozen batch norms", "frozen_in_validation", "model.batch_norm"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """One of up to three, in shares of the images.

    Attributes:
        mends: the field that was changed where it is a remedy's gain, else "".
    """

    effect: Interval
    p: float
    images: int
    sentence: str
    evidence: Mapping[str, Scalar]
    mends: str = ""


def norm_harms(
    measurement: Measurement,
    tried: tuple[FitRecord | None, FitRecord | None],
    baseline: FitRecord | None,
    groups: Groups | None,
    seed: int,
) -> Iterator[Harm]:
    """Every harm that was measured, each at a level that allows for their number.

    Args:
        measurement: with or without modes.
        tried: the configuration with re-estimated statistics, and with frozen batch norm.
        baseline: the configuration itself; fits are used in pairs.
        groups: source of every validation image of the fits.
        seed: of the bootstrap over validation images.
    """
    modes = contract_modes(measurement.modes)
    fits = [] if baseline is None else [(fit, said) for fit, said in zip(tried, _TRIED, strict=True) if fit is not None]
    level = 1 - (1 - LEVEL) / max(1, bool(modes) + len(fits))
    if modes:
        yield _lost(measurement, modes[-1], level)
    for fit, told in fits:
        assert baseline is not None
        yield _recovered(fit, baseline, groups, seed, level, told)


def _lost(measurement: Measurement, mode: ModeRecord, level: float) -> Harm:
    on_batches, moving = mode.accuracy, measurement.train_accuracy
    error = change_error(mode, measurement.train_images)
    effect = normal_interval(on_batches - moving, error, level)
    verb = "lose" if effect.estimate >= 0 else "gain"
    return Harm(
        effect=effect,
        p=_above_zero(effect.estimate, error),
        images=measurement.train_images,
        sentence=f"moving statistics {verb} {size(effect)} on the training images against the statistics of each batch",
        evidence={
            "batch_statistics_train_accuracy": on_batches,
            "moving_statistics_train_accuracy": moving,
            "lost_in_training": effect.estimate,
            "lost_in_training_error": error,
        },
    )


def _recovered(
    fit: FitRecord, baseline: FitRecord, groups: Groups | None, seed: int, level: float, told: tuple[str, str, str]
) -> Harm:
    said, name, mends = told
    after, before = fit.correct, baseline.correct
    single = all(bool(np.isin(one, (0.0, 1.0)).all()) for one in (after, before))
    if single:
        effect = paired_accuracy_difference(after, before, groups=groups, level=level)
    else:
        effect = paired_difference(after, before, groups=groups, seed=(seed, _STREAM), level=level)
    if single and groups is None:
        p = mcnemar_exact(before, after, alternative="less")
    else:
        p = mean_above_zero(after - before, groups)
    verb = "bring" if effect.estimate >= 0 else "cost"
    return Harm(
        effect=effect,
        p=p,
        images=standard_error(after - before, groups)[1],
        sentence=f"{said} {verb} {size(effect)} on validation",
        evidence={name: effect.estimate, f"{name}_low": effect.low, f"{name}_high": effect.high},
        mends=mends,
    )


def change_error(mode: ModeRecord, images: int) -> float:
    """Standard error of the change to a mode from the next one; 0 where they are the same."""
    return 0.0 if mode.unchanged else math.hypot(mode.accuracy_change_error, math.sqrt(2) / images)


def normal_interval(estimate: float, error: float, level: float) -> Interval:
    """That of a normal estimate."""
    half = normal_quantile(level) * error
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=level)


def _above_zero(estimate: float, error: float) -> float:
    """One-sided p of a normal estimate; 0 or 1 where there is no error."""
    if not error:
        return 0.0 if estimate > 0 else 1.0
    return float(ndtr(-estimate / error))
