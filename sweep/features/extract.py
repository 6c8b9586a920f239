"""One pass of a backbone over the images for every cut that a study can ask for, kept on disk."""

from __future__ import annotations

import copy
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone, load_backbone
from sweep.backbones.cut import INPUT, Cut, cut_for, prefix_model
from sweep.data.augment import augment_images
from sweep.data.cache import ArrayCache, content_key
from sweep.errors import CacheError
from sweep.features.engine import Engine, expected_engine, make_engine
from sweep.progress import Progress
from sweep.records import IndexArray
from sweep.studyfile.definition import Configuration, ModelSettings

__all__ = ["FeatureLibrary", "Features"]

Float32 = NDArray[np.float32]

# Images in memory as float32 at once. Augmentation draws anew for each slice, so another length draws other views.
_SLICE = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """What the frozen part of a configuration says of the images; arrays are memory-mapped and read-only.

    Attributes:
        cut: the tensor that was kept.
        clean: float32, shape (n_images, *shape of the cut), every image in the order of the index.
        views: float32, shape (n_views, n_developed, *shape of the cut), augmented, every image that is not sealed in
            the order of the index; None without augmentation.
    """

    cut: Cut
    clean: Float32
    views: Float32 | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """An array of the cache: a cut of every image, or of `views` augmented views of those not sealed.

    Attributes:
        rotation: degrees; 0 where nothing is rotated.
    """

    cut: Cut
    views: int = 0
    augment: tuple[str, ...] = ()
    rotation: float = 0.0


class FeatureLibrary:
    """Gives the features of any configuration, from the cache where they are there.

    The preprocessed pixels themselves, which an entirely unfrozen backbone starts from, are stored like any other cut:
    that takes disk (4 bytes a value) but no memory.

    Args:
        pixels: uint8, shape (n_images, image_size, image_size, 3), in the order of the index.
        content: fingerprint of the pixels' content.
        developed: positions of every image that is not sealed, ascending: those that augmented views are made of.
        image_size: height and width, pixels.
        cache: where arrays are kept.
        progress: is told of each pass, stages "compiling" and "backbone pass".
        weights_folder: where a relative weights file starts from.
        augment_seed: decides about the augmented views.
    """

    def __init__(
        self,
        *,
        pixels: NDArray[np.uint8],
        content: str,
        developed: IndexArray,
        image_size: int,
        cache: ArrayCache,
        progress: Progress,
        weights_folder: Path = Path(),
        augment_seed: int = 0,
    ) -> None:
        self._pixels = pixels
        self._content = content
        self._developed = developed
        self._developed_digest = hashlib.sha256(np.ascontiguousarray(developed).data).hexdigest()
        self._image_size = image_size
        self._cache = cache
        self._progress = progress
        self._weights_folder = weights_folder
        self._augment_seed = augment_seed
        self._networks: dict[tuple[str, ...], Backbone] = {}
        self._backbones: dict[tuple[str, ...], Backbone] = {}
        self._engine_names: dict[str, str] = {}

    def backbone(self, model: ModelSettings) -> Backbone:
        """The backbone of a configuration; each network is loaded once, however its pixels are given to it.

        Raises:
            BackboneError: it or its weights cannot be had, or the images are too small for it.
        """
        network = model.backbone, model.weights, model.backbone_batch_norm
        asked = *network, model.preprocessing, model.channels
        if network not in self._networks:
            self._networks[network] = load_backbone(model, self._image_size, self._weights_folder)
        if asked not in self._backbones:
            self._backbones[asked] = self._networks[network].given(model)
        return self._backbones[asked]

    def prepare(self, configurations: Iterable[Configuration]) -> None:
        """Compute what these configurations need and the cache lacks, in one pass for each backbone.

        Raises:
            BackboneError: as `backbone`.
            CacheError: the disk is full, or the cache folder cannot be written.
        """
        wanted: dict[Backbone, dict[_Entry, None]] = defaultdict(dict)
        for configuration in configurations:
            backbone = self.backbone(configuration.model)
            wanted[backbone].update(dict.fromkeys(_entries(backbone, configuration)))
        converted: _Converted = {}
        for backbone, entries in wanted.items():
            self._extract(backbone, tuple(entries), converted)

    def features(self, configuration: Configuration) -> Features:
        """The features of one configuration, computed now if they are missing."""
        backbone = self.backbone(configuration.model)
        entries = _entries(backbone, configuration)
        self._extract(backbone, entries, {})
        clean, *views = [self._read(backbone, entry) for entry in entries]
        return Features(cut=entries[0].cut, clean=clean, views=views[0] if views else None)

    # ---- the cache ---------------------------------------------------------------------------------------------------

    def _key(self, backbone: Backbone, entry: _Entry) -> str:
        view = "clean"
        if entry.views:
            names = f"{','.join(entry.augment)}, {entry.rotation} degrees"
            view = f"{entry.views} views, {names}, seed {self._augment_seed}, of {self._developed_digest}"
        return content_key(
            "features",
            self._content,
            str(self._image_size),
            backbone.channels,
            backbone.preprocessing,
            backbone.digest,
            entry.cut.key,
            view,
            "pixels" if entry.cut.layer == INPUT else self._engine_names.get(backbone.digest, expected_engine()),
        )

    def _missing(self, backbone: Backbone, entries: Sequence[_Entry]) -> tuple[_Entry, ...]:
        return tuple(entry for entry in entries if self._cache.load(self._key(backbone, entry)) is None)

    def _read(self, backbone: Backbone, entry: _Entry) -> Float32:
        array = self._cache.load(self._key(backbone, entry))
        if array is None:
            raise CacheError(
                str(self._cache.folder),
                received=f"no features of {backbone.name} a moment after they were written",
                expected="a cache that nobody clears during a run",
                remedy="start the run again",
            )
        return array

    # ---- the pass ----------------------------------------------------------------------------------------------------

    def _extract(self, backbone: Backbone, entries: Sequence[_Entry], converted: _Converted) -> None:
        """Compute what is missing; a network that is given its pixels in several ways is converted once."""
        missing = self._missing(backbone, entries)
        if not missing:
            return
        cuts = tuple(dict.fromkeys(entry.cut for entry in missing))
        key = backbone.digest, cuts
        if key not in converted:
            with self._progress.stage("compiling", None, "frozen part"):
                converted[key] = _Source(backbone, cuts)
        source = converted[key].given(backbone)
        if source.engine is not None and source.engine.name != expected_engine():
            # OpenVINO has refused this backbone: an earlier run may have left what TensorFlow computed instead.
            self._engine_names[backbone.digest] = source.engine.name
            missing = self._missing(backbone, missing)
        if missing:
            self._pass(source, missing)

    def _pass(self, source: _Source, entries: Sequence[_Entry]) -> None:
        """Write every entry; a view that several entries hold is computed once."""
        with ExitStack() as stack:
            targets: dict[_View, list[tuple[Cut, Float32]]] = defaultdict(list)
            for entry in entries:
                array = stack.enter_context(self._writer(source, entry))
                if not entry.views:
                    targets[_View()].append((entry.cut, array))
                for number in range(entry.views):
                    view = _View(augment=entry.augment, rotation=entry.rotation, number=number)
                    targets[view].append((entry.cut, array[number]))
            total = sum(self._length(view) for view in targets)
            advance = stack.enter_context(self._progress.stage("backbone pass", total, "images"))
            for view, arrays in targets.items():
                for start in range(0, self._length(view), _SLICE):
                    outputs = source.run(self._slice(view, start))
                    for cut, array in arrays:
                        array[start : start + _SLICE] = outputs[cut]
                    advance(min(_SLICE, self._length(view) - start))

    def _writer(self, source: _Source, entry: _Entry) -> AbstractContextManager[Float32]:
        shape = source.shapes[entry.cut]
        shape = (entry.views, len(self._developed), *shape) if entry.views else (len(self._pixels), *shape)
        return self._cache.writer(self._key(source.backbone, entry), shape, np.float32)

    def _length(self, view: _View) -> int:
        return len(self._pixels) if view.number is None else len(self._developed)

    def _slice(self, view: _View, start: int) -> NDArray[np.uint8]:
        if view.number is None:
            return self._pixels[start : start + _SLICE]
        pixels = self._pixels[self._developed[start : start + _SLICE]]
        seed = np.random.SeedSequence((self._augment_seed, view.number, start)).generate_state(1)[0]
        return augment_images(pixels, view.augment, int(seed), rotation=view.rotation)


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """All images as they are, or one augmented view of those that are not sealed, counted from 0."""

    augment: tuple[str, ...] = ()
    rotation: float = 0.0
    number: int | None = None


