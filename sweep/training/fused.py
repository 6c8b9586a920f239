"""An epoch as one compiled call over cached features: the fast path, and TensorFlow's room in this folder.

What differs between the trials of a structure is a variable (dropout rates, L2, smoothing, weights) or an argument
(features, batches, learning rates), so a structure is compiled once and serves every trial of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from sweep.errors import TrialError
from sweep.studyfile.definition import Configuration, ModelSettings
from sweep.training.knobs import Knobs
from sweep.training.losses import Labels, cross_entropies
from sweep.training.model import Beginning, build_trainable, dropout_rates, penalty
from sweep.training.modes import SwitchedModel
from sweep.training.optimizer import make_optimizer, reset_optimizer
from sweep.training.precision import mixed_precision
from sweep.training.seeds import TrialSeeds
from sweep.training.shareable import shareable
from sweep.training.structure import Structure
from sweep.training.switching import learning_norms, resting

__all__ = ["CompiledStructure", "draw_mask", "share", "translated"]

Float32 = NDArray[np.float32]
Tensor: TypeAlias = tf.Tensor


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
        switched, head_switched: evaluate it in modes; the latter as while the head trains alone, see `resting`.
        fixed_shapes: whether every new shape of its arguments costs a compile.
        tail: the part of the backbone in it, or None.
        epoch, head_epoch: train an epoch of everything, or of the head alone, see `_epoch`.
        logits: of rows of a table of features.
    """

    def __init__(self, structure: Structure, settings: ModelSettings, tail: keras.Model | None) -> None:
        self.fixed_shapes = structure.compiled_whole
        self.tail = tail
        self._knobs = Knobs(len(structure.dropouts), draw_mask, num_classes=structure.num_classes)
        self._smoothing = keras.Variable(0.0, dtype="float32", trainable=False)
        with mixed_precision(tail, mixed=structure.mixed_precision):
            self.model = build_trainable(
                settings,
                tail=tail,
                input_shape=structure.input_shape,
                num_classes=structure.num_classes,
                parts=self._knobs,
            )
        self._beginning = Beginning(self.model, tail, redrawn=structure.redrawn)
        self._optimizer = make_optimizer(
            structure.optimizer,
            momentum=structure.momentum,
            weight_decay=structure.weight_decay,
            mixed_precision=structure.mixed_precision,
        )
        self._optimizer.build(self.model.trainable_variables)
        self.switched = SwitchedModel(self.model, self._knobs.step)
        self.head_switched = SwitchedModel(self.model, self._knobs.step, at_rest=learning_norms(tail))
        self._compile(structure)

    def _compile(self, structure: Structure) -> None:
        table = tf.TensorSpec((None, *structure.input_shape), tf.float32)
        of_examples, of_steps = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int32)
        rates = tf.TensorSpec((None,), tf.float32)
        mixing = [of_examples, rates] if structure.mixup else []
        signature = [table, tf.TensorSpec((), tf.int32), of_examples, of_examples, of_steps, rates, *mixing]
        self.epoch = self._function(partial(self._epoch, None), signature)
        self.head_epoch = self._function(partial(self._epoch, self.tail), signature) if self.tail else self.epoch
        # XLA would gain nothing here: one gather and a few products.
        self.logits = tf.function(self._logits, input_signature=[table, of_steps], autograph=False)
        self._penalty = tf.function(lambda: tf.convert_to_tensor(penalty(self.model)), autograph=False)

    @property
    def size(self) -> int:
        """Bytes of its variables."""
        variables = [*self.model.variables, *self._optimizer.variables]
        return sum(4 * math.prod(tuple(variable.shape)) for variable in variables)

    def begin(
        self, configuration: Configuration, seeds: TrialSeeds, class_weights: NDArray[np.float32] | None = None
    ) -> None:
        """Set everything to the start of a trial; class weights are 1 unless given, shape (num_classes,)."""
        model = configuration.model
        self._beginning.restore(seeds)
        self._knobs.turn(
            rates=dropout_rates(model), l1=model.l1, l2=model.l2, activity_l2=model.activity_l2, seed=seeds.masks
        )
        self._knobs.weight_classes(class_weights)
        self._smoothing.assign(configuration.training.label_smoothing)
        self.forget_gradients()

    def forget_gradients(self) -> None:
        """Let the optimizer start anew."""
        reset_optimizer(self._optimizer)

    def penalty(self) -> float:
        """The penalty on the kernels at the present weights."""
        return float(self._penalty())

    def _function(self, python: Callable[..., Any], signature: Sequence[tf.TensorSpec]) -> Callable[..., Any]:
        compiled: Callable[..., Any] = tf.function(
            python, input_signature=signature, jit_compile=self.fixed_shapes, autograph=False
        )
        return compiled

    def _epoch(self, at_rest: keras.Model | None, table: Tensor, steps: Tensor, *arguments: Tensor) -> Tensor:
        """Train `steps` batches; returns the sums of `_step` over them.

        Args:
            at_rest: the part that is `resting`, or None.
            table: of features.
            steps: how many.
            arguments: those of `_step` for each step.
        """

        def train(step: Tensor, sums: Tensor) -> tuple[Tensor, Tensor]:
            return step + 1, sums + self._step(table, *(argument[step] for argument in arguments))

        with resting(at_rest):
            # Not `for step in tf.range(steps)`: XLA would compile anew for every number of steps.
            _, sums = tf.while_loop(lambda step, _: step < steps, train, (0, tf.zeros(4)), parallel_iterations=1)
        return sums

    def _step(
        self, table: Tensor, rows: Tensor, labels: Tensor, count: Tensor, rate: Tensor, *mixing: Tensor
    ) -> Tensor:
        """Train one batch; returns the sums over its examples of correct answers, loss, penalty and weighting.

        `mixing` has partners and the share, where examples are mixed.
        """
        partners, share = mixing or (None, None)
        if not self.fixed_shapes:
            # Batch norm must not see the rows that fill up the last batch.
            rows, labels, partners = (None if given is None else given[:count] for given in (rows, labels, partners))
        inputs, taught = tf.gather(table, rows), Labels(labels)
        if partners is not None:
            inputs = share * inputs + (1.0 - share) * tf.gather(inputs, partners)
            taught = Labels(labels, tf.gather(labels, partners), share)
        self._knobs.step.assign_add(1)
        self._optimizer.learning_rate = rate
        return self._train(inputs, taught, count)

    def _train(self, inputs: Tensor, labels: Labels, count: Tensor) -> Tensor:
        counted = tf.cast(tf.range(tf.shape(inputs)[0]) < count, tf.float32)
        examples = tf.cast(count, tf.float32)
        variables = self.model.trainable_variables
        # Watching only what trains, no gradient goes through a tail in which nothing does.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            logits = self.model(inputs, training=True)
            plain, trained = cross_entropies(
                logits, labels, smoothing=self._smoothing.value, class_weights=self._knobs.class_weights.value
            )
            added = tf.add_n([tf.constant(0.0), *self.model.losses])
            loss = tf.reduce_sum(trained * counted) / examples + added
            scaled = self._optimizer.scale_loss(loss)
        self._optimizer.apply(tape.gradient(scaled, [variable.value for variable in variables]), variables)
        right = tf.cast(tf.argmax(logits, axis=1, output_type=tf.int32) == labels.leading, tf.float32)
        # Weighting as a sum of its own, so that it is exactly 0 where nothing is weighted, smoothed or mixed.
        weighting = tf.reduce_sum((trained - plain) * counted)
        return tf.stack([tf.reduce_sum(right * counted), loss * examples, added * examples, weighting])

    def _logits(self, table: Tensor, rows: Tensor) -> Tensor:
        return self.model(tf.gather(table, rows), training=False)


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
