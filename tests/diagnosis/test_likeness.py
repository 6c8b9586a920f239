"""Pictures that are one picture, in all the ways in which copies differ, and pictures that are not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.likeness import HASH_BITS, Likeness, is_flat, likeness, smoothed

Pixels = NDArray[np.float64]

GREY = np.full((1, 32, 32, 3), 128.0)


def scene(seed: int, *, zoom: float = 1.0, shift: float = 0.0) -> Pixels:
    """A picture of coloured waves, float64, shape (32, 32, 3), seen through a zoom and from a little aside."""
    rng = np.random.default_rng(seed)
    place = (np.arange(32) - 15.5) / zoom
    waves = np.zeros((32, 32, 3))
    for _ in range(6):
        down, right = rng.uniform(-0.5, 0.5, 2)
        phase = down * place[:, None] + right * (place + shift)[None] + rng.uniform(0, 2 * np.pi)
        waves += np.cos(phase)[..., None] * rng.normal(1.0, 0.3, 3)
    return 128 + 15 * waves


def compare(first: Pixels, second: Pixels) -> Likeness:
    pictures = smoothed(np.clip(np.rint(np.stack([first, second])), 0, 255).astype(np.uint8))
    return likeness(pictures, np.array([0]), np.array([1]))


def test_a_pixel_is_spread_over_its_neighbours() -> None:
    thumbnails = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    thumbnails[0, 5, 7, 1] = 160
    blurred = smoothed(thumbnails)
    assert blurred.shape == (1, 3, 32, 32)
    assert blurred[0, 1, 4:7, 6:9].tolist() == [[10, 20, 10], [20, 40, 20], [10, 20, 10]]
    assert blurred.sum() == 160


def test_the_blur_does_not_darken_edges() -> None:
    assert (smoothed(GREY.astype(np.uint8)) == 128).all()


def test_pictures_without_contrast_are_flat() -> None:
    noise = np.random.default_rng(0).integers(-2, 3, (1, 32, 32, 3))
    thumbnails = np.concatenate([GREY, GREY + noise, scene(0)[None]]).astype(np.uint8)
    assert is_flat(smoothed(thumbnails)).tolist() == [True, True, False]


@pytest.mark.parametrize(
    "copy",
    [
        scene(1),
        0.6 * scene(1) + 30,
        scene(1) + np.array([20.0, 0.0, -20.0]),
        scene(1)[:, ::-1],
        scene(1, shift=2),
        scene(1, zoom=1.05)[:, ::-1],
        scene(1, zoom=1.1),
    ],
    ids=["equal", "darker", "with a cast", "mirrored", "shifted", "cropped and mirrored", "cropped by a tenth"],
)
def test_copies_are_near(copy: Pixels) -> None:
    found = compare(scene(1), copy)
    assert found.distance[0] ** 2 < 0.04
    assert found.bits[0] <= 10


def test_a_picture_is_at_no_distance_from_itself() -> None:
    found = compare(scene(1), scene(1))
    assert found.distance[0] < 1e-3
    assert found.bits[0] == 0


def test_more_than_a_crop_by_a_tenth_is_another_picture() -> None:
    assert compare(scene(1), scene(1, zoom=1.4)).distance[0] ** 2 > 0.1


def test_unrelated_pictures_are_far() -> None:
    found = [compare(scene(seed), scene(seed + 50)) for seed in range(20)]
    assert min(one.distance[0] for one in found) > 0.5
    assert 20 < np.mean([one.bits[0] for one in found]) < 36
    assert max(one.bits[0] for one in found) <= HASH_BITS


def test_other_colours_with_equal_grey_are_another_picture() -> None:
    wave = 40 * np.cos(0.4 * np.arange(32))[:, None, None] * np.ones((1, 32, 3))
    other = wave * np.array([1.9, 1.0, 0.1])
    assert compare(128 + wave, 128 + other).distance[0] ** 2 > 0.1
    assert compare(128 + wave, 128 + 0.5 * wave).distance[0] ** 2 < 0.01


def test_a_flat_picture_is_like_nothing() -> None:
    assert compare(GREY[0], GREY[0]).distance[0] == pytest.approx(1.0)
    assert compare(scene(1), GREY[0]).distance[0] == pytest.approx(1.0)


def test_pairs_in_batches_are_compared_as_one_by_one() -> None:
    pictures = smoothed(np.stack([scene(seed) for seed in range(10)]).astype(np.uint8))
    first, second = np.divmod(np.arange(100), 10)
    found = likeness(pictures, first, second)
    for pair in (63, 64, 99):
        alone = likeness(pictures, first[pair : pair + 1], second[pair : pair + 1])
        assert found.distance[pair] == pytest.approx(alone.distance[0], abs=1e-3)
        assert found.bits[pair] == alone.bits[0]
    assert (found.distance[first == second] < 1e-3).all()
