from __future__ import annotations

import numpy as np
import pytest
from keras import applications

from sweep.backbones.preprocessing import PREPROCESSING

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
