"""Weak features: what the frozen backbone gives does not tell the classes apart, whatever head is put on it.

That the best head gets little right does not make it the features' fault, as a task may be hard for everything: it
takes something better, a network whose deeper layers were trained, or an accuracy that is asked for. With neither,
features are called weak only where they give next to nothing: then pictures whose classes people can see would be told
apart better by nearly anything else.

Sources: G. Alain and Y. Bengio, Understanding intermediate layers using linear classifier probes (2016),
arXiv:1610.01644; S. Kornblith, J. Shlens and Q. V. Le, Do better ImageNet models transfer better? (2019),
arXiv:1805.08974; M. Raghu, C. Zhang, J. Kleinberg and S. Bengio, Transfusion (2019), arXiv:1902.07208; for the remedy
A. Kumar et al., Fine-tuning can distort pretrained features (2022), arXiv:2202.10054.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc

from sweep.diagnosis.heads import BestHead, best_head
from sweep.diagnosis.sources import Groups, source_codes
from sweep.diagnosis.statistics import (
    effective_counts,
    mcnemar_exact,
    mean_above_zero,
    paired_accuracy_difference,
    paired_difference,
    wilson,
)
from sweep.diagnosis.wording import p_text, percent, points, size
from sweep.records import Cause, Finding, IndexArray, Interval, Remedy, Scalar

__all__ = ["weak_features"]

FloatArray = NDArray[np.float64]

INFORMATIVE = 0.15
"""Of the way from chance to certainty: features that give less are said to give nothing. Ours: tasks that are so hard
for everything are rare, and with two classes a thousand images suffice to tell chance from it."""

_STREAM = 16  # of this module's random numbers
_SOURCE = (
    "Understanding intermediate layers using linear classifier probes, G. Alain, Y. Bengio, 2016, "
    "https://arxiv.org/abs/1610.01644"
)
_REMEDIES = (
    Remedy(
        sentence="Train the head alone for three epochs and then the last twenty layers with it, batch norms frozen.",
        changes={"model.unfrozen_layers": 20, "model.batch_norm": "frozen", "training.head_epochs": 3},
    ),
    Remedy(sentence="Take another backbone, or weights that were learnt from pictures more like these."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judgement:
    """How far the best head stays behind, from how many independent images, and the words for it."""

    effect: Interval
    p: float
    images: int
    summary: str


def weak_features(
    *,
    features: ArrayLike,
    labels: ArrayLike,
    num_classes: int,
    seed: int,
    groups: Groups | None = None,
    unfrozen: ArrayLike | None = None,
    target: float | None = None,
) -> Finding:
    """Hold the best head on frozen features against the best that is known to be attainable.

    The effect is how many more of the same images a network with trained deeper layers gets right, or what is missing
    to the accuracy that is asked for. With neither, p is of heads that give `INFORMATIVE` of what lies between chance
    and certainty, classes taken as equally frequent. The effect then reaches from what is missing to that up to all
    that the best head gets wrong; its estimate is the latter where the former is above 0, else 0.

    Heads stay at chance, too, with too few images for the number of features, and with wrong preprocessing.

    Args:
        features: shape (n_images, n_features).
        labels: int, shape (n_images,).
        num_classes: of the study.
        seed: draws what is left out together.
        groups: source of every image.
        unfrozen: whether each image is classified correctly by a network that was not fitted to it and whose deeper
            layers, or whose backbone, are others; shares of several trainings too; shape (n_images,). NaN for the
            images that it was fitted to: heads are then fitted to these and asked of the others.
        target: accuracy that is asked for, where there is no such network.
    """
    given = np.asarray(labels)
    shares = np.unique(given, return_counts=True)[1] / len(given)
    if len(shares) < 2:
        return Finding.not_measured(Cause.WEAK_FEATURES, "all images are of one class")
    if groups is not None and len(np.unique(np.asarray(groups))) < 2:
        return Finding.not_measured(Cause.WEAK_FEATURES, "all images are of one source")
    theirs = None if unfrozen is None else np.asarray(unfrozen, dtype=np.float64)
    head = best_head(
        features,
        given,
        num_classes=num_classes,
        rng=np.random.default_rng(np.random.SeedSequence((seed, _STREAM))),
        judged=_others(theirs),
        groups=groups,
    )
    codes = None if groups is None else source_codes(groups)[head.judged]
    evidence: dict[str, Scalar] = {
        "best_head": head.name,
        "accuracy": float(head.correct.mean()),
        "balanced_accuracy": head.balanced,
        "balanced_accuracy_with_shuffled_labels": head.shuffled,
        "p_with_shuffled_labels": head.p_shuffled,
        "largest_class_share": float(shares.max()),
    }
    if theirs is not None:
        found = _against_network(head, theirs[head.judged], codes, float(shares.max()), seed)
        evidence["unfrozen_accuracy"] = float(theirs[head.judged].mean())
    elif target is not None:
        found = _against_target(head, codes, target)
    else:
        found = _against_chance(head, codes, len(np.unique(given[head.judged])))
    return Finding(
        cause=Cause.WEAK_FEATURES,
        effect=found.effect,
        p=found.p,
        images=found.images,
        summary=found.summary,
        evidence=evidence,
        remedies=_REMEDIES,
        source=_SOURCE,
    )


def _others(theirs: FloatArray | None) -> IndexArray | None:
    """The images that the network was not fitted to; None where it was fitted to none of them."""
    if theirs is None or not np.isnan(theirs).any():
        return None
    return np.flatnonzero(~np.isnan(theirs))


def _against_network(
    head: BestHead, theirs: FloatArray, codes: IndexArray | None, prior: float, seed: int
) -> _Judgement:
    own = head.correct
    accuracy = wilson(*effective_counts(own, codes))
    if np.isin(theirs - own, (-1, 0, 1)).all():
        gain = paired_accuracy_difference(theirs, own, groups=codes)
    else:
        gain = paired_difference(theirs, own, groups=codes, seed=(seed, _STREAM, 1))
    exact = codes is None and np.isin(theirs, (0, 1)).all()
    p = mcnemar_exact(theirs, own, alternative="greater") if exact else mean_above_zero(theirs - own, codes)
    if wilson(*effective_counts(theirs, codes)).low <= prior:
        # A network that has learned nothing itself is no bound of what can be learned.
        gain = Interval(estimate=gain.estimate, low=gain.low, high=max(gain.high, 1 - accuracy.low))
    more = "more" if gain.estimate >= 0 else "less"
    summary = (
        f"The best head on the frozen features gets {percent(accuracy.estimate)} of unseen images right, a network "
        f"with other deep layers {size(gain)} {more} ({p_text(p)})."
    )
    return _Judgement(effect=gain, p=p, images=_units(own, codes), summary=summary)


def _against_target(head: BestHead, codes: IndexArray | None, target: float) -> _Judgement:
    right, n = effective_counts(head.correct, codes)
    accuracy, p = wilson(right, n), _p_below(right, n, target)
    missing = Interval(estimate=target - accuracy.estimate, low=target - accuracy.high, high=target - accuracy.low)
    side = "below" if missing.estimate >= 0 else "above"
    summary = (
        f"The best head on the frozen features gets {percent(accuracy.estimate)} of unseen images right, "
        f"{size(missing)} {side} the {percent(target)} that are asked for ({p_text(p)}); whether other features would "
        "reach that was not measured."
    )
    return _Judgement(effect=missing, p=p, images=_units(head.correct, codes), summary=summary)


def _against_chance(head: BestHead, codes: IndexArray | None, classes: int) -> _Judgement:
    accuracy = wilson(*effective_counts(head.correct, codes))
    chance, unknown, hits = 1 / classes, 1 - accuracy.estimate, head.balanced * head.effective
    bar = chance + INFORMATIVE * (1 - chance)
    # What is missing to the bar at least, as a share of all that lies above chance, and so of what is wrong.
    low = max(0.0, (bar - wilson(hits, head.effective).high) / (1 - chance) * unknown)
    p = _p_below(hits, head.effective, bar)
    if low > 0:
        summary = (
            f"No head on the frozen features tells the classes apart: the best gets {percent(head.balanced)} right of "
            f"unseen images of equally frequent classes, where chance gives {percent(chance)} ({p_text(p)}), and "
            f"{points(unknown)} points of accuracy are left to better features."
        )
    else:
        summary = (
            f"The best head on the frozen features gets {percent(accuracy.estimate)} of unseen images right; whether "
            f"other features would give some of the {points(unknown)} points that are left was not measured."
        )
    effect = Interval(estimate=unknown if low > 0 else 0.0, low=low, high=1 - accuracy.low)
    # Above the bar it takes another network, not more images, to say more.
    images = _units(head.correct, codes) if head.balanced < bar else 0
    return _Judgement(effect=effect, p=p, images=images, summary=summary)


def _units(values: FloatArray, codes: IndexArray | None) -> int:
    return len(values) if codes is None else len(np.unique(codes))


def _p_below(successes: float, n: float, share: float) -> float:
    """Probability of no more successes where each has this share: the binomial one, for fractions of counts too."""
    return 1.0 if successes >= n else float(betainc(n - successes, successes + 1, 1 - share))
