"""What each rendered set consists of, and how one of its pictures is made from its numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from sweep.data.toy_bears import BEARS, bear_parts
from sweep.data.toy_scene import SIZE, cover_partly, draw_collage, draw_room, paste, photograph
from sweep.data.toy_shapes import cast, turn

__all__ = ["CLASSES", "PER_CLASS", "TOYS", "ToyPicture", "list_pictures", "render_picture"]

TOYS = ("toys", "toys-bursts", "toys-composites")
CLASSES = ("bear_a", "bear_b", "bear_c", "bear_d", "negative")
PER_CLASS = 750

_SEED = 0
_FRAMES = 15  # of a burst
_PHOTO, _BURST, _COMPOSITE = range(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyPicture:
    """One picture of a rendered set.

    Attributes:
        path: relative to the set's folder.
        label: position in `CLASSES`.
        kind: photo, frame of a burst or composite; each kind has random numbers of its own.
        scene: number of the scene within kind and class; the frames of a burst share it.
        number: of the picture within kind and class.
    """

    path: str
    label: int
    kind: int
    scene: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pose:
    """How a toy stands before the camera: angles in degrees, place and scale in pixels, distance in the toy's units."""

    yaw: float
    pitch: float
    roll: float
    x: float
    y: float
    scale: float
    distance: float


def list_pictures(name: str, per_class: int = PER_CLASS) -> tuple[ToyPicture, ...]:
    """Every picture of a set, class by class; composites are a fifth more, of the toys alone."""
    photo = _frame if name == "toys-bursts" else _photo
    pictures = []
    for label, title in enumerate(CLASSES):
        pictures += [photo(title, label, number) for number in range(per_class)]
        if name == "toys-composites" and label < len(BEARS):
            pictures += [_composite(title, label, number) for number in range(per_class // 5)]
    return tuple(pictures)


def render_picture(picture: ToyPicture) -> Image.Image:
    """Draw one picture, RGB, 224 pixels square; the same numbers give the same pixels."""
    of_scene = np.random.default_rng(np.random.SeedSequence((_SEED, picture.label, picture.kind, picture.scene)))
    of_frame = np.random.default_rng(np.random.SeedSequence((_SEED, picture.label, picture.kind, picture.number, 1)))
    scene = draw_collage(of_scene) if picture.kind == _COMPOSITE else draw_room(of_scene)
    pose = _pose(of_scene)
    if picture.kind == _BURST:
        pose = _nudged(pose, of_frame)
    shown = scene.picture
    if picture.label < len(BEARS):
        toy = cast(
            bear_parts(BEARS[picture.label]),
            turn(pose.yaw, pose.pitch, pose.roll),
            scale=pose.scale,
            distance=pose.distance,
            light=scene.light,
            rng=of_scene,
        )
        shadow = 0.0 if picture.kind == _COMPOSITE else of_scene.uniform(0.35, 0.75)
        shown = paste(scene, toy, round(pose.x), round(pose.y), shadow=shadow)
    if of_scene.random() < 0.35:
        shown = cover_partly(shown, of_scene, pose.x, pose.y)
    return photograph(shown, scene.exposure, of_frame)


def _photo(title: str, label: int, number: int) -> ToyPicture:
    path = f"{title}/{title}_{number:03d}.jpg"
    return ToyPicture(path=path, label=label, kind=_PHOTO, scene=number, number=number)


def _frame(title: str, label: int, number: int) -> ToyPicture:
    burst, frame = divmod(number, _FRAMES)
    path = f"{title}/{title}_burst{burst:03d}_{frame:02d}.jpg"
    return ToyPicture(path=path, label=label, kind=_BURST, scene=burst, number=number)


def _composite(title: str, label: int, number: int) -> ToyPicture:
    path = f"{title}/composite_{title}_{number:03d}.jpg"
    return ToyPicture(path=path, label=label, kind=_COMPOSITE, scene=number, number=number)


def _pose(rng: np.random.Generator) -> _Pose:
    return _Pose(
        yaw=rng.uniform(-35, 35),
        pitch=rng.uniform(-5, 30),
        roll=rng.uniform(-20, 20),
        x=SIZE * rng.uniform(0.28, 0.72),
        y=SIZE * rng.uniform(0.50, 0.72),
        scale=rng.uniform(34, 50),
        distance=rng.uniform(6, 12),
    )


def _nudged(pose: _Pose, rng: np.random.Generator) -> _Pose:
    """What changes from frame to frame of a burst."""
    return replace(
        pose,
        yaw=pose.yaw + rng.normal(0, 4),
        pitch=pose.pitch + rng.normal(0, 2),
        roll=pose.roll + rng.normal(0, 3),
        x=pose.x + rng.normal(0, 3),
        y=pose.y + rng.normal(0, 2),
        scale=pose.scale * rng.uniform(0.97, 1.03),
    )
