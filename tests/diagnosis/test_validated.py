"""Images behind the numbers of one split, of whole and partial cross-validations, and of repeated ones."""

from __future__ import annotations

import pytest

from sweep.diagnosis.validated import images_validated


@pytest.mark.parametrize(
    ("validation_images", "folds", "images", "expected"),
    [
        (100, 0, None, 100),
        (100, 0, 90, 100),  # one split: its own number, whatever the study has now
        (80, 5, None, 400),
        (80, 2, 400, 160),  # pruned after two folds of five
        (80, 10, 400, 400),  # two repetitions of five folds
        (80, 10, None, 800),
        (6, 5, 29, 29),  # 5.8 images a fold
    ],
)
def test_the_number_of_different_images(validation_images: int, folds: int, images: int | None, expected: int) -> None:
    assert images_validated(validation_images, folds, images) == expected
