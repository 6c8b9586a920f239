"""Which settings of a study a loaded classifier was built with, as far as its layers tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from sweep.studyfile.settings import PREPROCESSINGS
from sweep.training.foreign import ForeignModel, prepared
from sweep.training.model_graph import Link, chain_of, operations_before

__all__ = ["ReadOff", "pixels_of_backbone", "read_off"]

_PARAMETERS: Mapping[int, str] = {
    3_228_864: "mobilenet",
    2_257_984: "mobilenet-v2",
    939_120: "mobilenet-v3-small",
    2_996_352: "mobilenet-v3-large",
    4_269_716: "nasnet-mobile",
    23_587_712: "resnet50",
    42_658_176: "resnet101",
    58_370_944: "resnet152",
    23_564_800: "resnet50-v2",
    42_626_560: "resnet101-v2",
    58_331_648: "resnet152-v2",
    14_714_688: "vgg16",
    20_024_384: "vgg19",
    21_802_784: "inception-v3",
    54_336_736: "inception-resnet-v2",
    20_861_480: "xception",
    7_037_504: "densenet121",
    12_642_880: "densenet169",
    18_321_984: "densenet201",
    4_049_571: "efficientnet-b0",
    6_575_239: "efficientnet-b1",
    7_768_569: "efficientnet-b2",
    10_783_535: "efficientnet-b3",
    17_673_823: "efficientnet-b4",
    28_513_527: "efficientnet-b5",
    40_960_143: "efficientnet-b6",
    64_097_687: "efficientnet-b7",
    5_919_312: "efficientnet-v2-b0",
    6_931_124: "efficientnet-v2-b1",
    8_769_374: "efficientnet-v2-b2",
    12_930_622: "efficientnet-v2-b3",
    20_331_360: "efficientnet-v2-s",
    53_150_388: "efficientnet-v2-m",
    117_746_848: "efficientnet-v2-l",
    27_820_128: "convnext-tiny",
    49_454_688: "convnext-small",
    87_566_464: "convnext-base",
    196_230_336: "convnext-large",
    3_413_024: "efficientnet-lite0",
}
"""Parameters without the top -> name in the catalog: no two networks of it have equally many."""

_RESCALING = ("efficientnet-b", "efficientnet-v2", "convnext", "mobilenet-v3")  # their pixels themselves
_SAME = 1e-3
"""Of the largest value: what rounding leaves, and less than lies between any two ways."""
_POOLINGS = ((layers.GlobalAveragePooling2D, "avg"), (layers.GlobalMaxPooling2D, "max"))
_ACTIVATIONS = ("relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "swish", "tanh", "sigmoid", "linear")
_INITIALIZERS = tuple(f"{kind}_{law}" for kind in ("glorot", "he", "lecun") for law in ("uniform", "normal"))
_OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
_OTHER_NAMES = {"silu": "swish"}
_ACTIVATING = (layers.Activation, layers.ReLU)
_WITHOUT_FIELD = (layers.InputLayer, layers.Softmax)
_OUR_CONVOLUTION = ((3, 3), "valid", (1, 1))


@dataclass(slots=True)
class ReadOff:
    """What was read off.

    Attributes:
        backbone: name in the catalog; "" where it is none of them.
        model: fields of [model] as TOML has them.
        training: fields of [training].
        widths, rates: of the head's hidden dense layers and of the dropout behind each.
        entry: the tensor in the model that a backbone within it is given; None where it starts with the model's input.
        head_known: whether every layer behind the backbone was understood.
        unread: what the model has that no field of a study says, in words.
    """

    backbone: str = ""
    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    widths: list[int] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    entry: keras.KerasTensor | None = None
    head_known: bool = False
    unread: list[str] = field(default_factory=list)


def read_off(foreign: ForeignModel) -> ReadOff:
    """Read the settings off a model's layers, and off the optimizer that its file names.

    What cannot be seen in it (images per step, epochs, augmentation outside of the model, schedules) is not there.

    Args:
        foreign: the model.
    """
    found = ReadOff()
    links = chain_of(foreign.original.outputs[0])[::-1]
    place = _backbone(found, links, foreign.original)
    if place is None:
        found.unread.append("its backbone, which is none of the catalog")
        place = next((at for at, (_, tensor) in enumerate(links) if tensor is foreign.frozen_at), None)
    if place is not None:
        _read_head(found, [operation for operation, _ in links[place + 1 :]])
    _read_optimizer(found, foreign.file.compiled)
    return found


def pixels_of_backbone(foreign: ForeignModel, read: ReadOff, pixels: NDArray[np.uint8], way: str) -> str:
    """How the backbone itself is given its pixels, whatever the model makes of them before it.

    Args:
        foreign: the model.
        read: what was read off it.
        pixels: some pictures.
        way: of preparing them for the model.

    Returns:
        A value of `model.preprocessing`; "" where it is none of these.
    """
    if read.entry is None:
        # Layers before it cannot be told from its own where it is not nested.
        return "" if foreign.rescales and not read.backbone.startswith(_RESCALING) else way
    values = keras.Model(foreign.original.inputs, read.entry).predict_on_batch(prepared(pixels, way))
    for name in PREPROCESSINGS if read.backbone == "efficientnet-lite0" else PREPROCESSINGS[1:]:
        expected = prepared(pixels, name)
        if np.allclose(values, expected, atol=_SAME * max(1.0, float(np.abs(expected).max()))):
            return name
    return ""


def _backbone(found: ReadOff, links: Sequence[Link], model: keras.Model) -> int | None:
    """Position of the operation that the backbone ends with."""
    for place, (operation, tensor) in enumerate(links):
        nested = isinstance(operation, keras.Model)
        counts = [*([operation.count_params()] if nested else []), _parameters(operations_before(tensor))]
        name = next((_PARAMETERS[one] for one in counts if one in _PARAMETERS), "")
        if name:
            found.backbone = found.model["backbone"] = name
            end = place if nested else _behind_activations(links, place)
            found.entry = links[place - 1][1] if nested and place else None
            _read_layers(found, operation.layers if nested else _layers_before(links[end][1], model))
            return end
    return None


def _behind_activations(links: Sequence[Link], place: int) -> int:
    """The last layers of a backbone have no weights that would be counted."""
    following = (at for at in range(place + 1, len(links)) if not isinstance(links[at][0], _ACTIVATING))
    return next(following) - 1


def _layers_before(tensor: keras.KerasTensor, model: keras.Model) -> list[keras.layers.Layer]:
    members = {id(one) for one in operations_before(tensor)}
    return [layer for layer in model.layers if id(layer) in members]


def _read_layers(found: ReadOff, inside: Sequence[keras.layers.Layer]) -> None:
    """Which of the backbone's layers learn, the last ones from the first that does; and a pooling at its end."""
    learning = [place for place, layer in enumerate(inside) if layer.trainable_weights]
    norms = [layer for layer in inside if isinstance(layer, layers.BatchNormalization) and layer.trainable]
    found.model["unfrozen_layers"] = len(inside) - learning[0] if learning else 0
    found.model["batch_norm"] = "train" if learning and norms else "frozen"
    pooling = next((word for kind, word in _POOLINGS if isinstance(inside[-1], kind)), "")
    if pooling:
        found.model["pooling"] = pooling


