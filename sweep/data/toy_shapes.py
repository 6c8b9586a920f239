"""Plush shapes: ellipsoids met by parallel rays and shaded like fabric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sweep.data.toy_surfaces import Colour, Plane, noise_window

__all__ = ["Ellipsoid", "Light", "Sprite", "cast", "turn"]

Vector = tuple[float, float, float]

_OVERSAMPLING = 2
_NOTHING = -9.0  # depth where a ray meets nothing
_FUR_LENGTH = 0.035


@dataclass(frozen=True, slots=True, kw_only=True)
class Ellipsoid:
    """One stuffed part: x to the right, y up, z towards the viewer.

    Attributes:
        tilt: degrees about z.
        fur, gloss: 0 to 1.
    """

    centre: Vector
    radii: Vector
    colour: Colour
    tilt: float = 0.0
    fur: float = 0.0
    gloss: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """Where light comes from (a vector towards it), its colour, and how much reaches the shade (0 to 1)."""

    direction: Vector
    colour: Colour
    ambient: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sprite:
    """A shaded thing cut out of its surroundings.

    Attributes:
        colour: premultiplied by `alpha`, 0 to 1, shape (3, height, width).
        alpha: coverage, 0 to 1, shape (height, width).
        left, top: of its corner relative to the thing's origin, pixels, downwards.
    """

    colour: Plane
    alpha: Plane
    left: int
    top: int


@dataclass(slots=True, kw_only=True, eq=False)
class _Canvas:
    """What the rays have met so far, on the oversampled grid: depth, normal, colour and gloss of what is nearest."""

    x: Plane
    y: Plane
    depth: Plane
    normal: Plane
    colour: Plane
    gloss: Plane
    fur: Plane


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Placed:
    """An ellipsoid in the camera's axes: `form` (3, 3) is the quadratic form that is 1 on the surface."""

    centre: Plane
    form: Plane
    reach: float


def turn(yaw: float, pitch: float, roll: float) -> Plane:
    """Rotation matrix from a thing's axes to the camera's, angles in degrees, shape (3, 3)."""
    angles = np.radians([yaw, pitch, roll])
    (cy, cp, cr), (sy, sp, sr) = np.cos(angles), np.sin(angles)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    rotation: Plane = (about_z @ about_x @ about_y).astype(np.float32)
    return rotation


def cast(
    parts: Sequence[Ellipsoid],
    rotation: Plane,
    *,
    scale: float,
    distance: float,
    light: Light,
    rng: np.random.Generator,
) -> Sprite:
    """Look at the parts from `distance` units away and shade what is seen; `scale`: pixels a unit."""
    placed = [_placed(part, rotation, distance) for part in parts]
    reach = np.array([[*(one.centre[:2] - one.reach), *(one.centre[:2] + one.reach)] for one in placed]) * scale
    (left, bottom), (right, top) = np.floor(reach[:, :2].min(0)).astype(int), np.ceil(reach[:, 2:].max(0)).astype(int)
    shape = ((top - bottom) * _OVERSAMPLING, (right - left) * _OVERSAMPLING)
    rows, columns = ((np.arange(length, dtype=np.float32) + 0.5) / _OVERSAMPLING for length in shape)
    canvas = _Canvas(
        x=((left + columns) / scale).astype(np.float32)[None, :],
        y=((top - rows) / scale).astype(np.float32)[:, None],
        depth=np.full(shape, _NOTHING, np.float32),
        normal=np.zeros((3, *shape), np.float32),
        colour=np.zeros((3, *shape), np.float32),
        gloss=np.zeros(shape, np.float32),
        fur=noise_window(rng, *shape) * np.float32(_FUR_LENGTH),
    )
    for part, one in zip(parts, placed, strict=True):
        _meet(canvas, part, one)
    seen = canvas.depth > _NOTHING
    colour = _shaded(canvas, seen, light, scale)
    return Sprite(colour=_reduced(colour), alpha=_reduced(seen.astype(np.float32)), left=int(left), top=int(-top))


def _placed(part: Ellipsoid, rotation: Plane, distance: float) -> _Placed:
    """Weak perspective: a part is drawn larger, and further from the middle, the nearer its centre is."""
    centre = rotation @ np.array(part.centre, np.float32)
    nearer = distance / (distance - centre[2])
    inverse = np.diag(1 / (np.array(part.radii) * nearer)) @ (rotation @ turn(0, 0, part.tilt)).T
    centre[:2] *= nearer
    form = (inverse.T @ inverse).astype(np.float32)
    return _Placed(centre=centre, form=form, reach=float(max(part.radii) * nearer) * 1.06)


