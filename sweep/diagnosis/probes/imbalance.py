"""Classes with so few images that they are found less often than the others, which plain accuracy hides.

Validation is as uneven as training: a network that misses every image of a class with one image in a hundred loses one
point. Harm is by how much accuracy lies above balanced accuracy, in which every class counts alike, for a linear probe
on images that it has not seen, so that no trial is needed.

Beside it stands what weighting the classes alike would give back. A linear discriminant is read off the same
regression: its predictions with the classes' own frequencies are those of a head trained as the data are, with even
frequencies those of one whose loss weights the classes by their rarity.

Sources: K. H. Brodersen and others, The balanced accuracy and its posterior distribution, ICPR 2010,
doi:10.1109/ICPR.2010.764; A. K. Menon and others, Long-tail learning via logit adjustment, ICLR 2021, arXiv:2007.07314;
T. Hastie, A. Buja and R. Tibshirani, Penalized discriminant analysis, Ann. Statist. 23 (1995), for the discriminant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from sweep.diagnosis.permutations import DRAWS, permutation_p
from sweep.diagnosis.ridge import RidgeProbe, one_hot
from sweep.diagnosis.sources import Groups, source_blocks, source_codes
from sweep.diagnosis.statistics import effective_counts, wilson
from sweep.diagnosis.verdict import SIGNIFICANCE
from sweep.diagnosis.wording import class_text, p_text, percent, points, size
from sweep.records import Cause, Finding, IndexArray, Interval, Remedy, Scalar

__all__ = ["imbalance"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_STREAM = 131  # of this module's random numbers
_UNEVEN = 3.0  # times the images of the rarest class: below, hardly anybody calls it imbalance
_FEWEST = 4  # sources of a class, fewer of which tell nothing of its recall
_SCALES = np.geomspace(0.05, 50, 61)  # of the discriminants, from nearly even odds to certainty

_WEIGHT = Remedy(
    sentence='Weight the classes in the training loss by their rarity: training.class_weight = "balanced".',
    changes={"training.class_weight": "balanced"},
)


def imbalance(
    *,
    features: ArrayLike,
    labels: ArrayLike,
    num_classes: int,
    seed: int,
    groups: Groups | None = None,
    class_names: Sequence[str] = (),
    draws: int = DRAWS,
) -> Finding:
    """Find out by how much accuracy lies above balanced accuracy, on held-out images.

    p is that of a permutation test: were every class found as often, whether a source is classified rightly could be
    any other's. The interval is put together from the classes' Wilson intervals (MOVER), as that of balanced accuracy
    is. Classes of fewer than four sources have no say.

    Args:
        features: shape (n_images, n_features).
        labels: int, shape (n_images,).
        num_classes: of the study.
        seed: of the permutations.
        groups: source of every image, shape (n_images,).
        class_names: in the order of labels; classes are named by their numbers without.
        draws: permutations.
    """
    given = np.asarray(labels, dtype=np.int64)
    sources = np.arange(len(given)) if groups is None else source_codes(groups)
    counts = np.bincount(given, minlength=num_classes)
    judged = np.flatnonzero([len(np.unique(sources[given == one])) >= _FEWEST for one in range(num_classes)])
    if len(judged) < 2:
        return Finding.not_measured(
            Cause.IMBALANCE, f"fewer than two of {num_classes} classes have images of {_FEWEST} sources"
        )
    rarest, commonest = int(judged[counts[judged].argmin()]), int(judged[counts[judged].argmax()])
    if counts[commonest] < _UNEVEN * counts[rarest]:
        ratio = counts[commonest] / counts[rarest]
        return Finding.impossible(
            Cause.IMBALANCE, f"the commonest class has {ratio:.1f} times the images of the rarest"
        )
    right, even = _decided(np.asarray(features, dtype=np.float64), given, num_classes, sources, counts)
    own = [np.flatnonzero(given == one) for one in judged.tolist()]
    effect, p = _hidden(right, own, sources), _p_of_hidden(right, own, sources, seed, draws)
    gained = _balanced(even, own) - _balanced(right, own)
    more = Remedy(sentence=f"Collect more images of class {class_text(rarest, class_names)} and of others as rare.")
    evidence: dict[str, Scalar] = {
        "rarest_class": rarest,
        "rarest_images": int(counts[rarest]),
        "rarest_recall": float(np.mean(right[given == rarest])),
        "commonest_class": commonest,
        "commonest_images": int(counts[commonest]),
        "commonest_recall": float(np.mean(right[given == commonest])),
        "accuracy": float(np.mean(right[np.concatenate(own)])),
        "balanced_accuracy": _balanced(right, own),
        "gained_by_weighting": gained,
    }
    return Finding(
        cause=Cause.IMBALANCE,
        effect=effect,
        p=p,
        images=len(np.unique(sources)),
        summary=_summary(effect, p, evidence, class_names),
        evidence=evidence,
        remedies=(_WEIGHT, more) if gained > 0 else (more, _WEIGHT),
        source="Brodersen and others, ICPR 2010, doi:10.1109/ICPR.2010.764; Menon and others, arXiv:2007.07314",
    )


def _decided(
    features: FloatArray, labels: IndexArray, num_classes: int, sources: IndexArray, counts: IndexArray
) -> tuple[BoolArray, BoolArray]:
    """Whether each image is classified rightly by a fit without its source, with frequencies as they are and even."""
    targets, share = one_hot(labels, num_classes), np.maximum(counts, 1) / len(labels)
    probe = RidgeProbe(features)
    blocks = None if len(np.unique(sources)) == len(labels) else source_blocks(sources)
    scores = probe.held_out(targets, probe.chosen_penalty(targets, blocks), blocks)
    # The regression of a class's indicator is its frequency times a linear discriminant without offset.
    linear = (scores - share) / share
    own = np.array([linear[labels == one, one].mean() if count else 0.0 for one, count in enumerate(counts)])
    discriminant = linear - own / 2
    discriminant[:, counts == 0] = -np.inf
    prior = np.log(share)
    scale = min(_SCALES, key=lambda one: _cross_entropy(one * discriminant + prior, labels))
    chosen = (scale * discriminant + prior).argmax(axis=1), discriminant.argmax(axis=1)
    return chosen[0] == labels, chosen[1] == labels


def _cross_entropy(logits: FloatArray, labels: IndexArray) -> float:
    below = logits - logits.max(axis=1, keepdims=True)
    own = below[np.arange(len(labels)), labels]
    return float((np.log(np.exp(below).sum(axis=1)) - own).mean())


def _hidden(right: BoolArray, own: Sequence[IndexArray], sources: IndexArray) -> Interval:
    """Accuracy less balanced accuracy; `own` are the positions of each class's images."""
    images = sum(map(len, own))
    parts = []
    for members in own:
        recall = wilson(*effective_counts(right[members], sources[members]))
        weight = len(members) / images - 1 / len(own)
        parts.append((weight * recall.estimate, *sorted((weight * recall.low, weight * recall.high))))
    estimate = sum(middle for middle, _, _ in parts)
    below = math.hypot(*(middle - low for middle, low, _ in parts))
    above = math.hypot(*(high - middle for middle, _, high in parts))
    return Interval(estimate=estimate, low=estimate - below, high=estimate + above)


