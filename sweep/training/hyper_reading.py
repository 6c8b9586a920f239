"""What somebody's own compiled model is taught and what it says: labels for its loss, logits from its outputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from sweep.errors import TrialError
from sweep.records import IndexArray
from sweep.training.losses import one_hot

__all__ = ["Reading", "last_activation", "reading_of"]

Tensor: TypeAlias = keras.KerasTensor
Labels = Literal["auto", "one_hot", "integer"]
Form = Literal["logits", "probabilities", "sigmoid logits", "one probability", "one logit"]

_INTEGER_LOSSES = ("sparse_categorical_crossentropy",)
_BINARY_LOSSES = ("binary_crossentropy", "binary_focal_crossentropy")
_ONE_HOT_LOSSES = (
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "kl_divergence",
    *_BINARY_LOSSES,
)
_KNOWN_LOSSES = (*_INTEGER_LOSSES, *_ONE_HOT_LOSSES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How labels are written for a model, and how its outputs are read.

    Attributes:
        one_hot: whether its loss is given a number for each class; else the number of the class.
        form: of its outputs. Several probabilities are divided by their sum, as Keras' categorical cross-entropy does;
            one probability or logit is that of the second of two classes.
        num_classes: of the task.
    """

    one_hot: bool
    form: Form
    num_classes: int

    def labels(self, labels: IndexArray) -> NDArray[Any]:
        """Labels, shape (n,), as the loss is given them: int64 of that shape, or float32 of shape (n, num_classes)."""
        return one_hot(labels, self.num_classes) if self.one_hot else labels

    def classes(self, given: Tensor) -> Tensor:
        """Back from what the loss is given, in whatever shape Keras hands it on, to int32 of shape (n,)."""
        if self.one_hot:
            return ops.cast(ops.argmax(given, axis=-1), "int32")
        return ops.cast(ops.reshape(given, (-1,)), "int32")

    def logits(self, outputs: Tensor) -> Tensor:
        """Logits, float32, shape (n, num_classes), of outputs, shape (n, num_classes) or (n, 1).

        Probabilities are clipped as Keras' own losses clip them.
        """
        least = keras.config.epsilon()
        outputs = ops.cast(outputs, "float32")
        match self.form:
            case "logits":
                return outputs
            case "probabilities":
                return ops.log(ops.clip(outputs, least, 1.0))
            case "sigmoid logits":
                return ops.log_sigmoid(outputs)
            case "one probability":
                clipped = ops.clip(outputs, least, 1.0 - least)
                outputs = ops.log(clipped) - ops.log(1.0 - clipped)
        return ops.concatenate([ops.zeros_like(outputs), outputs], axis=-1)

    def read(self, outputs: NDArray[Any]) -> NDArray[np.float32]:
        """The same for outputs that are known.

        Raises:
            TrialError: what should be probabilities are none.
        """
        if "probabilit" in self.form and (outputs.min(initial=0) < -1e-3 or outputs.max(initial=0) > 1 + 1e-3):
            raise TrialError(
                "hypermodel",
                received=f"outputs from {outputs.min():.3g} to {outputs.max():.3g} for a loss that takes probabilities",
                expected="a softmax or sigmoid at the end, or a loss with from_logits=True",
                remedy="make the last layer and the loss fit each other",
            )
        return np.asarray(self.logits(outputs), np.float32)


def reading_of(model: keras.Model, input_shape: tuple[int, ...], num_classes: int, *, labels: Labels) -> Reading:
    """How a compiled model is taught and read.

    Args:
        model: compiled and built, with one output.
        input_shape: of one image.
        num_classes: of the task.
        labels: what the loss is given; "auto": as Keras' own losses take it.

    Raises:
        TrialError: loss, output and labels do not fit one another, or nobody can tell.
    """
    width, loss = _width(model, input_shape), _loss_name(model.loss)
    from_logits = bool(getattr(_only(model.loss), "from_logits", False))
    single = width == 1
    if width != num_classes and not (single and num_classes == 2):
        expected = f"{num_classes} outputs, one a class" + (", or one for both" if num_classes == 2 else "")
        raise _unfit(f"{width} output{'' if single else 's'} for {num_classes} classes", expected)
    if single and loss in _KNOWN_LOSSES and loss not in _BINARY_LOSSES:
        raise _unfit(f"one output under {loss}, which sees a class in each output", "binary_crossentropy, or 2 outputs")
    wanted = _wanted(loss, labels, single=single)
    return Reading(
        one_hot=wanted, form=_form(last_activation(model), loss, from_logits, single=single), num_classes=num_classes
    )


