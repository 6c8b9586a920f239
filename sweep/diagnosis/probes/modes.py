"""The mode in which accuracy is measured: what training logs against what is clean, and batch norm's two statistics.

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

from sweep.diagnosis.probes.norms import mismatches, norm_remedies, why_never
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
from sweep.diagnosis.waterfall import waterfall
from sweep.diagnosis.wording import p_text, percent, points, size
from sweep.records import Cause, Finding, FitRecord, Interval, Measurement, ModeRecord, Remedy, Scalar

__all__ = ["batch_norm", "training_mode"]

_STREAM = 501  # of this module's random numbers
_LEVEL = 0.95
_HANDICAPS = {"epoch_lag": "moving weights", "dropout": "dropout", "augmentation": "augmented images"}
_LOGGED_SOURCE = (
    "Keras FAQ, Why is my training loss much higher than my testing loss?, keras.io/getting_started/faq; "
    "N. Srivastava et al., Dropout, JMLR 15 (2014)"
)
_BATCH_NORM_SOURCE = (
    'Y. Wu and J. Johnson, Rethinking "Batch" in BatchNorm (2021), arXiv:2105.07576; X. Li et al., '
    "Understanding the disharmony between dropout and batch normalization, CVPR 2019, arXiv:1801.05134"
)


def training_mode(measurement: Measurement) -> Finding:
    """By how much the training accuracy that Keras logs misstates the clean one, at the kept weights.

    That is what moving weights, dropout and augmented images do to it, and batch norm where the statistics of a batch
    are the worse ones (the better ones are a matter of `batch_norm`). The effect is without sign: either way the
    reported gap is not the clean one. Its error is that of another training on other images: the masks of the logged
    epoch, and the changes' own errors, which are taken to depend on each other half as strongly as they can. Where
    nothing is drawn, or the modes were not measured, the difference is a fact about this training.

    Args:
        measurement: with or without modes.

    Source: the Keras FAQ on the two modes; N. Srivastava et al., Dropout, JMLR 15 (2014).
    """
    logged, clean = measurement.logged_train_accuracy, measurement.train_accuracy
    if not (math.isfinite(logged) and math.isfinite(clean)):
        return Finding.not_measured(Cause.TRAINING_MODE, "the training accuracy that Keras logs was not recorded")
    terms = {term.name: term.interval.estimate for term in waterfall(measurement, "accuracy").terms}
    modes = contract_modes(measurement.modes)
    if modes:
        named = {said: terms[name] for name, said in _HANDICAPS.items()}
        if terms["batch_norm"] < 0:
            named["batch norm on the statistics of each batch"] = terms["batch_norm"]
        overstated, error = sum(named.values()), _logging_error(modes, measurement.train_images, terms["batch_norm"])
        parts = ", ".join(f"{said} {points(value)}" for said, value in named.items())
    else:
        overstated, error = terms["training_mode"], 0.0
        parts = f"in parts that are not known: {measurement.modes_reason or 'they were not measured'}"
    but = " but for the statistics of each batch" if modes and terms["batch_norm"] > 0 else ""
    harm = _interval(abs(overstated), error, _LEVEL)
    verb = "overstates" if overstated > 0 else "understates"
    gap = points(measurement.gap_accuracy)
    return Finding(
        cause=Cause.TRAINING_MODE,
        effect=harm,
        p=min(1.0, 2 * _above_zero(harm.estimate, error)),
        exact=not error,
        images=measurement.train_images if error else 0,
        summary=f"The training accuracy that Keras logs, {percent(logged)}, {verb} by {size(harm)} what the kept "
        f"weights reach, {percent(logged - overstated)} measured clean{but} ({parts}).",
        evidence={
            "logged_train_accuracy": logged,
            "clean_train_accuracy": clean,
            "reported_gap": logged - measurement.logged_validation_accuracy,
            "clean_gap": measurement.gap_accuracy,
            "error": error,
            **{name: value for name, value in terms.items() if name in (*_HANDICAPS, "batch_norm", "training_mode")},
        },
        remedies=(Remedy(sentence=f"Judge by the clean gap, {gap} points, not by what Keras logs."),),
        source=_LOGGED_SOURCE,
    )


def batch_norm(
    measurement: Measurement,
    *,
    configuration: Mapping[str, Scalar] | None = None,
    momentum_steps: tuple[float, int] | None = None,
    recalibrated: FitRecord | None = None,
    baseline: FitRecord | None = None,
    groups: Groups | None = None,
    seed: int = 0,
) -> Finding:
    """Accuracy that is lost because batch norm leaves the statistics it was trained on for its moving ones.

    Two harms are looked at, each where it was measured: on the training images from batch to moving statistics (E3 to
    E4 of the waterfall), and on the validation images what re-estimating the moving statistics gives back, which
    decides about the remedy too. The effect is the larger of the two. With both, each has an interval at 97.5 %, and
    the larger lower and the larger upper bound are those of the larger harm at 95 % (Bonferroni); p is twice the
    smaller one.

    Args:
        measurement: with or without modes.
        configuration: every field of [model] and [training], flat, in the notation of the database.
        momentum_steps: momentum of the moving statistics and the steps that were trained to the kept weights.
        recalibrated: the configuration with training.recalibrate.
        baseline: the same without; fits are used in pairs.
        groups: source of every validation image of the fits.
        seed: of the bootstrap over validation images.

    Source: Y. Wu and J. Johnson, Rethinking "Batch" in BatchNorm (2021), arXiv:2105.07576.
    """
    chosen = configuration or {}
    modes = contract_modes(measurement.modes)
    if reason := modes[-1].unchanged if modes else why_never(chosen):
        return Finding.impossible(
            Cause.BATCH_NORM, f"Batch norm does the same in training and in validation: {reason}."
        )
    harms = tuple(_harms(measurement, recalibrated, baseline, groups, seed))
    if not harms:
        reason = measurement.modes_reason or "training was measured in no mode but the clean one"
        return Finding.not_measured(Cause.BATCH_NORM, reason)
    worst = max(harms, key=lambda harm: harm.effect.estimate)
    effect = Interval(
        estimate=worst.effect.estimate,
        low=max(harm.effect.low for harm in harms),
        high=max(harm.effect.high for harm in harms),
    )
    staleness = None if momentum_steps is None else momentum_steps[0] ** momentum_steps[1]
    kinds = mismatches(chosen, staleness)
    proven = any(harm.proves and harm.effect.low > 0 for harm in harms)
    p = min(1.0, len(harms) * min(harm.p for harm in harms))
    said = "; ".join(harm.sentence for harm in harms)
    causes = f"; the configuration has {' and '.join(kind.said for kind in kinds)}" if kinds else ""
    return Finding(
        cause=Cause.BATCH_NORM,
        effect=effect,
        p=p,
        images=worst.images,
        summary=f"{said[0].upper()}{said[1:]} ({p_text(p)}){causes}.",
        evidence={
            **{name: value for harm in harms for name, value in harm.evidence.items()},
            **({} if staleness is None else {"staleness": staleness}),
            **({"kinds": ", ".join(kinds)} if kinds else {}),
        },
        remedies=norm_remedies(chosen, kinds, proven=proven),
        source=_BATCH_NORM_SOURCE,
    )


# ---- the errors of changes -----------------------------------------------------------------------------------------


def _logging_error(modes: tuple[ModeRecord, ...], images: int, batch_norm_change: float) -> float:
    """Of E0 less the clean number; batch norm's part where it counts."""
    # E0 is one draw of the masks; the mode's own noise is that of the mean over its draws.
    drawn = modes[0].accuracy_noise * math.sqrt(modes[0].draws)
    counted = modes if batch_norm_change < 0 else modes[:2]
    errors = [_change_error(mode, images) for mode in counted]
    # Half as dependent as they can be: images that are hard for one mode are hard for the next.
    return math.hypot(drawn, math.sqrt((math.hypot(*errors) ** 2 + sum(errors) ** 2) / 2))


