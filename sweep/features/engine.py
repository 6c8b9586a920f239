"""Who computes the frozen part: OpenVINO in float32 on x86 processors, else a TensorFlow graph."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

__all__ = ["Engine", "expected_engine", "make_engine"]

Float32 = NDArray[np.float32]

# Sizes beyond which a call is split: the caches of a processor, or the memory of a GPU, decide.
_OPENVINO_BATCH = 16
_TENSORFLOW_BATCH = 64

# Largest difference from TensorFlow, as a share of the largest value, at which OpenVINO's result counts as the same.
_TOLERANCE = 1e-3


class Engine(Protocol):
    """Runs a prefix in inference mode."""

    @property
    def name(self) -> str:
        """The library, its version and its precision: part of every cache key."""
        ...

    def run(self, batch: Float32) -> list[Float32]:
        """Every output of the prefix for `batch`, shape (n, height, width, 3), of any length from 1 on."""
        ...


def expected_engine() -> str:
    """The name of the engine that `make_engine` will give unless OpenVINO refuses the model."""
    return _openvino_name() if _openvino_serves() else _tensorflow_name()


def make_engine(prefix: keras.Model) -> Engine:
    """The fastest engine for this machine that computes what TensorFlow computes."""
    graph = _TensorFlowEngine(prefix)
    if not _openvino_serves():
        return graph
    try:
        engine = _OpenVinoEngine(graph)
        trustworthy = _agree(engine, graph, prefix.input_shape[1:])
    except Exception:  # OpenVINO's refusals share no base class
        return graph
    return engine if trustworthy else graph


def _openvino_serves() -> bool:
    return (
        platform.machine().lower() in ("x86_64", "amd64")
        and importlib.util.find_spec("openvino") is not None
        and not tf.config.list_physical_devices("GPU")
    )


def _openvino_name() -> str:
    return f"openvino {importlib.metadata.version('openvino')} f32"


def _tensorflow_name() -> str:
    return f"tensorflow {tf.__version__} f32"


def _agree(engine: Engine, reference: Engine, shape: tuple[int, ...]) -> bool:
    pixels = np.random.default_rng(0).uniform(-1, 1, (2, *shape)).astype(np.float32)
    return all(
        np.abs(ours - theirs).max() <= _TOLERANCE * np.abs(theirs).max()
        for ours, theirs in zip(engine.run(pixels), reference.run(pixels), strict=True)
    )


def _in_slices(batch: Float32, size: int, compute: Callable[[Float32], list[Float32]]) -> list[Float32]:
    parts = [compute(batch[start : start + size]) for start in range(0, len(batch), size)]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)] if len(parts) > 1 else parts[0]


class _TensorFlowEngine:
    """The prefix as a graph, on whatever device TensorFlow prefers."""

    def __init__(self, prefix: keras.Model) -> None:
        self.name = _tensorflow_name()
        signature = tf.TensorSpec((None, *prefix.input_shape[1:]), tf.float32)
        self.graph = tf.function(
            lambda pixels: keras.tree.flatten(prefix(pixels, training=False)), input_signature=[signature]
        )

    def run(self, batch: Float32) -> list[Float32]:
        return _in_slices(batch, _TENSORFLOW_BATCH, lambda part: [tensor.numpy() for tensor in self.graph(part)])


class _OpenVinoEngine:
    """The graph compiled by OpenVINO; float32 is asked for, since it takes bfloat16 where the processor has it."""

    def __init__(self, source: _TensorFlowEngine) -> None:
        openvino = _import_openvino()
        concrete = source.graph.get_concrete_function()
        converted = openvino.convert_model(concrete)
        self.name = _openvino_name()
        self._compiled = openvino.compile_model(converted, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        self._outputs = [self._compiled.output(tensor.name) for tensor in concrete.outputs]

    def run(self, batch: Float32) -> list[Float32]:
        return _in_slices(batch, _OPENVINO_BATCH, self._compute)

    def _compute(self, part: Float32) -> list[Float32]:
        results = self._compiled(part, share_outputs=False)
        return [results[output] for output in self._outputs]


def _import_openvino() -> ModuleType:
    """OpenVINO without its telemetry, which would report the import itself over the network.

    OpenVINO goes without when the package `openvino_telemetry` is missing, so it is made to look so for that moment.
    """
    name = "openvino_telemetry"
    hidden = name not in sys.modules
    if hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # the documented way to make an import fail
    try:
        return importlib.import_module("openvino")
    finally:
        if hidden:
            del sys.modules[name]
