"""A class that takes images of the others: predicted more often in validation than it occurs.

Predictions and labels of the same images depend on each other, so that a G-test of the two marginals, which takes them
for independent samples, does not hold. What is compared, class by class, is how many images it wrongly takes with how
many of its own it loses: where it is predicted as often as it occurs the two are equally likely, image by image. Unlike
a test of all marginals at once (Stuart's) that is exact for few images, looks for more and not for other predictions,
and names the class.

Sources: Q. McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12
(1947); A. Stuart, A test for homogeneity of the marginal distributions in a two-way classification, Biometrika 42
(1955).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.diagnosis.statistics import (
    effective_counts,
    mcnemar_exact,
    mean_above_zero,
    paired_accuracy_difference,
    standard_error,
    wilson,
)
from sweep.diagnosis.verdict import SIGNIFICANCE
from sweep.diagnosis.wording import class_text, p_text, percent, points, size
from sweep.records import Cause, Exhibit, Finding, IndexArray, Interval, Remedy, Scalar

__all__ = ["class_bias"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_IMBALANCE = 1.5  # times the training images of the classes that it takes from: then their number explains it
_KEPT = 0.5  # of an excess; where less than that is left, what was changed explains it
_SHOWN = 12

_BALANCE = Remedy(
    sentence='Weight the classes in the training loss by their rarity: training.class_weight = "balanced".',
    changes={"training.class_weight": "balanced"},
)
_FREEZE = Remedy(
    sentence='Keep batch norm on its moving statistics in training: model.batch_norm = "frozen".',
    changes={"model.batch_norm": "frozen"},
)
_RECALIBRATE = Remedy(
    sentence="Re-estimate batch norm's moving statistics at the end of each epoch: training.recalibrate = true.",
    changes={"training.recalibrate": True},
)


def class_bias(  # noqa: PLR0913 - what is known of the images, side by side
    *,
    predicted: ArrayLike,
    labels: ArrayLike,
    num_classes: int,
    counts_train: ArrayLike,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    predicted_train: ArrayLike | None = None,
    predicted_batch_mode: ArrayLike | None = None,
    positions: IndexArray | None = None,
    class_names: Sequence[str] = (),
    alike: Sequence[int] = (),
) -> Finding:
    """Find a class that is predicted more often than it occurs; the harm is the excess, which are errors at least.

    p is that of the most suspicious class, times their number (Bonferroni). The lower bound holds for all classes at
    once too; the upper one need not, since the largest of upper bounds is one for the class with the largest excess.

    Args:
        predicted: class of each validation image in clean mode, int, shape (n_validation,).
        labels: of the same images.
        num_classes: of the study.
        counts_train: training images of each class, shape (num_classes,).
        groups: source of every validation image.
        predicted_train: class of each training image in clean mode, whole or a stratified part, shape (n,).
        predicted_batch_mode: of each validation image with batch norm on the batch's statistics, shape (n_validation,).
        positions: of the validation images in the study's index, to show the images that are taken.
        class_names: in the order of labels; classes are named by their numbers without.
        alike: classes that are taken for one another, of which it hardly matters which is named: here they are one, by
            the name of the first.
    """
    given, true = _as_one(predicted, alike), _as_one(labels, alike)
    counts = np.asarray(counts_train, dtype=np.float64)
    if not len(true):
        return Finding.not_measured(Cause.CLASS_BIAS, "there are no validation images")
    each = [_excess(given == one, true == one, num_classes, groups) for one in range(num_classes)]
    top = max(range(num_classes), key=lambda one: each[one][0].estimate)
    effect = Interval(
        estimate=each[top][0].estimate,
        low=max(excess.low for excess, _ in each),
        high=max(excess.high for excess, _ in each),
    )
    p = min(1.0, num_classes * min(p for _, p in each))
    taken = (given == top) & (true != top)
    reason, remedies, evidence = _reason(top, effect.estimate, true[taken], counts, predicted_train, class_names)
    if predicted_batch_mode is not None:
        batch = np.asarray(predicted_batch_mode) == top
        left = float(np.mean(batch)) - float(np.mean(true == top))
        evidence["excess_batch_mode"] = left
        if left < _KEPT * effect.estimate and mcnemar_exact(given == top, batch, alternative="greater") < SIGNIFICANCE:
            reason = f"with batch norm on the batch's statistics it is {points(left)}, so its moving ones make it"
            remedies = (_FREEZE, _RECALIBRATE)
    shown = None if positions is None else np.asarray(positions)[taken][:_SHOWN]
    name = class_text(top, class_names)
    return Finding(
        cause=Cause.CLASS_BIAS,
        effect=effect,
        p=p,
        images=round(effective_counts(given == top, groups)[1]),
        summary=_bias_summary(name, given == top, true == top, effect, p, reason),
        evidence={
            "class": top,
            "predicted_share": float(np.mean(given == top)),
            "true_share": float(np.mean(true == top)),
            "taken": int(np.sum(taken)),
            "lost": int(np.sum((given != top) & (true == top))),
            **evidence,
            **_recalls(given, true, num_classes, groups),
        },
        remedies=remedies,
        source="Q. McNemar, Psychometrika 12 (1947), one class against the rest; doi.org/10.1007/BF02295996",
        exhibits=_exhibits(f"taken for class {name} and of another", shown),
    )


def _as_one(classes: ArrayLike, alike: Sequence[int]) -> IndexArray:
    """Classes with some of them by the name of the first of these."""
    given = np.asarray(classes)
    return np.where(np.isin(given, alike), alike[0], given) if alike else given


def _excess(given: BoolArray, true: BoolArray, num_classes: int, groups: ArrayLike | None) -> tuple[Interval, float]:
    """By how much a class is predicted more often than it occurs, and p that it is not; the lower bound among all."""
    sources = None if groups is None else np.asarray(groups)
    wide = paired_accuracy_difference(given, true, groups=sources, level=1 - 0.05 / num_classes)
    plain = paired_accuracy_difference(given, true, groups=sources)
    if sources is None:
        p = mcnemar_exact(given, true, alternative="greater")
    else:
        differences = given.astype(np.float64) - true
        # Sources that all differ alike have no spread, which proves no more than as many tosses of a coin.
        p = max(mean_above_zero(differences, sources), 0.5 ** standard_error(differences, sources)[1])
    return Interval(estimate=plain.estimate, low=wide.low, high=plain.high), p


def _reason(
    top: int,
    excess: float,
    taken: IndexArray,
    counts: FloatArray,
    predicted_train: ArrayLike | None,
    class_names: Sequence[str],
) -> tuple[str, tuple[Remedy, ...], dict[str, Scalar]]:
    """Why a class takes images, what to do, and the numbers; `taken` are the labels of the images that it takes."""
    evidence: dict[str, Scalar] = {"training_share": float(counts[top] / counts.sum())}
    on_training = 0.0
    if predicted_train is not None:
        on_training = float(np.mean(np.asarray(predicted_train) == top) - counts[top] / counts.sum())
        evidence["excess_on_training"] = on_training
    if not len(taken):
        return "it takes none", (), evidence
    most, images = Counter(taken.tolist()).most_common(1)[0]
    evidence |= {"class_taken_from": int(most), "taken_from_it": images}
    ratio = float(counts[top] / max(1.0, counts[taken].mean()))
    evidence["training_ratio"] = ratio
    if ratio >= _IMBALANCE:
        return f"it has {ratio:.1f} times the training images of the classes that it takes from", (_BALANCE,), evidence
    if on_training > 0 and on_training >= _KEPT * excess:
        sentence = "Lower training.learning_rate: the training images themselves are given to one class."
        return f"on training images it is {points(on_training)}", (Remedy(sentence=sentence),), evidence
    taker, loser = class_text(top, class_names), class_text(most, class_names)
    sentence = f"Collect images of class {loser} that look like the ones that class {taker} takes."
    return f"{images} of {len(taken)} that it takes are of class {loser}", (Remedy(sentence=sentence),), evidence


def _bias_summary(name: str, given: BoolArray, true: BoolArray, effect: Interval, p: float, reason: str) -> str:
    """Of the class of that name: whether each image is given to it, and whether it is of it."""
    if p >= SIGNIFICANCE:
        return f"no class is shown to be predicted more often than it occurs: class {name}, the most, by {size(effect)}"
    share = "predicted for every image" if np.all(given) else f"{percent(float(np.mean(given)))} of the predictions"
    labels = f"{percent(float(np.mean(true)))} of the labels of {len(true)} validation images"
    return f"class {name} is {share} and {labels}, an excess of {size(effect)}, {p_text(p)}; {reason}"


def _recalls(given: IndexArray, true: IndexArray, num_classes: int, groups: ArrayLike | None) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    for one in range(num_classes):
        own = true == one
        if np.any(own):
            sources = None if groups is None else np.asarray(groups)[own]
            recall = wilson(*effective_counts(given[own] == one, sources))
            found |= {f"recall_{one}": recall.estimate, f"recall_{one}_low": recall.low}
            found[f"recall_{one}_high"] = recall.high
    return found


def _exhibits(caption: str, images: IndexArray | None) -> tuple[Exhibit, ...]:
    if images is None or not len(images):
        return ()
    return (Exhibit(caption=caption, images=tuple(int(image) for image in images)),)
