"""From a recipe to what the product is given: images, labels, sides, features and a study definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from planted_plants import Recipe
from planted_worlds import Images, World
from scipy.special import ndtri

from sweep.data.cache import ArrayCache, cache_folder
from sweep.data.summary import summarise
from sweep.records import DataIndex, ImageRecord, IndexArray, SplitIndices
from sweep.studyfile.definition import Configuration, StudyDefinition
from sweep.workflow.observed import Observed
from sweep.workflow.prepare import PreparedData

__all__ = ["BASELINE", "CANDIDATE_ACCURACY", "Scene", "draw_candidates", "draw_scene"]

ROWS = 21_000
"""Of every table of features, so that compiled epochs serve all cases; what is not developed is the oracle's."""
COPY, FRAME = 0.03, 0.3
"""Of what images of one class differ: a copy from its original, frames of a source."""
PATTERN = "^(s[0-9]+)_"
_DRAW, _LABELS, _SPLIT, _SMALL, _CANDIDATES = range(5)  # streams of random numbers
CANDIDATE_ACCURACY = 0.8
_SHARED = 0.84  # of what decides whether candidates are right: how hard the image is

BASELINE: Mapping[str, Any] = {
    "model": {},
    "training": {"epochs": 20, "learning_rate": 0.01, "batch_size": 32, "patience": 5},
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """One draw of a recipe.

    Attributes:
        images: those that are developed, then the oracle's.
        features: float32, shape (ROWS, width).
        labels: as given; of the oracle the true ones.
        sources: of the developed images, or None.
        definition: of the study.
        candidates: whether each trial is right of each validation image, or None.
    """

    recipe: Recipe
    world: World
    images: Images
    features: NDArray[np.float32]
    labels: IndexArray
    split: SplitIndices
    sources: IndexArray | None
    definition: StudyDefinition
    candidates: NDArray[np.float64] | None
    seed: int

    @property
    def configuration(self) -> Configuration:
        """What is trained."""
        return self.definition.baseline

    @property
    def class_names(self) -> tuple[str, ...]:
        """In label order."""
        return tuple(f"class_{number}" for number in range(self.world.classes))

    def observed(self) -> Observed:
        """What the probes of data see."""
        rng, developed = _rng(self.seed, _SMALL), np.arange(self.recipe.train + self.recipe.validation)
        images, named = self.images.rows(developed), self.recipe.named and self.sources is not None
        return Observed(
            positions=developed,
            train=self.split.train,
            validation=self.split.validation,
            labels=self.labels[developed],
            class_names=self.class_names,
            features=self.features[developed],
            missing="",
            thumbnails=self.world.pictures(images, rng),
            sizes=self.world.file_sizes(images, rng),
            content_hashes=tuple(map(str, range(len(developed)))),
            groups=None,
            sources=self.sources if named else None,
            pattern=PATTERN if named else "",
        )

    def data(self) -> PreparedData:
        """As a search holds it, of what is developed; nobody looks at pixels."""
        names = self.class_names
        given = self.labels[: self.recipe.train + self.recipe.validation].tolist()
        index = DataIndex(
            root="",
            class_names=names,
            images=tuple(
                ImageRecord(path=f"{names[label]}/{row}.png", label=label, group="", content_hash=str(row))
                for row, label in enumerate(given)
            ),
        )
        return PreparedData(
            index=index,
            pixels=np.zeros((0, 1, 1, 3), np.uint8),
            split=self.split,
            summary=summarise(index, replace(self.split, test=np.empty(0, np.int64)), "world"),
            cache=ArrayCache(cache_folder(), on_note=lambda note: None),
        )

    def by_source(self) -> SplitIndices:
        """Sides of the same images that keep together what truly comes from one source."""
        assert self.sources is not None
        developed = len(self.sources)
        rng = _rng(self.seed, _SPLIT, 1)
        chosen = []
        for label in np.unique(self.labels[:developed]):
            own = rng.permutation(np.unique(self.sources[self.labels[:developed] == label]))
            chosen.append(own[: max(1, round(len(own) * len(self.split.validation) / developed))])
        return _sides(np.isin(self.sources, np.concatenate(chosen)))


def draw_scene(world: World, recipe: Recipe, seed: int) -> Scene:
    """Draw everything; equal arguments give equal scenes."""
    developed = recipe.train + recipe.validation
    validated = np.arange(developed) >= recipe.train
    images, sources = _developed(world, recipe, seed)
    labels = images.labels.copy()
    images, labels = _copied(images, labels, recipe, seed)
    labels = _mislabelled(labels, validated, recipe, world.classes, seed)
    rng = _rng(seed, _DRAW, 2)
    fresh = world.draw(
        rng.choice(world.classes, size=ROWS - developed, p=world.prior),
        rng,
        easiness=recipe.easiness,
        closeness=recipe.closeness,
    )
    split, everything = _sides(validated), Images.joined([images, fresh])
    here = world.features(everything, signal=recipe.signal)
    away = world.features(everything, signal=recipe.signal, shifted=recipe.shifted)
    features = np.where((np.arange(ROWS) < recipe.train)[:, None], here, away)
    definition = StudyDefinition.model_validate(
        {"name": "planted", "data": {"source": "world"}, **{key: dict(value) for key, value in BASELINE.items()}}
    )
    changed = definition.baseline.replaced(recipe.changes)
    definition = definition.model_copy(update={"model": changed.model, "training": changed.training})
    scene = Scene(
        recipe=recipe,
        world=world,
        images=everything,
        features=features,
        labels=np.concatenate([labels, fresh.labels]),
        split=split,
        sources=sources,
        definition=definition,
        candidates=None,
        seed=seed,
    )
    return replace(scene, candidates=draw_candidates(recipe, seed)) if recipe.candidates else scene


def _developed(world: World, recipe: Recipe, seed: int) -> tuple[Images, IndexArray | None]:
    """The images of both sides, training's first, and their sources."""
    rng, count = _rng(seed, _DRAW), recipe.train + recipe.validation
    prior = np.array(world.prior)
    if recipe.imbalance > 1:
        prior = recipe.imbalance ** -np.linspace(0, 1, world.classes)
        prior /= prior.sum()
    frames = max(1, recipe.frames)
    starts = world.draw(
        _proportional(prior, -(-count // frames), rng),
        rng,
        easiness=recipe.easiness,
        closeness=recipe.closeness,
        told=recipe.told,
    )
    if frames == 1:
        return starts, None
    # Dealt out at random, as by a split that knows no sources.
    order = rng.permutation(np.repeat(np.arange(len(starts.labels)), frames)[:count])
    return starts.rows(order).jittered(FRAME, rng), order


def _proportional(prior: NDArray[np.float64], count: int, rng: np.random.Generator) -> IndexArray:
    """Labels whose shares are those of the classes, at least two of each, in random order."""
    ends = np.rint(np.cumsum(prior) * count)
    labels = np.searchsorted(ends, np.arange(count), side="right")
    labels[: 2 * len(prior)] = np.arange(2 * len(prior)) % len(prior)
    return rng.permutation(np.minimum(labels, len(prior) - 1))


def _copied(images: Images, labels: IndexArray, recipe: Recipe, seed: int) -> tuple[Images, IndexArray]:
    """With copies of training images in the place of some validation images."""
    count = round(recipe.copied * recipe.validation)
    rng = _rng(seed, _LABELS)
    originals = rng.choice(recipe.train, size=count, replace=count > recipe.train)
    places = recipe.train + rng.choice(recipe.validation, size=count, replace=False)
    order = np.arange(len(labels))
    order[places] = originals
    moved = images.rows(order).jittered(COPY, rng)
    kept = np.isin(np.arange(len(labels)), places)
    return Images.joined([images, moved]).rows(np.where(kept, np.arange(len(labels)) + len(labels), order)), labels[
        order
    ]


def _mislabelled(
    labels: IndexArray, validated: NDArray[np.bool_], recipe: Recipe, classes: int, seed: int
) -> IndexArray:
    rng, given = _rng(seed, _LABELS, 1), labels.copy()
    wrong = rng.permutation(len(labels))[: round(recipe.flipped * len(labels))]
    steps = rng.integers(1, classes, size=len(wrong)) if recipe.flipped_as == "symmetric" else 1
    given[wrong] = (given[wrong] + steps) % classes
    if recipe.reordered:
        moved = validated & (given < recipe.reordered)
        given[moved] = (given[moved] + 1) % recipe.reordered
    return given


def draw_candidates(recipe: Recipe, seed: int) -> NDArray[np.float64]:
    """Whether trials of equal worth are right, mostly on the same images, shape (candidates, validation)."""
    rng, shape = _rng(seed, _CANDIDATES), (recipe.candidates, recipe.validation)
    margin = np.sqrt(1 - _SHARED) * rng.normal(size=shape) + np.sqrt(_SHARED) * rng.normal(size=recipe.validation)
    return np.asarray(margin < ndtri(CANDIDATE_ACCURACY), np.float64)


def _sides(validated: NDArray[np.bool_]) -> SplitIndices:
    return SplitIndices(
        train=np.flatnonzero(~validated),
        validation=np.flatnonzero(validated),
        test=np.arange(len(validated), ROWS),
    )


def _rng(seed: int, *stream: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence((seed, *stream)))
