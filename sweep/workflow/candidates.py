"""A sample of the images through the same frozen backbone, with its pixels prepared in every way that there is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sweep.data.cache import content_key
from sweep.data.images import decode_images
from sweep.data.summary import fingerprint
from sweep.errors import DataError
from sweep.features.extract import FeatureLibrary
from sweep.progress import Progress
from sweep.records import IndexArray
from sweep.studyfile.definition import Configuration, StudyDefinition
from sweep.studyfile.settings import PREPROCESSINGS
from sweep.workflow.observed import feature_configuration, pooled
from sweep.workflow.prepare import PreparedData

__all__ = ["Candidates", "candidate_features", "features_at"]

_SAMPLED_IMAGES = 400
"""Enough to tell a gain of a few points from chance; each costs a pass for every way."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """What the ways of preparing pixels give.

    Attributes:
        rows: which images were taken, ascending, among those that were given.
        chosen: the name under which the study's own way stands.
        features: name -> float32, shape (n_sampled, n_features). Names are values of `model.preprocessing`, and
            "channels = bgr" for the study's own way with red and blue exchanged.
    """

    rows: IndexArray
    chosen: str
    features: dict[str, NDArray[np.float32]]


def candidate_features(
    definition: StudyDefinition, data: PreparedData, rows: IndexArray, *, base: Path, progress: Progress
) -> Candidates:
    """Prepare the pixels of some images in every way and send them through the frozen backbone.

    Ways that come to the same for this backbone are taken once, under the name that the study uses.

    Args:
        definition: of the study.
        data: its images.
        rows: positions in the index to draw the sample from, evenly spread.
        base: the folder that a weights file starts from.
        progress: is told of each pass.

    Raises:
        BackboneError, CacheError: as `FeatureLibrary.features`.
    """
    places = _spread(len(rows))
    taken = rows[places]
    library = _library(definition, data, taken, data.pixels[taken], base=base, progress=progress)
    ours = feature_configuration(definition.baseline)
    asked: dict[str, Configuration] = {ours.model.preprocessing: ours}
    asked |= {way: ours.replaced({"preprocessing": way}) for way in PREPROCESSINGS if way != ours.model.preprocessing}
    if ours.model.channels != "grey":
        other = {"rgb": "bgr", "bgr": "rgb"}[ours.model.channels]
        asked[f"channels = {other}"] = ours.replaced({"channels": other})
    distinct: dict[tuple[str, str], str] = {}
    for name, configuration in asked.items():
        backbone = library.backbone(configuration.model)
        distinct.setdefault((backbone.preprocessing, backbone.channels), name)
    library.prepare(asked[name] for name in distinct.values())
    return Candidates(
        rows=places,
        chosen=ours.model.preprocessing,
        features={name: pooled(library.features(asked[name]).clean) for name in distinct.values()},
    )


def features_at(
    definition: StudyDefinition,
    data: PreparedData,
    rows: IndexArray,
    image_size: int,
    *,
    base: Path,
    progress: Progress,
) -> tuple[IndexArray, NDArray[np.float32]]:
    """Features of a sample of the images, decoded at another size.

    Args:
        definition: of the study.
        data: its images.
        rows: positions in the index to draw the sample from; the same rows give the same sample at every size.
        image_size: pixels.
        base: the folder that a weights file starts from.
        progress: is told of decoding and pass.

    Returns:
        Which of the rows were taken, ascending, and their features, float32, shape (n_sampled, n_features).

    Raises:
        BackboneError, CacheError, DataError: as `FeatureLibrary.features` and `decode_images`.
    """
    places = _spread(len(rows))
    taken = rows[places]
    sample = replace(data.index, images=tuple(data.index.images[row] for row in taken.tolist()), unreadable=())
    readable, pixels = decode_images(sample, image_size, cache=data.cache, progress=progress)
    if len(readable.images) < len(taken):
        raise DataError(
            data.index.root,
            received=f"{len(taken) - len(readable.images)} files that could be decoded a moment ago and no longer can",
            expected="a folder that stays as it is while it is looked at",
            remedy="start again",
        )
    library = _library(definition, data, taken, pixels, base=base, progress=progress)
    return places, pooled(library.features(feature_configuration(definition.baseline)).clean)


def _spread(count: int) -> IndexArray:
    return np.unique(np.linspace(0, count - 1, min(_SAMPLED_IMAGES, count), dtype=np.int64))


def _library(
    definition: StudyDefinition,
    data: PreparedData,
    taken: IndexArray,
    pixels: NDArray[np.uint8],
    *,
    base: Path,
    progress: Progress,
) -> FeatureLibrary:
    return FeatureLibrary(
        pixels=pixels,
        content=content_key("sample", fingerprint(data.index), hashlib.sha256(taken.tobytes()).hexdigest()),
        developed=np.arange(len(taken)),
        image_size=pixels.shape[1],
        cache=data.cache,
        progress=progress,
        weights_folder=base,
    )
