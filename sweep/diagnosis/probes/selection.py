"""What the choice costs: of the best of many configurations, and of the last epoch where an earlier one was better."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from sweep.diagnosis.optimism import Optimism, Select
from sweep.diagnosis.probes.kept_epochs import (
    Calibration,
    EpochAnswers,
    Excess,
    calibrated,
    excess_by_halves,
    excess_of_fits,
    excess_of_means,
)
from sweep.diagnosis.probes.luck import expected_luck
from sweep.diagnosis.quantiles import normal_quantile
from sweep.diagnosis.statistics import Groups
from sweep.diagnosis.validated import images_validated
from sweep.diagnosis.wording import bounds, p_text, percent, points, size
from sweep.records import (
    Cause,
    Finding,
    FitRecord,
    IndexArray,
    Interval,
    Measurement,
    Moment,
    Remedy,
    Scalar,
    Side,
    Unit,
)

__all__ = ["EpochAnswers", "best_of_many", "last_epoch"]

_FEWEST = 8  # sources, below which halves and bootstraps of them say nothing
_MOST = 0.8  # of an excess that a temperature must take back for it to be overconfidence
_CHOICE_SOURCE = (
    "I. Tsamardinos, E. Greasidou and G. Borboudakis, Bootstrapping the out-of-sample predictions for efficient and "
    "accurate cross-validation, Mach. Learn. 107 (2018), doi:10.1007/s10994-018-5714-4"
)
_EPOCH_SOURCE = (
    "L. Prechelt, Early stopping - but when? (1998); C. Guo et al., On calibration of modern neural networks, ICML "
    "2017, arXiv:1706.04599; P. Westfall and S. Young, Resampling-Based Multiple Testing (1993)"
)


def best_of_many(
    optimism: Optimism | None,
    *,
    scores: ArrayLike | None = None,
    select: Select | None = None,
    groups: Groups | None = None,
    seed: int = 0,
) -> Finding:
    """By how much the best of many scores higher than it is worth, because the same images chose it.

    With `scores` and `select` the effect is the expected optimism of this choice; see `luck`. Without them it is what
    the corrected score's own interval says of this one overstatement; that holds the sampling error of the images too,
    always includes 0, and can only exclude.

    Args:
        optimism: of `choice.correct_choice`; None where no score could be corrected.
        scores: 1 where a candidate is right, else 0, shape (n_candidates, n_images), as they were corrected.
        select: the rule that chose, as it was corrected for.
        groups: source of every image.
        seed: of parts and resamples.

    Source: I. Tsamardinos, E. Greasidou, G. Borboudakis, Mach. Learn. 107 (2018).
    """
    if optimism is None:
        return Finding.not_measured(Cause.BEST_OF_MANY, "no score of a leading trial could be corrected for the choice")
    if len(optimism.chosen) < 2:
        return Finding.impossible(Cause.BEST_OF_MANY, "One configuration alone was judged, so none was chosen.")
    if scores is not None and select is not None:
        luck = expected_luck(optimism, np.asarray(scores, np.float64), select, groups=groups, seed=seed)
        effect, p, images = luck.effect, luck.p, luck.sources
    else:
        effect, p, images = _this_one(optimism)
    corrected = optimism.corrected
    return Finding(
        cause=Cause.BEST_OF_MANY,
        effect=effect,
        p=p,
        images=images,
        summary=f"The first of {len(optimism.chosen):,} trials scores {percent(optimism.naive)} on the images that "
        f"chose it and {percent(corrected.estimate)} {bounds(corrected.low, corrected.high)} once corrected for that: "
        f"{size(effect)} are the luck of the choice ({p_text(p)}).",
        evidence={
            "candidates": len(optimism.chosen),
            "naive": optimism.naive,
            "corrected": corrected.estimate,
            "corrected_low": corrected.low,
            "corrected_high": corrected.high,
            "chosen_most": max(optimism.chosen),
        },
        remedies=(
            Remedy(
                sentence=f"Quote the corrected score, {percent(corrected.estimate)} "
                f"{bounds(corrected.low, corrected.high)}, not the one that chose."
            ),
            Remedy(sentence="Open the sealed test side once, for the first few trials of the ranking."),
        ),
        source=_CHOICE_SOURCE,
    )


def last_epoch(
    measurement: Measurement,
    configuration: Mapping[str, Scalar],
    *,
    answers: EpochAnswers | None = None,
    fits: tuple[FitRecord, FitRecord] | None = None,
    labels: IndexArray | None = None,
    groups: Groups | None = None,
    seed: int = 0,
) -> Finding:
    """What keeping the last epoch costs in validation cross-entropy, and whether that is lost accuracy.

    The best epoch is a winner, and is kept from being a lucky one by the most that is known: answers after every epoch,
    else trainings that keep one or the other, else the means after each epoch. Where a temperature that is fitted on
    one half of the images takes back most of the excess on the other, and no accuracy is lost, it is overconfidence.

    A training that the pruner has ended says nothing: validation may fall again within the budget. One that early
    stopping has ended is judged, since its last epoch is what is kept.

    Args:
        measurement: with folds, its epochs are means over the trainings.
        configuration: every field of [model] and [training], flat, in the notation of the database.
        answers: of every epoch.
        fits: the configuration kept at its best epoch ("training.keep": "best"), and at its last; of the same seeds.
        labels: of the validation side in the order of the predictions, for the temperature.
        groups: source of every validation image.
        seed: of halves and bootstraps.

    Source: L. Prechelt (1998) on stopping; C. Guo et al. (2017), arXiv:1706.04599, on temperatures; P. Nakkiran et al.,
    Deep double descent (2020), arXiv:1912.02292, on prefixes.
    """
    if configuration.get("keep") == "best":
        return Finding.impossible(
            Cause.LAST_EPOCH, "The weights of the epoch of least validation cross-entropy are kept."
        )
    if measurement.stopped == "pruned":
        reason = f"the pruner ended training after {measurement.epochs_run} epochs, and validation may fall again"
        return Finding.not_measured(Cause.LAST_EPOCH, reason)
    if measurement.epochs_run < 2:
        return Finding.impossible(Cause.LAST_EPOCH, "One epoch was trained: the last is the best.")
    images = _independent(measurement, answers, fits, groups)
    if images < _FEWEST:
        return Finding.not_measured(Cause.LAST_EPOCH, f"validation has {images} independent images alone")
    if answers is not None:
        excess = excess_by_halves(answers, groups, seed)
    elif fits is not None:
        excess = excess_of_fits(*fits, groups, seed)
    elif math.isfinite(measurement.validation_cross_entropy_error):
        excess = excess_of_means(measurement)
    else:
        return Finding.not_measured(Cause.LAST_EPOCH, "the error of the validation cross-entropy was not recorded")
    cooled = _calibration(measurement, labels, groups, seed)
    confident = cooled is not None and _overconfident(excess, cooled)
    return Finding(
        cause=Cause.LAST_EPOCH,
        effect=excess.nats,
        unit=Unit.CROSS_ENTROPY,
        p=excess.p,
        images=images,
        summary=_epoch_sentence(measurement, excess, cooled, confident=confident),
        evidence=_epoch_evidence(excess, cooled, confident=confident),
        remedies=_epoch_remedies(configuration, confident=confident),
        source=_EPOCH_SOURCE,
    )


# ---- the choice ----------------------------------------------------------------------------------------------------


def _this_one(optimism: Optimism) -> tuple[Interval, float, int]:
    corrected, naive = optimism.corrected, optimism.naive
    effect = Interval(
        estimate=optimism.bias, low=naive - corrected.high, high=naive - corrected.low, level=corrected.level
    )
    below = effect.estimate - effect.low
    if not below or effect.estimate <= 0:
        return effect, 1.0, 0
    p = float(ndtr(-effect.estimate / below * normal_quantile(corrected.level)))
    return effect, p, 0


# ---- the epoch -----------------------------------------------------------------------------------------------------


def _calibration(
    measurement: Measurement, labels: IndexArray | None, groups: Groups | None, seed: int
) -> Calibration | None:
    """Of the kept weights, where their logits are stored."""
    kept = (Side.VALIDATION, Moment.SELECTED)
    found = [one for one in measurement.predictions if (one.side, one.moment) == kept and one.logits is not None]
    logits = found[0].logits if found else None
    if logits is None or labels is None or len(logits) != len(labels):
        return None
    # Fits may be of another split, with groups of its own.
    same = groups if groups is not None and len(groups) == len(labels) else None
    return calibrated(logits, labels, same, seed)


def _overconfident(excess: Excess, cooled: Calibration) -> bool:
    needed = _MOST * excess.nats.estimate
    return needed > 0 and excess.lost.low <= 0 and cooled.temperature > 1 and cooled.saved.estimate >= needed


def _independent(
    measurement: Measurement,
    answers: EpochAnswers | None,
    fits: tuple[FitRecord, FitRecord] | None,
    groups: Groups | None,
) -> int:
    if answers is None and fits is None:
        return images_validated(measurement.validation_images, measurement.folds, None)
    if groups is not None:
        return len(np.unique(np.asarray(groups)))
    return answers.correct.shape[1] if answers is not None else measurement.validation_images


def _epoch_sentence(measurement: Measurement, excess: Excess, cooled: Calibration | None, *, confident: bool) -> str:
    epochs = " and ".join(map(str, excess.best))
    nats, lost = excess.nats, excess.lost
    said = (
        f"Validation's cross-entropy is {_nats(nats.estimate)} nats [{_nats(nats.low)}, {_nats(nats.high)}] higher at "
        f"the last epoch, {measurement.epochs_run}, whose weights are kept, than at epoch {epochs}, {excess.how} "
        f"({p_text(excess.p)}); {points(lost.estimate)} points {bounds(lost.low, lost.high)} of accuracy are lost"
    )
    if cooled is not None:
        said += f", and a temperature of {cooled.temperature:.1f} takes back {_nats(cooled.saved.estimate)} nats"
    return said + (": overconfidence, not lost accuracy." if confident else ".")


def _nats(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _epoch_evidence(excess: Excess, cooled: Calibration | None, *, confident: bool) -> Mapping[str, Scalar]:
    found: dict[str, Scalar] = {
        "best_epochs": ", ".join(map(str, excess.best)),
        "how": excess.how,
        "lost_accuracy": excess.lost.estimate,
        "lost_accuracy_low": excess.lost.low,
        "lost_accuracy_high": excess.lost.high,
    }
    if cooled is not None:
        found |= {"temperature": cooled.temperature, "saved_by_temperature": cooled.saved.estimate}
        found["overconfidence"] = confident
    return found


def _epoch_remedies(configuration: Mapping[str, Scalar], *, confident: bool) -> tuple[Remedy, ...]:
    best = Remedy(sentence="Keep the weights of the best epoch.", changes={"training.keep": "best"})
    decay = Remedy(sentence="Let the learning rate fall to 0 over the epochs.", changes={"training.schedule": "cosine"})
    calibrate = Remedy(sentence="Divide the logits by a temperature fitted on validation: classes stay as they are.")
    constant = configuration.get("schedule", "constant") == "constant"
    return (best, *([decay] if constant else []), *([calibrate] if confident else []))
