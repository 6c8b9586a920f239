"""Keras' optimizers and their return to the start."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sweep.training.optimizer import make_optimizer, reset_optimizer


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
def test_a_reset_optimizer_takes_the_steps_of_a_new_one(name: str) -> None:
    def steps(optimizer: keras.optimizers.Optimizer) -> list[float]:
        variable.assign(1.0)
        for gradient in (0.3, -2.0, 0.7):
            optimizer.apply([np.float32(gradient)], [variable])
        return [float(variable.value)]

    variable = keras.Variable(1.0)
    used, new = (make_optimizer(name, 0.1, momentum=0.9, weight_decay=0.1) for _ in range(2))
    steps(used)
    reset_optimizer(used)
    assert used.learning_rate == 0
    used.learning_rate = 0.1
    assert steps(used) == steps(new)
