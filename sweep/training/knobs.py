"""The settings of a trial that compiled code reads from variables, and the layers that read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

__all__ = ["Knobs", "MaskedDropout", "SharedActivity", "SharedL1L2"]

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
        self.l1 = _variable(0.0, "float32")
        self.l2 = _variable(0.0, "float32")
        self.activity_l2 = _variable(0.0, "float32")
        self.class_weights = _variable(np.ones(num_classes), "float32")

    def turn(
        self,
        *,
        rates: Sequence[float],
        l1: float,
        l2: float,
        activity_l2: float,
        seed: np.random.SeedSequence,
    ) -> None:
        """Set everything for the start of a trial; each dropout draws from a stream of its own."""
        drawn = seed.generate_state(max(1, len(self.seeds))) & 0x7FFFFFFF
        for variable, rate in zip(self.rates, rates, strict=True):
            variable.assign(rate)
        for variable, value in zip(self.seeds, drawn, strict=False):
            variable.assign(int(value))
        for factor, value in ((self.l1, l1), (self.l2, l2), (self.activity_l2, activity_l2)):
            factor.assign(value)
        self.step.assign(0)

    def weight_classes(self, weights: NDArray[np.float32] | None) -> None:
        """Set the factor on the training loss of each class's examples; None: 1 each."""
        self.class_weights.assign(np.ones(self.class_weights.shape) if weights is None else weights)

    def dropout(self, number: int, name: str, *, whole_channels: bool) -> keras.layers.Layer:
        """The head's dropout of that number."""
        return MaskedDropout(self, number, name=name, whole_channels=whole_channels)

    def regularizer(self) -> keras.regularizers.Regularizer:
        """The penalty on a kernel of the head."""
        return SharedL1L2(self)

    def activity_regularizer(self) -> keras.regularizers.Regularizer:
        """The penalty on what a hidden layer of the head puts out."""
        return SharedActivity(self)


class MaskedDropout(keras.layers.Layer):  # type: ignore[misc]
    """Dropout whose rate is a variable and whose mask follows from (seed, number of the training step) alone.

    Keras' own draws from a generator that costs a hundred times more under XLA on a CPU, and its rate is a constant.
    """

    def __init__(self, knobs: Knobs, number: int, *, name: str, whole_channels: bool = False) -> None:
        super().__init__(name=name)
        self._knobs = knobs
        self._number = number
        self.whole_channels = whole_channels

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
        shape = tuple(ops.shape(inputs))
        if self.whole_channels:
            shape = (shape[0], *(1 for _ in shape[1:-1]), shape[-1])
        return inputs * ops.cast(knobs.draw_mask(shape, knobs.rates[self._number].value, seed), inputs.dtype)

    def compute_output_spec(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Shape and type of the inputs."""
        return keras.KerasTensor(inputs.shape, inputs.dtype)


class SharedL1L2(keras.regularizers.Regularizer):  # type: ignore[misc]
    """Sums of absolute values and of squares, each times a factor that is a variable."""

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty on one kernel."""
        # One sum of both, so that XLA passes over the kernel once.
        return ops.sum(self._knobs.l1.value * ops.absolute(x) + self._knobs.l2.value * ops.square(x))

    def get_config(self) -> dict[str, float]:
        """The factors at present, as Keras' own `L1L2` tells them."""
        return {"l1": float(self._knobs.l1.value), "l2": float(self._knobs.l2.value)}


class SharedActivity(keras.regularizers.Regularizer):  # type: ignore[misc]
    """Sum of squares times a factor that is a variable; Keras divides it by the size of the batch."""

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty on one layer's outputs."""
        return self._knobs.activity_l2.value * ops.sum(ops.square(ops.cast(x, "float32")))

    def get_config(self) -> dict[str, float]:
        """The factor at present, as Keras' own `L2` tells it."""
        return {"l2": float(self._knobs.activity_l2.value)}


def _variable(value: float | NDArray[np.float64], dtype: str) -> keras.Variable:
    # Read inside layers: under mixed precision Keras would cast it to what the layer computes in.
    return keras.Variable(value, dtype=dtype, trainable=False, autocast=False)
