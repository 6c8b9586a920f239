"""What no run can go below on this machine: one pass of the backbone, and the tails' arithmetic at its highest rate."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone, load_backbone
from sweep.backbones.cut import cut_for, prefix_model, tail_model
from sweep.features.engine import make_engine
from sweep.studyfile.definition import Configuration, ModelSettings
from sweep.studyfile.load import load_study
from sweep.training.sizes import head_parameters

Float32 = NDArray[np.float32]
Run = Callable[[Float32], object]

FORWARD_AND_BACKWARD = 3
"""The backward pass computes two products of the same size as the forward pass: gradients of weights and of inputs."""

_IN_TURN = "one batch after the other"
_BATCHES = (1, 4, 8, 16, 32, 64)
_TIMES = 3
_SECONDS_A_RATE = 0.1


def measure_limit(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Measure the pass and the rate, and count the arithmetic of the trials.

    Args:
        plan: "study", "images" in all and "trained", "classes", "sample" (images of one timing), and for each trial its
            "parameters" and "epochs".
    """
    definition = load_study(Path(plan["study"]), environment={})
    backbone = load_backbone(definition.model, definition.data.image_size)
    passes = _passes(backbone, definition.model, images=plan["images"], sample=plan["sample"])
    configurations = [definition.configuration(trial["parameters"]) for trial in plan["trials"]]
    works = [
        2 * FORWARD_AND_BACKWARD * count * plan["trained"] * trial["epochs"]
        for count, trial in zip(
            _all_multiply_adds(backbone, configurations, plan["classes"]), plan["trials"], strict=True
        )
    ]
    width = backbone.model.output_shape[-1]
    rates = _rates(width, configurations, plan["classes"])
    return {"passes": passes, "operations": sum(works), "operations_by_trial": works, "rates": rates}


# ---- the pass --------------------------------------------------------------------------------------------------------


def _passes(backbone: Backbone, model: ModelSettings, *, images: int, sample: int) -> dict[str, dict[str, Any]]:
    """The fastest pass over all images of the engine that we use and of TensorFlow, in every way that was tried."""
    prefix = prefix_model(backbone, [cut_for(backbone, model)])
    signature = tf.TensorSpec((None, *prefix.input_shape[1:]), tf.float32)
    graph = tf.function(lambda pixels: prefix(pixels, training=False), input_signature=[signature])
    name = make_engine(prefix).name
    ways = {
        f"tensorflow {tf.__version__} f32": {"one batch after the other": _one_by_one(lambda part: graph(part).numpy())}
    }
    if name.startswith("openvino"):
        ways[name] = _openvino_ways(graph.get_concrete_function())
    pixels = np.random.default_rng(0).uniform(-1, 1, (sample, *prefix.input_shape[1:])).astype(np.float32)
    return {engine: {"ours": engine == name, **_fastest(found, pixels, images)} for engine, found in ways.items()}


Way = Callable[[Float32, int], None]


def _fastest(ways: Mapping[str, Way], pixels: Float32, images: int) -> dict[str, Any]:
    """Time every way and batch size on the sample, then pass over as many images as there are in the best one.

    The least of all times counts: a limit that a busy moment has raised would be none.
    """
    tried = {}
    for (title, way), batch in itertools.product(ways.items(), _BATCHES):
        way(pixels[:batch], batch)
        if batch <= len(pixels):
            tried[title, batch] = min(_seconds(way, pixels, batch) for _ in range(_TIMES)) / len(pixels)
    (title, batch), each = min(tried.items(), key=lambda item: item[1])
    rounds, rest = divmod(images, len(pixels))
    start = time.perf_counter()
    for _ in range(rounds):
        ways[title](pixels, batch)
    if rest:
        ways[title](pixels[:rest], batch)
    whole = time.perf_counter() - start
    return {
        "way": title,
        "batch": batch,
        "seconds": min(whole, each * images),
        "whole_pass_seconds": whole,
        "milliseconds_an_image": {f"{way}, batch {size}": 1000 * each for (way, size), each in tried.items()},
    }


def _one_by_one(run: Run) -> Way:
    def way(pixels: Float32, batch: int) -> None:
        for start in range(0, len(pixels), batch):
            run(pixels[start : start + batch])

    return way


