from __future__ import annotations

import numpy as np
import pytest
from keras import applications
from PIL import Image

from sweep.backbones.preprocessing import CHANNELS, PREPROCESSING, preprocessing_for
from sweep.studyfile.definition import ModelSettings

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("mode", "family"),
    [("tf", "mobilenet_v2"), ("caffe", "resnet50"), ("torch", "densenet"), ("none", "efficientnet")],
)
def test_it_is_what_keras_does_for_the_family(mode: str, family: str) -> None:
    expected = getattr(applications, family).preprocess_input(PIXELS.astype(np.float32))
    prepared = PREPROCESSING[mode](PIXELS)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, expected, atol=1e-4)


def test_lite_takes_pixels_less_127_by_128() -> None:
    # As in the networks' own repository; -127/128, 0 and 1 are exact in float32.
    pixels = np.array([0, 127, 255], np.uint8).reshape(1, 1, 1, 3)
    assert PREPROCESSING["lite"](pixels).ravel().tolist() == [-0.9921875, 0.0, 1.0]


@pytest.mark.parametrize("mode", PREPROCESSING)
def test_the_pixels_given_stay_as_they_are(mode: str) -> None:
    pixels = PIXELS.astype(np.float32)
    PREPROCESSING[mode](pixels)
    np.testing.assert_array_equal(pixels, PIXELS)


def test_zero_to_one_takes_pixels_by_255() -> None:
    pixels = np.array([0, 51, 255], np.uint8).reshape(1, 1, 1, 3)
    assert PREPROCESSING["0..1"](pixels).ravel().tolist() == pytest.approx([0.0, 0.2, 1.0])


@pytest.mark.parametrize(
    ("asked", "key"),
    [("auto", "caffe"), ("none", "none"), ("0..1", "0..1"), ("-1..1", "tf"), ("caffe", "caffe"), ("torch", "torch")],
)
def test_each_setting_has_its_arithmetic(asked: str, key: str) -> None:
    ModelSettings.model_validate({"preprocessing": asked})
    assert preprocessing_for(asked, "caffe") == key
    assert key in PREPROCESSING


# ---- channels --------------------------------------------------------------------------------------------------------


def test_grey_is_pillows_l_three_times() -> None:
    expected = np.stack([np.asarray(Image.fromarray(picture).convert("L")) for picture in PIXELS])
    grey = CHANNELS["grey"](PIXELS)
    for channel in range(3):
        np.testing.assert_array_equal(grey[..., channel], expected)


def test_grey_of_pixels_between_whole_numbers_is_not_rounded() -> None:
    # Pillow's weight of green in 16 binary places.
    assert CHANNELS["grey"](np.array([[0.0, 0.5, 0.0]])).tolist() == [[0.5 * 38470 / 65536] * 3]


def test_bgr_is_rgb_turned_round() -> None:
    assert CHANNELS["bgr"](np.array([[1, 2, 3]])).tolist() == [[3, 2, 1]]
    assert CHANNELS["rgb"](np.array([[1, 2, 3]])).tolist() == [[1, 2, 3]]
