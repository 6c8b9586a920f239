from __future__ import annotations

import platform
import sys
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone, load_backbone
from sweep.backbones.cut import Cut, prefix_model
from sweep.features import engine as module
from sweep.features.engine import expected_engine, make_engine
from sweep.studyfile.definition import ModelSettings

Float32 = NDArray[np.float32]

needs_openvino = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="OpenVINO serves x86 processors only"
)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone(ModelSettings(backbone="efficientnet-lite0", weights="imagenet"), 64)


@pytest.fixture(scope="module")
def pixels() -> Float32:
    # Not a multiple of either engine's batch.
    return np.random.default_rng(0).uniform(-1, 1, (67, 64, 64, 3)).astype(np.float32)


@pytest.fixture
def prefix() -> keras.Model:
    inputs = keras.Input((4, 4, 3))
    return keras.Model(inputs, keras.layers.Conv2D(2, 3, kernel_initializer="ones")(inputs))


@needs_openvino
def test_openvino_computes_what_tensorflow_computes_in_the_order_asked_for(
    backbone: Backbone, pixels: Float32, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Twelve outputs: sorted as text, the tenth and later would come second.
    cuts = [Cut(f"block{number}_project_bn") for number in (11, 3, 8)]
    cuts += [Cut(f"block{number}_add", reduction) for number in (4, 10, 12) for reduction in ("avg", "max", "none")]
    prefix = prefix_model(backbone, cuts)
    ours = make_engine(prefix)
    assert ours.name.startswith("openvino ")
    assert ours.name == expected_engine()
    monkeypatch.setattr(module, "_openvino_serves", lambda: False)
    reference = make_engine(prefix)
    assert reference.name == f"tensorflow {tf.__version__} f32"
    for cut, result, expected in zip(cuts, ours.run(pixels), reference.run(pixels), strict=True):
        assert result.shape == expected.shape
        assert result.dtype == expected.dtype == np.float32
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-3, err_msg=cut.key)


@needs_openvino
def test_results_stay_when_the_next_batch_is_run(prefix: keras.Model) -> None:
    engine = make_engine(prefix)
    (first,) = engine.run(np.ones((1, 4, 4, 3), np.float32))
    engine.run(np.zeros((1, 4, 4, 3), np.float32))
    assert first.ravel().tolist() == [27.0] * 8  # 3·3·3 ones, four places, two filters


@needs_openvino
def test_openvino_sends_nothing_about_its_use(prefix: keras.Model) -> None:
    threads = set(threading.enumerate())
    make_engine(prefix)
    assert set(threading.enumerate()) == threads
    assert "openvino_telemetry" not in sys.modules
    assert sys.modules["openvino.tools.ovc.telemetry_utils"].tm.__name__.endswith("telemetry_stub")


def test_where_openvino_refuses_a_model_tensorflow_runs_it(
    prefix: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise RuntimeError("no converter for this operation")

    monkeypatch.setattr(module, "_import_openvino", refuse)
    engine = make_engine(prefix)
    assert engine.name.startswith("tensorflow ")
    assert engine.run(np.ones((1, 4, 4, 3), np.float32))[0].max() == 27.0


@needs_openvino
def test_where_openvino_computes_something_else_tensorflow_runs_the_model(
    prefix: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = module._OpenVinoEngine.run
    monkeypatch.setattr(
        module._OpenVinoEngine, "run", lambda self, batch: [1.01 * output for output in exact(self, batch)]
    )
    assert make_engine(prefix).name.startswith("tensorflow ")


def test_on_a_gpu_tensorflow_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [object()])
    assert expected_engine().startswith("tensorflow ")