def last_activation(model: keras.Model) -> str:
    """The name of the function that gives the model's output: "softmax", "linear", …; "" where it cannot be seen."""
    outputs = getattr(model, "outputs", None)
    return _activation(outputs[0]) if outputs and len(outputs) == 1 else ""


def _activation(tensor: Tensor) -> str:
    operation, call, _ = tensor._keras_history
    if isinstance(operation, keras.Model):
        return last_activation(operation)
    if type(operation).__name__ in ("Softmax", "Sigmoid", "LogSoftmax"):
        return _snake(type(operation).__name__)
    function = getattr(operation, "activation", None)
    if function is None:
        return ""
    name = str(getattr(function, "__name__", ""))
    if name == "linear" and isinstance(operation, keras.layers.Activation):
        return _activation(operation._inbound_nodes[call].input_tensors[0])  # it only changes the type of numbers
    return name


def _wanted(loss: str, labels: Labels, *, single: bool) -> bool:
    """Whether labels are one-hot."""
    known = loss in _KNOWN_LOSSES
    if not known and labels == "auto":
        raise _unfit(
            f"the loss {loss or 'None'}, which may take one-hot labels or the numbers of classes",
            'labels = "one_hot" or labels = "integer" in [training] to say which',
        )
    wanted = loss in _ONE_HOT_LOSSES and not single if known else labels == "one_hot"
    if labels != "auto" and wanted != (labels == "one_hot"):
        given = "one-hot labels" if labels == "one_hot" else "the numbers of classes as labels"
        outputs = "one output" if single else "an output a class"
        raise _unfit(f"{given} for {loss} with {outputs}", 'labels = "auto" in [training]')
    if wanted and single:
        raise _unfit("one-hot labels for a single output", 'labels = "integer" in [training]')
    return wanted


def _form(activation: str, loss: str, from_logits: bool, *, single: bool) -> Form:
    binary = loss in _BINARY_LOSSES
    if activation == "linear" and not from_logits and loss in _KNOWN_LOSSES:
        raise _unfit(
            f"a last layer without an activation under {loss}, which takes probabilities",
            "a softmax or sigmoid at the end, or a loss with from_logits=True",
        )
    # Of a softmax TensorFlow's losses take the logits behind it; so does its binary one of a sigmoid.
    sigmoid = activation == "sigmoid" and binary
    probable = activation == "softmax" or (activation != "linear" and (sigmoid or not from_logits))
    if single:
        return "one probability" if probable else "one logit"
    if probable:
        return "probabilities"
    return "sigmoid logits" if binary else "logits"


def _width(model: keras.Model, input_shape: tuple[int, ...]) -> int:
    # Models of a class of their own have no shapes before they are called.
    known = bool(getattr(model, "outputs", None))
    shape = model.output_shape if known else _shape(model(np.zeros((1, *input_shape), np.float32)))
    if not isinstance(shape, tuple) or len(shape) != 2 or not isinstance(shape[1], int):
        raise _unfit(f"outputs of shape {shape}", "one vector an image: a number for each class, or one for two")
    return shape[1]


def _shape(outputs: object) -> object:
    return tuple(outputs.shape) if hasattr(outputs, "shape") else f"{type(outputs).__name__} of several outputs"


def _only(loss: object) -> object:
    """The loss itself where it stands in a list or under the name of the one output."""
    found = keras.tree.flatten(loss)
    return found[0] if len(found) == 1 else None


def _loss_name(loss: object) -> str:
    """The name that Keras has for a loss of its own, in small letters; the name in its code for any other."""
    one = _only(loss)
    function = keras.losses.get(one) if isinstance(one, str) else one
    kind = function if callable(function) and hasattr(function, "__name__") else type(function)
    if function is None:
        return ""
    name = str(kind.__name__)
    return _snake(name) if kind.__module__.startswith("keras.") else f"{kind.__module__}.{name}"


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower().replace("k_l_", "kl_")


def _unfit(received: str, expected: str) -> TrialError:
    return TrialError(
        "hypermodel", received=received, expected=expected, remedy="make output, loss and labels fit one another"
    )
