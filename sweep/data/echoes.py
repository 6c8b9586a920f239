"""Sonar echoes in false colours: divers and rocks on the sea floor, with the shadows that they cast."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFilter

__all__ = ["ECHOES", "draw_echo"]

ECHOES = ("diver", "rock")

_SIZE = 160

Plane = NDArray[np.float32]
_Points = NDArray[np.float64]


def draw_echo(label: int, rng: np.random.Generator) -> Image.Image:
    """What a side-looking sonar sees of one of `ECHOES`, RGB in shades of copper, 160 pixels square.

    Sound comes from the left: what stands on the floor answers it where it faces it, and hides the floor behind it.
    """
    middle = _SIZE * np.array([rng.uniform(0.35, 0.55), rng.uniform(0.35, 0.65)])
    outline = _outline(_diver(rng) if label == 0 else _rock(rng), middle, rng)
    standing = _plane(outline)
    # A shadow begins in front of the middle, so that it starts under what casts it.
    shadow = _plane(_drawn_out(outline, middle[0] - 24, rng.uniform(1.2, 1.8), softness=rng.uniform(1, 2.5)))
    facing = np.clip(standing - _plane(_moved_right(outline, rng.uniform(3, 8))), 0, 1)
    echo = _floor(rng) * (1 - rng.uniform(0.6, 0.9) * shadow)
    echo = echo * (1 - standing) + rng.uniform(0.15, 0.3) * standing + rng.uniform(0.25, 0.7) * facing
    return _false_colours(echo * _speckle(rng), rng)


# ---- what lies there: polygons around the origin, in pixels ----------------------------------------------------------


def _diver(rng: np.random.Generator) -> list[_Points]:
    """Trunk, head, arms and legs in some posture of swimming."""
    parts = [_limb((0, -0.18), (rng.normal(0, 0.05), 0.16), 0.1, 0.08), _limb((0, -0.3), (0, -0.33), 0.06, 0.06)]
    for side in (-1, 1):
        shoulder, hip = np.array([0.06 * side, -0.16]), np.array([0.04 * side, 0.12])
        elbow = np.array([side * rng.uniform(0.08, 0.24), rng.uniform(-0.3, 0.05)])
        hand = elbow + np.array([side * rng.uniform(-0.08, 0.14), rng.uniform(-0.2, 0.16)])
        knee = np.array([side * rng.uniform(0.03, 0.14), rng.uniform(0.26, 0.36)])
        foot = knee + np.array([side * rng.uniform(-0.06, 0.14), rng.uniform(0.1, 0.24)])
        parts += [_limb(shoulder, elbow, 0.035, 0.03), _limb(elbow, hand, 0.03, 0.025)]
        parts += [_limb(hip, knee, 0.05, 0.035), _limb(knee, foot, 0.035, 0.04)]
    turned = rng.uniform(60, 95) * _turn(rng.uniform(0, 2 * np.pi))
    return [part @ turned for part in parts]


def _rock(rng: np.random.Generator) -> list[_Points]:
    """One to three blocks that lie together, longish or not, and some rubble that sticks out like limbs."""
    parts = []
    for _ in range(rng.integers(1, 4)):
        block = _block(rng, rng.uniform(9, 22)) * (1, rng.uniform(0.5, 1))
        parts.append(block @ _turn(rng.uniform(0, 2 * np.pi)) + rng.normal(0, 8, 2))
    for _ in range(rng.integers(0, 4)):
        end = rng.normal(0, 16, 2)
        parts.append(_limb(end * rng.uniform(0.2, 0.6), end, rng.uniform(1, 4), rng.uniform(1, 3)))
    return parts


def _limb(start: ArrayLike, stop: ArrayLike, wide: float, thin: float) -> _Points:
    """A rounded strip from one point to another whose half width goes from `wide` to `thin`."""
    start, stop = np.asarray(start, np.float64), np.asarray(stop, np.float64)
    across, along = stop - start
    bow = np.linspace(np.pi / 2, 3 * np.pi / 2, 8) + np.arctan2(along, across)
    round_end = np.stack([np.cos(bow), np.sin(bow)], axis=1)
    return np.concatenate([start + wide * round_end, stop - thin * round_end])


def _block(rng: np.random.Generator, radius: float) -> _Points:
    """A closed line with bumps of a few sizes."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    bumps = sum(rng.normal(0, 0.3 / wave) * np.cos(wave * angle + rng.uniform(0, 2 * np.pi)) for wave in range(2, 9))
    reach = radius * (1 + bumps)
    return np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=1)


