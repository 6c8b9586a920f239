"""Images of one source on both sides of the split: frames of a clip, shots of a burst, one object, one patient.

Validation then asks for what was seen, and its accuracy is that on the sources of the training set alone. What this is
worth is measured by a linear probe that leaves out single images in one run and whole sources in the other, as many of
each class at a time, so that only what stays behind differs.

Sources: D. R. Roberts et al., Cross-validation strategies for data with temporal, spatial, hierarchical, or
phylogenetic structure, Ecography 40 (2017), doi:10.1111/ecog.02881; E. Yagis et al., Effect of data leakage in brain
MRI classification using 2D convolutional neural networks, Sci. Rep. 11 (2021), doi:10.1038/s41598-021-01681-w.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from sweep.diagnosis.guessed_sources import guess_sources, neighbourhoods
from sweep.diagnosis.leaving_out import LeftOut, leave_out
from sweep.diagnosis.quantiles import normal_quantile, student_quantile
from sweep.diagnosis.statistics import paired_accuracy_difference, standard_error
from sweep.diagnosis.wording import bounds, percent, points
from sweep.records import Cause, Exhibit, Finding, IndexArray, Interval, Remedy, Scalar

__all__ = ["bursts"]

BoolArray = NDArray[np.bool_]

_STREAM = 11  # of this module's random numbers
_FEWEST_FRAMES = 3  # of a guessed source; two may be a copy and its original, which are a leak
_ADDED = 0.5  # of an image
_SHOWN, _SHOWN_OF_A_SIDE = 3, 2
_SOURCE = (
    "D. R. Roberts et al., Cross-validation strategies for data with temporal, spatial, hierarchical, or phylogenetic "
    "structure (2017), doi:10.1111/ecog.02881"
)


@dataclass(frozen=True, slots=True, eq=False)
class _Images:
    """The images of both sides, one entry each.

    Attributes:
        positions: in the study's index.
        labels: from 0 on.
        sources: codes from 0 on.
        validation: whether on the validation side.
        shared: whether its source has images on both sides.
    """

    positions: IndexArray
    labels: IndexArray
    sources: IndexArray
    validation: BoolArray
    shared: BoolArray

    @property
    def share(self) -> float:
        """Of the validation images, those whose source is in training too."""
        return float(self.shared[self.validation].mean())

    @property
    def seen(self) -> tuple[int, ...]:
        """Positions of these validation images, ascending."""
        return tuple(np.sort(self.positions[self.shared & self.validation]).tolist())


def bursts(
    *,
    features: ArrayLike,
    labels: ArrayLike,
    sources: ArrayLike | None,
    train: IndexArray,
    validation: IndexArray,
    seed: int,
    thumbnails: ArrayLike | None = None,
    pattern: str = "",
) -> Finding:
    """Measure how much of validation accuracy comes from sources with images on both sides.

    The effect is the accuracy of a linear probe on images of such sources when single images are left out, less that
    when their whole sources are, times the share of the validation images that come from such sources. Guesses can show
    harm, but rule none out: sources may be larger than they look, or not be seen at all. So the upper bound of a guess
    is what the probe loses where every image of both sides is left out together with the nearest ones of its class. It
    holds for sources of about ten images, and for larger ones as far as their nearest images are what helps.

    Args:
        features: shape (n_images, n_features).
        labels: int, shape (n_images,).
        sources: where each image comes from, int codes, shape (n_images,); None: to be guessed from the features.
        train: positions of the training images.
        validation: positions of the validation images.
        seed: draws what is left out together.
        thumbnails: uint8, shape (n_images, height, width, 3). For a guess, equal ones count once: copies of a picture
            are not a source.
        pattern: what finds the source in a file's name, for the remedy.
    """
    if not len(train) or not len(validation):
        return Finding.not_measured(Cause.BURSTS, "one side of the split has no images")
    positions = np.concatenate([train, validation])
    given = np.asarray(features)[positions]
    if sources is None:
        codes, p_linked = _guessed(given, None if thumbnails is None else np.asarray(thumbnails)[positions])
    else:
        codes, p_linked = np.asarray(sources)[positions], 0.0
    images = _images(positions, np.asarray(labels)[positions], codes, len(train))
    rng = np.random.default_rng(np.random.SeedSequence((seed, _STREAM)))
    at_most = None if sources is not None else _neighbours_help(images, given, rng)
    if not images.shared.any():
        reason = "no source has images on both sides of the split"
        return Finding.impossible(Cause.BURSTS, reason) if at_most is None else _unseen(at_most)
    measured = leave_out(given, images.labels, images.sources, images.shared, rng)
    if not len(measured.images):
        return Finding.not_measured(Cause.BURSTS, "no class has a second source to learn it from")
    effect = _effect(images, measured)
    if at_most is not None:
        effect = replace(effect, high=max(effect.high, at_most.high))
    return Finding(
        cause=Cause.BURSTS,
        effect=effect,
        p=max(p_linked, _p(images, measured)),
        images=0 if sources is None else len(np.unique(images.sources[measured.images])),
        summary=_summary(images, measured, effect, guessed=sources is None),
        evidence=_evidence(images, measured, guessed=sources is None),
        remedies=(_remedy(pattern),),
        source=_SOURCE,
        exhibits=_exhibits(images, measured),
        rows=images.seen,
    )


def _guessed(features: NDArray[Any], thumbnails: NDArray[Any] | None) -> tuple[IndexArray, float]:
    """Codes of guessed sources of three different images or more, and the p of their being there at all."""
    kept = np.arange(len(features))
    if thumbnails is not None:
        flat = thumbnails.reshape(len(thumbnails), -1)
        kept = np.sort(np.unique(flat, axis=0, return_index=True)[1])
    guess = guess_sources(features[kept])
    large = np.bincount(guess.codes)[guess.codes] >= _FEWEST_FRAMES
    codes = np.arange(len(features), dtype=np.int64)
    codes[kept[large]] = len(features) + guess.codes[large]
    return codes, guess.p


def _images(positions: IndexArray, labels: NDArray[Any], sources: NDArray[Any], train: int) -> _Images:
    codes = np.unique(sources, return_inverse=True)[1].astype(np.int64)
    validation = np.arange(len(positions)) >= train
    sides = (np.bincount(codes[side], minlength=codes.max() + 1) > 0 for side in (validation, ~validation))
    return _Images(
        positions=positions,
        labels=np.unique(labels, return_inverse=True)[1].astype(np.int64),
        sources=codes,
        validation=validation,
        shared=np.logical_and(*sides)[codes],
    )


def _effect(images: _Images, measured: LeftOut) -> Interval:
    """The mean over the repeats of estimates and of bounds, which is no narrower than one repeat's.

    With Student's quantile for the number of sources: simulated with 12 to 60 sources, at a nominal 95 % it covers 91
    to 99 %, with the normal one 88 to 98 %.
    """
    groups = images.sources[measured.images]
    repeats = [
        paired_accuracy_difference(alone, together, groups=groups)
        for alone, together in zip(measured.alone, measured.together, strict=True)
    ]
    estimate, low, high = np.mean([(one.estimate, one.low, one.high) for one in repeats], axis=0)
    level, sources = repeats[0].level, len(np.unique(groups))
    if sources < 2:
        return Interval(estimate=float(estimate) * images.share, low=-images.share, high=images.share, level=level)
    reach = student_quantile(level, sources) / normal_quantile(level)
    return Interval(
        estimate=float(estimate) * images.share,
        low=max(-1.0, float(estimate - reach * (estimate - low))) * images.share,
        high=min(1.0, float(estimate + reach * (high - estimate))) * images.share,
        level=level,
    )


def _p(images: _Images, measured: LeftOut) -> float:
    """Of no help, by a t test over sources, to which half an image is added that was helped and half a misled one.

    Where few images change, a single source that does has t = 1, of which Student's tail thinks too little.
    """
    groups = images.sources[measured.images]
    sources = len(np.unique(groups))
    if sources < 2:
        return 1.0
    helped = np.append(measured.helped, [_ADDED, -_ADDED])
    error, _ = standard_error(helped, np.append(groups, groups.max() + np.array([1, 2])))
    return float(stdtr(sources - 1, -helped.mean() / error))


def _neighbours_help(images: _Images, features: NDArray[Any], rng: np.random.Generator) -> Interval:
    """What the nearest images of its class do for an image: more than unseen images of its source can do."""
    codes, everywhere = neighbourhoods(features, images.labels, rng), np.ones(len(features), dtype=np.bool_)
    measured = leave_out(features, images.labels, codes, everywhere, rng)
    if not len(measured.images):
        return Interval(estimate=0.0, low=0.0, high=1.0)
    if not measured.helped.any():
        # Without a difference nothing says that neighbours stand or fall together.
        codes = np.arange(len(features))
    return _effect(replace(images, sources=codes, shared=everywhere), measured)


def _unseen(at_most: Interval) -> Finding:
    return Finding(
        cause=Cause.BURSTS,
        effect=Interval(estimate=0.0, low=0.0, high=max(0.0, at_most.high), level=at_most.level),
        p=1.0,
        summary="no three images are so close to each other that they must come from one source; a linear probe loses "
        f"{_points(at_most)} without the images nearest to each",
        evidence={"guessed": True, "validation_share": 0.0, "loss_without_neighbours": at_most.estimate},
        source=_SOURCE,
    )


def _points(effect: Interval) -> str:
    return f"{points(effect.estimate)} points {bounds(effect.low, effect.high)}"


def _summary(images: _Images, measured: LeftOut, effect: Interval, *, guessed: bool) -> str:
    shared = len(np.unique(images.sources[images.shared]))
    return (
        f"{percent(images.share)} of the validation images come from {shared:,}{' guessed' if guessed else ''} sources "
        f"with images in training too; a linear probe gets {percent(measured.alone.mean())} of such images right with "
        f"the rest of their source to learn from and {percent(measured.together.mean())} without: {_points(effect)} of "
        "validation accuracy"
    )


def _evidence(images: _Images, measured: LeftOut, *, guessed: bool) -> dict[str, Scalar]:
    sizes, shared = np.bincount(images.sources), np.unique(images.sources[images.shared])
    return {
        "guessed": guessed,
        "sources": len(sizes),
        "shared_sources": len(shared),
        "images_per_shared_source": float(np.median(sizes[shared])),
        "validation_share": images.share,
        "measured_images": len(measured.images),
        "accuracy_images_left_out": float(measured.alone.mean()),
        "accuracy_sources_left_out": float(measured.together.mean()),
    }


def _remedy(pattern: str) -> Remedy:
    sentence = "Keep the images of a source on one side of the split: let data.group name the source."
    return Remedy(sentence=sentence, changes={"data.group": pattern} if pattern else {})


def _exhibits(images: _Images, measured: LeftOut) -> tuple[Exhibit, ...]:
    """Of the sources that help most, a few images of each side."""
    helped = np.bincount(
        images.sources[measured.images], weights=measured.helped, minlength=int(images.sources.max()) + 1
    )
    known = np.unique(images.sources[measured.images])
    shown = []
    for source in known[np.argsort(-helped[known], kind="stable")][:_SHOWN]:
        own = images.sources == source
        sides = (images.positions[own & side][:_SHOWN_OF_A_SIDE] for side in (images.validation, ~images.validation))
        frames = np.concatenate(list(sides))
        shown.append(Exhibit(caption="one source: in validation, then in training", images=tuple(frames.tolist())))
    return tuple(shown)
