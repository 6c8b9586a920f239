"""Weights put into a built network: drawn, from Keras' cache or download, or from a file; and their digest."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import re
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sweep.errors import BackboneError

if TYPE_CHECKING:
    import keras

__all__ = ["build_drawn", "build_from_file", "build_imagenet", "settle_names", "weights_digest"]

# Takes `weights` and, where the network must start from a tensor, `input_tensor`; returns the network.
Build = Callable[..., Any]

# Keras' published EfficientNet files hold these where the variances belong; `weights="imagenet"` makes up for it.
_IMAGENET_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
_IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)


def build_drawn(build: Build) -> keras.Model:
    """The network with its own initializers' random weights, the same in every process.

    Keras' initializers take their seeds from Python's generator, which is left as it was found.
    """
    state = random.getstate()
    random.seed(0)
    try:
        return build(weights=None)
    finally:
        random.setstate(state)


def build_imagenet(name: str, build: Build) -> keras.Model:
    """The network with the weights from Keras' cache folder, downloaded if they are not there.

    Raises:
        BackboneError: no network, or a damaged file; names the file and the folder to put it into.
    """
    try:
        with _quiet():
            return build(weights="imagenet")
    except Exception as error:  # a failed download raises bare Exception
        reason = str(error) or type(error).__name__
        folder = Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"
        address = re.search(r"https?://\S+?\.(?:h5|keras)", reason)
        file = address[0].rsplit("/", 1)[1] if address else f"the ImageNet weights of {name}"
        raise BackboneError(
            'model.weights = "imagenet"',
            received=reason,
            expected=f"{file} in {folder}",
            remedy=f"download {address[0] if address else 'it'} where there is a network and put it there, "
            'or set model.backbone = "efficientnet-lite0", which needs no download',
        ) from error


def build_from_file(name: str, build: Build, path: Path) -> keras.Model:
    """The network with the weights of a .h5, .weights.h5 or .keras file that was saved from it, without its top.

    Raises:
        BackboneError: the file is unreadable or of another architecture.
    """
    import keras  # noqa: PLC0415 - the catalog checks names and sizes without TensorFlow

    model = build(weights=None)
    _load_file(name, model, path)
    if _holds_deviations(model):
        model = build(weights=None, input_tensor=_compensated_input(model.input_shape[1:]))
        _load_file(name, model, path)
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)  # its input is a list of one
    return model


def _load_file(name: str, model: keras.Model, path: Path) -> None:
    try:
        with _quiet():
            model.load_weights(path)
    except Exception as error:  # h5py, zipfile and Keras each have their own
        counts = re.search(r"expected (\d+) layers, found (\d+) saved layers", str(error))
        raise BackboneError(
            str(path),
            received=f"{counts[2]} layers with weights" if counts else _first_sentences(str(error)),
            expected=f"{f'the {counts[1]} layers' if counts else 'the weights'} of {name} without its top",
            remedy="name the file's own backbone in model.backbone, or save that backbone alone, without its top",
        ) from error


def _first_sentences(text: str) -> str:
    """Keras lists every object it could not load; the first one tells the reader enough."""
    text = " ".join(text.split())
    return text if len(text) <= 240 else f"{text[:240].rsplit(' ', 1)[0]} …"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep standard output for data, and Keras' advice on usual image sizes and unused optimizers out of sight."""
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


# ---- EfficientNet's published files ----------------------------------------------------------------------------------


def _holds_deviations(model: keras.Model) -> bool:
    """Whether the network begins with a Normalization whose "variances" are the standard deviations of ImageNet."""
    from keras import layers  # noqa: PLC0415

    found = [layer for layer in model.layers if isinstance(layer, layers.Normalization) and layer.weights]
    return any(np.allclose(np.ravel(layer.get_weights()[1]), _IMAGENET_DEVIATION, atol=1e-4) for layer in found)


def _compensated_input(shape: tuple[int, int, int]) -> keras.KerasTensor:
    """An input such that dividing by the root of the deviation ends in dividing by the deviation.

    With s = 1/√deviation and pixels' = s·pixels + 255·mean·(1 − s):
    (pixels'/255 − mean) / √deviation = (pixels/255 − mean) / deviation.
    """
    from keras import layers  # noqa: PLC0415

    scale = 1 / np.sqrt(_IMAGENET_DEVIATION)
    offset = 255 * _IMAGENET_MEAN * (1 - scale)
    return layers.Rescaling(scale.tolist(), offset.tolist(), name="imagenet_rescaling")(layers.Input(shape))


# ---- names and digest ------------------------------------------------------------------------------------------------


def settle_names(model: keras.Model) -> None:
    """Number the names that Keras made up as in a fresh process.

    Keras counts per process ("conv2d_203"); a cut and a digest need the same names in every process.
    """
    made_up: dict[str, list[tuple[int, Any]]] = defaultdict(list)
    for operation in model.operations:
        kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(operation).__name__))
        match = re.fullmatch(rf"({kind.lower()})(?:_(\d+))?", operation.name)
        if match:
            made_up[match[1]].append((int(match[2] or 0), operation))
    for kind, numbered in made_up.items():
        first = min(number for number, _ in numbered)
        for number, operation in numbered:
            operation.name = f"{kind}_{number - first}" if number > first else kind


def weights_digest(model: keras.Model) -> str:
    """SHA-256 of the architecture and of every weight, in order and with its layer's name, hexadecimal.

    The model's own name does not count: MobileNet's tells which file Keras took.
    """
    layers = json.dumps(json.loads(model.to_json())["config"]["layers"], sort_keys=True)
    # The input of a nested Sequential (ConvNeXt's stem) is out of reach for `settle_names`.
    digest = hashlib.sha256(re.sub(r'"input_layer_\d+"', '"input_layer"', layers).encode())
    for layer in model.layers:
        for position, values in enumerate(layer.get_weights()):
            digest.update(f"{layer.name} {position} {values.dtype} {values.shape}".encode())
            digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
