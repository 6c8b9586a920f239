"""Clutter: every thing stands where it was put and stays about as large as it should be."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sweep.data.toy_clutter import draw_thing, ink


@pytest.mark.parametrize("seed", range(12))
def test_a_thing_stands_on_its_foot(seed: int) -> None:
    layer = Image.new("RGBA", (300, 300))
    draw_thing(ImageDraw.Draw(layer), np.random.default_rng(seed), 150, 200, 40)
    left, top, right, bottom = layer.getbbox() or (0, 0, 0, 0)
    assert 80 < left < right < 260
    assert 60 < top < 195
    assert 200 <= bottom <= 215


def test_ink_is_brightened_up_to_white() -> None:
    assert ink((0.5, 0.0, 1.0)) == (128, 0, 255)
    assert ink((0.5, 0.0, 1.0), 1.5) == (191, 0, 255)
