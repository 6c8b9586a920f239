"""The backbones by name: how each is built, what it expects of its pixels and how small they may be.

The checks need neither Keras nor TensorFlow; both are imported when a backbone is loaded.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sweep.backbones.efficientnet_lite import build_efficientnet_lite0, load_imagenet, weights_path
from sweep.backbones.preprocessing import CHANNELS, PREPROCESSING, preprocessing_for
from sweep.backbones.surgery import dropout_sites, operate
from sweep.backbones.weights import (
    Build,
    build_drawn,
    build_from_file,
    build_imagenet,
    settle_names,
    weights_digest,
)
from sweep.errors import BackboneError
from sweep.studyfile.definition import ModelSettings

if TYPE_CHECKING:
    import keras

__all__ = ["Backbone", "backbone_names", "builder_name", "check_backbone", "load_backbone", "minimum_size"]

EMBEDDED = "efficientnet-lite0"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row of the catalog.

    Attributes:
        builder: its name in `keras.applications`; "" for the embedded one.
        preprocessing: a key of `PREPROCESSING`.
        smallest: least height and width, pixels.
    """

    builder: str
    preprocessing: str
    smallest: int = 32


_CATALOG: Mapping[str, _Entry] = {
    EMBEDDED: _Entry("", "lite"),
    "mobilenet": _Entry("MobileNet", "tf"),
    "mobilenet-v2": _Entry("MobileNetV2", "tf"),
    "mobilenet-v3-small": _Entry("MobileNetV3Small", "none"),
    "mobilenet-v3-large": _Entry("MobileNetV3Large", "none"),
    "nasnet-mobile": _Entry("NASNetMobile", "tf"),
    "resnet50": _Entry("ResNet50", "caffe"),
    "resnet101": _Entry("ResNet101", "caffe"),
    "resnet152": _Entry("ResNet152", "caffe"),
    "resnet50-v2": _Entry("ResNet50V2", "tf"),
    "resnet101-v2": _Entry("ResNet101V2", "tf"),
    "resnet152-v2": _Entry("ResNet152V2", "tf"),
    "vgg16": _Entry("VGG16", "caffe"),
    "vgg19": _Entry("VGG19", "caffe"),
    "inception-v3": _Entry("InceptionV3", "tf", 75),
    "inception-resnet-v2": _Entry("InceptionResNetV2", "tf", 75),
    "xception": _Entry("Xception", "tf", 71),
    "densenet121": _Entry("DenseNet121", "torch"),
    "densenet169": _Entry("DenseNet169", "torch"),
    "densenet201": _Entry("DenseNet201", "torch"),
    **{f"efficientnet-b{number}": _Entry(f"EfficientNetB{number}", "none") for number in range(8)},
    **{f"efficientnet-v2-b{number}": _Entry(f"EfficientNetV2B{number}", "none") for number in range(4)},
    **{f"efficientnet-v2-{size.lower()}": _Entry(f"EfficientNetV2{size}", "none") for size in "SML"},
    **{f"convnext-{size.lower()}": _Entry(f"ConvNeXt{size}", "none") for size in ("Tiny", "Small", "Base", "Large")},
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backbone:
    """A network without its top, in inference use; treat it as read-only.

    Attributes:
        weights: as asked: "imagenet", "none" or a file.
        image_size: height and width of its input, pixels.
        model: takes float32 of shape (n, image_size, image_size, 3) after preprocessing, gives a feature map. Its
            layers have the names of a fresh process.
        preprocessing: a key of `PREPROCESSING`.
        digest: SHA-256 of architecture and weights, hexadecimal.
        channels: a key of `CHANNELS`.
        dropout_sites: the layers behind which a dropout inside the backbone goes.
    """

    name: str
    weights: str
    image_size: int
    model: keras.Model
    preprocessing: str
    digest: str
    dropout_sites: tuple[str, ...]
    channels: str = "rgb"

    def preprocess(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """RGB pixels 0 to 255, of any type, shape (n, height, width, 3), to what `model` takes."""
        return PREPROCESSING[self.preprocessing](CHANNELS[self.channels](pixels))

    def given(self, model: ModelSettings) -> Backbone:
        """The same network, given its pixels as other settings say."""
        own = _entry(self.name).preprocessing
        preprocessing = preprocessing_for(model.preprocessing, own)
        return dataclasses.replace(self, preprocessing=preprocessing, channels=model.channels)


def backbone_names() -> tuple[str, ...]:
    """Every name that `model.backbone` may have, the embedded one first."""
    return tuple(_CATALOG)


def builder_name(name: str) -> str:
    """Of a backbone in `keras.applications`; "" for the embedded one, which is not there."""
    return _entry(name).builder


def minimum_size(name: str) -> int:
    """The least image size that a backbone takes, pixels."""
    return _entry(name).smallest


def check_backbone(model: ModelSettings, image_size: int, base: Path) -> None:
    """Find what can be found wrong without building anything.

    Args:
        model: of the configuration; its weights are "imagenet", "none" or a file.
        image_size: height and width of the images, pixels.
        base: the folder that a relative file starts from.

    Raises:
        BackboneError: no such backbone, images too small, no such file, or the embedded weights are not installed.
    """
    name, weights = model.backbone, model.weights
    entry = _entry(name)
    if image_size < entry.smallest:
        raise BackboneError(
            "data.image_size",
            received=str(image_size),
            expected=f"at least {entry.smallest} pixels for {name}",
            remedy=f"set data.image_size = {entry.smallest} or more, or take another backbone",
        )
    if weights == "imagenet" and name == EMBEDDED:
        weights_path()
    if weights not in ("imagenet", "none"):
        _check_file(weights, base / weights)


def load_backbone(model: ModelSettings, image_size: int, base: Path = Path()) -> Backbone:
    """Build the backbone of a configuration and put its weights in; a relative file starts from `base`.

    What it is depends on the settings' backbone, weights, backbone_batch_norm, preprocessing and channels alone.

    Raises:
        BackboneError: as `check_backbone`; or the weights can't be had, or belong to another architecture.
    """
    check_backbone(model, image_size, base)
    entry = _entry(model.backbone)
    built = _network(model.backbone, model.weights, _builder(entry, image_size), base)
    settle_names(built)
    network = operate(built, model.backbone_batch_norm)
    return Backbone(
        name=model.backbone,
        weights=model.weights,
        image_size=image_size,
        model=network,
        preprocessing=preprocessing_for(model.preprocessing, entry.preprocessing),
        digest=weights_digest(network),
        channels=model.channels,
        # Where a batch norm was is told by the network that still had it.
        dropout_sites=dropout_sites(network if model.backbone_batch_norm == "inserted" else built),
    )


def _network(name: str, weights: str, build: Build, base: Path) -> keras.Model:
    if weights == "none":
        return build_drawn(build)
    if weights != "imagenet":
        return build_from_file(name, build, base / weights)
    if name != EMBEDDED:
        return build_imagenet(name, build)
    model: keras.Model = build(weights=None)
    load_imagenet(model)
    return model


def _builder(entry: _Entry, image_size: int) -> Build:
    if not entry.builder:
        return lambda weights: build_efficientnet_lite0(image_size)
    from keras import applications  # noqa: PLC0415 - the checks above go without TensorFlow

    builder = getattr(applications, entry.builder)
    return functools.partial(builder, include_top=False, input_shape=(image_size, image_size, 3))


def _entry(name: str) -> _Entry:
    if name in _CATALOG:
        return _CATALOG[name]
    # "MobileNetV2" and "mobilenet_v2" are mobilenet-v2 to a person.
    plain = {re.sub(r"\W|_", "", known): known for known in _CATALOG}
    nearest = plain[difflib.get_close_matches(re.sub(r"\W|_", "", name.lower()), plain, n=1, cutoff=0.0)[0]]
    raise BackboneError(
        "model.backbone",
        received=f'"{name}"',
        expected=f"one of {', '.join(_CATALOG)}",
        remedy=f'set model.backbone = "{nearest}", the nearest',
    )


def _check_file(weights: str, path: Path) -> None:
    if path.suffix in (".h5", ".keras") and path.is_file():
        return
    known = path.suffix in (".h5", ".keras")
    raise BackboneError(
        "model.weights",
        received=f'"{weights}", {"and there is no such file" if known else "which is no such word or file"}',
        expected='"imagenet", "none" or a .h5, .weights.h5 or .keras file',
        remedy=f"put the file at {path} or correct the name" if known else 'set model.weights = "imagenet"',
    )
