"""An epoch as one compiled call over cached features: the fast path, and TensorFlow's room in this folder.

What differs between the trials of a structure is a variable (dropout rates, L2, learning rate, weights) or an argument
(features, batches), so a structure is compiled once and serves every trial of it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from sweep.errors import TrialError
from sweep.records import IndexArray
from sweep.studyfile.definition import Configuration, ModelSettings
from sweep.training.course import LoggedEpoch
from sweep.training.knobs import Knobs
from sweep.training.model import Beginning, build_trainable, dropout_rates
from sweep.training.modes import Subject, SwitchedModel
from sweep.training.optimizer import make_optimizer, reset_optimizer
from sweep.training.seeds import TrialSeeds
from sweep.training.shareable import shareable
from sweep.training.structure import Structure
from sweep.training.switching import CLEAN, switches_of
from sweep.training.task import Batches

__all__ = ["CompiledStructure", "FusedRun", "draw_mask", "share", "translated"]

Float32 = NDArray[np.float32]
Tensor: TypeAlias = tf.Tensor

_EVALUATION_BYTES = 64 * 2**20
_MOST_EVALUATED = 512
_STEPS_COMPILED = 16


def draw_mask(shape: Sequence[int | Tensor], rate: Tensor, seed: Tensor) -> Tensor:
    """A dropout mask from the ThreeFry generator: the same for the same shape, rate and seed, compiled or not."""
    return _compiled_mask(tf.stack(shape), rate, seed)


@tf.function(jit_compile=True, autograph=False)  # type: ignore[untyped-decorator]
def _compiled_mask(shape: Tensor, rate: Tensor, seed: Tensor) -> Tensor:
    # Compiled by itself because TensorFlow's own CPU kernels know no ThreeFry. A word of 32 bits decides about two
    # values: drawing is what a small head's step mostly consists of, and 1/65,536 is close enough to any rate.
    half = tf.concat([[(shape[0] + 1) // 2], shape[1:]], axis=0)
    words = tf.random.stateless_uniform(half, seed, minval=None, maxval=None, dtype=tf.uint32, alg="threefry")
    low = tf.bitwise.bitwise_and(words, tf.constant(0xFFFF, tf.uint32))
    high = tf.bitwise.right_shift(words, tf.constant(16, tf.uint32))
    kept = tf.concat([low, high], axis=0)[: shape[0]] >= tf.cast(tf.round(rate * 65_536.0), tf.uint32)
    return tf.where(kept, 1.0 / (1.0 - rate), 0.0)


def share(array: Float32) -> Tensor:
    """An array as a tensor without copying it, but to a GPU: a memory map stays on disk save the pages in use."""
    tensor = tf.experimental.dlpack.from_dlpack(shareable(array).__dlpack__())
    gpus = tf.config.list_logical_devices("GPU")
    if not gpus:
        return tensor
    with tf.device(gpus[0].name):
        return tf.identity(tensor)


class CompiledStructure:
    """Model, optimizer and compiled functions of one structure, used by one trial after the other.

    Attributes:
        model: from features to logits.
        switched: evaluates it in modes.
        fixed_shapes: whether every new shape of its arguments costs a compile.
        tail: the unfrozen part in it, or None.
    """

    def __init__(self, structure: Structure, settings: ModelSettings, tail: keras.Model | None) -> None:
        self.fixed_shapes = structure.compiled_whole
        self._knobs = Knobs(len(structure.dropouts), draw_mask, num_classes=structure.num_classes)
        self.model = build_trainable(
            settings,
            tail=tail,
            input_shape=structure.input_shape,
            num_classes=structure.num_classes,
            parts=self._knobs,
        )
        self.tail = tail
        self.switched = SwitchedModel(self.model, self._knobs.step)
        self._beginning = Beginning(self.model, tail)
        self._optimizer = make_optimizer(structure.optimizer, 0.0)
        self._optimizer.build(self.model.trainable_variables)
        table = tf.TensorSpec((None, *structure.input_shape), tf.float32)
        batches = tf.TensorSpec((None, None), tf.int32)
        rows = tf.TensorSpec((None,), tf.int32)
        self.epoch = self._function(self._epoch, [table, batches, batches, rows, tf.TensorSpec((), tf.int32)])
        self.logits = self._function(self._logits, [table, rows])

    @property
    def size(self) -> int:
        """Bytes of its variables."""
        variables = [*self.model.variables, *self._optimizer.variables]
        return sum(4 * math.prod(tuple(variable.shape)) for variable in variables)

    def begin(
        self, configuration: Configuration, seeds: TrialSeeds, class_weights: NDArray[np.float32] | None = None
    ) -> None:
        """Set everything to the start of a trial; class weights are 1 unless given, shape (num_classes,)."""
        self._beginning.restore(seeds)
        self._knobs.turn(rates=dropout_rates(configuration.model), l2=configuration.model.l2, seed=seeds.masks)
        self._knobs.weight_classes(class_weights)
        reset_optimizer(self._optimizer, configuration.training.learning_rate)

    def penalty(self) -> float:
        """The L2 penalty at the present weights."""
        return float(sum(self.model.losses))

    def _function(self, python: Callable[..., Any], signature: Sequence[tf.TensorSpec]) -> Callable[..., Any]:
        compiled: Callable[..., Any] = tf.function(
            python, input_signature=signature, jit_compile=self.fixed_shapes, autograph=False
        )
        return compiled

    def _epoch(self, table: Tensor, rows: Tensor, labels: Tensor, counts: Tensor, steps: Tensor) -> Tensor:
        """Train `steps` batches; returns the sums of `_step` over them."""

        def train(step: Tensor, sums: Tensor) -> tuple[Tensor, Tensor]:
            return step + 1, sums + self._step(table, rows[step], labels[step], counts[step])

        # Not `for step in tf.range(steps)`: XLA would compile anew for every number of steps.
        _, sums = tf.while_loop(lambda step, _: step < steps, train, (0, tf.zeros(4)), parallel_iterations=1)
        return sums

    def _step(self, table: Tensor, rows: Tensor, labels: Tensor, count: Tensor) -> Tensor:
        """Train one batch; returns the sums over its examples of correct answers, loss, penalty and weighting."""
        if not self.fixed_shapes:
            # Batch norm must not see the rows that fill up the last batch.
            rows, labels = rows[:count], labels[:count]
        counted = tf.cast(tf.range(tf.shape(rows)[0]) < count, tf.float32)
        examples = tf.cast(count, tf.float32)
        self._knobs.step.assign_add(1)
        with tf.GradientTape() as tape:
            logits = self.model(tf.gather(table, rows), training=True)
            plain = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits) * counted
            weights = tf.gather(self._knobs.class_weights.value, labels)
            penalty = tf.add_n([tf.constant(0.0), *self.model.losses])
            loss = tf.reduce_sum(plain * weights) / examples + penalty
        variables = self.model.trainable_variables
        self._optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)
        right = tf.cast(tf.argmax(logits, axis=1, output_type=tf.int32) == labels, tf.float32)
        # Weighting as a sum of its own, so that it is exactly 0 where no class has a weight.
        weighting = tf.reduce_sum(plain * (weights - 1.0))
        return tf.stack([tf.reduce_sum(right * counted), loss * examples, penalty * examples, weighting])

    def _logits(self, table: Tensor, rows: Tensor) -> Tensor:
        return self.model(tf.gather(table, rows), training=False)


class FusedRun:
    """One trial on a compiled structure.

    Args:
        compiled: set to the start of the trial.
        clean: the features of every image of the index, float32, shape (n_images, …).
        views: those of augmented images, shape (n_views, n_developed, …); None: batches are of the clean ones.
    """

    name = "fused"

    def __init__(self, compiled: CompiledStructure, *, clean: Float32, views: Float32 | None) -> None:
        self._compiled = compiled
        self._clean = share(clean)
        self._views = 0 if views is None else len(views)
        self._training = self._clean if views is None else tf.reshape(share(views), (-1, *clean.shape[1:]))
        row_bytes = clean.nbytes // max(1, len(clean))
        self._evaluated = max(1, min(_MOST_EVALUATED, _EVALUATION_BYTES // max(1, row_bytes)))

    def compile(self, batch_size: int, examples: int) -> float:
        """Make the compiled functions ready for epochs of that many examples; returns the seconds that took."""
        start = time.perf_counter()
        nothing = self._padded(np.zeros((math.ceil(examples / batch_size), batch_size), np.int32))
        self._compiled.epoch(self._training, nothing, nothing, nothing[:, 0], np.int32(0))
        self.logits(np.zeros(1, np.int64))
        return time.perf_counter() - start

    def run_epoch(self, batches: Batches) -> LoggedEpoch:
        """Train one epoch."""
        arrays = map(self._padded, (batches.rows, batches.labels, batches.counts))
        sums = self._compiled.epoch(self._training, *arrays, np.int32(len(batches.counts)))
        accuracy, loss, penalty, weighting = (float(total) / batches.examples for total in sums.numpy())
        return LoggedEpoch(accuracy=accuracy, loss=loss, penalty=penalty, weighting=weighting)

    def logits(self, images: IndexArray) -> Float32:
        """Clean logits of images of the index, float32, shape (n_images, num_classes)."""
        rows, size = images.astype(np.int32), self._evaluated
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        if self._compiled.fixed_shapes:
            parts[-1] = np.resize(parts[-1], size)
        logits = [self._compiled.logits(self._clean, part).numpy() for part in parts]
        return np.concatenate(logits)[: len(images)]

    def view_logits(self, rows: IndexArray) -> Float32:
        """The same of rows of the table of views, shape (n_views · n_developed, …)."""
        parts = np.split(rows, range(self._evaluated, len(rows), self._evaluated))
        return np.concatenate(list(self._compiled.switched.logits(CLEAN, map(self._augmented, parts))))

    @property
    def subject(self) -> Subject:
        """What is evaluated in modes."""
        return Subject(
            model=self._compiled.switched,
            switches=switches_of(self._compiled.model, augmented=bool(self._views)),
            clean=lambda images: tf.gather(self._clean, images),
            augmented=self._augmented if self._views else None,
            views=self._views,
            at_once=self._evaluated,
            cheap=self._compiled.fixed_shapes,
        )

    def _padded(self, steps: NDArray[np.int32]) -> NDArray[np.int32]:
        """With steps that are never run, so that training sides of nearly one size share a compile."""
        missing = -len(steps) % _STEPS_COMPILED if self._compiled.fixed_shapes else 0
        return np.concatenate([steps, np.zeros((missing, *steps.shape[1:]), np.int32)])

    def _augmented(self, rows: IndexArray) -> Tensor:
        return tf.gather(self._training, rows)

    def penalty(self) -> float:
        """The L2 penalty at the present weights."""
        return self._compiled.penalty()

    def weights(self) -> list[NDArray[Any]]:
        """A copy of the model's weights."""
        return list(self._compiled.model.get_weights())

    def restore(self, weights: Sequence[NDArray[Any]]) -> None:
        """Put weights back."""
        self._compiled.model.set_weights(weights)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what TensorFlow raises where memory does not suffice into an error of ours."""
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise TrialError(
            "trial",
            received="more activations and weights than memory holds",
            expected="a model and a batch that fit",
            remedy="lower batch_size, unfrozen_layers or head_width",
        ) from error
