"""Train numbers in the modes of the waterfall, measured without a trace: nothing that training goes on from changes.

Keras logs the training side with dropout and augmentation on and with the batch's own statistics in batch norm. Here
the same weights are evaluated with each of these switched by itself, on random streams that nothing else draws from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from sweep.records import IndexArray, ModeRecord, SplitIndices
from sweep.training.draws import Draw, draw_passes, mode_records
from sweep.training.evaluation import Evaluation, evaluate
from sweep.training.switching import CLEAN, Mode, Switches, awake, leaves, switched, switches_of, why_unswitchable
from sweep.training.task import Task

__all__ = ["ModelModes", "Subject", "SwitchedModel", "measure_model", "measure_modes"]

Float32 = NDArray[np.float32]
Tensor: TypeAlias = tf.Tensor
_Work: TypeAlias = Sequence[tuple[int, IndexArray]]

_CHEAP_DRAWS, _DRAWS = 4, 2
_AT_ONCE = 64


class SwitchedModel:
    """A model and one compiled function for each mode that it was asked for.

    Args:
        model: built; one that `why_unswitchable` has nothing against.
        counter: a variable beyond the model's own that counts the steps and decides about masks, or None.
        from_logits: whether the model gives logits; else probabilities.
        at_rest: layers in it that do as in inference while the rest trains.
    """

    def __init__(
        self,
        model: keras.Model,
        counter: keras.Variable | None = None,
        *,
        from_logits: bool = True,
        at_rest: Sequence[keras.layers.Layer] = (),
    ) -> None:
        self.model = model
        self._counter = counter
        self._from_logits = from_logits
        self._at_rest = at_rest
        self._functions: dict[Mode, Callable[..., Any]] = {}
        self._observing: Callable[..., Any] = tf.function(self._observe, autograph=False, reduce_retracing=True)
        self._penalising: Callable[..., Any] = tf.function(self._penalise, autograph=False, reduce_retracing=True)
        self._augments = not switches_of(model, augmented=False).augmentation

    def logits(self, mode: Mode, batches: Iterable[Tensor]) -> Iterator[Float32]:
        """What the model says of one batch after the other, each with masks of its own.

        Generators and moving statistics run on from batch to batch, and are dropped at the end: the model's own stay.
        """
        state = [tf.identity(variable.value) for variable in self._varying]
        for inputs in batches:
            logits, state = self._function(mode, inputs.shape[1:])(inputs, state)
            yield self._logits(logits.numpy())

    def switches(self, *, augmented: bool) -> Switches:
        """What there is to switch; see `switches_of`."""
        return switches_of(self.model, augmented=augmented, at_rest=self._at_rest)

    @property
    def batch_norms(self) -> list[keras.layers.BatchNormalization]:
        """Those that run on the statistics of each batch in training."""
        found = awake(self.model, self._at_rest)
        return [layer for layer in found if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable]

    def statistics(self, batches: Iterable[Tensor]) -> Iterator[list[tuple[Float32, Float32]]]:
        """Mean and variance that each of `batch_norms` finds in one batch after the other, dropping nothing.

        Each sees what those before it make of the same batch by its statistics. The model stays as it is.
        """
        for inputs in batches:
            yield [(mean.numpy(), variance.numpy()) for mean, variance in self._observing(inputs)]

    def activity(self, batches: Iterable[Tensor]) -> float:
        """Mean over the examples of what penalties on activities add to the loss in inference, nats."""
        if not any(layer.activity_regularizer is not None for layer in leaves(self.model)):
            return 0.0
        found = [(len(inputs), float(self._penalising(inputs))) for inputs in batches]
        return sum(count * value for count, value in found) / sum(count for count, _ in found)

    def clean_logits(self, inputs: Float32) -> Float32:
        """What the model says in inference, float32, shape (n, num_classes)."""
        return self._logits(self.model.predict(inputs, batch_size=_AT_ONCE, verbose=0))

    def _logits(self, said: Float32) -> Float32:
        # Keras' own loss clips probabilities alike.
        return said if self._from_logits else np.log(np.clip(said, keras.config.epsilon(), 1.0))

    @property
    def _varying(self) -> list[keras.Variable]:
        return [*self.model.non_trainable_variables, *([] if self._counter is None else [self._counter])]

    def _function(self, mode: Mode, shape: tf.TensorShape) -> Callable[..., Any]:
        # Images that are augmented beforehand are no matter of the model's.
        mode = replace(mode, augmentation=mode.augmentation and self._augments)
        if mode not in self._functions:
            state = [tf.TensorSpec(variable.shape, variable.dtype) for variable in self._varying]
            self._functions[mode] = tf.function(
                lambda inputs, state: self._compute(mode, inputs, state),
                input_signature=[tf.TensorSpec((None, *shape), tf.float32), state],
                autograph=False,
            )
        return self._functions[mode]

    def _observe(self, inputs: Tensor) -> list[tuple[Tensor, Tensor]]:
        norms, varying = self.batch_norms, self._varying
        momenta = [norm.momentum for norm in norms]
        # With momentum 0 a moving statistic is that of the last batch.
        for norm in norms:
            norm.momentum = 0.0
        try:
            mode = replace(CLEAN, batch_statistics=True)
            _, state = self._compute(mode, inputs, [tf.identity(variable.value) for variable in varying])
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
        place = {id(variable): number for number, variable in enumerate(varying)}
        return [(state[place[id(norm.moving_mean)]], state[place[id(norm.moving_variance)]]) for norm in norms]

    def _penalise(self, inputs: Tensor) -> Tensor:
        with keras.StatelessScope(collect_losses=True) as scope:
            self.model(inputs, training=False)
        return tf.add_n(scope.losses)

    def _compute(self, mode: Mode, inputs: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        varying = self._varying
        scope = keras.StatelessScope(list(zip(varying, state, strict=True)), collect_losses=True)
        with switched(self.model, mode, self._at_rest), scope:
            if self._counter is not None:
                self._counter.assign_add(1)
            logits = self.model(inputs, training=True)
        return logits, [scope.get_current_value(variable) for variable in varying]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """A model, what there is to switch in it, and where it finds its images.

    Attributes:
        clean: the model's inputs for images of the index, float32, shape (n, …).
        augmented: the model's inputs for rows of the table of views; None without views.
        views: how many of each image there are.
        at_once: how many images are evaluated together where batch norm does not care.
        cheap: whether evaluating costs so little that more draws and every corner are worth it.
    """

    model: SwitchedModel
    switches: Switches
    clean: Callable[[IndexArray], Tensor]
    augmented: Callable[[IndexArray], Tensor] | None
    views: int
    at_once: int
    cheap: bool

    def logits(self, mode: Mode, images: IndexArray, passes: Sequence[Draw]) -> Float32:
        """Logits of images in each pass, float32, shape (passes, n_images, num_classes)."""
        if mode.batch_statistics:
            work = [(number, positions) for number, drawn in enumerate(passes) for positions in drawn.batches]
        else:
            parts = _alike(len(images), self.at_once)
            work = [(number, positions) for positions in parts for number in range(len(passes))]
        said = list(self.model.logits(mode, self._inputs(mode, images, passes, work)))
        found = np.empty((len(passes), len(images), said[0].shape[1]), np.float32)
        for place, logits in zip(work, said, strict=True):
            found[place] = logits
        return found

    def activity(self, rows: IndexArray, *, augmented: bool = False) -> float:
        """What penalties on activities add to the loss of images, or of rows of the table of views; see above."""
        inputs = self.augmented if augmented and self.augmented is not None else self.clean
        return self.model.activity(map(inputs, np.split(rows, range(self.at_once, len(rows), self.at_once))))

    def _inputs(self, mode: Mode, images: IndexArray, passes: Sequence[Draw], work: _Work) -> Iterator[Tensor]:
        """Of each pass and its positions in `images`; what passes share is gathered once."""
        gathered: IndexArray | None = None
        for number, positions in work:
            views = passes[number].views
            if mode.augmentation and self.augmented is not None and views is not None:
                yield self.augmented(views[positions])
                continue
            if positions is not gathered:
                gathered, inputs = positions, self.clean(images[positions])
            yield inputs


def measure_modes(
    subject: Subject, task: Task, clean: Evaluation, *, batch_size: int, seed: np.random.SeedSequence, thorough: bool
) -> tuple[ModeRecord, ...]:
    """E1, E2 and E3 over the whole training side, and the other corners where they are cheap or asked for.

    Every mode is evaluated on the same views and batches and starts from the same state of the generators, so that
    changes are paired: modes that draw masks in the same batches draw the same ones.

    Args:
        subject: with the weights of the selected epoch.
        task: what was learnt.
        clean: E4, of the training side.
        batch_size: in training.
        seed: of views and batches.
        thorough: whether corners are measured where they are not cheap.
    """
    passes = draw_passes(
        len(task.train),
        count=_CHEAP_DRAWS if subject.cheap else _DRAWS,
        batch_size=batch_size,
        draw_views=partial(task.draw_views, task.train, subject.views) if subject.views else None,
        seed=seed,
    )
    return mode_records(
        lambda mode: subject.logits(mode, task.train, passes),
        task.labels[task.train],
        clean,
        subject.switches,
        passes=passes,
        every_corner=subject.cheap or thorough,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelModes:
    """What `measure_model` found of a user's own model on its training side.

    Attributes:
        clean: E4.
        modes: E1 to E3 and, where asked for, the other corners; empty where they cannot be had.
        reason: why they cannot be had, or "".
    """

    clean: Evaluation
    modes: tuple[ModeRecord, ...]
    reason: str


def measure_model(
    model: keras.Model,
    inputs: Float32,
    labels: IndexArray,
    *,
    batch_size: int,
    seed: np.random.SeedSequence,
    from_logits: bool,
    thorough: bool = False,
) -> ModelModes:
    """The modes of a user's own Keras classifier, whose augmentation, if it has any, is made of layers of its own.

    For models that are neither cut nor put together from settings: those of a study are measured with their features
    and views by `measure_modes`. The model stays as it is.

    Args:
        model: built; gives logits or probabilities, shape (n_images, num_classes).
        inputs: of the training side, float32, shape (n_images, …).
        labels: int64, shape (n_images,).
        batch_size: in training.
        seed: of batches.
        from_logits: whether the model gives logits.
        thorough: whether every corner is measured.
    """
    switchable = SwitchedModel(model, from_logits=from_logits)
    clean = evaluate(switchable.clean_logits(inputs), labels)
    reason = why_unswitchable(model)
    if reason:
        return ModelModes(clean=clean, modes=(), reason=reason)
    subject = Subject(
        model=switchable,
        switches=switches_of(model, augmented=False),
        clean=lambda images: tf.convert_to_tensor(inputs[images]),
        augmented=None,
        views=0,
        at_once=_AT_ONCE,
        cheap=False,
    )
    everything = np.arange(len(labels))
    split = SplitIndices(train=everything, validation=everything[:0], test=everything[:0])
    task = Task.of(labels, split, clean.logits.shape[1])
    modes = measure_modes(subject, task, clean, batch_size=batch_size, seed=seed, thorough=thorough)
    return ModelModes(clean=clean, modes=modes, reason="")


def _alike(images: int, at_once: int) -> tuple[IndexArray, ...]:
    """All positions in parts of one length, since masks are compiled for each; some stand in the last part again."""
    parts = math.ceil(images / at_once)
    length = math.ceil(images / parts)
    return tuple(np.resize(np.arange(images), (parts, length)))
