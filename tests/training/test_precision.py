"""Half precision is refused without a GPU; what it builds can be looked at without one."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from sweep.errors import TrialError
from sweep.training import precision
from sweep.training.precision import check_precision, mixed_precision


def tail() -> keras.Model:
    inputs = keras.Input((4, 4, 3))
    return keras.Model(inputs, layers.BatchNormalization()(layers.Conv2D(2, 1)(inputs)))


def test_a_machine_without_a_gpu_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision.keras.distribution, "list_devices", lambda kind: [])
    check_precision(False)
    with pytest.raises(TrialError, match=r"mixed_precision: received true .* no GPU; .*set mixed_precision = false"):
        check_precision(True)
    monkeypatch.setattr(precision.keras.distribution, "list_devices", lambda kind: ["gpu:0"])
    check_precision(True)


def test_layers_compute_in_half_precision_and_keep_their_weights_in_single() -> None:
    built = tail()
    with mixed_precision(built, mixed=True):
        head = layers.Dense(2)
        head.build((None, 2))
    for layer in (head, *built.layers[1:]):
        assert layer.compute_dtype == "float16"
        assert all(weight.dtype == "float32" for weight in layer.weights)
    assert layers.Dense(2).compute_dtype == "float32"


def test_nothing_changes_unless_asked_for_and_the_policy_comes_back() -> None:
    built = tail()
    with mixed_precision(built, mixed=False):
        assert layers.Dense(2).compute_dtype == "float32"
    assert built.layers[1].compute_dtype == "float32"
    with pytest.raises(KeyboardInterrupt), mixed_precision(None, mixed=True):
        raise KeyboardInterrupt
    assert keras.config.dtype_policy().name == "float32"
