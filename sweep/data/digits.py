"""The ten digits, typeset by Pillow's own font and photographed badly, grey."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

__all__ = ["DIGITS", "draw_digit"]

_Plane = NDArray[np.float64]

DIGITS = tuple("0123456789")

_SIZE = 64
_FONT_SIZES = (28, 46)  # pixels; digits are about 0.7 of it high


def draw_digit(label: int, rng: np.random.Generator) -> Image.Image:
    """The digit `label`, grey, 64 pixels square: size, place, rotation, weight, contrast, sharpness and noise vary."""
    ink = _ink(DIGITS[label], rng)
    paper, contrast = _paper(rng), rng.uniform(0.3, 0.75)
    # Dark on light or light on dark, whichever the paper leaves room for.
    values = paper + ink * contrast * (1 if paper.mean() < rng.uniform(0.35, 0.65) else -1)
    values = values + rng.normal(0, rng.uniform(0.01, 0.07), values.shape)
    return Image.fromarray(np.clip(values * 255, 0, 255).astype(np.uint8))


def _ink(digit: str, rng: np.random.Generator) -> _Plane:
    """How much of the digit covers each pixel, 0 to 1, shape (64, 64)."""
    image = Image.new("L", (_SIZE, _SIZE))
    middle = _SIZE / 2 + rng.uniform(-8, 8, 2)
    ImageDraw.Draw(image).text(
        (float(middle[0]), float(middle[1])),
        digit,
        fill=255,
        font=_font(int(rng.integers(*_FONT_SIZES))),
        anchor="mm",
        stroke_width=int(rng.integers(0, 3)),
    )
    turned = image.rotate(rng.uniform(-20, 20), Image.Resampling.BILINEAR, center=(float(middle[0]), float(middle[1])))
    return np.asarray(turned.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.2))), np.float64) / 255


def _paper(rng: np.random.Generator) -> _Plane:
    """An even ground or one that light falls on from a side, 0 to 1, shape (64, 64)."""
    axis = np.linspace(-1, 1, _SIZE)
    slope = rng.uniform(-0.12, 0.12, 2)
    paper: _Plane = rng.uniform(0.15, 0.85) + slope[0] * axis[None, :] + slope[1] * axis[:, None]
    return paper


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
