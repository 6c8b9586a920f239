"""The rendered sets that are drawn in seconds: radar pulses, sonar echoes and digits, PNG or JPEG, balanced classes."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sweep.data.digits import DIGITS, draw_digit
from sweep.data.echoes import ECHOES, draw_echo
from sweep.data.radar import MODULATIONS, draw_pulse
from sweep.data.rendering import Rendering
from sweep.progress import Advance

__all__ = ["DRAWINGS", "drawing_rendering"]

_HERE = Path(__file__).parent
_QUALITY = 90  # of what is kept as JPEG


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawing:
    """What a set consists of.

    Attributes:
        classes: their names, in the order of their labels.
        per_class: pictures.
        draw: makes a picture from its label and random numbers.
        suffix: tells the format.
    """

    classes: Sequence[str]
    per_class: int
    draw: Callable[[int, np.random.Generator], Image.Image]
    suffix: str


_DRAWINGS = {
    "radar": _Drawing(classes=MODULATIONS, per_class=400, draw=draw_pulse, suffix="png"),
    "echoes": _Drawing(classes=ECHOES, per_class=1000, draw=draw_echo, suffix="jpg"),
    "digits": _Drawing(classes=DIGITS, per_class=200, draw=draw_digit, suffix="png"),
}
DRAWINGS = tuple(_DRAWINGS)
"""Names of the sets; the module of that name in this folder draws one's pictures."""


def drawing_rendering(name: str) -> Rendering:
    """How one of `DRAWINGS` is made."""
    drawing = _DRAWINGS[name]
    return Rendering(
        name=name,
        part="drawings",
        modules=(Path(__file__), _HERE / f"{name}.py"),
        pictures=len(drawing.classes) * drawing.per_class,
        render=functools.partial(_render_in_threads, drawing),
    )


def _render_in_threads(drawing: _Drawing, folder: Path, advance: Advance) -> None:
    for title in drawing.classes:
        (folder / title).mkdir()
    places = [(label, number) for label in range(len(drawing.classes)) for number in range(drawing.per_class)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # numpy and Pillow work outside the interpreter's lock
        for _ in threads.map(functools.partial(_render_picture, drawing, folder), places):
            advance()


def _render_picture(drawing: _Drawing, folder: Path, place: tuple[int, int]) -> None:
    """Draw and save the picture of a label and a number; the same two give the same pixels."""
    label, number = place
    title = drawing.classes[label]
    picture = drawing.draw(label, np.random.default_rng(np.random.SeedSequence(place)))
    picture.save(folder / title / f"{title}_{number:03d}.{drawing.suffix}", quality=_QUALITY)
