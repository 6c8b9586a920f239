"""Which cases there are: controls, one plant at three severities, pairs, and triples, which are held out."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planted_image_plants import PLANTS as OF_PICTURES
from planted_plants import HEART, PLANTS, SEVERITIES, Recipe, feasible
from planted_worlds import WORLDS

__all__ = ["BACKGROUNDS", "CONTROLS", "Case", "all_cases"]

BACKGROUNDS: Mapping[str, Recipe] = {
    "healthy": Recipe(),
    "healthy, hidden layer": Recipe(
        changes={"head_width": "32", "dropout": 0.2, "dropout_position": "after_dense", "learning_rate": 0.003}
    ),
    "honest small gap": Recipe(easiness=0.85),
    "hard task": Recipe(easiness=0.5),
    "negative logged gap": Recipe(changes={"dropout": 0.15}),
    "learnt by heart": Recipe(easiness=0.75, changes=HEART),
    # Two causes that are each seen four times out of five are both seen two times out of three: pairs get more images.
    "many validation images": Recipe(validation=1000),
    "learnt by heart, many validation images": Recipe(validation=1000, easiness=0.75, changes=HEART),
}
CONTROLS = ("healthy", "healthy, hidden layer", "honest small gap", "hard task", "negative logged gap")
_BACKGROUND_OF = {"copies": "learnt by heart", "bursts": "learnt by heart", "bursts without names": "learnt by heart"}

CONTROL_SEEDS = {"A": 8, "B": 8, "C": 6}
PAIRS = (
    ("wrong labels", "wide head"),
    ("copies", "wrong labels"),
    ("bursts", "few images"),
    ("narrow head", "wrong labels"),
    ("shifted validation", "imbalance"),
    ("few images", "wrong labels"),
    ("penalty", "wrong labels"),
    ("rate too low", "wrong labels"),
    ("copies", "few images"),
    ("files tell the class", "few images"),
    ("classes in another order", "penalty"),
    ("narrow head", "truncated validation"),
    ("confusable classes", "penalty"),
    ("shifted validation", "rate too low"),
)
TRIPLES = (
    ("narrow head", "wrong labels", "truncated validation"),
    ("copies", "wrong labels", "few images"),
    ("shifted validation", "penalty", "wrong labels"),
    ("files tell the class", "rate too low", "truncated validation"),
)
BACKBONES = ("efficientnet-lite0", "mobilenet", "mobilenet-v2")
HELD_OUT_BACKBONE = BACKBONES[-1]
SETS = ("digits", "echoes", "radar")
COMPOUND_SEVERITY = 0.5, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is drawn, diagnosed and repaired.

    Attributes:
        world, background: by name.
        plants: name and severity of each; none in a control.
        number: of its seed.
        backbone: of pictures, whose world is the name of their set; "" where there are features alone.
    """

    world: str
    background: str
    plants: tuple[tuple[str, float], ...]
    number: int
    backbone: str = ""

    @property
    def held_out(self) -> bool:
        """Whether nobody may tune by it."""
        if self.backbone:
            return self.backbone == HELD_OUT_BACKBONE
        return WORLDS[self.world].held_out or len(self.plants) > 2

    @property
    def kind(self) -> str:
        """Control, single, pair or triple."""
        return ("control", "single", "pair", "triple")[len(self.plants)]

    @property
    def name(self) -> str:
        """Stable: results are stored under it."""
        plants = " + ".join(f"{name} {severity:g}" for name, severity in self.plants) or self.background
        return " / ".join([self.world, *filter(None, [self.backbone]), plants, str(self.number)])

    @property
    def seed(self) -> int:
        """Of all that is drawn for it."""
        return zlib.crc32(self.name.encode()) % 1_000_000


def all_cases() -> tuple[Case, ...]:
    """Every case, each kind spread evenly, so that the first part of the list is like the whole."""
    kinds = [list(_controls()), list(_singles()), list(_compounds()), list(_of_pictures())]
    placed = [((number + 0.5) / len(cases), one) for cases in kinds for number, one in enumerate(cases)]
    return tuple(one for _, one in sorted(placed, key=lambda pair: pair[0]))


def _controls() -> Iterator[Case]:
    for number in range(max(CONTROL_SEEDS.values())):
        for background, (world, seeds) in itertools.product(CONTROLS, CONTROL_SEEDS.items()):
            if number < seeds:
                yield Case(world=world, background=background, plants=(), number=number)


def _singles() -> Iterator[Case]:
    """The worlds take turns, so that a part of the list has plants of every kind in some world."""
    worlds, names = list(WORLDS), list(PLANTS)
    for severity, turn in itertools.product(reversed(SEVERITIES), range(len(worlds))):
        for place, name in enumerate(names):
            world = worlds[(place + turn) % len(worlds)]
            if severity >= SEVERITIES[1] or not WORLDS[world].held_out:
                yield Case(
                    world=world,
                    background=_BACKGROUND_OF.get(name, "healthy"),
                    plants=((name, severity),),
                    number=0,
                )


def _compounds() -> Iterator[Case]:
    for severity, world, names in itertools.product(COMPOUND_SEVERITY, WORLDS, (*TRIPLES, *PAIRS)):
        assert feasible(*names), names
        if severity == COMPOUND_SEVERITY[0] and world == "C":
            continue
        by_heart = any(name in _BACKGROUND_OF for name in names)
        background = "learnt by heart, many validation images" if by_heart else "many validation images"
        yield Case(world=world, background=background, plants=tuple((name, severity) for name in names), number=0)


def _of_pictures() -> Iterator[Case]:
    """Each plant with every backbone, sets in turn; those that train whole networks come last."""
    for turn, (backbone, pictures) in enumerate(itertools.product(BACKBONES, SETS)):
        yield Case(world=pictures, backbone=backbone, background="healthy", plants=(), number=turn)
    for place, (name, plant) in enumerate(OF_PICTURES.items()):
        for turn, backbone in enumerate(BACKBONES):
            severity = max(plant.changes) if turn else min(plant.changes)
            pictures = SETS[(place + turn) % len(SETS)]
            if name == "red and blue exchanged":
                pictures = "echoes"  # the others are grey
            yield Case(world=pictures, backbone=backbone, background="healthy", plants=((name, severity),), number=0)
