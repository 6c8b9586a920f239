"""The example runs, and its frozen part is found."""

from __future__ import annotations

import keras_tuner
import numpy as np
import pytest

from sweep.search.example import FrozenBackbone
from sweep.training.hyper_cut import CutModel, cut_model


def test_its_frozen_part_ends_behind_the_pooling() -> None:
    hyperparameters = keras_tuner.HyperParameters()
    model = FrozenBackbone((32, 32, 3), 4).build(hyperparameters)
    found = cut_model(model)
    assert isinstance(found, CutModel)
    assert found.layer.startswith("global_average_pooling2d")
    assert hyperparameters.values == {
        "dropout": 0.5, "hidden": False, "learning_rate": 3e-4, "optimizer": "adam",
    }  # fmt: skip
    shares = model.predict(np.full((2, 32, 32, 3), 128, np.float32), verbose=0)
    assert shares.sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_a_hidden_layer_has_a_width() -> None:
    hyperparameters = keras_tuner.HyperParameters()
    hyperparameters.values["hidden"] = True
    model = FrozenBackbone((32, 32, 3), 4).build(hyperparameters)
    assert hyperparameters.values["width"] == 32
    assert sum(np.prod(weight.shape) for weight in model.trainable_weights) == 1281 * 32 + 33 * 4
