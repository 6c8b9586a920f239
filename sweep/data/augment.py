"""Random views of pictures: moved, relit, and with a piece erased."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["augment_images"]

Pixels = NDArray[np.uint8]

# Ranges that leave a picture of everyday things what it is.
_SHIFT = 0.1  # of the side
_ROTATION = 15.0  # degrees
_ZOOM = 0.15
_BRIGHTNESS = 0.2
_CONTRAST = 0.2
# Those of Zhong et al.
_ERASED_AREA = (0.02, 0.4)
_ERASED_ASPECT = (0.3, 1 / 0.3)  # height : width


def augment_images(pixels: Pixels, names: Sequence[str], seed: int, *, rotation: float = _ROTATION) -> Pixels:
    """One random view of each image, the same for the same seed and number of images.

    flip: left to right, every other time; shift: up to 10 % of the side each way; rotate: up to `rotation` degrees;
    zoom: up to 15 % in or out; brightness, contrast: up to 20 % less or more; erase: every other time, a rectangle of 2
    to 40 % of the area is filled with random values (Zhong et al. 2017, https://arxiv.org/abs/1708.04896). What comes
    into view is the picture mirrored at its border. A name draws the same numbers whatever other names are asked for.

    Args:
        pixels: uint8, shape (n_images, size, size, 3).
        names: which of the above.
        seed: of this view.
        rotation: degrees, 0 to 180.

    Returns:
        uint8, the shape of `pixels`.
    """
    sequence = np.random.SeedSequence(seed)
    drawn = np.random.default_rng(sequence).uniform(-1, 1, size=(len(pixels), 7))
    erasing = sequence.spawn(len(pixels))
    turning = rotation * ("rotate" in names)
    border = math.ceil(_border(max(turning, _ROTATION)) * pixels.shape[1])
    views = np.empty(pixels.shape, np.uint8)

    def fill(row: int) -> None:
        flip, shift_x, shift_y, rotate, zoom, brightness, contrast = drawn[row]
        view = _moved(pixels[row], names, border, flip, np.array([shift_x, shift_y]), turning * rotate, zoom)
        if "brightness" in names:
            view = _stretched(view, 0.0, 1 + _BRIGHTNESS * brightness)
        if "contrast" in names:
            view = _stretched(view, float(view.mean()), 1 + _CONTRAST * contrast)
        if "erase" in names:
            view = _erased(view, np.random.default_rng(erasing[row]))
        views[row] = view

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(fill, range(len(pixels))))
    return views


def _border(rotation: float) -> float:
    """How far outside a picture a view can reach, in whole hundredths of the side: a corner shifted and zoomed out."""
    angle = math.radians(min(rotation, 45.0))
    reach = (math.cos(angle) + math.sin(angle)) * (0.5 + _SHIFT) / (1 - _ZOOM) - 0.5
    return math.ceil(100 * reach) / 100


def _moved(
    picture: Pixels,
    names: Sequence[str],
    border: int,
    flip: float,
    shift: NDArray[np.float64],
    degrees: float,
    zoom: float,
) -> Pixels:
    """Flip, shift, rotate and zoom one picture in one resampling; `flip`, `shift` and `zoom` lie between -1 and 1."""
    size = len(picture)
    mirror = -1.0 if "flip" in names and flip < 0 else 1.0
    shift = shift * (_SHIFT * size * ("shift" in names))
    angle = math.radians(degrees)
    scale = 1 + _ZOOM * zoom * ("zoom" in names)
    # Pillow asks where each pixel of the view comes from: (x, y) -> (a x + b y + c, d x + e y + f).
    linear = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]) / scale
    linear[0] *= mirror
    start = border + size / 2 - linear @ (shift + size / 2)
    padded = np.pad(picture, ((border, border), (border, border), (0, 0)), mode="reflect")
    view = Image.fromarray(padded).transform(
        (size, size),
        Image.Transform.AFFINE,
        (linear[0, 0], linear[0, 1], start[0], linear[1, 0], linear[1, 1], start[1]),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(view)


def _stretched(picture: Pixels, pivot: float, factor: float) -> Pixels:
    """Values moved away from the pivot by a factor, or towards it."""
    values = (picture.astype(np.float32) - pivot) * factor + pivot
    stretched: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return stretched


def _erased(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Every other picture with a rectangle of random values; rectangles that do not fit are drawn again."""
    if rng.random() < 0.5:
        return picture
    size = len(picture)
    while True:
        area, aspect = rng.uniform(*_ERASED_AREA) * size**2, rng.uniform(*_ERASED_ASPECT)
        height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if height <= size and width <= size:
            break
    top, left = rng.integers(0, size - height + 1), rng.integers(0, size - width + 1)
    erased = picture.copy()
    erased[top : top + height, left : left + width] = rng.integers(0, 256, (height, width, 3), np.uint8)
    return erased
