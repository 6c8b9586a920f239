"""Metrics put beside those that somebody's own model was compiled with, to take its logged numbers apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import keras
from keras import ops

from sweep.training.hyper_reading import Reading

__all__ = ["ACCURACY", "CROSS_ENTROPY", "add_metrics", "can_be_watched"]

Tensor: TypeAlias = keras.KerasTensor

ACCURACY, CROSS_ENTROPY = "sweep_accuracy", "sweep_cross_entropy"
"""Names of the metrics in Keras' logs."""


def can_be_watched(model: keras.Model) -> bool:
    """Whether a model can be compiled again as it was; one of a class of its own may take other arguments."""
    return type(model).__module__.startswith("keras.")


def add_metrics(target: keras.Model, source: keras.Model, reading: Reading) -> None:
    """Compile a model as another one is, or that model again, with accuracy and cross-entropy beside its metrics.

    Optimizer and loss are the same objects, so that training goes on where it stood.
    """
    # What a model was compiled with is in no public place; a test tells when it moves.
    compiled = source._compile_metrics
    metrics = keras.tree.flatten(compiled._user_metrics if compiled is not None else None)
    weighted = compiled._user_weighted_metrics if compiled is not None else None
    own = {ACCURACY: reading_accuracy(reading), CROSS_ENTROPY: reading_cross_entropy(reading)}
    given = [metric for metric in metrics if metric is not None and not isinstance(metric, _MeanOf)]
    target.compile(
        optimizer=source.optimizer,
        loss=source.loss,
        loss_weights=source._compile_loss._user_loss_weights if source._compile_loss is not None else None,
        metrics=[*given, *(_MeanOf(function, name) for name, function in own.items())],
        weighted_metrics=weighted,
        run_eagerly=source.run_eagerly,
        steps_per_execution=source.steps_per_execution,
        jit_compile=source.jit_compile,
        auto_scale_loss=False,  # done where it was compiled first
    )


def reading_accuracy(reading: Reading) -> Callable[[Tensor, Tensor], Tensor]:
    """1 for each example whose class has the largest logit, 0 for the others, shape (n,)."""

    def accuracy(given: Tensor, outputs: Tensor) -> Tensor:
        named = ops.cast(ops.argmax(reading.logits(outputs), axis=-1), "int32")
        return ops.cast(named == reading.classes(given), "float32")

    return accuracy


def reading_cross_entropy(reading: Reading) -> Callable[[Tensor, Tensor], Tensor]:
    """Nats of each example, shape (n,): no penalty, no weight, no smoothing, whatever the loss is."""

    def cross_entropy(given: Tensor, outputs: Tensor) -> Tensor:
        return ops.sparse_categorical_crossentropy(reading.classes(given), reading.logits(outputs), from_logits=True)

    return cross_entropy


class _MeanOf(keras.metrics.Mean):  # type: ignore[misc]
    """The mean over the examples of a function of labels and outputs."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], name: str) -> None:
        super().__init__(name=name)
        self._function = function

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Take a batch; weights are not looked at."""
        super().update_state(self._function(y_true, y_pred))
