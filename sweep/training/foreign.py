"""A classifier that the user has trained elsewhere: loaded without running its code, asked, and looked into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from sweep.backbones.preprocessing import PREPROCESSING, preprocessing_for
from sweep.errors import BackboneError, DataError
from sweep.records import IndexArray
from sweep.training.hyper_reading import last_activation
from sweep.training.keras_file import KerasFile, unreadable
from sweep.training.model_graph import frozen_tensor, last_dense_input
from sweep.training.modes import ModelModes, Subject, SwitchedModel, measure_model
from sweep.training.recalibration import recalibrate
from sweep.training.switching import learning_norms, switches_of

__all__ = ["ForeignModel", "Said", "check_classes", "load_foreign", "load_original", "prepared"]

Float32 = NDArray[np.float32]
Tensor: TypeAlias = keras.KerasTensor

_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Said:
    """What a model says of some images, and what it goes by.

    Attributes:
        logits: float32, shape (n_images, num_classes).
        frozen: features before the first layer that learns, float32, shape (n_images, n_features), averaged over the
            picture; None where no such part is known.
        last: what the last dense layer is given, float32, shape (n_images, n_units); None where there is none.
    """

    logits: Float32
    frozen: Float32 | None
    last: Float32 | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForeignModel:
    """A loaded classifier with one output for each class.

    Attributes:
        file: where it comes from.
        model: takes float32, shape (n, height, width, 3).
        original: the same as it was saved: with one output where that stands for two classes.
        network: gives its outputs and the features of `Said`, by name.
        image_size: height and width, pixels; None where it takes any.
        num_classes: its outputs, once for each class.
        from_logits: whether it gives logits; else probabilities.
    """

    file: KerasFile
    model: keras.Model
    original: keras.Model
    network: keras.Model
    image_size: int | None
    num_classes: int
    from_logits: bool

    @property
    def rescales(self) -> bool:
        """Whether it scales its pixels itself."""
        inside = (layers.Rescaling, layers.Normalization)
        return any(isinstance(layer, inside) for layer in self.model._flatten_layers(include_self=False))

    @property
    def frozen_at(self) -> Tensor | None:
        """The tensor whose values are `Said.frozen`, before it is averaged."""
        return frozen_tensor(self.original)

    def ordered(self, order: Sequence[int]) -> ForeignModel:
        """The same with its outputs in another order: class k is what was output `order[k]`."""
        model = keras.Model(self.model.inputs, ops.take(self.model.outputs[0], np.array(order), axis=-1))
        return replace(self, model=model, network=_network(model, self.original))

    def say(self, pixels: NDArray[np.uint8], rows: IndexArray, way: str, advance: Callable[[int], None]) -> Said:
        """Ask it about some images, in inference.

        Args:
            pixels: of the index, RGB.
            rows: positions of the images.
            way: of preparing pixels, see `prepared`.
            advance: is told of so many images more.
        """
        parts = []
        for start in range(0, len(rows), _AT_ONCE):
            taken = rows[start : start + _AT_ONCE]
            parts.append(_asked(self.network, pixels[taken], way))
            advance(len(taken))
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return Said(logits=self._logits(found["outputs"]), frozen=found.get("frozen"), last=found.get("last"))

    def frozen_from(self, entry: Tensor | None) -> Callable[[NDArray[np.uint8], str], Float32]:
        """What computes the frozen features, which there must be, of pictures whose pixels are prepared in some way.

        Args:
            entry: the tensor that is given the prepared pixels in place of the model's input; None for that.
        """
        network = keras.Model(self.original.inputs if entry is None else entry, {"frozen": self.frozen_at})

        def features(pixels: NDArray[np.uint8], way: str) -> Float32:
            parts = np.split(pixels, range(_AT_ONCE, len(pixels), _AT_ONCE))
            return np.concatenate([_asked(network, part, way)["frozen"] for part in parts])

        return features

    def modes(
        self, pixels: NDArray[np.uint8], labels: IndexArray, way: str, *, batch_size: int, seed: np.random.SeedSequence
    ) -> ModelModes:
        """Training images in the modes of the waterfall; see `measure_model`."""
        inputs = prepared(pixels, way)
        return measure_model(self.model, inputs, labels, batch_size=batch_size, seed=seed, from_logits=self.from_logits)

    def recalibrated(
        self,
        pixels: NDArray[np.uint8],
        images: IndexArray,
        rows: IndexArray,
        way: str,
        *,
        batch_size: int,
        seed: np.random.SeedSequence,
    ) -> Float32 | None:
        """Logits of `rows` once batch norm's moving statistics are re-estimated on `images`; the model stays as it is.

        Returns:
            None where no batch norm learns.
        """
        norms = learning_norms(self.model)
        if not norms:
            return None
        kept = [norm.get_weights() for norm in norms]
        subject = Subject(
            model=SwitchedModel(self.model, from_logits=self.from_logits),
            switches=switches_of(self.model, augmented=False),
            clean=lambda chosen: ops.convert_to_tensor(prepared(pixels[chosen], way)),
            augmented=None,
            views=0,
            at_once=_AT_ONCE,
            cheap=False,
        )
        try:
            recalibrate(subject, images, batch_size=batch_size, generator=np.random.default_rng(seed))
            return self.say(pixels, rows, way, lambda _: None).logits
        finally:
            for norm, weights in zip(norms, kept, strict=True):
                norm.set_weights(weights)

    def _logits(self, outputs: Float32) -> Float32:
        # Keras' own loss clips probabilities alike.
        return outputs if self.from_logits else np.log(np.clip(outputs, keras.config.epsilon(), 1.0))


def load_foreign(file: KerasFile) -> ForeignModel:
    """Load a model, in safe mode and without its optimizer, loss and metrics.

    Raises:
        BackboneError: it cannot be loaded, or is no classifier of square colour pictures.
    """
    original = load_original(file)
    image_size, width = _check_input(file.name, original), _check_output(file.name, original)
    from_logits = _gives_logits(original, image_size)
    outputs = original.outputs[0]
    model = original
    if width == 1:
        both = [ops.zeros_like(outputs), outputs] if from_logits else [1 - outputs, outputs]
        model = keras.Model(original.inputs, ops.concatenate(both, axis=-1))
    return ForeignModel(
        file=file,
        model=model,
        original=original,
        network=_network(model, original),
        image_size=image_size,
        num_classes=max(2, width),
        from_logits=from_logits,
    )


def load_original(file: KerasFile) -> keras.Model:
    """The model of a file as it was saved; raises `BackboneError` where it cannot be loaded in safe mode."""
    try:
        return keras.models.load_model(file.path, safe_mode=True, compile=False)
    except Exception as error:  # a wrong description makes Keras raise nearly anything
        raise unreadable(
            file.name, f"{type(error).__name__}: {(str(error).strip() or 'no reason').splitlines()[0]}"
        ) from error


def check_classes(foreign: ForeignModel, folder: str, class_names: Sequence[str]) -> None:
    """Refuse a folder of other classes than the model has.

    Raises:
        DataError: their numbers differ.
    """
    if foreign.num_classes != len(class_names):
        shown = ", ".join(class_names[:6]) + (", …" if len(class_names) > 6 else "")
        raise DataError(
            folder,
            received=f"{len(class_names)} classes ({shown})",
            expected=f"{foreign.num_classes}, for which {foreign.file.name} has outputs",
            remedy="name the folder with the classes that the model was trained on",
        )


def prepared(pixels: NDArray[np.uint8], way: str) -> Float32:
    """Pixels as a model outside of our catalog is given them, float32 of the same shape.

    Args:
        pixels: RGB, shape (n, height, width, 3).
        way: "none", "0..1", "-1..1", "caffe" or "torch"; "auto" is that of our embedded backbone.
    """
    return PREPROCESSING[preprocessing_for(way, "lite")](pixels)


def _network(model: keras.Model, original: keras.Model) -> keras.Model:
    asked = {"outputs": model.outputs[0], "frozen": frozen_tensor(original), "last": last_dense_input(original)}
    return keras.Model(model.inputs, {name: tensor for name, tensor in asked.items() if tensor is not None})


def _asked(network: keras.Model, pixels: NDArray[np.uint8], way: str) -> dict[str, Float32]:
    """What a network says, by name, of a few pictures, at most `_AT_ONCE`; feature maps averaged over the picture."""
    # Always as many at once: TensorFlow compiles for each number of them, and warns of that.
    filled = np.resize(np.arange(len(pixels)), _AT_ONCE)
    said = network.predict_on_batch(prepared(pixels[filled], way))
    return {name: _pooled(values)[: len(pixels)] for name, values in said.items()}


def _pooled(values: NDArray[Any]) -> Float32:
    found = np.asarray(values, np.float32)
    return found.mean(axis=(1, 2)) if found.ndim == 4 else found


# ---- what it has to be -----------------------------------------------------------------------------------------------


def _check_input(name: str, model: keras.Model) -> int | None:
    """Height and width in pixels, or None where it takes any."""
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) != 1:
        raise _unfit(name, f"a model with {len(inputs)} inputs", "one input, the picture")
    shape = tuple(inputs[0].shape)
    if len(shape) == 4 and shape[3] == 1:
        raise _unfit(name, f"a model of grey pictures, input {shape}", "colour pictures: three channels, last")
    if len(shape) != 4 or shape[3] != 3:
        raise _unfit(name, f"a model with input {shape}", "pictures with three channels, last")
    if shape[1] != shape[2]:
        raise _unfit(name, f"a model of pictures of {shape[1]} by {shape[2]} pixels", "square pictures")
    size: int | None = shape[1]
    return size


def _check_output(name: str, model: keras.Model) -> int:
    outputs = getattr(model, "outputs", None) or []
    if len(outputs) != 1:
        raise _unfit(name, f"a model with {len(outputs)} outputs", "one output, a number for each class")
    shape = tuple(outputs[0].shape)
    if len(shape) != 2 or not isinstance(shape[1], int):
        raise _unfit(name, f"a model with output {shape}", "one number for each class")
    return shape[1]


def _gives_logits(model: keras.Model, image_size: int | None) -> bool:
    """By the last activation; where that cannot be seen, by whether it gives shares of one for noise."""
    activation = last_activation(model)
    if activation in ("softmax", "sigmoid"):
        return False
    if activation in ("linear", "log_softmax"):
        return True
    size = image_size or 64
    noise = np.random.default_rng(0).uniform(0, 1, (4, size, size, 3)).astype(np.float32)
    said = np.asarray(model.predict_on_batch(noise), np.float64)
    if said.shape[1] == 1:
        return not bool(((said >= 0) & (said <= 1)).all())
    return not bool((said >= 0).all() and np.allclose(said.sum(axis=1), 1, atol=1e-3))


def _unfit(name: str, received: str, expected: str) -> BackboneError:
    return BackboneError(name, received=received, expected=expected, remedy="save a model with that input and output")
