"""From a definition to everything that training needs: pixels, split, features, trainer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sweep.backbones.catalog import check_backbone
from sweep.data.cache import ArrayCache, cache_folder
from sweep.data.folder import index_source
from sweep.data.folds import trainings
from sweep.data.images import decode_images
from sweep.data.split import split_index
from sweep.data.summary import fingerprint, summarise
from sweep.features.extract import FeatureLibrary
from sweep.progress import Progress
from sweep.records import DataIndex, DataSummary, SplitIndices
from sweep.studyfile.definition import StudyDefinition
from sweep.studyfile.space import ends
from sweep.training.folds import FoldTrainer
from sweep.training.precision import check_precision
from sweep.training.trial import Trainer

__all__ = [
    "PreparedData",
    "check_backbones",
    "check_half_precision",
    "make_library",
    "make_trainer",
    "prepare_data",
    "with_folds",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreparedData:
    """The images of a study, decoded and split.

    Attributes:
        pixels: uint8, shape (n_images, image_size, image_size, 3), memory-mapped.
        summary: what the database keeps of them.
    """

    index: DataIndex
    pixels: NDArray[np.uint8]
    split: SplitIndices
    summary: DataSummary
    cache: ArrayCache


def check_backbones(definition: StudyDefinition, base: Path) -> None:
    """Refuse unknown backbones, missing weights and too small images before anything is decoded."""
    for model in dict.fromkeys(one.model for one in definition.structural_configurations()):
        check_backbone(model, definition.data.image_size, base)


def check_half_precision(definition: StudyDefinition) -> None:
    """Refuse `mixed_precision` without a GPU before anything is decoded, also where only some trials ask for it.

    Raises:
        TrialError: there is no GPU.
    """
    if definition.training.mixed_precision:
        check_precision(True)
    swept = definition.space.get("mixed_precision")
    if swept is not None and True in ends(swept):
        check_precision(True, place="[space] mixed_precision")


def prepare_data(definition: StudyDefinition, *, base: Path, progress: Progress) -> PreparedData:
    """Index, decode and split the images."""
    cache = ArrayCache(cache_folder(), on_note=progress.note)
    index = index_source(definition.data, progress=progress, base=base)
    index, pixels = decode_images(index, definition.data.image_size, cache=cache, progress=progress)
    split = split_index(index, definition.data)
    summary = summarise(index, split, definition.data.source)
    return PreparedData(index=index, pixels=pixels, split=split, summary=summary, cache=cache)


def make_library(definition: StudyDefinition, data: PreparedData, *, base: Path, progress: Progress) -> FeatureLibrary:
    """The backbones and features of a study, none of them computed yet.

    Folds share what is computed: none of them sees the sealed images, and every other image is in all of them.
    """
    return FeatureLibrary(
        pixels=data.pixels,
        content=fingerprint(data.index),
        developed=data.split.developed,
        image_size=definition.data.image_size,
        cache=data.cache,
        progress=progress,
        weights_folder=base,
    )


def make_trainer(library: FeatureLibrary, data: PreparedData) -> Trainer:
    """What trains on a study's split, with folds on the first; it computes features that the library lacks."""
    split = trainings(data.split)[0]
    return Trainer(library=library, labels=data.index.labels, split=split, num_classes=len(data.index.class_names))


def with_folds(trainer: Trainer, data: PreparedData) -> Trainer | FoldTrainer:
    """The trainer of a study's trials: once a fold where its split has folds."""
    return FoldTrainer(trainer, labels=data.index.labels, split=data.split) if data.split.folds else trainer
