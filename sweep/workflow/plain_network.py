"""The network of a configuration as Python: a backbone, what of it is frozen, and the head, in layers of Keras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sweep.studyfile.definition import ModelSettings
from sweep.training.head import BEFORE_POOLING, dropouts
from sweep.training.model import dropout_rates

__all__ = ["backbone_lines", "head_lines", "literal", "output_layer", "pixel_lines"]

_PREPROCESSING: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "lite": ("tensor = layers.Rescaling(1 / 128, offset=-127 / 128)(tensor)",),
    "tf": ("tensor = layers.Rescaling(1 / 127.5, offset=-1)(tensor)",),
    "0..1": ("tensor = layers.Rescaling(1 / 255)(tensor)",),
    "caffe": (
        "tensor = keras.ops.flip(tensor, axis=-1)",
        "tensor = layers.Rescaling(1.0, offset=[-103.939, -116.779, -123.68])(tensor)",
    ),
    "torch": (
        "mean, deviation = [123.675, 116.28, 103.53], np.array([58.395, 57.12, 57.375])",
        "tensor = layers.Normalization(mean=mean, variance=deviation**2)(tensor)",
    ),
}


def backbone_lines(model: ModelSettings, *, builder: str, file: str, drops: bool) -> Iterator[str]:
    """The backbone, with its weights, and what of it trains.

    Args:
        model: of the configuration.
        builder: its name in `keras.applications`; "" where it is loaded from a file.
        file: the name of that file, which lies beside the code.
        drops: whether it has dropouts of its own.
    """
    if builder:
        yield f"backbone = keras.applications.{builder}("
        yield '    include_top=False, weights="imagenet", input_shape=(SIZE, SIZE, 3)'
        yield ")"
    else:
        yield f"backbone = keras.saving.load_model(HERE / {literal(file)})"
    yield from _frozen(model)
    if drops:
        yield from _kept_whole(model)


def literal(text: str) -> str:
    """Untrusted text as Python has it."""
    safe = repr(text)
    return f'"{text}"' if safe == f"'{text}'" and '"' not in text else safe


def _frozen(model: ModelSettings) -> Iterator[str]:
    frozen = model.unfrozen == "last" and not model.unfrozen_layers
    if frozen:
        yield "backbone.trainable = False"
    elif model.unfrozen == "batch_norm":
        yield "for layer in backbone.layers:"
        yield "    layer.trainable = isinstance(layer, layers.BatchNormalization)"
    else:
        yield f"unfrozen = backbone.layers[-{model.unfrozen_layers}:]"
        yield "for layer in backbone.layers:"
        if model.batch_norm == "frozen":
            yield "    # A batch norm that is not trainable runs on its moving statistics, in training too."
            yield "    layer.trainable = layer in unfrozen and not isinstance(layer, layers.BatchNormalization)"
        else:
            yield "    layer.trainable = layer in unfrozen"
    if not frozen and model.batch_norm_momentum:
        yield "    if layer.trainable and isinstance(layer, layers.BatchNormalization):"
        yield f"        layer.momentum = {model.batch_norm_momentum!r}"


def _kept_whole(model: ModelSettings) -> Iterator[str]:
    some = model.unfrozen == "last" and model.unfrozen_layers
    yield "for layer in backbone.layers:"
    yield f"    if isinstance(layer, layers.Dropout){' and layer not in unfrozen' if some else ''}:"
    yield "        layer.rate = 0.0  # else `fit` drops out in the frozen part too"


def pixel_lines(model: ModelSettings, preprocessing: str) -> Iterator[str]:
    """RGB pixels from 0 to 255 to what the backbone is given.

    Args:
        model: of the configuration.
        preprocessing: a key of `backbones.preprocessing.PREPROCESSING`.
    """
    if model.channels == "bgr":
        yield "tensor = keras.ops.flip(tensor, axis=-1)"
    yield from _PREPROCESSING[preprocessing]


def head_lines(model: ModelSettings) -> Iterator[str]:
    """The layers of the head but the last one, as expressions, in their order."""
    drops = dict(zip(dropouts(model), dropout_rates(model), strict=True))

    def dropped(place: str) -> Iterator[str]:
        if place in drops:
            whole = model.dropout_kind == "spatial" and place in BEFORE_POOLING
            yield _layer("SpatialDropout2D" if whole else "Dropout", repr(drops[place]))

    yield from dropped("before_conv")
    if model.conv_filters:
        strides = [f"strides={model.conv_stride}"] if model.conv_stride > 1 else []
        yield from _hidden(model, "Conv2D", str(model.conv_filters), "3", *strides)
        yield from dropped("after_conv")
    yield from {
        "avg": (_layer("GlobalAveragePooling2D"),),
        "max": (_layer("GlobalMaxPooling2D"),),
        "max2d": (_layer("MaxPooling2D", "2"), _layer("Flatten")),
        "flatten": (_layer("Flatten"),),
    }[model.pooling]
    yield from dropped("after_pooling")
    for number, width in enumerate(model.head_width, 1):
        yield from _hidden(model, "Dense", str(width))
        yield from dropped(f"after_dense_{number}")


def output_layer(model: ModelSettings, num_classes: int) -> str:
    """The last layer, as an expression; gives probabilities."""
    return _layer("Dense", str(num_classes), 'activation="softmax"', *_kernel(model))


def _hidden(model: ModelSettings, kind: str, *sizes: str) -> Iterator[str]:
    activity = [f"activity_regularizer=keras.regularizers.L2({model.activity_l2!r})"] if model.activity_l2 else []
    activation = f'activation="{model.activation}"'
    if not model.head_batch_norm:
        yield _layer(kind, *sizes, activation, *_kernel(model), *activity)
        return
    yield _layer(kind, *sizes, *_kernel(model))
    yield _layer("BatchNormalization")
    yield _layer("Activation", f'"{model.activation}"', *activity)


def _kernel(model: ModelSettings) -> Iterator[str]:
    if model.kernel_initializer != "glorot_uniform":
        yield f'kernel_initializer="{model.kernel_initializer}"'
    if model.l1 or model.l2:
        yield f"kernel_regularizer=keras.regularizers.L1L2({model.l1!r}, {model.l2!r})"


def _layer(kind: str, *arguments: str) -> str:
    return f"layers.{kind}({', '.join(arguments)})"
