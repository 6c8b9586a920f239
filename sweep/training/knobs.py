"""The settings of a trial that compiled code reads from variables, and the layers that read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

__all__ = ["Knobs", "MaskedDropout", "SharedL2"]

Tensor: TypeAlias = keras.KerasTensor
DrawMask: TypeAlias = Callable[[tuple[Any, ...], Tensor, Tensor], Tensor]
"""Shape, rate and seed (int32, shape (2,)) to a float32 mask of that shape: 0 or 1 / (1 - rate)."""


class Knobs:
    """Settings that change from trial to trial without a new compile.

    Not a Keras layer on purpose: what it holds is neither trained nor counted nor saved with a model.

    Args:
        dropouts: the number of dropout layers in the head.
        draw_mask: the generator of their masks.
        num_classes: the number of class weights, where the training loss reads them from here.
    """

    def __init__(self, dropouts: int, draw_mask: DrawMask, *, num_classes: int = 0) -> None:
        self.draw_mask = draw_mask
        self.rates = [_variable(0.0, "float32") for _ in range(dropouts)]
        self.seeds = [_variable(0, "int32") for _ in range(dropouts)]
        self.step = _variable(0, "int32")
        self.l2 = _variable(0.0, "float32")
        self.class_weights = _variable(np.ones(num_classes), "float32")

    def turn(self, *, rates: Sequence[float], l2: float, seed: np.random.SeedSequence) -> None:
        """Set everything for the start of a trial; each dropout draws from a stream of its own."""
        drawn = seed.generate_state(max(1, len(self.seeds))) & 0x7FFFFFFF
        for variable, rate in zip(self.rates, rates, strict=True):
            variable.assign(rate)
        for variable, value in zip(self.seeds, drawn, strict=False):
            variable.assign(int(value))
        self.l2.assign(l2)
        self.step.assign(0)

    def weight_classes(self, weights: NDArray[np.float32] | None) -> None:
        """Set the factor on the training loss of each class's examples; None: 1 each."""
        self.class_weights.assign(np.ones(self.class_weights.shape) if weights is None else weights)

    def dropout(self, number: int, name: str) -> keras.layers.Layer:
        """The head's dropout of that number."""
        return MaskedDropout(self, number, name=name)

    def regularizer(self) -> keras.regularizers.Regularizer:
        """The penalty on a kernel of the head."""
        return SharedL2(self)


class MaskedDropout(keras.layers.Layer):  # type: ignore[misc]
    """Dropout whose rate is a variable and whose mask follows from (seed, number of the training step) alone.

    Keras' own draws from a generator that costs a hundred times more under XLA on a CPU, and its rate is a constant.
    """

    def __init__(self, knobs: Knobs, number: int, *, name: str) -> None:
        super().__init__(name=name)
        self._knobs = knobs
        self._number = number

    @property
    def rate(self) -> float:
        """The share that is dropped at present."""
        return float(self._knobs.rates[self._number].value)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """The inputs, in training times the mask."""
        if not training:
            return inputs
        knobs = self._knobs
        seed = ops.stack([knobs.seeds[self._number].value, knobs.step.value])
        return inputs * knobs.draw_mask(ops.shape(inputs), knobs.rates[self._number].value, seed)

    def compute_output_spec(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Shape and type of the inputs."""
        return keras.KerasTensor(inputs.shape, inputs.dtype)


class SharedL2(keras.regularizers.Regularizer):  # type: ignore[misc]
    """Sum of squares times a factor that is a variable."""

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty on one kernel."""
        return self._knobs.l2.value * ops.sum(ops.square(x))


def _variable(value: float | NDArray[np.float64], dtype: str) -> keras.Variable:
    return keras.Variable(value, dtype=dtype, trainable=False)
