"""Too few images: what twice as many would bring, read off the learning curve of a linear probe.

The curve is measured on images that a fit has not seen: those of validation, and in turn a tenth of training. Fits to
all other training images are held against fits to half of them. From there on an error falls like n^g, with an exponent
that no curve of five points gives away: the gain of the next doubling is taken at g = −1/2 and its interval reaches to
what g = −1 and g = 0 would make of it, where errors of classifiers lie.

Sources: D. Hoiem, T. Gupta, Z. Li and M. Shlapentokh-Rothman, Learning curves for analysis of deep networks, ICML
(2021), arXiv:2010.11029, for the form of the curve, its exponent, and for trusting the curve's value and slope at n
more than any parameter; D. G. Bonett and R. M. Price, Adjusted Wald confidence interval for a difference of binomial
proportions based on paired data, J. Educ. Behav. Stat. 37 (2012); F. E. Satterthwaite, An approximate distribution of
estimates of variance components, Biometrics Bulletin 2 (1946), for degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from sweep.diagnosis.ridge import RidgeProbe, one_hot, stratified_blocks, stratified_order
from sweep.diagnosis.sources import Groups, source_blocks, source_codes
from sweep.diagnosis.wording import p_text, percent, size
from sweep.records import Cause, Finding, IndexArray, Interval, Remedy, Scalar

__all__ = ["few_images"]

FloatArray = NDArray[np.float64]

TENTHS = 10
"""Parts of training that are left out in turn, with halves of the rest drawn anew each time."""
REPEATS, REPEATED_IMAGES = 3, 3_000
"""Ways of cutting into tenths, and training images in all of them, as a fit to more takes longer and varies less.
Measured on 400 images of 4 classes and a true gain of 2 points: found in 66 % of the worlds, with a single way in 18 %.
"""
HALVINGS = 4
"""The smallest part is a sixteenth."""
SOURCES_A_CLASS = 4
"""Halves of fewer sources than that lose a class, and show nothing but this."""
SOURCES_OF_A_PART = 2
"""The same for the smaller parts, which are left off the curve."""
LARGEST_SOURCE = 0.25
"""Of the training images: larger ones can't be halved, and where one is left out the rest is another data set."""
IMAGES_ASKED, PARTS_ASKED = 1_000, 10
"""For a penalty: a single part of more images, several of fewer."""
EXPONENTS = (-1.0, -0.5, 0.0)
"""Of the fastest curve, the usual one and the slowest."""

