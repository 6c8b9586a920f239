"""Cases of real pictures through real networks: rendered sets in folders, by the same path as a user's."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from planted_image_plants import PLANTS
from planted_plants import Recipe, planted, repaired
from planted_subject import Subject, judged, mends

from sweep.data.digits import draw_digit
from sweep.data.echoes import draw_echo
from sweep.data.radar import draw_pulse
from sweep.progress import Silent
from sweep.studyfile.definition import StudyDefinition
from sweep.workflow.check import look
from sweep.workflow.prepare import make_library, make_trainer, prepare_data
from sweep.workflow.probing import Rounds

__all__ = ["PICTURES", "run_image_case"]

SIZE = 64
ORACLE = 800
SEEDS = 2
BASELINE: Mapping[str, Any] = {"epochs": 15, "learning_rate": 0.003, "batch_size": 32, "patience": 5}
_COPY_QUALITY = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """A set that is drawn by its labels."""

    classes: int
    draw: Callable[[int, np.random.Generator], Image.Image]


PICTURES: Mapping[str, Pictures] = {
    "digits": Pictures(classes=4, draw=draw_digit),
    "echoes": Pictures(classes=2, draw=draw_echo),
    "radar": Pictures(classes=4, draw=draw_pulse),
}


def run_image_case(pictures: str, backbone: str, plants: Sequence[tuple[str, float]], seed: int) -> dict[str, Any]:
    """The row of a case, as that of `planted_diagnosis.run_case`.

    Args:
        pictures: name of the set.
        backbone: with ImageNet's weights.
        plants: names and severities.
        seed: of the pictures and of all trainings.
    """
    start = time.perf_counter()
    background = Recipe(train=400, validation=300, changes={"backbone": backbone})
    with tempfile.TemporaryDirectory() as folder, _cache_in(Path(folder) / "cache"):

        def subject(recipe: Recipe, name: str) -> tuple[Subject, Callable[[], Rounds]]:
            return _subject(Path(folder) / name, pictures, recipe, seed)

        ours, of_data = subject(planted(background, plants, PLANTS), "as it is")
        found = of_data()
        rounds = (*found, *ours.of_trainings(found))
        probed_in = time.perf_counter() - start
        base = ours.read(SEEDS)
        effects = {}
        for name, _ in plants:
            mended = subject(repaired(background, plants, name, PLANTS), f"without {name}")[0].read(SEEDS)
            effects[name] = mends(PLANTS[name].harm, base, mended, ours.classes)
        told = judged(ours, rounds)
    return {
        **told,
        "base": asdict(base),
        "effects": effects,
        "seconds": round(time.perf_counter() - start, 1),
        "seconds_of_probing": round(probed_in, 1),
    }


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Features of pictures that are soon gone are kept beside them."""
    before = os.environ.get("SWEEP_CACHE")
    os.environ["SWEEP_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SWEEP_CACHE"]
        else:
            os.environ["SWEEP_CACHE"] = before


def _subject(folder: Path, pictures: str, recipe: Recipe, seed: int) -> tuple[Subject, Callable[[], Rounds]]:
    """Who is diagnosed, and what looks at its data."""
    _write(folder, PICTURES[pictures], recipe, seed)
    definition = StudyDefinition.model_validate(
        {"name": "planted", "data": {"source": str(folder), "image_size": SIZE}, "training": dict(BASELINE)}
    )
    changed = definition.baseline.replaced(recipe.changes)
    definition = definition.model_copy(update={"model": changed.model, "training": changed.training})
    progress = Silent()
    data = prepare_data(definition, base=folder, progress=progress)
    library = make_library(definition, data, base=folder, progress=progress)
    subject = Subject(
        configuration=changed,
        data=data,
        trainer=make_trainer(library, data),
        labels=data.index.labels,
        feature_map=library.backbone(changed.model).model.output_shape[1:3],
        seed=seed,
        flipped=recipe.flipped,
        remedy_seeds=SEEDS,
        twice=lambda: _subject(
            folder.with_name(f"{folder.name}, twice"), pictures, replace(recipe, train=2 * recipe.train), seed
        )[0],
    )
    return subject, lambda: look(definition, data, library, base=folder, progress=progress)


def _write(folder: Path, pictures: Pictures, recipe: Recipe, seed: int) -> None:
    """Folders train, val and test, the last one the oracle's."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, 1)))
    train = _drawn(pictures, recipe.train, seed)
    validation = _drawn(pictures, recipe.validation, seed + 1)
    copied = rng.choice(recipe.validation, size=round(recipe.copied * recipe.validation), replace=False)
    of_train = rng.choice(recipe.train, size=len(copied))
    copies = dict(zip(copied.tolist(), of_train.tolist(), strict=True))
    for side, drawn, wrong in (("train", train, True), ("val", validation, True), ("test", _oracle(pictures), False)):
        moved = set(rng.permutation(len(drawn))[: round(recipe.flipped * len(drawn))].tolist()) if wrong else set()
        for number, picture in enumerate(drawn):
            copy = side == "val" and number in copies
            source = copies[number] if copy else number
            label = source % pictures.classes
            if number in moved:
                label = (label + int(rng.integers(1, pictures.classes))) % pictures.classes
            place = folder / side / f"class_{label}"
            place.mkdir(parents=True, exist_ok=True)
            if copy:
                train[source].convert("RGB").save(place / f"{number:05d}.jpg", quality=_COPY_QUALITY)
            else:
                picture.save(place / f"{number:05d}.png")


def _drawn(pictures: Pictures, count: int, seed: int) -> list[Image.Image]:
    """Class after class in turn; the first ones are the same however many are asked for."""
    rngs = (np.random.default_rng(np.random.SeedSequence((seed, 2, number))) for number in range(count))
    drawn = (pictures.draw(number % pictures.classes, rng) for number, rng in enumerate(rngs))
    return [one.resize((SIZE, SIZE), Image.Resampling.BOX) for one in drawn]


@cache
def _oracle(pictures: Pictures) -> list[Image.Image]:
    return _drawn(pictures, ORACLE, 0xFACE)