def _meet(canvas: _Canvas, part: Ellipsoid, placed: _Placed) -> None:
    """Let the rays meet one ellipsoid: keep its surface wherever it is nearer than what they met before."""
    centre, form, reach = placed.centre, placed.form, placed.reach
    columns = slice(*np.searchsorted(canvas.x[0], (centre[0] - reach, centre[0] + reach)))
    rows = slice(*np.searchsorted(-canvas.y[:, 0], (-centre[1] - reach, -centre[1] + reach)))
    window = (rows, columns)
    x, y = canvas.x[:, columns] - centre[0], canvas.y[rows] - centre[1]
    # On the surface a z^2 + 2 b z + c = 0; fur shortens or lengthens each ray a little.
    a = form[2, 2]
    b = form[0, 2] * x + form[1, 2] * y
    c = form[0, 0] * x * x + (2 * form[0, 1] * x + form[1, 1] * y) * y - 1
    fur = canvas.fur[window] * np.float32(part.fur)
    discriminant = b * b - a * (c + fur)
    z = (np.sqrt(np.maximum(discriminant, 0)) - b) / a
    nearer = (discriminant > 0) & (z + centre[2] > canvas.depth[window])
    np.copyto(canvas.depth[window], z + centre[2], where=nearer)
    np.copyto(canvas.gloss[window], np.float32(part.gloss), where=nearer)
    pile = 1 + np.float32(2.3) * fur
    for axis in range(3):
        slope = form[axis, 0] * x + form[axis, 1] * y + form[axis, 2] * z
        np.copyto(canvas.normal[axis][window], slope, where=nearer)
        np.copyto(canvas.colour[axis][window], np.float32(part.colour[axis]) * pile, where=nearer)


def _shaded(canvas: _Canvas, seen: NDArray[np.bool_], light: Light, scale: float) -> Plane:
    """Colours under the light where something is seen: soft terminator, bright pile at the rim, dark creases."""
    where = np.flatnonzero(seen)
    normal, base = (plane.reshape(3, -1).take(where, axis=1) for plane in (canvas.normal, canvas.colour))
    normal /= np.sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2])
    towards = (np.array(light.direction) / np.linalg.norm(light.direction)).astype(np.float32)
    facing = towards[0] * normal[0] + towards[1] * normal[1] + towards[2] * normal[2]
    diffuse = np.float32((1 - light.ambient) * 0.88) * np.maximum(facing + np.float32(0.3), 0)
    sky = np.float32(light.ambient) * (np.float32(0.75) + np.float32(0.25) * normal[1])
    grazing = 1 - normal[2]
    brightness = _crease(canvas.depth, scale).take(where) * (1 + np.float32(0.35) * grazing * grazing * grazing)
    mirrored = np.square(np.square(np.square(np.square(np.maximum(facing, 0)))))
    gloss = np.float32(0.8) * canvas.gloss.take(where) * mirrored
    tints = np.array(light.colour, np.float32)[:, None]
    colour = np.zeros((3, seen.size), np.float32)
    colour[:, where] = np.minimum(base * ((sky + diffuse * tints) * brightness) + gloss, 1)
    return colour.reshape(canvas.colour.shape)


def _crease(depth: Plane, scale: float) -> Plane:
    """How much light reaches each point past its neighbours, 0 to 1: little where the surroundings stand nearer."""
    levels = np.clip((depth + np.float32(1.5)) * 80, 0, 255)
    blurred = Image.fromarray(levels.astype(np.uint8)).filter(ImageFilter.BoxBlur(0.12 * scale * _OVERSAMPLING))
    hidden = np.clip((np.asarray(blurred, np.float32) - levels) / 28, 0, 1)
    reaching: Plane = 1 - np.float32(0.55) * hidden
    return reaching


def _reduced(plane: Plane) -> Plane:
    """Means over the oversampled two-by-two squares."""
    rows = plane[..., ::2, :] + plane[..., 1::2, :]
    means: Plane = (rows[..., ::2] + rows[..., 1::2]) * np.float32(0.25)
    return means
