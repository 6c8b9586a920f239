"""What a data set and its training are made of, and what can be wrong with them.

A plant changes fields of a `Recipe`; its repair is the recipe without those changes, so that what it does can be
measured on images that nobody has seen. Nothing is true by label: whether a plant does harm is found out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from sweep.records import Cause, Scalar

__all__ = ["HEART", "PLANTS", "SEVERITIES", "Harm", "Plant", "Recipe", "feasible", "planted", "repaired"]

SEVERITIES = (0.25, 0.5, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that a case is drawn from, next to its world and seed; the defaults are healthy.

    Attributes:
        train, validation: images of each side.
        easiness: factor on the distance between classes.
        closeness: of the first class to the second; 0: they are the same.
        signal: share of the informative dimensions that features show.
        flipped: share of wrong labels on both sides.
        flipped_as: "symmetric", or "pair": each as the next class.
        shifted: of the validation images and of new ones, in standard deviations.
        reordered: how many classes stand in another order in validation.
        copied: share of the validation images that are copies of training images.
        frames: images of one source, which the split does not know; 0: each image is one of its own.
        named: whether file names tell the source.
        imbalance: images of the most frequent class for each of the rarest, on both sides.
        told: share of the images whose kind of file is that of their class.
        candidates: trials of equal worth of which the best is quoted.
        changes: fields of [model] and [training], in the notation of the database.
    """

    train: int = 600
    validation: int = 400
    easiness: float = 1.0
    closeness: float = 1.0
    signal: float = 1.0
    flipped: float = 0.0
    flipped_as: str = "symmetric"
    shifted: float = 0.0
    reordered: int = 0
    copied: float = 0.0
    frames: int = 0
    named: bool = False
    imbalance: float = 1.0
    told: float = 0.0
    candidates: int = 0
    changes: Mapping[str, Scalar] = field(default_factory=dict)