def _openvino_ways(graph: object) -> dict[str, Way]:
    """One batch after the other on all cores, and as many batches at once as OpenVINO thinks best."""
    import openvino  # noqa: PLC0415 - `make_engine` has imported it without its telemetry

    converted = openvino.convert_model(graph)
    precision = {"INFERENCE_PRECISION_HINT": "f32"}
    single = openvino.compile_model(converted, "CPU", precision)
    many = openvino.compile_model(converted, "CPU", {**precision, "PERFORMANCE_HINT": "THROUGHPUT"})

    requests = [many.create_infer_request() for _ in range(many.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))]
    threads = ThreadPoolExecutor(len(requests))

    def at_once(pixels: Float32, batch: int) -> None:
        """Every request takes every so-manyth batch."""

        def work(number: int) -> None:
            for start in range(number * batch, len(pixels), len(requests) * batch):
                requests[number].infer(pixels[start : start + batch], share_outputs=False)

        list(threads.map(work, range(len(requests))))

    first = single.output(0)
    return {
        _IN_TURN: _one_by_one(lambda part: single(part, share_outputs=False)[first]),
        "batches at once": at_once,
    }


def _seconds(way: Way, pixels: Float32, batch: int) -> float:
    start = time.perf_counter()
    way(pixels, batch)
    return time.perf_counter() - start


# ---- arithmetic ------------------------------------------------------------------------------------------------------


def _all_multiply_adds(backbone: Backbone, configurations: Sequence[Configuration], classes: int) -> list[int]:
    """Of one image going forward through each configuration's tail; unfrozen tails are built once each."""
    tails: dict[int, int] = {}
    counts, feature_map = [], backbone.model.output_shape[1:]
    for configuration in configurations:
        model = configuration.model
        if model.unfrozen_layers not in tails:
            tail = tail_model(backbone, cut_for(backbone, model), model)
            tails[model.unfrozen_layers] = 0 if tail is None else sum(map(multiply_adds, tail.layers))
        counts.append(tails[model.unfrozen_layers] + head_multiply_adds(feature_map, model, classes))
    return counts


def multiply_adds(layer: keras.layers.Layer) -> int:
    """Of one image: each entry of a kernel meets each place of the output once; vectors such as biases don't count."""
    places = math.prod(layer.output.shape[1:-1]) if layer.weights else 0
    return sum(math.prod(weight.shape) * places for weight in layer.weights if len(weight.shape) > 1)


def head_multiply_adds(feature_map: Sequence[int], model: ModelSettings, classes: int) -> int:
    """Of dense layers on a global pooling: the parameters without the biases."""
    return head_parameters(feature_map, model, classes).trainable - sum(model.head_width) - classes


# ---- the rate --------------------------------------------------------------------------------------------------------


def _rates(width: int, configurations: Sequence[Configuration], classes: int) -> dict[str, Any]:
    """The highest rate of float32 matrix products of the heads' sizes, operations a second, and where that is."""
    batches = sorted({configuration.training.batch_size for configuration in configurations})
    widths = sorted({unit for configuration in configurations for unit in (*configuration.model.head_width, classes)})
    found = {}
    for batch, units in itertools.product(batches, widths):
        left, right = (np.random.default_rng(0).random(shape, np.float32) for shape in ((batch, width), (width, units)))
        size = f"{batch} × {width} × {units}"
        work = 2 * batch * width * units
        found[f"numpy, {size}"] = work / _least(lambda a=left, b=right: a @ b)
        tensors = tf.constant(left), tf.constant(right)
        found[f"tensorflow, {size}"] = work / _least(lambda a=tensors[0], b=tensors[1]: tf.linalg.matmul(a, b).numpy())
    best = max(found, key=lambda name: found[name])
    return {"best": found[best], "where": best, "all": found}


def _least(compute: Callable[[], object]) -> float:
    """Seconds of the fastest of many calls."""
    end, least = time.perf_counter() + _SECONDS_A_RATE, math.inf
    while (start := time.perf_counter()) < end:
        compute()
        least = min(least, time.perf_counter() - start)
    return least
