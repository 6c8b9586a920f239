"""Things that lie about in a room: boxes, balls, cups and books, drawn with flat inks and a little shade."""

from __future__ import annotations

import numpy as np
from PIL import ImageDraw

from sweep.data.toy_surfaces import Colour, random_colour

__all__ = ["draw_thing", "ink"]

Draw = ImageDraw.ImageDraw


def draw_thing(draw: Draw, rng: np.random.Generator, x: float, foot: float, reach: float) -> None:
    """One thing that stands on (x, foot) and is about twice `reach` wide; pixels."""
    draw.ellipse((x - 1.1 * reach, foot - 0.25 * reach, x + 1.2 * reach, foot + 0.2 * reach), fill=(40, 34, 30))
    (_box, _ball, _cup, _books)[rng.integers(4)](draw, rng, x, foot, reach)


def ink(colour: Colour, factor: float = 1.0) -> tuple[int, int, int]:
    """The colour, brightened by a factor, in 8 bits."""
    red, green, blue = (min(round(255 * part * factor), 255) for part in colour)
    return red, green, blue


def _box(draw: Draw, rng: np.random.Generator, x: float, foot: float, reach: float) -> None:
    colour, height, skew = random_colour(rng), reach * rng.uniform(0.8, 2.2), reach * rng.uniform(0.2, 0.6)
    left, right, top = x - reach, x + reach * rng.uniform(0.3, 1), foot - height
    lid = ((left, top), (left + skew, top - skew), (right + skew, top - skew), (right, top))
    side = ((right, top), (right + skew, top - skew), (right + skew, foot - skew), (right, foot))
    draw.rectangle((left, top, right, foot), fill=ink(colour, 0.9))
    draw.polygon(lid, fill=ink(colour, 1.15))
    draw.polygon(side, fill=ink(colour, 0.6))
    if rng.random() < 0.5:
        inset = reach * 0.25
        label = (left + inset, top + inset, right - inset, foot - inset)
        draw.rectangle(label, fill=ink(random_colour(rng), 0.9))


def _ball(draw: Draw, rng: np.random.Generator, x: float, foot: float, reach: float) -> None:
    colour = random_colour(rng)
    for step in range(7):
        radius, shift = reach * (1 - step / 7.5), reach * 0.055 * step
        across, down = x - shift, foot - reach - shift
        draw.ellipse(
            (across - radius, down - radius, across + radius, down + radius), fill=ink(colour, 0.55 + 0.11 * step)
        )


def _cup(draw: Draw, rng: np.random.Generator, x: float, foot: float, reach: float) -> None:
    colour, height, half = random_colour(rng), reach * rng.uniform(1.2, 2), reach * 0.7
    handle = (x + half * 0.5, foot - height * 0.8, x + half * 1.7, foot - height * 0.2)
    draw.ellipse(handle, outline=ink(colour, 0.8), width=max(round(reach * 0.16), 1))
    for step in range(8):
        left = x - half + step * half / 4
        draw.rectangle((left, foot - height, left + half / 4, foot), fill=ink(colour, 1.1 - 0.07 * step))
    for rim, factor in ((foot, 0.8), (foot - height, 0.5)):
        draw.ellipse((x - half, rim - half * 0.25, x + half, rim + half * 0.25), fill=ink(colour, factor))


def _books(draw: Draw, rng: np.random.Generator, x: float, foot: float, reach: float) -> None:
    for _ in range(rng.integers(1, 5)):
        colour, thickness, shift = random_colour(rng), reach * rng.uniform(0.25, 0.5), reach * rng.uniform(-0.2, 0.2)
        left, right, top = x - reach + shift, x + reach + shift, foot - thickness
        draw.rectangle((left, top, right, foot), fill=ink(colour, 0.9))
        stripe = (right - reach * 0.3, top + thickness * 0.15, right - reach * 0.2, foot - thickness * 0.1)
        draw.rectangle(stripe, fill=ink(colour, 1.3))
        foot = top
