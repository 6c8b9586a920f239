"""Whether the frozen part of a model from elsewhere tells the classes apart, and is given the pixels it should be."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.probes.features import weak_features
from sweep.diagnosis.probes.preprocessing import preprocessing
from sweep.diagnosis.ridge import RidgeProbe, one_hot
from sweep.diagnosis.sources import source_blocks, source_codes
from sweep.records import Cause, Finding
from sweep.studyfile.settings import PREPROCESSINGS
from sweep.training.reading_off import pixels_of_backbone
from sweep.workflow.audited import Audited, spread
from sweep.workflow.linear_head import PENALTY
from sweep.workflow.observed import Observed

__all__ = ["UNFROZEN", "weak_frozen_part", "wrong_pixels"]

UNFROZEN = "no part of the model is frozen, so that its features have seen the training images"
_SAMPLED_IMAGES = 400  # as for the preprocessing of a study
_AS_IT_IS = "as it is"


def weak_frozen_part(one: Audited, observed: Observed, default: NDArray[np.float32] | None, seed: int) -> Finding:
    """The model's frozen features against those of our default backbone, each with a linear head on held-out images.

    Args:
        one: the model.
        observed: labels and sources of the images that are not sealed.
        default: features of our default backbone, shape (n_images, n_features), or None.
        seed: of the study.
    """
    if one.said.frozen is None:
        return Finding.not_measured(Cause.WEAK_FEATURES, UNFROZEN)
    held_out = partial(
        weak_features,
        features=one.said.frozen,
        labels=observed.labels,
        num_classes=observed.num_classes,
        seed=seed,
        groups=observed.groups,
    )
    if default is None:
        return held_out()
    blocks = None if observed.groups is None else source_blocks(source_codes(observed.groups))
    told = RidgeProbe(default).held_out(one_hot(observed.labels, observed.num_classes), PENALTY, blocks)
    return held_out(unfrozen=told.argmax(axis=1) == observed.labels)


def wrong_pixels(one: Audited, pixels: NDArray[np.uint8], observed: Observed, seed: int) -> Finding:
    """Whether the frozen part gives better features for pixels that are prepared in another way.

    They are put in where a backbone within the model is given them, behind whatever the model does with them itself.
    What learns is not asked: it has adapted to the way that it saw.

    Args:
        one: the model.
        pixels: of the index.
        observed: positions, labels and sources of the images that are not sealed.
        seed: of the study.
    """
    if one.said.frozen is None:
        reason = "no part of the model is frozen: one that learns adapts to its pixels, however they are prepared"
        return Finding.not_measured(Cause.PREPROCESSING, reason)
    places = spread(np.arange(len(observed.labels)), _SAMPLED_IMAGES)
    pictures, entry = pixels[observed.positions[places]], one.read.entry
    now = one.way if entry is None else pixels_of_backbone(one.foreign, one.read, pictures[:4], one.way)
    features = one.foreign.frozen_from(entry)
    candidates = {now or _AS_IT_IS: one.said.frozen[places]}
    candidates |= {way: features(pictures, way) for way in PREPROCESSINGS[1:] if way != now}
    if now:
        candidates["channels = bgr"] = features(pictures[..., ::-1], now)
    return preprocessing(
        candidates={name: found for name, found in candidates.items() if np.isfinite(found).all()},
        chosen=now or _AS_IT_IS,
        labels=observed.labels[places],
        groups=None if observed.groups is None else observed.groups[places],
        seed=seed,
    )