class Harm(StrEnum):
    """What a plant spoils, and what its repair must therefore mend."""

    ORACLE = "accuracy on new images"
    NATS = "accuracy or cross-entropy on new images"
    GAP = "gap to new images, at no cost there"
    REPORT = "distance of the reported number from the truth"
    CHANCE = "expected distance of the reported number from the truth"
    CHOICE = "the winner's number above the truth"
    LOGGED = "distance of the logged training number from the clean one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """One way of spoiling a recipe.

    Attributes:
        code: of the cause in the taxonomy.
        causes: what a verdict may call it.
        harm: what it spoils.
        changes: fields of the recipe by severity.
    """

    code: str
    causes: tuple[Cause, ...]
    harm: Harm
    changes: Mapping[float, Mapping[str, Any]]


def planted(recipe: Recipe, plants: Sequence[tuple[str, float]], known: Mapping[str, Plant] | None = None) -> Recipe:
    """A recipe with all of these in it, (name, severity) each; names are those of `PLANTS` unless others are given."""
    for name, severity in plants:
        recipe = _with(recipe, (known or PLANTS)[name].changes[severity])
    return recipe


def repaired(
    recipe: Recipe, plants: Sequence[tuple[str, float]], name: str, known: Mapping[str, Plant] | None = None
) -> Recipe:
    """The same without one of them."""
    return planted(recipe, [one for one in plants if one[0] != name], known)


def feasible(*names: str) -> bool:
    """Whether plants leave each other in place: no two change the same field."""
    touched = [key for name in names for key in _touched(PLANTS[name])]
    return len(set(touched)) == len(touched)


def _touched(plant: Plant) -> set[str]:
    changes = plant.changes[1.0]
    of_training = {f"changes.{key}" for key in changes.get("changes", {})}
    return {key for key in changes if key != "changes"} | of_training


def _with(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    assert set(changes) <= {one.name for one in fields(Recipe)}
    together = {**recipe.changes, **changes.get("changes", {})}
    return replace(recipe, **{**changes, "changes": together})


def _levels(low: Mapping[str, Any], middle: Mapping[str, Any], high: Mapping[str, Any]) -> dict[float, Any]:
    return dict(zip(SEVERITIES, (low, middle, high), strict=True))


def _training(*changes: Mapping[str, Any]) -> dict[float, Any]:
    return _levels(*({"changes": one} for one in changes))


# An unregularised head that learns its images by heart: without it a copy is worth no more than a new image.
HEART: Mapping[str, Scalar] = {"head_width": "128", "keep": "last", "epochs": 20, "patience": 0}
_LATE: Mapping[str, Scalar] = {"keep": "last", "patience": 0, "head_width": "64"}

PLANTS: Mapping[str, Plant] = {
    "dropout in the train number": Plant(
        code="T01",
        causes=(Cause.TRAINING_MODE,),
        harm=Harm.LOGGED,
        changes=_training({"dropout": 0.4}, {"dropout": 0.6}, {"dropout": 0.8}),
    ),
    "few validation images": Plant(
        code="T03",
        causes=(Cause.SMALL_VALIDATION,),
        harm=Harm.CHANCE,
        changes=_levels({"validation": 80}, {"validation": 40}, {"validation": 20}),
    ),
    "best of many trials": Plant(
        code="T04",
        causes=(Cause.BEST_OF_MANY,),
        harm=Harm.CHOICE,
        changes=_levels(
            {"candidates": 20, "validation": 200},
            {"candidates": 60, "validation": 150},
            {"candidates": 200, "validation": 100},
        ),
    ),
    "last epoch": Plant(
        code="T05",
        causes=(Cause.LAST_EPOCH,),
        harm=Harm.NATS,
        changes=_training({**_LATE, "epochs": 20}, {**_LATE, "epochs": 40}, {**_LATE, "epochs": 60}),
    ),
    "augmented validation": Plant(
        code="T06",
        causes=(Cause.BOOKKEEPING,),
        harm=Harm.REPORT,
        changes=_training(*({"augment_views": views, "augment_validation": True} for views in (1, 2, 4))),
    ),
    "truncated validation": Plant(
        code="T06",
        causes=(Cause.BOOKKEEPING,),
        harm=Harm.CHANCE,
        changes=_training(*({"validation_steps": steps} for steps in (4, 2, 1))),
    ),
    "few images": Plant(
        code="T07",
        causes=(Cause.FEW_IMAGES,),
        harm=Harm.ORACLE,
        changes=_levels({"train": 240}, {"train": 120}, {"train": 60}),
    ),
    "wrong labels": Plant(
        code="T08",
        causes=(Cause.LABEL_NOISE,),
        harm=Harm.ORACLE,
        changes=_levels({"flipped": 0.05}, {"flipped": 0.15}, {"flipped": 0.3}),
    ),
    "wrong labels, the next class": Plant(
        code="T08",
        causes=(Cause.LABEL_NOISE,),
        harm=Harm.ORACLE,
        changes=_levels(*({"flipped": share, "flipped_as": "pair"} for share in (0.05, 0.15, 0.3))),
    ),
    "shifted validation": Plant(
        code="T09",
        causes=(Cause.SHIFT,),
        harm=Harm.ORACLE,
        changes=_levels({"shifted": 0.75}, {"shifted": 1.5}, {"shifted": 3.0}),
    ),
    "classes in another order": Plant(
        code="T09",
        causes=(Cause.SHIFT,),
        harm=Harm.REPORT,
        changes=_levels({"reordered": 2}, {"reordered": 2}, {"reordered": 3}),
    ),
    "copies": Plant(
        code="T10",
        causes=(Cause.LEAK,),
        harm=Harm.REPORT,
        changes=_levels({"copied": 0.05}, {"copied": 0.2}, {"copied": 0.5}),
    ),
    "bursts": Plant(
        code="T11",
        causes=(Cause.BURSTS,),
        harm=Harm.REPORT,
        changes=_levels(*({"frames": frames, "named": True} for frames in (5, 10, 20))),
    ),
    "bursts without names": Plant(
        code="T11",
        causes=(Cause.BURSTS,),
        harm=Harm.REPORT,
        changes=_levels({"frames": 5}, {"frames": 10}, {"frames": 20}),
    ),
    "imbalance": Plant(
        code="T13",
        causes=(Cause.IMBALANCE, Cause.CLASS_BIAS),
        harm=Harm.ORACLE,
        changes=_levels({"imbalance": 5.0}, {"imbalance": 10.0}, {"imbalance": 20.0}),
    ),
    "confusable classes": Plant(
        code="T14",
        causes=(Cause.CONFUSABLE_CLASSES,),
        harm=Harm.ORACLE,
        changes=_levels({"closeness": 0.6}, {"closeness": 0.3}, {"closeness": 0.0}),
    ),
    "wide head": Plant(
        code="T15",
        causes=(Cause.CAPACITY,),
        harm=Harm.GAP,
        changes=_training({"head_width": "256"}, {"head_width": "1024"}, {"head_width": "1024-512"}),
    ),
    "orthogonal features": Plant(
        code="T16",
        causes=(Cause.WEAK_FEATURES,),
        harm=Harm.ORACLE,
        changes=_levels({"signal": 0.3}, {"signal": 0.1}, {"signal": 0.0}),
    ),
    "narrow head": Plant(
        code="T17",
        causes=(Cause.BOTTLENECK,),
        harm=Harm.ORACLE,
        changes=_training(
            *(
                {"head_width": str(width), "dropout": rate, "dropout_position": "after_dense"}
                for width, rate in ((6, 0.5), (4, 0.6), (4, 0.8))
            )
        ),
    ),
    "rate too high": Plant(
        code="T19",
        causes=(Cause.LEARNING_RATE, Cause.NOT_TRAINING),
        harm=Harm.NATS,
        changes=_training(*({"learning_rate": 0.01 * factor} for factor in (10, 30, 100))),
    ),
    "rate too low": Plant(
        code="T19",
        causes=(Cause.LEARNING_RATE, Cause.NOT_TRAINING),
        harm=Harm.NATS,
        changes=_training(*({"learning_rate": 0.01 / divisor} for divisor in (30, 100, 1000))),
    ),
    "penalty": Plant(
        code="T22",
        causes=(Cause.OVER_REGULARIZED,),
        harm=Harm.ORACLE,
        changes=_training({"l2": 0.1}, {"l2": 0.3}, {"l2": 1.0}),
    ),
    "files tell the class": Plant(
        code="shortcut",
        causes=(Cause.SHORTCUT,),
        harm=Harm.ORACLE,
        changes=_levels({"told": 0.4}, {"told": 0.7}, {"told": 1.0}),
    ),
}
