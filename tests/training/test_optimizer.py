"""Keras' optimizers and their return to the start."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sweep.training.optimizer import make_optimizer, reset_optimizer


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_a_reset_optimizer_takes_the_steps_of_a_new_one(name: str) -> None:
    def steps(optimizer: keras.optimizers.Optimizer) -> list[float]:
        variable.assign(1.0)
        for gradient in (0.3, -2.0, 0.7):
            optimizer.apply([np.float32(gradient)], [variable])
        return [float(variable.value)]

    variable = keras.Variable(1.0)
    used, new = make_optimizer(name, 0.5), make_optimizer(name, 0.1)
    steps(used)
    reset_optimizer(used, 0.1)
    assert steps(used) == steps(new)
