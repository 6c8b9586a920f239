"""One case of a world of features: the product's own path to a verdict, and the truth by intervention."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from planted_library import WorldLibrary
from planted_plants import PLANTS, Harm, Recipe, planted, repaired
from planted_scene import CANDIDATE_ACCURACY, Scene, draw_candidates, draw_scene
from planted_subject import Reading, Subject, judged, mends
from planted_worlds import WORLDS, World

from sweep.diagnosis.choice import Choice, correct_choice
from sweep.diagnosis.probes.selection import best_of_many
from sweep.records import Cause, Finding
from sweep.training.trial import Trainer
from sweep.workflow.probing import probe_features
from sweep.workflow.shielded import probed

__all__ = ["run_case"]

DRAWS = 5
"""Data sets over which the harm of a plant is averaged; the case's own is the first."""
_CHOICES = 40  # searches over which the luck of a choice is averaged
_MEAN_ABSOLUTE = math.sqrt(2 / math.pi)  # of a normal error, in standard errors
_BATCH = 32  # of the baseline

_shared: dict[int, Any] = {}  # what is compiled, by classes: cases of one process share it


def run_case(world: str, background: Recipe, plants: Sequence[tuple[str, float]], seed: int) -> dict[str, Any]:
    """Everything that scoring needs to know of a case, as plain values.

    Args:
        world: its name.
        background: the recipe that the plants go into.
        plants: names and severities.
        seed: of the images and of all trainings.
    """
    start = time.perf_counter()
    place, recipe = WORLDS[world], planted(background, plants)
    scene = draw_scene(place, recipe, seed)
    subject = _subject(scene)
    of_data = probe_features(scene.definition, scene.observed())
    records, fits, again = subject.of_trainings(of_data)
    rounds = (*of_data, (*records, *_choice(scene)), fits, again)
    probed_in = time.perf_counter() - start
    base = _redrawn(place, recipe, seed)
    return {
        **judged(subject, rounds),
        "base": asdict(base),
        "effects": {name: _effect(place, background, plants, name, base, seed) for name, _ in plants},
        "seconds": round(time.perf_counter() - start, 1),
        "seconds_of_probing": round(probed_in, 1),
    }


def _subject(scene: Scene) -> Subject:
    trainer = Trainer(
        library=WorldLibrary(scene), labels=scene.labels, split=scene.split, num_classes=scene.world.classes
    )
    # A trainer is made for one study; what it compiled does not hang on the images.
    trainer._structures = _shared.setdefault(scene.world.classes, trainer._structures)
    return Subject(
        configuration=scene.configuration,
        data=scene.data(),
        trainer=trainer,
        labels=scene.labels,
        feature_map=(1, 1),
        seed=scene.seed,
        flipped=scene.recipe.flipped,
        by_source=None if scene.sources is None else scene.by_source(),
        twice=lambda: _subject(
            draw_scene(scene.world, replace(scene.recipe, train=2 * scene.recipe.train), scene.seed)
        ),
    )


# ---- the product's path ----------------------------------------------------------------------------------------------


def _choice(scene: Scene) -> tuple[Finding, ...]:
    """Of a case without a search nothing is said."""
    if scene.candidates is None:
        return ()
    scores = scene.candidates
    scores = scores[np.argsort(-scores.mean(axis=1), kind="stable")]
    choice = Choice(
        numbers=tuple(range(len(scores))),
        scores=scores,
        select=lambda weights: np.asarray(np.round(weights @ scores.T, 9).argmax(axis=1), np.int64),
        groups=None,
    )
    optimism, _ = correct_choice(choice, level=0.95, seed=scene.seed)
    return (probed(Cause.BEST_OF_MANY, lambda: best_of_many(optimism, scores=scores, select=choice.select)),)


# ---- the truth -------------------------------------------------------------------------------------------------------


def _redrawn(world: World, recipe: Recipe, seed: int, *, by_source: bool = False) -> Reading:
    """Of several draws of a recipe, one training each."""
    subjects = (_subject(draw_scene(world, recipe, seed + 1_000_000 * draw)) for draw in range(DRAWS))
    return Reading.mean([one.read(1, split=one.by_source if by_source else None) for one in subjects])


def _effect(
    world: World, background: Recipe, plants: Sequence[tuple[str, float]], name: str, base: Reading, seed: int
) -> float:
    """How much repairing one plant mends of what it spoils, as a share of the images."""
    plant, recipe = PLANTS[name], planted(background, plants)
    # Images that come from sources are no worse than others: it is the split that does not know.
    by_source = recipe.frames > 0 and plant.code == "T11"
    without = recipe if by_source else repaired(background, plants, name)
    if plant.harm is Harm.CHANCE:
        return _expected_error(base.accuracy, recipe) - _expected_error(base.accuracy, without)
    if plant.harm is Harm.CHOICE:
        best = [draw_candidates(recipe, seed + draw).mean(axis=1).max() for draw in range(_CHOICES)]
        return float(np.mean(best)) - CANDIDATE_ACCURACY
    return mends(plant.harm, base, _redrawn(world, without, seed, by_source=by_source), world.classes)


def _expected_error(accuracy: float, recipe: Recipe) -> float:
    """Of a share, mean absolute: of so few images as validation has, or as its first batches have."""
    steps, images = int(recipe.changes.get("validation_steps", 0)), recipe.validation
    if steps:
        images = min(images, steps * _BATCH)
    return _MEAN_ABSOLUTE * math.sqrt(accuracy * (1 - accuracy) / images)
