"""Rooms to photograph toys in: a floor, a wall, clutter and light, and what a camera does to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from sweep.data.toy_clutter import draw_thing, ink
from sweep.data.toy_shapes import Light, Sprite
from sweep.data.toy_surfaces import Plane, random_colour, surface

__all__ = ["SIZE", "Scene", "cover_partly", "draw_collage", "draw_room", "paste", "photograph"]

SIZE = 224
"""Width and height of every picture, pixels."""

_LOOKING_DOWN = -SIZE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """A place without a toy.

    Attributes:
        picture: 0 to about 1, shape (3, SIZE, SIZE).
        light: what a toy stands in.
        exposure: the camera's factor on red, green and blue, shape (3, 1, 1).
    """

    picture: Plane
    light: Light
    exposure: Plane


def draw_room(rng: np.random.Generator) -> Scene:
    """A floor, a wall behind it unless the camera looks down, and things that lie about."""
    light = _light(rng)
    horizon = _LOOKING_DOWN if rng.random() < 0.25 else int(SIZE * rng.uniform(0.25, 0.6))
    picture = _floor(rng, horizon)
    if horizon > 0:
        wall = surface(rng, *_turned_grid(rng.uniform(-4, 4), SIZE / rng.uniform(3, 9)))
        picture[:, :horizon] = wall[:, :horizon] * np.float32(rng.uniform(0.7, 1))
    # Twice the size, so that the edges of what is drawn are smooth.
    image = _image(picture * _falling_light(rng, light)).resize((2 * SIZE, 2 * SIZE), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    for foot in np.sort(rng.uniform(max(horizon, 0) + 8, SIZE * 0.95, rng.integers(2, 8))):
        draw_thing(draw, rng, 2 * rng.uniform(0, SIZE), 2 * foot, 2 * rng.uniform(14, 40))
    blurred = image.reduce(2).filter(ImageFilter.BoxBlur(rng.uniform(0, 3)))
    return Scene(picture=_planes(blurred), light=light, exposure=_exposure(rng))


def draw_collage(rng: np.random.Generator) -> Scene:
    """A random background as image programs make them: clouds of colour and shapes, no floor."""
    clouds = Image.fromarray(rng.integers(20, 236, (5, 5, 3), np.uint8))
    image = clouds.resize((2 * SIZE, 2 * SIZE), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(3, 12)):
        x, y, reach = *rng.uniform(0, 2 * SIZE, 2), rng.uniform(10, 110)
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((x - reach, y - reach * 0.7, x + reach, y + reach * 0.7), fill=ink(random_colour(rng)))
    return Scene(picture=_planes(image.reduce(2)), light=_light(rng), exposure=_exposure(rng))


def paste(scene: Scene, toy: Sprite, x: int, y: int, *, shadow: float) -> Plane:
    """The scene with the toy's origin at column x and row y; `shadow`: how dark its shadow is, 0 to 1.

    Returns:
        0 to about 1, shape (3, SIZE, SIZE).
    """
    left, top = x + toy.left, y + toy.top
    picture = scene.picture * (1 - np.float32(shadow) * _shadow(toy, left, top, scene.light))
    height, width = toy.alpha.shape
    rows, columns = slice(max(top, 0), min(top + height, SIZE)), slice(max(left, 0), min(left + width, SIZE))
    source = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    picture[:, rows, columns] *= 1 - toy.alpha[source]
    picture[:, rows, columns] += toy.colour[:, *source]
    return picture


def cover_partly(picture: Plane, rng: np.random.Generator, x: float, y: float) -> Plane:
    """Put something out of focus in front of the point (x, y), to one side of it and below."""
    layer = Image.new("RGBA", (2 * SIZE, 2 * SIZE))
    side = x + rng.choice([-1, 1]) * rng.uniform(28, 60)
    foot = y + rng.uniform(30, 75)
    draw_thing(ImageDraw.Draw(layer), rng, 2 * side, 2 * foot, 2 * rng.uniform(22, 42))
    cover = _planes(layer.reduce(2).filter(ImageFilter.BoxBlur(rng.uniform(0.5, 3))))
    covered: Plane = picture + (cover[:3] - picture) * cover[3]
    return covered


def photograph(picture: Plane, exposure: Plane, rng: np.random.Generator) -> Image.Image:
    """What the camera makes of it: exposure, a little blur, noise."""
    image = _image(picture * exposure).filter(ImageFilter.BoxBlur(rng.uniform(0, 1.4)))
    noise = rng.standard_normal((SIZE, SIZE, 3), np.float32) * np.float32(rng.uniform(2, 9))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


# ---- light -----------------------------------------------------------------------------------------------------------


def _light(rng: np.random.Generator) -> Light:
    """Daylight or a lamp, from above on one side."""
    warmth = rng.uniform(-0.12, 0.12)
    return Light(
        direction=(rng.uniform(-0.9, 0.9), rng.uniform(0.4, 1.0), rng.uniform(0.5, 1.0)),
        colour=(1 + warmth, 1.0, 1 - warmth),
        ambient=rng.uniform(0.3, 0.6),
    )


def _exposure(rng: np.random.Generator) -> Plane:
    balance = np.array([rng.uniform(0.9, 1.1), 1, rng.uniform(0.9, 1.1)]) * rng.uniform(0.85, 1.4)
    exposure: Plane = balance.astype(np.float32)[:, None, None]
    return exposure


def _falling_light(rng: np.random.Generator, light: Light) -> Plane:
    """Brightness of the surroundings, more towards the light, shape (3, SIZE, SIZE)."""
    axis = np.linspace(-1, 1, SIZE, dtype=np.float32)
    across, up, _ = np.float32(rng.uniform(0.05, 0.3)) * np.array(light.direction, np.float32)
    brightness = np.float32(0.9) + across * axis[None, :] - np.float32(0.6) * up * axis[:, None]
    tinted: Plane = brightness * np.array(light.colour, np.float32)[:, None, None]
    return tinted


def _shadow(toy: Sprite, left: int, top: int, light: Light) -> Plane:
    """The toy's outline laid down on the floor away from the light, blurred, 0 to 1, shape (SIZE, SIZE)."""
    outline = Image.fromarray((toy.alpha * 255).astype(np.uint8))
    sole = 0.93 * toy.alpha.shape[0]  # row of the outline that touches the floor
    foot = top + sole  # and of the picture
    squash, lean = 0.42, -0.8 * light.direction[0]
    # Pillow asks where each pixel comes from: what stands above the sole is laid flat and to one side.
    to_column = (1, lean / squash, -left - lean * foot / squash)
    to_row = (0, 1 / squash, sole - foot / squash)
    laid = outline.transform((SIZE, SIZE), Image.Transform.AFFINE, (*to_column, *to_row))
    return np.asarray(laid.filter(ImageFilter.BoxBlur(5)), np.float32) / np.float32(255)


