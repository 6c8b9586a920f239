"""The optimizers, and their return to the start."""

from __future__ import annotations

import keras
import numpy as np

__all__ = ["WITH_MOMENTUM", "make_optimizer", "reset_optimizer"]

WITH_MOMENTUM = {"sgd": keras.optimizers.SGD, "rmsprop": keras.optimizers.RMSprop}
"""The optimizers whose momentum is a setting, by name."""


def make_optimizer(
    name: str, learning_rate: float = 0.0, *, momentum: float, weight_decay: float, mixed_precision: bool = False
) -> keras.optimizers.Optimizer:
    """An optimizer with Keras' defaults but for what is given.

    Args:
        name: "adam", "adamw", "sgd" or "rmsprop".
        learning_rate: to begin with.
        momentum: of sgd and rmsprop; the others have theirs.
        weight_decay: of adamw.
        mixed_precision: whether losses are scaled so that their gradients do not vanish in float16.
    """
    if name in WITH_MOMENTUM:
        optimizer = WITH_MOMENTUM[name](learning_rate, momentum=momentum)
    elif name == "adamw":
        optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=weight_decay)
    else:
        optimizer = keras.optimizers.Adam(learning_rate)
    return keras.mixed_precision.LossScaleOptimizer(optimizer) if mixed_precision else optimizer


def reset_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    """Forget what was gathered, the learning rate too."""
    for variable in optimizer.variables:
        variable.assign(np.zeros(variable.shape, variable.dtype))
    if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
        optimizer.dynamic_scale.assign(optimizer.initial_scale)