def _turn(angle: float) -> _Points:
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


# ---- what the sonar makes of it --------------------------------------------------------------------------------------


def _outline(parts: list[_Points], middle: _Points, rng: np.random.Generator) -> Image.Image:
    """The parts as one outline with soft edges, 0 to 255."""
    twice = Image.new("L", (2 * _SIZE, 2 * _SIZE))
    draw = ImageDraw.Draw(twice)
    for part in parts:
        draw.polygon([(float(x), float(y)) for x, y in 2 * (part + middle)], fill=255)
    return twice.reduce(2).filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))


# Pillow asks where each pixel of the result comes from: (x, y) -> (a x + b y + c, d x + e y + f).


def _drawn_out(outline: Image.Image, column: float, factor: float, *, softness: float) -> Image.Image:
    """The outline stretched from a column to the right, blurred."""
    across = (1 / factor, 0, column - column / factor)
    laid = outline.transform(outline.size, Image.Transform.AFFINE, (*across, 0, 1, 0), Image.Resampling.BILINEAR)
    return laid.filter(ImageFilter.GaussianBlur(softness))


def _moved_right(outline: Image.Image, columns: float) -> Image.Image:
    return outline.transform(outline.size, Image.Transform.AFFINE, (1, 0, -columns, 0, 1, 0), Image.Resampling.BILINEAR)


def _floor(rng: np.random.Generator) -> Plane:
    """Sand and ripples, fainter with the distance, about 0.1 to 0.6, shape (160, 160)."""
    axis = np.linspace(0, 1, _SIZE, dtype=np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(6, 20)
    along = 2 * math.pi * _SIZE / period * (math.cos(angle) * axis[None, :] + math.sin(angle) * axis[:, None])
    clouds = Image.fromarray(rng.random((6, 6)).astype(np.float32)).resize((_SIZE, _SIZE), Image.Resampling.BICUBIC)
    uneven = np.asarray(clouds) - np.float32(0.5)
    floor = 1 + rng.uniform(0, 0.25) * np.sin(along + 3 * uneven) + rng.uniform(0.2, 0.8) * uneven
    plane: Plane = rng.uniform(0.22, 0.42) * floor * (1 - rng.uniform(-0.1, 0.5) * axis)
    return plane


def _speckle(rng: np.random.Generator) -> Plane:
    """Grain that multiplies the echo, of mean 1: sound adds up in phase or out of it, longish across the beam."""
    looks = rng.uniform(2.5, 7)
    grain = rng.standard_gamma(looks, (_SIZE // 2, _SIZE), np.float32) / np.float32(looks)
    return np.asarray(Image.fromarray(grain).resize((_SIZE, _SIZE), Image.Resampling.BILINEAR))


def _false_colours(echo: Plane, rng: np.random.Generator) -> Image.Image:
    """Black over brown and orange to yellow."""
    level = np.clip(echo * rng.uniform(0.8, 1.3), 0, 1)
    red, green = np.clip(1.7 * level + 0.1, 0, 1), np.clip(rng.uniform(1.1, 1.5) * level - 0.06, 0, 1)
    blue = np.clip(0.06 + 0.9 * (level - 0.75), 0, 1)
    return Image.fromarray((255 * np.stack([red, green, blue], axis=2)).astype(np.uint8))


def _plane(image: Image.Image) -> Plane:
    return np.asarray(image, np.float32) / np.float32(255)