# ---- floor and wall --------------------------------------------------------------------------------------------------


def _floor(rng: np.random.Generator, horizon: int) -> Plane:
    """A patterned floor that recedes towards the row `horizon`, shape (3, SIZE, SIZE)."""
    if horizon < 0:
        return surface(rng, *_turned_grid(rng.uniform(0, 180), SIZE / rng.uniform(3, 8)))
    axis = np.arange(SIZE, dtype=np.float32) / np.float32(SIZE)
    depth = (1 / np.maximum(axis - np.float32(horizon / SIZE) + np.float32(0.18), np.float32(0.18)))[:, None]
    across = (axis - np.float32(rng.uniform(0.2, 0.8)))[None, :] * depth
    return surface(rng, *_turned(across, depth, rng.uniform(-40, 40), rng.uniform(1, 2.5)))


def _turned_grid(angle: float, unit: float) -> tuple[Plane, Plane]:
    """Coordinates of the pixels along two axes turned by `angle` degrees, in units of `unit` pixels."""
    axis = np.arange(SIZE, dtype=np.float32)
    return _turned(axis[None, :], axis[:, None], angle, 1 / unit)


def _turned(x: Plane, y: Plane, angle: float, zoom: float) -> tuple[Plane, Plane]:
    cosine, sine = (np.float32(zoom * function(np.radians(angle))) for function in (np.cos, np.sin))
    return cosine * x + sine * y, cosine * y - sine * x


# ---- planes of floats and images of bytes ----------------------------------------------------------------------------


def _image(picture: Plane) -> Image.Image:
    return Image.fromarray(np.clip(picture * 255, 0, 255).astype(np.uint8).transpose(1, 2, 0))


def _planes(image: Image.Image) -> Plane:
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1)).astype(np.float32) / np.float32(255)
