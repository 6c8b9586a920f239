"""Dropout, augmentation and batch norm of a model, each switched by itself while all else stays in training."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from typing import Any

import keras
from keras import layers

# Not in Keras' public part; a test tells when it moves.
from keras.src.layers.preprocessing.image_preprocessing.base_image_preprocessing_layer import (
    BaseImagePreprocessingLayer,
)

from sweep.training.knobs import MaskedDropout

__all__ = [
    "CLEAN",
    "Mode",
    "Switches",
    "awake",
    "learning_norms",
    "leaves",
    "resting",
    "switched",
    "switches_of",
    "why_other_in_training",
    "why_unswitchable",
]

_NOISE = (layers.Dropout, layers.GaussianDropout, layers.GaussianNoise, layers.AlphaDropout, MaskedDropout)
# These do the same whether the model trains or not.
_CONSTANT = (layers.Resizing, layers.CenterCrop, layers.AutoContrast)


@dataclass(frozen=True, slots=True)
class Mode:
    """What is switched on: dropout and noise, augmentation, and the batch's own statistics in batch norm."""

    dropout: bool
    augmentation: bool
    batch_statistics: bool

    def __and__(self, other: Mode) -> Mode:
        """What both have on."""
        return Mode(*(mine and theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


CLEAN = Mode(dropout=False, augmentation=False, batch_statistics=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """Per switch "" where it makes a difference, else why it makes none, such as "no dropout"."""

    dropout: str
    augmentation: str
    batch_statistics: str

    @property
    def active(self) -> Mode:
        """The switches that make a difference."""
        return Mode(
            dropout=not self.dropout, augmentation=not self.augmentation, batch_statistics=not self.batch_statistics
        )


def leaves(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model and of the models and layers in it, each once."""
    return [layer for layer in model._flatten_layers(include_self=False) if not isinstance(layer, keras.Model)]


def learning_norms(model: keras.Model | None) -> tuple[keras.layers.BatchNormalization, ...]:
    """The batch norms of a model, if any, whose moving statistics follow: not the frozen, nor the legacy ones."""
    found = () if model is None else (each for each in leaves(model) if isinstance(each, layers.BatchNormalization))
    return tuple(norm for norm in found if norm.trainable and norm.momentum < 1)


def awake(model: keras.Model, at_rest: Sequence[keras.layers.Layer]) -> list[keras.layers.Layer]:
    """The layers of a model without those that are at rest in training."""
    idle = {id(layer) for layer in at_rest}
    return [layer for layer in leaves(model) if id(layer) not in idle]


def switches_of(model: keras.Model, *, augmented: bool, at_rest: Sequence[keras.layers.Layer] = ()) -> Switches:
    """What there is to switch in a model.

    Args:
        model: built.
        augmented: whether it is trained on augmented images that are made outside of it.
        at_rest: layers in it that do as in inference while the rest trains.
    """
    found = awake(model, at_rest)
    augmentation = augmented or any(_augments(layer) for layer in found)
    batch_norm = any(isinstance(layer, layers.BatchNormalization) and layer.trainable for layer in found)
    return Switches(
        dropout="" if any(isinstance(layer, _NOISE) and _rate(layer) for layer in found) else "no dropout",
        augmentation="" if augmentation else "no augmentation",
        batch_statistics="" if batch_norm else "no batch norm that trains",
    )


def why_unswitchable(model: keras.Model) -> str:
    """Why nobody can tell what training switches on in this model, as a clause; "" where it is known."""
    for name in ("train_step", "test_step"):
        if getattr(type(model), name) is not getattr(keras.Model, name):
            return f"the model has a {name} of its own"
    if not _takes_training(model):
        return "the model's call takes no `training`, so that it cannot be told to train"
    for layer in (model, *model._flatten_layers(include_self=False)):
        kind = "model" if isinstance(layer, keras.Model) else "layer"
        name = f'the {kind} "{layer.name}" ({type(layer).__name__})'
        if getattr(layer, "dropout", 0) and hasattr(layer, "recurrent_dropout"):
            return f"{name} drops out within its recurrence, where it cannot be switched"
        if _is_foreign(layer) and _takes_training(layer):
            return f"{name} trains in a way of its own, which may be dropout, augmentation or something else"
    return ""


def why_other_in_training(layer: keras.layers.Layer) -> str:
    """What a layer, or a model as a layer, does in training alone, or may do for all that is known of it; else ""."""
    if isinstance(layer, _NOISE):
        return "drops out or adds noise in training" if _rate(layer) else ""
    if isinstance(layer, BaseImagePreprocessingLayer):
        return "augments in training" if _augments(layer) else ""
    if isinstance(layer, layers.BatchNormalization):
        return "takes the statistics of each batch in training" if layer.trainable else ""
    unknown = isinstance(layer, layers.Lambda) or (not isinstance(layer, keras.Model) and _takes_training(layer))
    return "may do something else in training" if unknown or _is_foreign(layer) else ""


@contextmanager
def switched(model: keras.Model, mode: Mode, at_rest: Sequence[keras.layers.Layer] = ()) -> Iterator[None]:
    """Within it a call of the model with `training=True` has only that on which the mode says.

    Layers that are none of the three kinds do as in training. A frozen batch norm stays on its moving statistics, and
    what is at rest in training is so here.
    """
    with ExitStack() as stack:
        for layer in at_rest:
            stack.enter_context(_forced(layer, training=False))
        for layer in awake(model, at_rest):
            if isinstance(layer, _NOISE):
                stack.enter_context(_forced(layer, training=mode.dropout))
            elif isinstance(layer, BaseImagePreprocessingLayer):
                stack.enter_context(_forced(layer, training=mode.augmentation))
            elif isinstance(layer, layers.BatchNormalization):
                stack.enter_context(_forced(layer, training=mode.batch_statistics))
        yield


@contextmanager
def resting(model: keras.Model | None) -> Iterator[None]:
    """Within it a model, if any, has nothing to train, as if Keras had frozen it while the model around it trains.

    Its batch norms that learn do as in inference. What learns nothing stays as it is: legacy batch norms run on the
    batch's statistics, and dropouts drop.
    """
    learning = [] if model is None else [variable for variable in model.variables if variable.trainable]
    with ExitStack() as stack:
        for norm in learning_norms(model):
            stack.enter_context(_forced(norm, training=False))
        stack.enter_context(_untrainable(learning))
        yield


@contextmanager
def _untrainable(learning: Sequence[keras.Variable]) -> Iterator[None]:
    for variable in learning:
        variable.trainable = False
    try:
        yield
    finally:
        for variable in learning:
            variable.trainable = True


@contextmanager
def _forced(layer: keras.layers.Layer, *, training: bool) -> Iterator[None]:
    """The layer is called with this `training`, whatever its caller says."""
    call: Callable[..., Any] = layer.call

    def forced(*args: object, **kwargs: object) -> object:
        return call(*args, **{**kwargs, "training": training})

    # Past Keras' own `__setattr__`, which tracks what a layer holds.
    object.__setattr__(layer, "call", forced)
    try:
        yield
    finally:
        object.__delattr__(layer, "call")


def _augments(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, BaseImagePreprocessingLayer) and not isinstance(layer, _CONSTANT)


def _rate(layer: keras.layers.Layer) -> float:
    """How much a layer drops or how loud its noise is; 0 for nothing."""
    return float(layer.stddev if isinstance(layer, layers.GaussianNoise) else layer.rate)


def _takes_training(layer: keras.layers.Layer) -> bool:
    return "training" in inspect.signature(layer.call).parameters


def _is_foreign(layer: keras.layers.Layer) -> bool:
    """A class of somebody else's that is no kind that is switched, whatever it holds: it may draw noise beside that."""
    if isinstance(layer, (*_NOISE, BaseImagePreprocessingLayer, layers.BatchNormalization)):
        return False
    owner = type(layer)
    if isinstance(layer, keras.Model):
        # A class of models that keeps Keras' own call, as functional ones do, only holds layers.
        owner = next(base for base in owner.__mro__ if "call" in vars(base))
    return not owner.__module__.startswith(("keras.", "sweep."))
