"""The mode in which accuracy is measured: what training logs against what is clean, and batch norm's two statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping

from scipy.special import ndtr

from sweep.diagnosis.probes.norm_harms import LEVEL, change_error, norm_harms, normal_interval
from sweep.diagnosis.probes.norms import mismatches, norm_remedies, why_never
from sweep.diagnosis.statistics import (
    Groups,
)
from sweep.diagnosis.switching import contract_modes
from sweep.diagnosis.waterfall import waterfall
from sweep.diagnosis.wording import p_text, percent, points, size
from sweep.records import Cause, Finding, FitRecord, Interval, Measurement, ModeRecord, Remedy, Scalar

__all__ = ["batch_norm", "training_mode"]

_TOLERATED = 0.25  # of the clean gap: a reported one is then still of its size, and means the same
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
    """By how much the training accuracy that Keras logs misstates the clean one, beyond what leaves the gap's meaning.

    It is misstated by moving weights, dropout and augmented images, and by batch norm where the statistics of a batch
    are the worse ones (the better ones are a matter of `batch_norm`). Every training misstates by a little, and a
    reader is misled where that is much of the gap: the effect is what is misstated, either way, less a quarter of the
    clean gap. So 3 points mislead beside a gap of 2, and not beside one of 21.

    Its error is that of another training on other images: the luck of the logged epoch, and the changes' own errors,
    which are taken to depend on each other half as strongly as they can. No image is followed from the moving weights
    to the kept ones, so a logged share is only as sure as that of so many single answers. The clean gap is taken as it
    was measured, since the gap that is reported is of the same validation images.

    Args:
        measurement: with or without modes.

    Source: the Keras FAQ on the two modes; N. Srivastava et al., Dropout, JMLR 15 (2014). That a quarter misleads is
    ours.
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
        overstated = sum(named.values())
        parts = ", ".join(f"{said} {points(value)}" for said, value in named.items())
    else:
        overstated = terms["training_mode"]
        parts = f"in parts that are not known: {measurement.modes_reason or 'they were not measured'}"
    but = " but for the statistics of each batch" if modes and terms["batch_norm"] > 0 else ""
    error = _logging_error(modes, measurement, terms.get("batch_norm", 0.0))
    misstated, tolerated = normal_interval(abs(overstated), error, LEVEL), _TOLERATED * abs(measurement.gap_accuracy)
    harm = normal_interval(misstated.estimate - tolerated, error, LEVEL)
    verb = "overstates" if overstated > 0 else "understates"
    gap = points(measurement.gap_accuracy)
    return Finding(
        cause=Cause.TRAINING_MODE,
        effect=harm,
        p=_beyond(misstated.estimate, tolerated, error),
        images=measurement.train_images,
        summary=f"The training accuracy that Keras logs, {percent(logged)}, {verb} by {size(misstated)} what the kept "
        f"weights reach, {percent(logged - overstated)} measured clean{but} ({parts}): {_beside(harm.estimate)} a "
        f"quarter of the clean gap of {gap}.",
        evidence={
            "logged_train_accuracy": logged,
            "clean_train_accuracy": clean,
            "reported_gap": logged - measurement.logged_validation_accuracy,
            "clean_gap": measurement.gap_accuracy,
            "misstated": misstated.estimate,
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
    frozen: FitRecord | None = None,
    baseline: FitRecord | None = None,
    groups: Groups | None = None,
    seed: int = 0,
) -> Finding:
    """Accuracy that is lost because batch norm leaves the statistics it was trained on for its moving ones.

    Up to three harms are looked at, each where it was measured: on the training images from batch to moving statistics
    (E3 to E4 of the waterfall), and on the validation images what re-estimating the moving statistics gives back and
    what training with frozen ones brings, which decide about the remedy too. The effect is the largest of them. Each
    has an interval at Bonferroni's level, so the largest lower and the largest upper bound are those of the largest
    harm at 95 %, and p is the smallest one times their number.

    Args:
        measurement: with or without modes.
        configuration: every field of [model] and [training], flat, in the notation of the database.
        momentum_steps: momentum of the moving statistics and the steps that were trained to the kept weights.
        recalibrated: the configuration with training.recalibrate.
        frozen: the configuration with frozen batch norm, where nothing else of it changes by that.
        baseline: the same without either; fits are used in pairs.
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
    harms = tuple(norm_harms(measurement, (recalibrated, frozen), baseline, groups, seed))
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
    proven = any(harm.mends and harm.effect.low > 0 for harm in harms)
    p = min(1.0, len(harms) * min(harm.p for harm in harms))
    said = "; ".join(harm.sentence for harm in harms)
    remedies = norm_remedies(chosen, kinds, proven=proven)
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
        remedies=tuple(sorted(remedies, key=lambda one: worst.mends not in one.changes)),
        source=_BATCH_NORM_SOURCE,
    )


# ---- the errors of changes -----------------------------------------------------------------------------------------


def _logging_error(modes: tuple[ModeRecord, ...], measurement: Measurement, batch_norm_change: float) -> float:
    """Of E0 less the clean number; batch norm's part where it counts, and no change's where no mode was measured."""
    images = measurement.train_images
    # One image right and one wrong are added: 100 % of 50 is not known without an error.
    share = (measurement.logged_train_accuracy * images + 1) / (images + 2)
    logged = math.sqrt(share * (1 - share) / images)
    if not modes:
        return logged
    # E0 is one draw of the masks; the mode's own noise is that of the mean over its draws. Where images of a batch
    # depend on each other it may be the larger one.
    drawn = modes[0].accuracy_noise * math.sqrt(modes[0].draws)
    counted = modes if batch_norm_change < 0 else modes[:2]
    errors = [change_error(mode, images) for mode in counted]
    # Half as dependent as they can be: images that are hard for one mode are hard for the next.
    return math.hypot(max(logged, drawn), math.sqrt((math.hypot(*errors) ** 2 + sum(errors) ** 2) / 2))


def _beyond(misstated: float, tolerated: float, error: float) -> float:
    """P of so large a misstatement, either way, were the true one just as large as is tolerated."""
    return float(ndtr((tolerated - misstated) / error) + ndtr(-(tolerated + misstated) / error))


def _beside(harm: float) -> str:
    return f"{points(harm)} points more than" if harm > 0 else "no more than"