_STREAM = 7  # of this module's random numbers
_SOURCE = (
    "Learning curves for analysis of deep networks, D. Hoiem, T. Gupta, Z. Li, M. Shlapentokh-Rothman, ICML 2021, "
    "https://arxiv.org/abs/2010.11029"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Curve:
    """What the probe gets right of images that it has not seen, by how many it was fitted to.

    Attributes:
        sizes: images fitted to, mean over the redraws, shape (n_sizes,), halving.
        rates: share of the fits of each size that are right, shape (n_sizes, n_images).
        steps: accuracy of each redraw's part less that of the half of it, on the images that neither has seen, shape
            (redraws, n_sizes - 1).
    """

    sizes: FloatArray
    rates: FloatArray
    steps: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """A doubling that was measured: its gain, the gain's standard error and degrees of freedom."""

    gain: float
    error: float
    freedom: float


def few_images(
    *,
    features: ArrayLike,
    labels: ArrayLike,
    train: IndexArray,
    validation: IndexArray,
    num_classes: int,
    seed: int,
    groups: Groups | None = None,
) -> Finding:
    """Predict the gain in accuracy from twice the training images.

    p is that the last doubling, from half of the training images to all of them, brought nothing. The effect is what
    the next one would bring to a linear probe on the same features, from images of the same kind; a network that learns
    its own features gains more. Nothing is said of more than twice the images.

    Args:
        features: shape (n_images, n_features).
        labels: int, shape (n_images,).
        train: positions of the training images.
        validation: positions of the validation images; those of a source that training has too are left out.
        num_classes: of the study.
        seed: draws the parts.
        groups: source of every image; whole ones are drawn.
    """
    sources = np.arange(len(np.asarray(labels))) if groups is None else source_codes(groups)
    fresh = validation[~np.isin(sources[validation], sources[train])]
    rows = np.concatenate([train, fresh])
    if len(np.unique(sources[train])) < SOURCES_A_CLASS * num_classes:
        kind = "images" if groups is None else "sources"
        few = f"halves of {len(np.unique(sources[train]))} {kind} of {num_classes} classes are too few for a curve"
        return Finding.not_measured(Cause.FEW_IMAGES, few)
    if np.bincount(sources[train]).max() > LARGEST_SOURCE * len(train):
        return Finding.not_measured(
            Cause.FEW_IMAGES, "a single source has so many of the images that no half is like all"
        )
    rng = np.random.default_rng(np.random.SeedSequence((seed, _STREAM)))
    curve = _measure(np.asarray(features)[rows], np.asarray(labels)[rows], len(train), num_classes, rng, sources[rows])
    step = _step(curve, 0, sources[rows])
    gain = _predicted(step, curve.sizes[:2], np.array([2.0 * len(train), len(train)]))
    p = float(stdtr(step.freedom, -step.gain / step.error))
    return Finding(
        cause=Cause.FEW_IMAGES,
        effect=gain,
        p=p,
        images=len(np.unique(sources[rows])),
        summary=_summary(curve, gain, p, len(train)),
        evidence=_evidence(curve, sources[rows], len(train), len(fresh)),
        remedies=_remedies(len(train)),
        source=_SOURCE,
    )


def _measure(
    features: NDArray[Any],
    labels: IndexArray,
    trained: int,
    num_classes: int,
    rng: np.random.Generator,
    sources: IndexArray,
) -> _Curve:
    """The curve on the first `trained` images, which are training's, and the others, which are validation's."""
    probe, targets = RidgeProbe(features), one_hot(labels, num_classes)
    repeats = range(max(1, min(REPEATS, REPEATED_IMAGES // trained)))
    folds = [fold for _ in repeats for fold in stratified_blocks(labels[:trained], TENTHS, rng, sources[:trained])]
    drawn = [_parts(np.setdiff1d(np.arange(trained), fold), labels, sources, rng, num_classes) for fold in folds]
    drawn = [parts[: min(map(len, drawn))] for parts in drawn]
    penalties = [_penalty(features, targets, sources, parts) for parts in zip(*drawn, strict=True)]
    right, unseen = np.zeros((len(penalties), len(labels))), np.zeros((len(penalties), len(labels)))
    steps = []
    for parts in drawn:
        correct = np.zeros_like(right)
        for row, part, penalty in zip(correct, parts, penalties, strict=True):
            row[:] = probe.fitted_to(part, targets, penalty).argmax(axis=1) == labels
        fresh = np.stack([~np.isin(np.arange(len(labels)), part) for part in parts])
        right += correct * fresh
        unseen += fresh
        both = fresh[:-1]  # what the larger part has not seen, the smaller has not either
        steps.append(((correct[:-1] - correct[1:]) * both).sum(axis=1) / both.sum(axis=1))
    return _Curve(
        sizes=np.mean([[len(part) for part in parts] for parts in drawn], axis=0),
        rates=right / unseen,
        steps=np.array(steps),
    )


def _penalty(features: NDArray[Any], targets: FloatArray, sources: IndexArray, parts: Sequence[IndexArray]) -> float:
    """The penalty that suits parts of this size: one for all of them, and of the smaller ones more are asked.

    One that suits all images would let fits to few look worse than they need be, one that a single small part chose is
    luck, which an average over redraws does not tell from a gain.
    """
    chosen = []
    for part in parts[: max(1, min(PARTS_ASKED, IMAGES_ASKED // len(parts[0])))]:
        blocks = source_blocks(source_codes(sources[part]))
        alone = len(blocks) == len(part)
        chosen.append(RidgeProbe(features[part]).chosen_penalty(targets[part], None if alone else blocks))
    return float(np.exp(np.median(np.log(chosen))))


def _parts(
    images: IndexArray, labels: IndexArray, sources: IndexArray, rng: np.random.Generator, num_classes: int
) -> list[IndexArray]:
    """The images, half of them, half of those and so on, stratified and in whole sources."""
    order, ends = stratified_order(labels[images], rng, sources[images])
    parts = [images]
    for halving in range(1, HALVINGS + 1):
        wanted = len(images) / 2**halving
        whole = int(np.abs(ends - wanted).argmin()) + 1  # sources
        if halving > 1 and (whole < SOURCES_OF_A_PART * num_classes or ends[whole - 1] >= len(parts[-1])):
            break
        parts.append(images[order[: ends[whole - 1]]])
    return parts


def _step(curve: _Curve, place: int, sources: IndexArray) -> _Step:
    """To the size at this place from its half, with the errors that come of the images and of the redraws.

    Two more sources are imagined that change as much as those that do, one for the better and one for the worse, as
    Bonett and Price do for paired shares: where few change and all for the better, their scatter alone says too little.
    Measured where nothing is gained, the gain in these errors has a standard deviation of 0.6 to 1.0; without the part
    of the redraws up to 1.1.
    """
    gains = curve.rates[place] - curve.rates[place + 1]
    mean, codes = float(gains.mean()), source_codes(sources)
    changes, sizes = np.bincount(codes, weights=gains), np.bincount(codes)
    changed = changes[changes != 0]
    imagined = float(np.mean(changed**2)) if len(changed) else float(sizes.mean()) ** 2
    residuals = changes - sizes * mean
    images = (float(residuals @ residuals) + 2 * imagined) / (len(gains) + 2 * float(sizes.mean())) ** 2
    redraws = len(curve.steps)
    draws = float(curve.steps[:, place].var(ddof=1)) / redraws
    # Satterthwaite's, for sources whose images change together: one that is large leaves few independent ones.
    independent = float(np.sum(sizes**2.0)) ** 2 / float(np.sum(sizes**4.0))
    freedom = (images + draws) ** 2 / (images**2 / (independent + 1) + draws**2 / (redraws - 1))
    return _Step(gain=mean, error=math.sqrt(images + draws), freedom=freedom)


def _predicted(step: _Step, measured: FloatArray, wanted: FloatArray) -> Interval:
    """What one step brings by what another did, at any exponent between the fastest and the slowest.

    Args:
        step: what was gained.
        measured: to how many images, and from how many, shape (2,).
        wanted: the same of the step that is asked for.
    """
    reach = float(stdtrit(step.freedom, 0.975)) * step.error
    fast, usual, slow = (_ratio(measured, wanted, exponent) for exponent in EXPONENTS)
    bounds = [ratio * (step.gain + side) for ratio in (fast, slow) for side in (-reach, reach)]
    return Interval(estimate=usual * step.gain, low=min(bounds), high=max(bounds))


def _ratio(measured: FloatArray, wanted: FloatArray, exponent: float) -> float:
    """The gain of the step that is asked for by that of the one that was measured."""
    heights = np.log([wanted, measured]) if exponent == 0.0 else np.array([wanted, measured]) ** exponent
    steps = heights[:, 0] - heights[:, 1]
    return float(steps[0] / steps[1])


def _summary(curve: _Curve, gain: Interval, p: float, trained: int) -> str:
    whole, half = (percent(float(rates.mean())) for rates in curve.rates[:2])
    change = "raise" if gain.estimate >= 0 else "lower"
    return (
        f"Twice the {trained:,} training images would {change} a linear probe's accuracy by {size(gain)}: fitted to "
        f"{curve.sizes[1]:,.0f} of them it gets {half} of unseen images right, to {curve.sizes[0]:,.0f} {whole} "
        f"({p_text(p)})."
    )


def _evidence(curve: _Curve, sources: IndexArray, trained: int, fresh: int) -> dict[str, Scalar]:
    """The curve; and what its lower part predicts for the last doubling, in the same way as the next is, beside it."""
    points = {
        f"accuracy_at_{round(float(images))}": float(rates.mean())
        for images, rates in zip(curve.sizes[::-1], curve.rates[::-1], strict=True)
    }
    found: dict[str, Scalar] = {**points, "training_images": trained, "validation_images": fresh}
    if len(curve.sizes) > 2:
        predicted = _predicted(_step(curve, 1, sources), curve.sizes[1:3], curve.sizes[:2])
        found["predicted_from_half"] = predicted.estimate
        found["predicted_from_half_low"], found["predicted_from_half_high"] = predicted.low, predicted.high
    found["measured_from_half"] = float((curve.rates[0] - curve.rates[1]).mean())
    if fresh:
        found["gain_on_validation"] = float((curve.rates[0] - curve.rates[1])[trained:].mean())
    return found


def _remedies(trained: int) -> tuple[Remedy, ...]:
    return (
        Remedy(sentence=f"Collect about {trained:,} more training images of the same kind, from new sources."),
        Remedy(sentence="Train on four augmented views of each image.", changes={"training.augment_views": 4}),
    )
