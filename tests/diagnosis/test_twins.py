"""Which training image is found for each image, and which ones are passed over."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.likeness import likeness
from sweep.diagnosis.twins import REFERENCE, Album, make_album, nearest_pictures, same_pictures

Pixels = NDArray[np.uint8]


def patches(count: int, seed: int = 0) -> Pixels:
    drawn = np.random.default_rng(seed).uniform(30, 220, (count, 4, 4, 3))
    return np.kron(drawn, np.ones((1, 8, 8, 1))).astype(np.uint8)


def album(pictures: Pixels, labels: list[int], groups: list[int] | None = None) -> Album:
    features = pictures.reshape(len(pictures), -1)[:, ::24].astype(float) - 125
    return make_album(features, pictures, [f"file {row}" for row in range(len(pictures))], labels, groups)


def test_features_become_directions() -> None:
    made = make_album([[3.0, 4.0], [0.0, 0.0]], patches(2), ["a", "b"], [0, 1], None)
    assert made.directions.dtype == np.float32
    assert made.directions.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0.0, 0.0]]


def test_equal_pixels_are_equal_pictures_but_flat_ones_only_as_equal_files() -> None:
    pictures = patches(6)
    pictures[3] = pictures[0]
    pictures[[1, 4, 5]] = 200
    made = make_album(np.eye(6), pictures, ["a", "b", "c", "d", "b", "f"], np.zeros(6), None)
    codes = made.codes.tolist()
    assert codes[0] == codes[3]
    assert codes[1] == codes[4] != codes[5]
    assert len(set(codes)) == 4


def test_equal_pictures_are_found_by_class() -> None:
    pictures = patches(7)
    pictures[4] = pictures[5] = pictures[1]
    made = album(pictures, [0, 0, 0, 0, 0, 1, 0])
    train, asked = np.array([0, 1, 2, 3]), np.array([4, 5, 6])
    assert same_pictures(made, train, asked, same_class=True).tolist() == [1, -1, -1]
    assert same_pictures(made, train, asked, same_class=False).tolist() == [-1, 1, -1]


def test_a_copy_is_nearest_and_far_nearer_than_the_third() -> None:
    pictures = patches(21)
    pictures[20] = (0.8 * pictures[7]).astype(np.uint8)
    made = album(pictures, [0] * 21)
    found = nearest_pictures(made, np.arange(20), np.array([20]), same_class=True)
    assert found.image.tolist() == [7]
    assert found.distance[0] < 0.05
    assert found.bits[0] <= 2
    # Features propose five; their distances in pixels by hand.
    similar = made.directions[20] @ made.directions[:20].T
    proposed = np.argsort(-similar)[:5]
    distances = np.sort(likeness(made.pictures, np.full(5, 20), proposed).distance)
    assert found.distance[0] == pytest.approx(distances[0])
    assert found.ratio[0] == pytest.approx(distances[0] / distances[REFERENCE - 1])
    assert found.ratio[0] < 0.1


def test_only_the_class_that_is_asked_for_is_looked_at() -> None:
    pictures = patches(21)
    pictures[20] = (0.8 * pictures[7]).astype(np.uint8)
    labels = [0] * 21
    labels[7] = 1
    made = album(pictures, labels)
    own = nearest_pictures(made, np.arange(20), np.array([20]), same_class=True)
    assert own.image[0] != 7
    assert own.distance[0] > 0.3
    other = nearest_pictures(made, np.arange(20), np.array([20]), same_class=False)
    assert other.image.tolist() == [7]
    assert other.ratio.tolist() == [1.0]  # there is no third one


def test_equal_pictures_and_images_of_the_own_source_are_passed_over() -> None:
    pictures = patches(21)
    pictures[20] = pictures[6] = pictures[7]
    pictures[8] = (0.8 * pictures[7]).astype(np.uint8)
    pictures[9] = (0.9 * pictures[7]).astype(np.uint8)
    without = nearest_pictures(album(pictures, [0] * 21), np.arange(20), np.array([20]), same_class=True)
    assert without.image[0] in (8, 9)
    groups = [*range(20), 8]
    known = nearest_pictures(album(pictures, [0] * 21, groups), np.arange(20), np.array([20]), same_class=True)
    assert known.image.tolist() == [9]


def test_a_training_image_is_not_its_own_neighbour() -> None:
    found = nearest_pictures(album(patches(30), [0] * 30), np.arange(30), np.arange(30), same_class=True)
    assert (found.image != np.arange(30)).all()


def test_without_another_image_there_is_none() -> None:
    found = nearest_pictures(album(patches(4), [0, 0, 0, 1]), np.array([0, 1, 2]), np.array([3]), same_class=True)
    assert found.image.tolist() == [-1]
    assert np.isinf(found.distance).all()
    assert found.ratio.tolist() == [1.0]


def test_images_in_batches_find_what_each_finds_alone() -> None:
    made = album(patches(520), [0] * 520)
    train = np.arange(20)
    together = nearest_pictures(made, train, np.arange(520), same_class=True)
    alone = nearest_pictures(made, train, np.array([510]), same_class=True)
    assert together.image[510] == alone.image[0]
    assert together.distance[510] == pytest.approx(alone.distance[0])
