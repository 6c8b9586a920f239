from __future__ import annotations

import keras
import numpy as np
from keras import layers

from sweep.backbones.graph import INPUT, consumers, copy_of, crossings, nodes, repeat_calls


def branched() -> keras.Model:
    """pixels · a · [b beside nothing] · add · b again."""
    inputs = keras.Input((4, 4, 2), name="pixels")
    a = layers.Conv2D(2, 1, name="a")(inputs)
    b = layers.Conv2D(2, 1, name="b")
    return keras.Model(inputs, b(layers.Add(name="add")([a, b(a)])))


def test_calls_come_after_what_they_need() -> None:
    assert [node.operation.name for node in nodes(branched())] == ["pixels", "a", "b", "add", "b"]


def test_every_path_crosses_what_lies_on_no_branch() -> None:
    assert [(found.step, found.name) for found in crossings(branched())] == [(0, INPUT), (1, "a"), (3, "add"), (4, "b")]


def test_a_tensor_is_taken_by_every_call_that_needs_it() -> None:
    model = branched()
    taken = consumers(model)
    by_name = [[taker.operation.name for taker in taken[id(node.output_tensors[0])]] for node in nodes(model)]
    assert by_name == [["a"], ["b", "add"], ["add"], ["b"], []]


def test_a_layer_that_is_called_twice_is_replaced_by_one() -> None:
    model = branched()
    inputs = keras.Input((4, 4, 2))
    tensors = {id(model.input): inputs}
    repeat_calls(nodes(model)[1:], tensors, copy_of)
    copied = keras.Model(inputs, tensors[id(model.output)])
    assert copied.count_params() == model.count_params() == 2 * (2 * 2 + 2)
    pixels = np.random.default_rng(0).normal(size=(2, 4, 4, 2))
    np.testing.assert_allclose(copied(pixels), model(pixels), atol=1e-6)


def test_a_copy_has_the_name_and_weights_of_its_source_or_others() -> None:
    model = branched()
    source = model.get_layer("a")
    copied = copy_of(source)
    assert copied.name == "a"
    np.testing.assert_array_equal(copied.kernel, source.kernel)
    kernel = np.ones((1, 1, 2, 2), np.float32)
    bare = copy_of(source, {"use_bias": False}, weights=[kernel])
    np.testing.assert_array_equal(bare.kernel, kernel)
    copied.kernel.assign(kernel)
    assert not np.array_equal(source.kernel, kernel)
