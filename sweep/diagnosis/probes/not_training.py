"""Does the network train at all?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from sweep.diagnosis.probes.curves import LEAST_EPOCHS
from sweep.diagnosis.probes.interventions import spoken
from sweep.diagnosis.probes.paired_fits import Groups, accuracy_gained
from sweep.diagnosis.statistics import effective_counts, wilson
from sweep.diagnosis.verdict import HARM
from sweep.diagnosis.wording import percent, size
from sweep.records import Cause, Finding, FitRecord, IndexArray, Interval, Remedy, Scalar

__all__ = ["BY_HEART", "SMALL_FIT", "not_training"]

SMALL_FIT = 32
"""Images that a network which trains at all can learn by heart."""
BY_HEART = 0.9
"""What it gets right of them at least."""
_CLEARLY = 0.1
"""Of what naming the most frequent class leaves wrong, that a fit with another learning rate must get right to have
learnt: the best of a few fits that learn nothing is a little above that class's share by luck."""

_SOURCE = (
    "H. Zhang, Y. N. Dauphin, T. Ma, Fixup initialization, ICLR (2019), https://arxiv.org/abs/1901.09321; K. He et "
    "al., Delving deep into rectifiers, ICCV (2015), https://arxiv.org/abs/1502.01852"
)
_REVIVE = (
    Remedy(
        sentence="Put the batch norms back: backbone_batch_norm = kept.",
        changes={"model.backbone_batch_norm": "kept"},
    ),
    Remedy(
        sentence="Draw the first weights with he_uniform, which keeps the signal's size from layer to layer.",
        changes={"model.kernel_initializer": "he_uniform"},
    ),
    Remedy(sentence="Try a learning rate ten times higher, and one ten times lower."),
    Remedy(sentence="Look at a batch as the network gets it: whether images and labels belong together."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lacking:
    """Accuracy that a network which does not train lacks, to whom, and the independent images behind it."""

    effect: Interval
    to: str
    images: int


def not_training(  # noqa: PLR0913 - all that tells whether it trains
    baseline: FitRecord,
    *,
    small_fit_accuracy: float | None,
    counts: IndexArray,
    epochs: int,
    signal: Mapping[str, float] | None = None,
    probe_correct: NDArray[np.bool_] | None = None,
    groups: Groups | None = None,
    others: Sequence[FitRecord] = (),
    harm: float = HARM,
) -> Finding:
    """Accuracy lacking because nothing is learnt: not the training images, and not even 32 of them by heart (T20).

    A network whose clean training accuracy exceeds the share of the most frequent class by a standard error of
    validation, and by `harm`, is one that trains. Of any other p is that of so few right among the 32, were each right
    with probability `BY_HEART`. One that learns with one thing changed can train, and that thing is the cause.

    Args:
        baseline: the configuration in question.
        small_fit_accuracy: clean accuracy on 32 training images, balanced over the classes, that the configuration was
            trained on alone until nothing moved; None where that was not done.
        counts: training images of each class, shape (n_classes,).
        epochs: how long the baseline was trained.
        signal: numbers that explain it, such as the spread of the logits or the norm of a layer's gradient.
        probe_correct: what a ridge regression on features, or any other fit, gets right, bool, shape (n_validation,).
        groups: source of every validation image.
        others: the baseline with one thing changed each.
        harm: the harm margin, a share of the images.
    """
    prior = float(counts.max() / counts.sum())
    independent = effective_counts(baseline.correct, groups)[1]
    bar = prior + max(harm, math.sqrt(prior * (1 - prior) / independent))
    accuracies = f"{percent(baseline.train_accuracy)} of the training images, whose most frequent class is " + percent(
        prior
    )
    if baseline.train_accuracy >= bar:
        return Finding.impossible(Cause.NOT_TRAINING, f"It trains: it fits {accuracies}.")
    learnt = max(others, key=lambda fit: fit.train_accuracy, default=baseline)
    if learnt.train_accuracy >= max(bar, prior + _CLEARLY * (1 - prior)):
        reason = (
            f"It trains with {spoken(learnt)}, and then fits {percent(learnt.train_accuracy)} of the training images"
        )
        return Finding.impossible(Cause.NOT_TRAINING, f"{reason}; as it is {percent(baseline.train_accuracy)}.")
    if epochs < LEAST_EPOCHS:
        return Finding.not_measured(Cause.NOT_TRAINING, f"{epochs} epochs are too few to tell whether it trains")
    if small_fit_accuracy is None:
        return Finding.not_measured(Cause.NOT_TRAINING, f"it fits {accuracies}, and was not tried on {SMALL_FIT} alone")
    right = round(small_fit_accuracy * SMALL_FIT)
    if right >= BY_HEART * SMALL_FIT:
        return Finding.impossible(Cause.NOT_TRAINING, f"It trains: it learns {right} of {SMALL_FIT} images by heart.")
    lacking = _lacking(baseline, right, probe_correct, groups)
    return Finding(
        cause=Cause.NOT_TRAINING,
        effect=lacking.effect,
        p=float(bdtr(right, SMALL_FIT, BY_HEART)),
        images=lacking.images,
        summary=f"After {epochs} epochs it fits {accuracies}, and {right} of {SMALL_FIT} that it was trained on alone: "
        f"{size(lacking.effect)} short of {lacking.to}.",
        evidence=_silence(baseline, prior, len(counts))
        | {"small_fit_accuracy": small_fit_accuracy}
        | {name: value for name, value in (signal or {}).items() if not math.isnan(value)},
        remedies=_REVIVE,
        source=_SOURCE,
    )


def _lacking(
    baseline: FitRecord, right: int, probe_correct: NDArray[np.bool_] | None, groups: Groups | None
) -> _Lacking:
    """To another fit on validation where that is better, else to having learnt the few images by heart."""
    if probe_correct is not None:
        better = accuracy_gained(np.asarray(probe_correct, dtype=np.float64), baseline, groups=groups)
        if better.interval().low > 0:
            return _Lacking(effect=better.interval(), to="a linear probe on validation", images=better.images)
    wrong = wilson(SMALL_FIT - right, SMALL_FIT)
    return _Lacking(effect=wrong, to="knowing those by heart", images=0)


def _silence(baseline: FitRecord, prior: float, classes: int) -> dict[str, Scalar]:
    return {
        "train_accuracy": baseline.train_accuracy,
        "most_frequent_class": prior,
        "train_cross_entropy": baseline.train_cross_entropy,
        "cross_entropy_of_guessing": math.log(classes),
        "validation_accuracy": float(baseline.correct.mean()),
    }
