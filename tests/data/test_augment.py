"""Augmented views: the same for the same seed, within their ranges, and still pictures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from sweep.data.augment import augment_images

ALL = ("flip", "shift", "rotate", "zoom", "brightness", "contrast", "erase")


@pytest.fixture
def pictures() -> NDArray[np.uint8]:
    """Forty smooth pictures of 32 pixels, each of its own."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 215, (40, 4, 4, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(picture).resize((32, 32))) for picture in coarse])


def test_a_seed_gives_the_same_view_and_another_seed_another(pictures: NDArray[np.uint8]) -> None:
    first = augment_images(pictures, ALL, seed=3)
    assert first.shape == pictures.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(augment_images(pictures, ALL, seed=3), first)
    assert (augment_images(pictures, ALL, seed=4) != first).any(axis=(1, 2, 3)).all()


def test_without_names_a_view_is_the_picture(pictures: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(augment_images(pictures, (), seed=3), pictures)


def test_about_half_of_the_pictures_are_flipped_and_the_others_untouched(pictures: NDArray[np.uint8]) -> None:
    views = augment_images(pictures, ("flip",), seed=3)
    flipped = (views == pictures[:, :, ::-1]).all(axis=(1, 2, 3))
    untouched = (views == pictures).all(axis=(1, 2, 3))
    assert (flipped ^ untouched).all()
    assert 10 <= flipped.sum() <= 30


def centre_of(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Centre of mass of what is bright, from the middle, as shares of the side: downwards, to the right."""
    weights = picture[..., 0].astype(float)
    positions = (np.arange(len(picture)) + 0.5) / len(picture) - 0.5
    centre = [(weights.sum(axis=1) * positions).sum(), (weights.sum(axis=0) * positions).sum()]
    return np.array(centre, np.float64) / float(weights.sum())


def spots(row: int, column: int, radius: int = 3, count: int = 40) -> NDArray[np.uint8]:
    pictures = np.zeros((count, 64, 64, 3), np.uint8)
    pictures[:, row - radius : row + radius, column - radius : column + radius] = 255
    return pictures


def test_shifts_stay_within_a_tenth_and_use_it() -> None:
    centres = np.array([centre_of(view) for view in augment_images(spots(32, 32), ("shift",), seed=0)])
    assert 0.08 < np.abs(centres).max() <= 0.101
    assert (centres.min(axis=0) < 0).all()
    assert (centres.max(axis=0) > 0).all()


def test_rotations_stay_within_fifteen_degrees_and_use_them() -> None:
    # A spot 0.3 sides to the right of the middle turns up and down by as much as the angle.
    centres = np.array([centre_of(view) for view in augment_images(spots(32, 51), ("rotate",), seed=0)])
    degrees = np.degrees(np.arctan2(centres[:, 0], centres[:, 1]))
    assert 12 < np.abs(degrees).max() <= 15.5
    assert degrees.min() < 0 < degrees.max()
    np.testing.assert_allclose(np.hypot(*centres.T), 19 / 64, atol=0.01)


@pytest.mark.parametrize("rotation", [90.0, 180.0])
def test_rotations_reach_as_far_as_they_are_asked_to(rotation: float) -> None:
    # Near enough to the middle that its mirror image stays out of view.
    views = augment_images(spots(32, 44, count=200), ("rotate",), seed=0, rotation=rotation)
    centres = np.array([centre_of(view) for view in views])
    degrees = np.degrees(np.arctan2(centres[:, 0], centres[:, 1]))
    assert 0.95 * rotation < np.abs(degrees).max() <= rotation + 0.5
    np.testing.assert_allclose(np.hypot(*centres.T), 12 / 64, atol=0.01)


def test_a_rotation_is_as_wide_as_its_range() -> None:
    # The same numbers are drawn: 90 degrees are six times fifteen.
    narrow, wide = (augment_images(spots(32, 51), ("rotate",), seed=0, rotation=degrees) for degrees in (15.0, 90.0))
    for one, other in zip(narrow, wide, strict=True):
        (row, column), (wide_row, wide_column) = centre_of(one), centre_of(other)
        angle, wide_angle = np.degrees(np.arctan2([row, wide_row], [column, wide_column]))
        assert wide_angle == pytest.approx(6 * angle, abs=4)


def test_a_range_of_rotations_changes_nothing_where_nothing_is_rotated(pictures: NDArray[np.uint8]) -> None:
    names = ("flip", "shift", "zoom")
    np.testing.assert_array_equal(
        augment_images(pictures, names, seed=3, rotation=180.0), augment_images(pictures, names, seed=3)
    )


def test_zooms_stay_within_fifteen_percent_and_use_them() -> None:
    centres = np.array([centre_of(view) for view in augment_images(spots(32, 51), ("zoom",), seed=0)])
    factors = centres[:, 1] / (19 / 64)
    assert 0.84 < factors.min() < 0.9
    assert 1.1 < factors.max() < 1.16


@pytest.mark.parametrize("rotation", [0.0, 15.0, 45.0, 90.0, 180.0])
def test_what_comes_into_view_is_the_picture_and_never_black(rotation: float) -> None:
    white = np.full((500, 32, 32, 3), 255, np.uint8)
    assert (augment_images(white, ("flip", "shift", "rotate", "zoom"), seed=0, rotation=rotation) == 255).all()


def test_brightness_multiplies_by_up_to_a_fifth() -> None:
    grey = np.full((200, 4, 4, 3), 100, np.uint8)
    levels = augment_images(grey, ("brightness",), seed=0)[:, 0, 0, 0]
    assert 80 <= levels.min() < 84
    assert 116 < levels.max() <= 120


def test_brightness_is_cut_off_and_does_not_wrap() -> None:
    white = np.full((50, 4, 4, 3), 250, np.uint8)
    assert augment_images(white, ("brightness",), seed=0).min() >= 200


def test_contrast_stretches_around_the_mean_by_up_to_a_fifth() -> None:
    halves = np.zeros((200, 4, 4, 3), np.uint8)
    halves[:, :2], halves[:, 2:] = 50, 150
    views = augment_images(halves, ("contrast",), seed=0)
    distances = views[:, 3, 0, 0].astype(int) - views[:, 0, 0, 0]
    np.testing.assert_allclose(views.mean(axis=(1, 2, 3)), 100, atol=0.5)
    assert 80 <= distances.min() < 84
    assert 116 < distances.max() <= 120


def test_a_name_does_the_same_whatever_stands_beside_it() -> None:
    grey = np.full((20, 8, 8, 3), 100, np.uint8)
    alone = augment_images(grey, ("brightness",), seed=5)
    np.testing.assert_array_equal(augment_images(grey, ("flip", "shift", "brightness"), seed=5), alone)


def erased_boxes(views: NDArray[np.uint8], untouched: int) -> list[tuple[slice, slice]]:
    """Rows and columns of what is erased in each view that has lost something; the rest must be untouched."""
    boxes = []
    for view in views:
        changed = (view != untouched).any(axis=2)
        if changed.any():
            rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
            boxes.append((slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)))
            assert changed[boxes[-1]].mean() > 0.98, "a full rectangle"
    return boxes


def test_erasing_takes_a_rectangle_of_every_other_picture() -> None:
    size = 64
    grey = np.full((400, size, size, 3), 100, np.uint8)
    boxes = erased_boxes(augment_images(grey, ("erase",), seed=0), untouched=100)
    heights, widths = (np.array([box[axis].stop - box[axis].start for box in boxes]) for axis in (0, 1))
    areas, aspects = heights * widths / size**2, heights / widths
    assert 160 <= len(boxes) <= 240
    # Sides are whole pixels: an area of 2 % is about 9 x 9 of them.
    assert 0.015 <= areas.min() < 0.04
    assert 0.36 < areas.max() <= 0.41
    assert 0.27 <= aspects.min() < 0.5
    assert 2.8 < aspects.max() <= 3.7
    corners = np.array([[box[axis].start for axis in (0, 1)] for box in boxes])
    assert corners.min() == 0
    assert (corners.max(axis=0) > 45).all()


def test_what_is_erased_is_filled_with_every_value_alike() -> None:
    grey = np.full((200, 64, 64, 3), 100, np.uint8)
    views = augment_images(grey, ("erase",), seed=0)
    values = views[(views != 100).any(axis=3)]
    # Uniform over 0 to 255: mean 127.5, standard deviation 73.9.
    assert values.mean() == pytest.approx(127.5, abs=1)
    assert values.std() == pytest.approx(73.9, abs=1)
    assert (values.min(), values.max()) == (0, 255)


def test_erasing_leaves_the_other_names_their_numbers(pictures: NDArray[np.uint8]) -> None:
    plain = augment_images(pictures, ALL[:-1], seed=5)
    erased = augment_images(pictures, ALL, seed=5)
    same = (erased == plain).all(axis=3)
    assert 0.85 < same.mean() < 0.97, "half of the pictures lose a sixth on average"
    assert 10 <= same.all(axis=(1, 2)).sum() <= 30


def test_the_smallest_picture_can_lose_all_it_has() -> None:
    assert augment_images(np.zeros((50, 2, 2, 3), np.uint8), ("erase",), seed=0).any()
