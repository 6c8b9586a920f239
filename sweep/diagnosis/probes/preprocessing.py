"""Whether the pixels reach the backbone as it was trained to see them.

Two signs: how well a linear probe does on the features that each way of preparing pixels gives, and how far the
statistics in front of the first batch norm are from the ones stored there. The first one decides, being harm itself;
the second one sees a wrong scale even where the probe copes with it, and is blind to swapped channels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.diagnosis.alternatives import Alternative, best_alternative
from sweep.diagnosis.ridge import RidgeProbe, one_hot
from sweep.diagnosis.sources import Groups, source_blocks, source_codes
from sweep.diagnosis.statistics import paired_difference
from sweep.diagnosis.verdict import HARM
from sweep.diagnosis.wording import p_text, percent, size
from sweep.records import Cause, Finding, Interval, Remedy, Scalar

__all__ = ["preprocessing"]

BoolArray = NDArray[np.bool_]

_LEAST_IMAGES = 30  # fewer cannot show a difference of many points
_WRONG_SCALE = 0.5
"""By how much ln(variance) must be nearer elsewhere: pixels of the right scale lie at 0.1 to 0.25 whatever they show,
the mildest wrong one (0 to 1 instead of −1 to 1) lies at 0.8, and the order of channels moves it by 0.03."""
_SCALE_LEVEL = 0.99
_STREAM = 0x9BE9  # of this module's random numbers

_CHANNELS_ARE = "channels = "
_CHANNELS = ("rgb", "bgr", "grey")
_SCALES = ("auto", "none", "0..1", "-1..1", "caffe", "torch")

_SOURCE = (
    "the input that each set of weights was trained on, keras.applications, https://keras.io/api/applications; linear "
    "probes: G. Alain and Y. Bengio, Understanding intermediate layers using linear classifier probes (2016), "
    "arXiv:1610.01644"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """What the statistics in front of the first batch norm say.

    Attributes:
        nearest: the candidate with the least discrepancy.
        fitting: those with hardly more, among which it cannot tell.
        nearer: by how much the nearest is nearer than what is configured, in ln(variance).
        distances: name -> mean discrepancy.
    """

    nearest: str
    fitting: tuple[str, ...]
    nearer: Interval
    distances: Mapping[str, float]

    @property
    def plainly_wrong(self) -> bool:
        """Whether what is configured has another scale than the backbone was trained on."""
        return self.nearer.low > _WRONG_SCALE


def preprocessing(
    *,
    candidates: Mapping[str, ArrayLike],
    chosen: str,
    labels: ArrayLike,
    seed: int,
    discrepancy: Mapping[str, ArrayLike] | None = None,
    groups: Groups | None = None,
) -> Finding:
    """Whether another way of preparing the pixels gives better features than the one that is configured.

    The effect is the held-out accuracy of a linear probe on the best candidate's features minus that on the configured
    ones' (`best_alternative`). Where the scale is plainly wrong and the probe copes with it, a trained head may not,
    above all with batch norm in training mode: then nothing is excluded, the effect's upper bound being all of that
    accuracy.

    Args:
        candidates: name -> features of the same images through the same frozen backbone, shape (n_images, n_features).
            Values of model.preprocessing, and "bgr" or "channels = bgr", are names that a remedy can set. Of equally
            good ones the first is named.
        chosen: the name of the configured one.
        labels: shape (n_images,), from 0.
        seed: of the bootstrap.
        discrepancy: name -> median over channels of |ln(variance in front of the first batch norm / stored variance)|,
            per image or per chunk of images, the same ones for all; None without batch norm. It may lack candidates.
        groups: source of every image; sources are left out and drawn as a whole.
    """
    if chosen not in candidates:
        raise ValueError(f"expected {chosen!r} among the candidates, got {sorted(candidates)}")
    classes = np.asarray(labels, dtype=np.int64)
    units = len(classes) if groups is None else len(np.unique(source_codes(groups)))
    if len(candidates) < 2 or len(classes) < _LEAST_IMAGES or units < 2:
        reason = f"{len(candidates)} ways of preparing {len(classes)} images of {units} sources are too few to compare"
        return Finding.not_measured(Cause.PREPROCESSING, reason)
    correct = {name: _held_out(features, classes, groups) for name, features in candidates.items()}
    best = best_alternative(correct, chosen, groups=groups)
    scale = None if discrepancy is None else _read_scale(discrepancy, chosen, groups, seed)
    return _finding(correct, chosen, best, scale, units)


def _held_out(features: ArrayLike, labels: NDArray[np.int64], groups: Groups | None) -> BoolArray:
    """Whether a probe that did not see the image, or its source, is right; shape (n_images,)."""
    probe, targets = RidgeProbe(features), one_hot(labels, int(labels.max()) + 1)
    blocks = None if groups is None else source_blocks(source_codes(groups))
    # Each way gets the penalty that suits its features.
    predicted = probe.held_out(targets, probe.chosen_penalty(targets, blocks), blocks)
    return np.asarray(predicted.argmax(axis=1) == labels)


def _read_scale(discrepancy: Mapping[str, ArrayLike], chosen: str, groups: Groups | None, seed: int) -> _Scale | None:
    """None where there is nothing to hold what is configured against."""
    values = {name: np.asarray(given, dtype=np.float64) for name, given in discrepancy.items()}
    if chosen not in values or len(values) < 2 or len(values[chosen]) < 2:
        return None
    distances = {name: float(given.mean()) for name, given in values.items()}
    nearest = min(distances, key=lambda name: distances[name])
    nearer = paired_difference(
        values[chosen],
        values[nearest],
        groups=groups if groups is not None and len(groups) == len(values[chosen]) else None,
        seed=(seed, _STREAM),
        level=1 - (1 - _SCALE_LEVEL) / (len(values) - 1),
    )
    fitting = tuple(name for name, distance in distances.items() if distance < distances[nearest] + _WRONG_SCALE)
    return _Scale(nearest=nearest, fitting=fitting, nearer=nearer, distances=distances)


# ---- what is said ----------------------------------------------------------------------------------------------------


def _finding(
    correct: Mapping[str, BoolArray], chosen: str, best: Alternative[str], scale: _Scale | None, images: int
) -> Finding:
    shares = {name: float(right.mean()) for name, right in correct.items()}
    wrong = scale is not None and scale.plainly_wrong
    hidden = wrong and best.gain.low < HARM
    named = max(scale.fitting, key=lambda name: shares.get(name, 0.0)) if scale is not None and wrong else best.name
    # How much a trained head loses, a probe that copes with the scale cannot bound: perhaps all that there is to lose.
    effect = replace(best.gain, high=max(best.gain.high, shares.get(named, 1.0))) if hidden else best.gain
    evidence: dict[str, Scalar] = {f"accuracy {name}": share for name, share in shares.items()}
    if scale is not None:
        evidence |= {f"discrepancy {name}": distance for name, distance in scale.distances.items()}
    summary = _accuracy_sentence(shares, chosen, best)
    if scale is not None:
        summary += _scale_sentence(scale, chosen, named, hidden=hidden)
    return Finding(
        cause=Cause.PREPROCESSING,
        effect=effect,
        p=best.p,
        images=0 if hidden else images,
        summary=f"{summary}.",
        evidence=evidence,
        remedies=(_remedy(named),) if wrong or best.gain.estimate > 0 else (),
        source=_SOURCE,
    )


def _accuracy_sentence(shares: Mapping[str, float], chosen: str, best: Alternative[str]) -> str:
    direction = "more" if best.gain.estimate >= 0 else "less"
    return (
        f"With the pixels prepared as configured ({chosen}) a linear probe is right on {percent(shares[chosen])} of "
        f"held-out images, with the best other way ({best.name}) on {percent(shares[best.name])}, {size(best.gain)} "
        f"{direction} ({p_text(best.p)})"
    )


def _scale_sentence(scale: _Scale, chosen: str, named: str, *, hidden: bool) -> str:
    text = (
        "; the variances in front of the first batch norm are off by a factor of "
        f"{_factor(scale.distances[chosen])} as configured"
    )
    other = named if scale.plainly_wrong else scale.nearest
    if other != chosen:
        text += f" and of {_factor(scale.distances[other])} with {other}"
    return f"{text}: the scale is wrong even if this probe copes with it" if hidden else text


def _factor(distance: float) -> str:
    factor = math.exp(distance)
    return f"{factor:,.0f}" if factor >= 100 else f"{factor:.1f}"


def _remedy(name: str) -> Remedy:
    channels = name.removeprefix(_CHANNELS_ARE)
    if channels in _CHANNELS:
        return Remedy(sentence=f"Give the backbone its channels as {channels}.", changes={"model.channels": channels})
    if name == "auto":
        sentence = "Prepare the pixels as the backbone was trained to see them."
        return Remedy(sentence=sentence, changes={"model.preprocessing": name})
    if name in _SCALES:
        return Remedy(sentence=f"Prepare the pixels as {name}.", changes={"model.preprocessing": name})
    return Remedy(sentence=f"Prepare the pixels this way: {name}.")
