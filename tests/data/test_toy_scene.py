"""Scenes: what is pasted lies where it should, and the camera is the only source of noise."""

from __future__ import annotations

import numpy as np
import pytest

from sweep.data.toy_scene import SIZE, Scene, cover_partly, draw_collage, draw_room, paste, photograph
from sweep.data.toy_shapes import Light, Sprite

GREY = Scene(
    picture=np.full((3, SIZE, SIZE), 0.5, np.float32),
    light=Light(direction=(-0.9, 1, 1), colour=(1, 1, 1), ambient=0.5),
    exposure=np.ones((3, 1, 1), np.float32),
)
WHITE_SQUARE = Sprite(colour=np.ones((3, 40, 40), np.float32), alpha=np.ones((40, 40), np.float32), left=-20, top=-20)


@pytest.mark.parametrize("draw", [draw_room, draw_collage])
@pytest.mark.parametrize("seed", range(3))
def test_a_scene_is_a_picture_of_bright_and_dark(draw: type, seed: int) -> None:
    picture = draw(np.random.default_rng(seed)).picture
    assert picture.shape == (3, SIZE, SIZE)
    assert 0 <= picture.min() < picture.max() <= 1
    assert picture.std() > 0.02


def test_a_sprite_is_pasted_around_its_origin() -> None:
    picture = paste(GREY, WHITE_SQUARE, 100, 60, shadow=0)
    rows, columns = np.nonzero(picture[0] == 1)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (40, 79, 80, 119)
    assert np.all(GREY.picture == 0.5), "the scene stays as it was"


def test_a_sprite_may_hang_over_the_edge() -> None:
    picture = paste(GREY, WHITE_SQUARE, 10, SIZE - 5, shadow=0)
    assert int((picture[0] == 1).sum()) == 30 * 25


def test_the_shadow_falls_away_from_the_light() -> None:
    picture = paste(GREY, WHITE_SQUARE, 100, 60, shadow=0.5)[0]
    beside = picture < 0.45
    beside[:, 80:120] = False  # the square itself, and the floor at its foot
    columns = np.nonzero(beside)[1]
    assert columns.size > 20
    assert columns.min() >= 120, "the light comes from the left"
    assert picture[0, 0] == 0.5


def test_a_cover_hides_a_part_of_the_picture_only() -> None:
    picture = cover_partly(GREY.picture, np.random.default_rng(0), SIZE / 2, SIZE / 2)
    hidden = np.abs(picture - GREY.picture).max(axis=0) > 0.02
    assert 0.01 < hidden.mean() < 0.5


def test_the_camera_adds_blur_and_noise_around_the_exposed_picture() -> None:
    image = photograph(GREY.picture, np.array([1.2, 1, 0.8], np.float32)[:, None, None], np.random.default_rng(0))
    means = np.asarray(image).mean(axis=(0, 1)) / 255
    assert image.size == (SIZE, SIZE)
    assert means == pytest.approx([0.6, 0.5, 0.4], abs=0.01)
    assert 1 < np.asarray(image).std(axis=(0, 1)).min() < 10
