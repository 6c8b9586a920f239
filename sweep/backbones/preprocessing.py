"""What is done to pixels before a network sees them, as plain float32 arithmetic on RGB values from 0 to 255."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHANNELS", "PREPROCESSING", "Preprocess", "preprocessing_for"]

Float32 = NDArray[np.float32]
Preprocess = Callable[[NDArray[Any]], Float32]

# Channel statistics of ImageNet's training set, as the published weights were trained with.
_CAFFE_MEAN_BGR: Float32 = np.array([103.939, 116.779, 123.68], np.float32)
_TORCH_MEAN: Float32 = np.array([123.675, 116.28, 103.53], np.float32)
_TORCH_DEVIATION: Float32 = np.array([58.395, 57.12, 57.375], np.float32)

# ITU-R BT.601 in the 16 binary places of Pillow's "L", so that whole pixels come out as Pillow's.
_LUMA = np.array([19595, 38470, 7471]) / 65536


def _lite(pixels: NDArray[Any]) -> Float32:
    return (pixels.astype(np.float32) - np.float32(127)) / np.float32(128)


def _tf(pixels: NDArray[Any]) -> Float32:
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)


def _unit(pixels: NDArray[Any]) -> Float32:
    return pixels.astype(np.float32) / np.float32(255)


def _caffe(pixels: NDArray[Any]) -> Float32:
    return pixels[..., ::-1].astype(np.float32) - _CAFFE_MEAN_BGR


def _torch(pixels: NDArray[Any]) -> Float32:
    return (pixels.astype(np.float32) - _TORCH_MEAN) / _TORCH_DEVIATION


def _none(pixels: NDArray[Any]) -> Float32:
    return pixels.astype(np.float32)


PREPROCESSING: Mapping[str, Preprocess] = {
    "lite": _lite,  # EfficientNet-Lite: about -1 to 1
    "tf": _tf,  # -1 to 1
    "0..1": _unit,  # nobody's, but often tried
    "caffe": _caffe,  # BGR, centred, not scaled
    "torch": _torch,  # centred and scaled to unit variance
    "none": _none,  # as they are: the network rescales its pixels itself, or was meant to be given others
}


def preprocessing_for(asked: str, own: str) -> str:
    """The key of `PREPROCESSING` for a `model.preprocessing`; `own` is that of the backbone, which "auto" means."""
    return {"auto": own, "-1..1": "tf"}.get(asked, asked)


# ---- channels --------------------------------------------------------------------------------------------------------


def _rgb(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels


def _bgr(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels[..., ::-1]


def _grey(pixels: NDArray[Any]) -> NDArray[Any]:
    luma = pixels @ _LUMA
    if np.issubdtype(pixels.dtype, np.integer):
        luma = np.floor(luma + 0.5)
    return np.repeat(luma[..., None], 3, axis=-1)


CHANNELS: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "rgb": _rgb,
    "bgr": _bgr,
    "grey": _grey,  # the luma, three times
}
"""What is done to RGB pixels before all else, by `model.channels`."""