def _change_error(mode: ModeRecord, images: int) -> float:
    return 0.0 if mode.unchanged else math.hypot(mode.accuracy_change_error, math.sqrt(2) / images)


def _interval(estimate: float, error: float, level: float) -> Interval:
    half = normal_quantile(level) * error
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=level)


def _above_zero(estimate: float, error: float) -> float:
    """One-sided p of a normal estimate; 0 or 1 where there is no error."""
    if not error:
        return 0.0 if estimate > 0 else 1.0
    return float(ndtr(-estimate / error))


# ---- batch norm's two harms ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Harm:
    """One of the two, in shares of the images.

    Attributes:
        proves: whether it is a remedy's gain.
    """

    effect: Interval
    p: float
    images: int
    sentence: str
    evidence: Mapping[str, Scalar]
    proves: bool = False


def _harms(
    measurement: Measurement,
    recalibrated: FitRecord | None,
    baseline: FitRecord | None,
    groups: Groups | None,
    seed: int,
) -> Iterator[_Harm]:
    modes = contract_modes(measurement.modes)
    fitted = recalibrated is not None and baseline is not None
    level = 1 - (1 - _LEVEL) / (2 if modes and fitted else 1)
    if modes:
        yield _lost(measurement, modes[-1], level)
    if recalibrated is not None and baseline is not None:
        yield _recovered(recalibrated, baseline, groups, seed, level)


def _lost(measurement: Measurement, mode: ModeRecord, level: float) -> _Harm:
    on_batches, moving = mode.accuracy, measurement.train_accuracy
    error = _change_error(mode, measurement.train_images)
    effect = _interval(on_batches - moving, error, level)
    verb = "lose" if effect.estimate >= 0 else "gain"
    return _Harm(
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


def _recovered(recalibrated: FitRecord, baseline: FitRecord, groups: Groups | None, seed: int, level: float) -> _Harm:
    after, before = recalibrated.correct, baseline.correct
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
    return _Harm(
        effect=effect,
        p=p,
        images=standard_error(after - before, groups)[1],
        sentence=f"re-estimated moving statistics {verb} {size(effect)} on validation",
        evidence={
            "recovered_in_validation": effect.estimate,
            "recovered_in_validation_low": effect.low,
            "recovered_in_validation_high": effect.high,
        },
        proves=True,
    )