def _p_of_hidden(right: BoolArray, own: Sequence[IndexArray], sources: IndexArray, seed: int, draws: int) -> float:
    """That it is by chance which classes' sources are classified rightly."""
    judged = np.concatenate(own)
    weight = np.concatenate([np.full(len(each), 1 / len(judged) - 1 / (len(own) * len(each))) for each in own])
    codes = np.unique(sources[judged], return_inverse=True)[1]
    weights, share = np.bincount(codes, weights=weight), np.bincount(codes, weights=right[judged]) / np.bincount(codes)
    rng = np.random.default_rng(np.random.SeedSequence((seed, _STREAM)))

    def permuted(count: int) -> FloatArray:
        return np.asarray(rng.permuted(np.tile(share, (count, 1)), axis=1) @ weights)

    hidden = float(weights @ share)
    p = permutation_p(hidden, permuted, draws=draws)[0]
    if len(codes) == len(weights):
        return p
    # Sources of many images cannot stand for those of few: their own spread has a say too.
    recall = np.concatenate([np.full(len(each), right[each].mean()) for each in own])
    moved = np.bincount(codes, weights=weight * (right[judged] - recall))
    error = math.sqrt(float(np.sum(moved**2)) * len(moved) / (len(moved) - 1))
    return max(p, float(stdtr(len(moved) - 1, -hidden / error))) if error else p


def _balanced(right: BoolArray, own: Sequence[IndexArray]) -> float:
    return float(np.mean([right[each].mean() for each in own]))


def _summary(effect: Interval, p: float, evidence: Mapping[str, Scalar], class_names: Sequence[str]) -> str:
    told = {name: value for name, value in evidence.items() if isinstance(value, float)}
    rare, common = (class_text(int(str(evidence[f"{one}_class"])), class_names) for one in ("rarest", "commonest"))
    uneven = (
        f"class {rare} has {evidence['rarest_images']:,} images and class {common} {evidence['commonest_images']:,}"
    )
    if p >= SIGNIFICANCE:
        return f"{uneven}; that rare classes are found less often is not shown: by {size(effect)} of balanced accuracy"
    return (
        f"{uneven}: a linear probe finds {percent(told['rarest_recall'])} of the one and "
        f"{percent(told['commonest_recall'])} of the other, and its accuracy of {percent(told['accuracy'])} hides a "
        f"balanced one of {percent(told['balanced_accuracy'])}, {size(effect)} less, {p_text(p)}; weighting classes "
        f"alike gives back {points(told['gained_by_weighting'])}"
    )