def _read_head(found: ReadOff, head: Sequence[Any]) -> None:
    dense, unread = [layer for layer in head if isinstance(layer, layers.Dense)], len(found.unread)
    before, behind, seen = list[float](), list[float](), 0
    for layer in head:
        if isinstance(layer, layers.Dense):
            seen += 1
            behind.append(0.0)
        elif isinstance(layer, layers.Dropout) and seen:
            behind[-1] = float(layer.rate)
        elif isinstance(layer, (layers.Dropout, layers.SpatialDropout2D)):
            before.append(float(layer.rate))
            _read_place(found, layer)
        elif not _read_other(found, layer, hidden=0 < seen < len(dense)):
            found.unread.append(f"its layer {layer.name!r} ({type(layer).__name__})")
    found.head_known = bool(dense) and len(found.unread) == unread
    if not dense:
        found.unread.append("its head, which does not end with a dense layer")
        return
    found.widths, found.rates = [int(layer.units) for layer in dense[:-1]], behind[:-1]
    found.model["head_width"] = found.widths
    _read_dropout(found, before)
    _read_kernels(found, [layer for layer in head if isinstance(layer, (layers.Dense, layers.Conv2D))])
    hidden = [layer for layer in head if isinstance(layer, (layers.Dense, layers.Conv2D))][:-1]
    for name in dict.fromkeys(_named(layer.activation) for layer in hidden):
        if name != "linear":
            _put(found, "activation", name, _ACTIVATIONS)
    if _named(dense[-1].activation) == "sigmoid":
        found.model["output"] = "sigmoid"


