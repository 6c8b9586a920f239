"""What the probes of data are given: features of the frozen backbone, thumbnails, labels, sides, sources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from sweep.data.folds import trainings
from sweep.data.groups import detect_group
from sweep.data.sizes import read_sizes
from sweep.data.thumbnails import thumbnails
from sweep.features.extract import FeatureLibrary
from sweep.progress import Progress
from sweep.records import DataIndex, Finding, IndexArray, Scalar
from sweep.studyfile.definition import Configuration, StudyDefinition
from sweep.workflow.prepare import PreparedData

__all__ = ["Observed", "feature_configuration", "observe", "pooled"]

# Of a frozen backbone's last layer, averaged over the picture: what a linear probe sees.
_POOLED: Mapping[str, Scalar] = {
    "unfrozen": "last",
    "unfrozen_layers": 0,
    "batch_norm": "frozen",
    "conv_filters": 0,
    "pooling": "avg",
    "head_width": "none",
    "dropout": 0.0,
    "dropout_position": "after_pooling",
    "augment_views": 0,
    "augment_validation": False,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observed:
    """The images that are not sealed, in the order of the index; positions count among them.

    Attributes:
        positions: of these images in the study's index.
        train, validation: the sides; with folds those of the first one.
        labels: int64, shape (n_images,).
        class_names: in label order.
        features: float32, shape (n_images, n_features), or None where `missing` says why.
        missing: why there are no features; "" where there are.
        thumbnails: uint8, shape (n_images, 32, 32, 3).
        sizes: width and height of the files, pixels, float64, shape (n_images, 2), NaN where unreadable.
        content_hashes: of the files.
        groups: int64, the source by which the split was made, or None where it is made image by image.
        sources: int64, what file names say of sources, or None where they say nothing.
        pattern: the `data.group` that gives `sources`; "" without.
    """

    positions: IndexArray
    train: IndexArray
    validation: IndexArray
    labels: IndexArray
    class_names: tuple[str, ...]
    features: NDArray[np.float32] | None
    missing: str
    thumbnails: NDArray[np.uint8]
    sizes: NDArray[np.float64]
    content_hashes: tuple[str, ...]
    groups: IndexArray | None
    sources: IndexArray | None
    pattern: str

    @property
    def num_classes(self) -> int:
        """Width of the output."""
        return len(self.class_names)

    def kept(self, rows: IndexArray) -> Observed:
        """The same of some of the images: what a repair leaves over.

        Args:
            rows: which stay, ascending.
        """
        place = np.full(len(self.labels), -1)
        place[rows] = np.arange(len(rows))
        sides = {name: place[getattr(self, name)] for name in ("train", "validation")}
        return replace(
            self,
            positions=self.positions[rows],
            train=sides["train"][sides["train"] >= 0],
            validation=sides["validation"][sides["validation"] >= 0],
            labels=self.labels[rows],
            features=None if self.features is None else self.features[rows],
            thumbnails=self.thumbnails[rows],
            sizes=self.sizes[rows],
            content_hashes=tuple(self.content_hashes[row] for row in rows.tolist()),
            groups=None if self.groups is None else self.groups[rows],
            sources=None if self.sources is None else self.sources[rows],
        )

    def placed(self, finding: Finding) -> Finding:
        """The finding with its images named by their positions in the study's index."""
        exhibits = tuple(
            replace(exhibit, images=tuple(int(self.positions[row]) for row in exhibit.images))
            for exhibit in finding.exhibits
        )
        return replace(finding, exhibits=exhibits, rows=tuple(int(self.positions[row]) for row in finding.rows))


def observe(
    definition: StudyDefinition, data: PreparedData, library: FeatureLibrary | None, *, progress: Progress
) -> Observed:
    """Gather it; the features come from the cache where they are there.

    Args:
        definition: of the study.
        data: decoded and split.
        library: gives the features; None beside a hypermodel, of which no frozen part is known.
        progress: shows the stage "looking at the images".

    Raises:
        BackboneError, CacheError: as `FeatureLibrary.features`.
    """
    index, split = data.index, trainings(data.split)[0]
    developed = split.developed
    features, missing = _features(definition, library, developed)
    with progress.stage("looking at the images", None, "images"):
        small, sizes = thumbnails(data.pixels[developed]), _sizes(index, developed)
    pattern, sources = _sources(index, developed)
    return Observed(
        positions=developed,
        train=np.searchsorted(developed, split.train),
        validation=np.searchsorted(developed, split.validation),
        labels=index.labels[developed],
        class_names=index.class_names,
        features=features,
        missing=missing,
        thumbnails=small,
        sizes=sizes,
        content_hashes=tuple(index.images[row].content_hash for row in developed.tolist()),
        groups=_codes([index.images[row].group for row in developed.tolist()]),
        sources=sources,
        pattern=pattern,
    )


def feature_configuration(configuration: Configuration) -> Configuration:
    """A configuration whose cached features are those of the whole frozen backbone, averaged over the picture."""
    return configuration.replaced(_POOLED)


def pooled(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features averaged over the picture, shape (n_images, n_features), where they are not already."""
    return features if features.ndim == 2 else features.mean(axis=(1, 2))


def _features(
    definition: StudyDefinition, library: FeatureLibrary | None, rows: IndexArray
) -> tuple[NDArray[np.float32] | None, str]:
    if library is None:
        return None, "a hypermodel makes its network itself, so that no frozen part is known"
    if definition.model.weights == "none":
        return None, "the backbone is trained from scratch, so that there are no features before it is"
    return pooled(library.features(feature_configuration(definition.baseline)).clean[rows]), ""


def _sizes(index: DataIndex, rows: IndexArray) -> NDArray[np.float64]:
    found = read_sizes(index, rows.tolist())
    return np.array([(np.nan, np.nan) if size is None else size for size in found], np.float64)


def _sources(index: DataIndex, rows: IndexArray) -> tuple[str, IndexArray | None]:
    """What file names suggest, the way that `data.group` would read them; nothing where they tell no sources."""
    paths = [index.images[row].path for row in rows.tolist()]
    guess = detect_group(paths)
    if guess is None:
        return "", None
    found = [re.search(guess.pattern, PurePosixPath(path).name) for path in paths]
    return guess.pattern, _codes([match[1] if match else "" for match in found])


def _codes(names: list[str]) -> IndexArray | None:
    """A number for each source; what has none is one of its own. None where nothing has one."""
    if not any(names):
        return None
    codes = np.unique(names, return_inverse=True)[1].astype(np.int64)
    alone = np.array([not name for name in names])
    codes[alone] = codes.max() + 1 + np.arange(alone.sum())
    return codes
