"""The optimizers, and their return to the start."""

from __future__ import annotations

import keras
import numpy as np

__all__ = ["make_optimizer", "reset_optimizer"]

_OPTIMIZERS = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}


def make_optimizer(name: str, learning_rate: float) -> keras.optimizers.Optimizer:
    """An optimizer with Keras' defaults but for the learning rate."""
    return _OPTIMIZERS[name](learning_rate)


def reset_optimizer(optimizer: keras.optimizers.Optimizer, learning_rate: float) -> None:
    """Forget what was gathered and set the learning rate."""
    for variable in optimizer.variables:
        variable.assign(np.zeros(variable.shape, variable.dtype))
    optimizer.learning_rate = learning_rate
