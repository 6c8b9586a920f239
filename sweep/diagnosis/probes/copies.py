"""Copies of training pictures in validation, which ask what the model remembers and not what it has learnt.

Equal pictures are facts. For near-duplicates features propose pairs and pixels decide: the two must agree up to small
changes, and be much closer than the pictures next to them. The latter spares sets of look-alikes (plain grounds,
textures, frames of one object), in which every picture has close neighbours and none is singled out: how much closer
counts is read off all the neighbours, and how often a pair passes by chance off pairs of different classes, which
cannot be copies.

Source: B. Barz and J. Denzler, Do we train on test data? Purging CIFAR of near-duplicates, J. Imaging 6 (2020),
arXiv:1902.00423; for the ratios of distances see `crowding`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, gammaln

from sweep.diagnosis.crowding import chance_of_ratio, dimension_of_ratios, ratio_of_chance
from sweep.diagnosis.statistics import effective_counts, unpaired_difference, wilson
from sweep.diagnosis.twins import REFERENCE, Album, Twins, make_album, nearest_pictures, same_pictures
from sweep.diagnosis.verdict import SIGNIFICANCE
from sweep.diagnosis.wording import p_text, percent
from sweep.records import Cause, Exhibit, Finding, IndexArray, Interval, Remedy, Scalar

__all__ = ["leak"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_STREAM = 10  # of this module's random numbers
_CHANCE = 0.005  # of all images may be singled out by chance: a quarter of the harm margin
_RATIO = 0.5  # of the reference, at most, however rare smaller ones are
_CORRELATION = 0.9  # a crop by a tenth leaves 0.96 at least; pictures below that look different
_BITS = 16  # of the hash may differ: a crop by a tenth changes up to 10, in unrelated pictures 28 differ
_HIDDEN = 0.1  # distance within which compression, resizing and brightness leave a copy; among look-alikes it hides
_UNKNOWN = 1.0  # dimension where too few ratios tell it: next to nothing is singled out
_ASKED = 1000  # training images that are asked for their neighbours too; more say the same
_SHOWN, _SHOWN_CONTRADICTORY = 12, 4
_SOURCE = "B. Barz and J. Denzler, Do we train on test data? Purging CIFAR of near-duplicates (2020), arXiv:1902.00423"


@dataclass(frozen=True, slots=True, eq=False)
class _Copies:
    """The training image of which each validation image is a copy, -1 for none; arrays of the shape (n_validation,).

    Attributes:
        equal: with the same pixels and the same label.
        contradictory: with the same pixels under another label.
        near: a near-duplicate, where there is no equal one.
        hidden: whether it could be a near-duplicate, but for other images that are nearly as close.
        distance: of the near one.
        chance: share of images that have a near one by chance.
        p: of no more near ones than by chance.
    """

    equal: IndexArray
    contradictory: IndexArray
    near: IndexArray
    hidden: BoolArray
    distance: FloatArray
    chance: Interval
    p: float

    @property
    def matched(self) -> BoolArray:
        return (self.equal >= 0) | (self.near >= 0)

    @property
    def shown(self) -> bool:
        """Whether there are copies, beyond what chance explains."""
        return bool(np.any(self.equal >= 0)) or self.p < SIGNIFICANCE


def leak(  # noqa: PLR0913 - what is known of the images, side by side
    *,
    features: ArrayLike,
    thumbnails: ArrayLike,
    content_hashes: Sequence[str],
    labels: ArrayLike,
    train: IndexArray,
    validation: IndexArray,
    correct: ArrayLike,
    groups: ArrayLike | None = None,
    seed: int,
) -> Finding:
    """Find the validation images that have a copy among the training images.

    The effect is their share, less the share that would look so by chance. Near-duplicates that are not shown to be
    more than chance count in its upper bound only, where there are equal pictures beside them; so do images that are as
    close to a training image as a copy, but not closer than to others. An equal picture under another label is no leak
    but a contradiction: it is told and not counted.

    Args:
        features: shape (n_images, n_features); they propose what to compare.
        thumbnails: of the decoded pictures, uint8, shape (n_images, 32, 32, 3).
        content_hashes: of the files, in their order.
        labels: int, shape (n_images,).
        train: positions of the training images.
        validation: positions of the validation images.
        correct: whether the judged model is right, of each validation image; or in which share of repeated trainings.
        groups: source of every image, shape (n_images,); near-duplicates from one source are bursts, not leaks.
        seed: draws the training images to calibrate with.
    """
    if not len(train) or not len(validation):
        return Finding.not_measured(Cause.LEAK, "one side of the split has no images")
    album = make_album(features, thumbnails, content_hashes, labels, groups)
    units = None if album.groups is None else album.groups[validation]
    rng = np.random.default_rng(np.random.SeedSequence((seed, _STREAM)))
    copies = _copies(album, train, validation, units, rng)
    right = np.asarray(correct, dtype=np.float64)
    certain = bool(np.any(copies.equal >= 0))
    return Finding(
        cause=Cause.LEAK,
        effect=_effect(copies, units),
        p=0.0 if certain else copies.p,
        exact=certain,
        images=0 if copies.hidden.any() else round(effective_counts(copies.matched, units)[1]),
        summary=_summary(copies, right),
        evidence=_evidence(copies, right),
        remedies=_remedies(copies, content_hashes, validation),
        source=_SOURCE,
        exhibits=_exhibits(copies, validation),
        rows=tuple(np.sort(validation[copies.matched | (copies.contradictory >= 0)]).tolist()),
    )


def _copies(
    album: Album, train: IndexArray, validation: IndexArray, units: NDArray[np.generic] | None, rng: np.random.Generator
) -> _Copies:
    asked = np.concatenate([validation, rng.permutation(train)[:_ASKED]])
    same, other = (nearest_pictures(album, train, asked, same_class=wanted) for wanted in (True, False))
    equal, contradictory = (same_pictures(album, train, validation, same_class=wanted) for wanted in (True, False))
    cut, expected = _cut(same.ratio)
    own = slice(0, len(validation))
    alike = _alike(same)[own] & (equal < 0)
    near = alike & (same.ratio[own] <= cut)
    false = int(np.sum(_alike(other) & (other.ratio <= cut)))
    measured = wilson(false, len(asked))
    found, images = effective_counts(near, units)
    return _Copies(
        equal=equal,
        contradictory=contradictory,
        near=np.where(near, same.image[own], -1),
        hidden=alike & ~near & (same.distance[own] <= _HIDDEN),
        distance=same.distance[own],
        chance=replace(measured, estimate=max(measured.estimate, expected), high=max(measured.high, expected)),
        p=max(
            float(betainc(found, images - found + 1, expected)) if found else 1.0,
            _more_often(math.floor(found), math.ceil(images), false, len(asked)),
        ),
    )


def _alike(twins: Twins) -> BoolArray:
    """Whether they pass for one picture."""
    return np.asarray((twins.distance**2 <= 1 - _CORRELATION) & (twins.bits <= _BITS))


def _cut(ratios: FloatArray) -> tuple[float, float]:
    """Below which ratio of distances a pair is singled out, and the share of images that are by chance.

    Dimensions differ from one scale to the next, so the smaller one of two counts: of ratios above `_RATIO`, and of
    those between the cut that follows and `_RATIO`. In neither are there copies that the cut would find.
    """
    dimension = dimension_of_ratios(ratios, _RATIO, 1.0, REFERENCE) or _UNKNOWN
    cut = min(_RATIO, ratio_of_chance(_CHANCE, dimension, REFERENCE))
    dimension = min(dimension, dimension_of_ratios(ratios, cut, _RATIO, REFERENCE) or dimension)
    cut = min(_RATIO, ratio_of_chance(_CHANCE, dimension, REFERENCE))
    return cut, float(chance_of_ratio(cut, dimension, REFERENCE))


def _more_often(found: int, images: int, false: int, asked: int) -> float:
    """Fisher's exact p, one-sided, that as many of the images are found with as many false ones of those asked.

    Source: R. A. Fisher, Statistical Methods for Research Workers, 5th ed. (1934), section 21.02.
    """

    def ways(of: int, taken: NDArray[np.int64]) -> FloatArray:
        return np.asarray(gammaln(of + 1) - gammaln(taken + 1) - gammaln(of - taken + 1))

    total = found + false
    as_many = np.arange(found, min(images, total) + 1)
    logs = ways(images, as_many) + ways(asked, total - as_many) - ways(images + asked, np.array([total]))
    return min(1.0, float(np.exp(logs).sum()))


def _effect(copies: _Copies, units: NDArray[np.generic] | None) -> Interval:
    def share(flags: BoolArray) -> Interval:
        return wilson(*effective_counts(flags, units))

    effect = share(copies.matched)
    if np.any(copies.near >= 0):
        effect = unpaired_difference(effect, copies.chance)
    if np.any(copies.equal >= 0) and copies.p >= SIGNIFICANCE:
        effect = replace(share(copies.equal >= 0), high=effect.high)
    high = share(copies.matched | copies.hidden).high if copies.hidden.any() else effect.high
    estimate = max(0.0, effect.estimate)  # a share is not below 0, whatever is taken off it
    return replace(effect, estimate=estimate, low=max(0.0, effect.low), high=max(estimate, high))


def _evidence(copies: _Copies, right: FloatArray) -> dict[str, Scalar]:
    matched = copies.matched
    evidence: dict[str, Scalar] = {
        "equal": int(np.sum(copies.equal >= 0)),
        "near": int(np.sum(copies.near >= 0)),
        "hidden": int(copies.hidden.sum()),
        "contradictory": int(np.sum(copies.contradictory >= 0)),
        "false_positive_rate": copies.chance.estimate,
        "validation_accuracy": float(right.mean()),
    }
    if matched.any():
        evidence["accuracy_on_copies"] = float(right[matched].mean())
    if matched.any() and not matched.all():
        hits, others = np.rint(right[matched]), np.rint(right[~matched])
        evidence["accuracy_without_copies"] = float(right[~matched].mean())
        evidence["fisher_p"] = _more_often(int(hits.sum()), len(hits), int(others.sum()), len(others))
    return evidence


def _summary(copies: _Copies, right: FloatArray) -> str:
    matched, n, chance = copies.matched, len(right), len(right) * copies.chance.estimate
    equal, near, opposed = (int(np.sum(one >= 0)) for one in (copies.equal, copies.near, copies.contradictory))
    told = []
    if equal:
        told.append(f"{equal} with equal pixels")
    if near:
        told.append(f"{near} nearly equal where {chance:.1f} would look so by chance, {p_text(copies.p)}")
    sentence = f"{int(matched.sum())} of the {n:,} validation images "
    sentence += "have a copy in training" if copies.shown or not near else "look like copies of training images"
    sentence += f" ({', '.join(told)})" if told else ""
    if copies.shown and not matched.all():
        sentence += f"; accuracy is {percent(right.mean())} with them, {percent(right[~matched].mean())} without"
    if copies.hidden.any():
        sentence += f"; {copies.hidden.sum()} more are as close to several training images, as frames of one source are"
    return sentence + (f"; {opposed} stand in training under another label" if opposed else "")


def _remedies(copies: _Copies, content_hashes: Sequence[str], validation: IndexArray) -> tuple[Remedy, ...]:
    found = np.maximum(copies.equal, copies.contradictory)
    pairs = [(int(image), int(of)) for image, of in zip(validation, found, strict=True) if of >= 0]
    remedies = []
    if any(content_hashes[image] == content_hashes[of] for image, of in pairs):
        remedies.append(Remedy(sentence="Drop equal files before the split.", changes={"data.deduplicate": True}))
    if copies.shown:
        remedies.append(Remedy(sentence="Name one image of each pair in data.exclude, and split again."))
    return tuple(remedies)


def _exhibits(copies: _Copies, validation: IndexArray) -> tuple[Exhibit, ...]:
    def pairs(of: IndexArray, caption: str) -> list[Exhibit]:
        distance = np.where(copies.near >= 0, copies.distance, 0.0)  # of equal pictures there is none
        order = [one for one in np.argsort(distance, kind="stable") if of[one] >= 0]
        return [Exhibit(caption=caption, images=(int(validation[one]), int(of[one]))) for one in order]

    opposed = pairs(copies.contradictory, "one picture under two labels: in validation, in training")
    opposed = opposed[:_SHOWN_CONTRADICTORY]
    shown = pairs(copies.equal, "equal pixels: in validation, in training")
    shown += pairs(copies.near, "near-duplicates: in validation, in training")
    return (*shown[: _SHOWN - len(opposed)], *opposed)