def _read_place(found: ReadOff, layer: keras.layers.Layer) -> None:
    flat = len(layer.output.shape) == 2
    found.model["dropout_position"] = "after_pooling" if flat else "after_conv"
    if isinstance(layer, layers.SpatialDropout2D):
        found.model["dropout_kind"] = "spatial"


def _read_other(found: ReadOff, layer: keras.layers.Layer, *, hidden: bool) -> bool:
    """Whether a field says what a layer that neither drops out nor is dense does."""
    pooling = next((word for kind, word in _POOLINGS if isinstance(layer, kind)), "")
    if pooling:
        found.model["pooling"] = pooling
    elif isinstance(layer, layers.MaxPooling2D) and tuple(layer.pool_size) == (2, 2):
        found.model["pooling"] = "max2d"
    elif isinstance(layer, layers.Flatten):
        found.model.setdefault("pooling", "flatten")
    elif isinstance(layer, layers.Conv2D) and _ours(layer):
        found.model |= {"conv_filters": int(layer.filters), "conv_stride": int(layer.strides[0])}
    elif isinstance(layer, layers.BatchNormalization) and hidden:
        found.model["head_batch_norm"] = True
    elif isinstance(layer, _ACTIVATING) and hidden:
        _put(found, "activation", _named(getattr(layer, "activation", None) or keras.activations.relu), _ACTIVATIONS)
    else:
        return isinstance(layer, _WITHOUT_FIELD)
    return True


def _ours(layer: keras.layers.Conv2D) -> bool:
    return (tuple(layer.kernel_size), layer.padding, tuple(layer.dilation_rate)) == _OUR_CONVOLUTION


def _read_dropout(found: ReadOff, before: Sequence[float]) -> None:
    """One place alone is a field's: behind the dense layers, where any of them has one."""
    if any(found.rates):
        alike = len(set(found.rates)) == 1
        found.model |= {"dropout": found.rates[0] if alike else found.rates, "dropout_position": "after_dense"}
        found.model.pop("dropout_kind", None)
        found.unread += [f"its dropout of {rate:g} before the dense layers" for rate in before]
        return
    found.model["dropout"] = before[-1] if before else 0.0
    found.unread += [f"another dropout of {rate:g}" for rate in before[:-1]]


def _read_kernels(found: ReadOff, weighted: Sequence[Any]) -> None:
    for name in ("l1", "l2"):
        factors = [float(getattr(layer.kernel_regularizer, name, 0.0) or 0.0) for layer in weighted]
        if any(factors):
            found.model[name] = max(factors)
        if len(set(factors)) > 1:
            found.unread.append(f"that {name} differs from layer to layer: {', '.join(f'{one:g}' for one in factors)}")
    for name in dict.fromkeys(type(layer.kernel_initializer).__name__ for layer in weighted):
        _put(found, "kernel_initializer", _snake(name), _INITIALIZERS)


def _read_optimizer(found: ReadOff, compiled: Mapping[str, Any]) -> None:
    optimizer = compiled.get("optimizer")
    if isinstance(optimizer, str):
        _put(found, "optimizer", optimizer.lower(), _OPTIMIZERS, table=found.training)
    elif isinstance(optimizer, Mapping):
        _put(found, "optimizer", str(optimizer.get("class_name")).lower(), _OPTIMIZERS, table=found.training)
        settings = optimizer.get("config")
        rate = settings.get("learning_rate") if isinstance(settings, Mapping) else None
        if isinstance(rate, float) and rate > 0:
            # Keras writes a float32 with all the digits of a float64.
            found.training["learning_rate"] = float(f"{rate:.6g}")


def _put(found: ReadOff, name: str, value: str, known: Sequence[str], *, table: dict[str, Any] | None = None) -> None:
    if value in known:
        (found.model if table is None else table)[name] = value
    else:
        found.unread.append(f"its {name.replace('_', ' ')} {value}")


def _named(function: object) -> str:
    name = str(getattr(function, "__name__", type(function).__name__))
    return _OTHER_NAMES.get(name, name)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _parameters(operations: Sequence[Any]) -> int:
    return sum(one.count_params() for one in operations if isinstance(one, layers.Layer))
