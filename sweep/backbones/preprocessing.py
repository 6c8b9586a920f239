"""What each family of backbones expects of its pixels, as plain float32 arithmetic on RGB values from 0 to 255."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PREPROCESSING", "Preprocess"]

Float32 = NDArray[np.float32]
Preprocess = Callable[[NDArray[Any]], Float32]

# Channel statistics of ImageNet's training set, as the published weights were trained with.
_CAFFE_MEAN_BGR: Float32 = np.array([103.939, 116.779, 123.68], np.float32)
_TORCH_MEAN: Float32 = np.array([123.675, 116.28, 103.53], np.float32)
_TORCH_DEVIATION: Float32 = np.array([58.395, 57.12, 57.375], np.float32)


def _lite(pixels: NDArray[Any]) -> Float32:
    return (pixels.astype(np.float32) - np.float32(127)) / np.float32(128)


def _tf(pixels: NDArray[Any]) -> Float32:
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)


def _caffe(pixels: NDArray[Any]) -> Float32:
    return pixels[..., ::-1].astype(np.float32) - _CAFFE_MEAN_BGR


def _torch(pixels: NDArray[Any]) -> Float32:
    return (pixels.astype(np.float32) - _TORCH_MEAN) / _TORCH_DEVIATION


def _none(pixels: NDArray[Any]) -> Float32:
    return pixels.astype(np.float32)


PREPROCESSING: Mapping[str, Preprocess] = {
    "lite": _lite,  # EfficientNet-Lite: about -1 to 1
    "tf": _tf,  # -1 to 1
    "caffe": _caffe,  # BGR, centred, not scaled
    "torch": _torch,  # centred and scaled to unit variance
    "none": _none,  # the network rescales its pixels itself
}