class _Source:
    """Computes cuts of a backbone from pixels."""

    def __init__(self, backbone: Backbone, cuts: Sequence[Cut]) -> None:
        self.backbone = backbone
        self.shapes: dict[Cut, tuple[int, ...]] = {}
        self._computed = [cut for cut in cuts if cut.layer != INPUT]
        self.engine: Engine | None = None
        if INPUT in (cut.layer for cut in cuts):
            self.shapes[Cut(INPUT)] = backbone.model.input_shape[1:]
        if self._computed:
            prefix = prefix_model(backbone, self._computed)
            self.shapes |= {cut: output.shape[1:] for cut, output in zip(self._computed, prefix.outputs, strict=True)}
            self.engine = make_engine(prefix)

    def given(self, backbone: Backbone) -> _Source:
        """The same network, given its pixels in another way."""
        other = copy.copy(self)
        other.backbone = backbone
        return other

    def run(self, pixels: NDArray[np.uint8]) -> dict[Cut, Float32]:
        prepared = self.backbone.preprocess(pixels)
        outputs = [] if self.engine is None else self.engine.run(prepared)
        return {Cut(INPUT): prepared, **dict(zip(self._computed, outputs, strict=True))}


_Converted: TypeAlias = dict[tuple[str, tuple[Cut, ...]], _Source]


def _entries(backbone: Backbone, configuration: Configuration) -> tuple[_Entry, ...]:
    """What a configuration needs: the clean array, and the augmented one where it asks for views."""
    cut, training = cut_for(backbone, configuration.model), configuration.training
    clean = _Entry(cut=cut)
    if not training.augment_views:
        return (clean,)
    names = tuple(sorted(training.augment))
    rotation = training.augment_rotation if "rotate" in names else 0.0
    return clean, _Entry(cut=cut, views=training.augment_views, augment=names, rotation=rotation)
