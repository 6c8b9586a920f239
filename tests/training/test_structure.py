"""What needs a compile of its own, and what does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sweep.studyfile.definition import Configuration
from sweep.training.structure import Structure

Configure = Callable[..., Configuration]
MAP, VECTOR = (5, 5, 1280), (1280,)


def structure(configuration: Configuration, shape: tuple[int, ...] = VECTOR, tail_cut: str | None = None) -> Structure:
    return Structure.of(configuration, input_shape=shape, num_classes=5, tail_cut=tail_cut)


@pytest.mark.parametrize(
    "changed",
    [{"dropout": 0.9}, {"l2": 0.1}, {"learning_rate": 1.0}, {"batch_size": 64}, {"epochs": 99}, {"backbone": "vgg16"}],
)
def test_these_are_variables_or_arguments(changed: dict[str, object], configure: Configure) -> None:
    fields = {"head_width": (64,), "dropout": 0.1}
    assert structure(configure(**fields)) == structure(configure(**{**fields, **changed}))


@pytest.mark.parametrize(
    "changed", [{"head_width": (32,)}, {"dropout_position": "after_dense"}, {"optimizer": "sgd"}, {"conv_filters": 8}]
)
def test_these_are_compiled_in(changed: dict[str, object], configure: Configure) -> None:
    fields = {"head_width": (64,), "dropout": 0.1}
    assert structure(configure(**fields), MAP) != structure(configure(**{**fields, **changed}), MAP)


def test_pooled_features_hide_which_pooling_it_was(configure: Configure) -> None:
    assert structure(configure(pooling="avg")) == structure(configure(pooling="max"))
    assert structure(configure(pooling="avg"), MAP) != structure(configure(pooling="max"), MAP)


def test_positions_that_mean_the_same_are_the_same(configure: Configure) -> None:
    after_pooling, after_dense = (configure(dropout_position=name) for name in ("after_pooling", "after_dense"))
    assert structure(after_pooling) == structure(after_dense)  # no dense layer
    before, both = (configure(dropout_position=name) for name in ("before_conv", "both"))
    assert structure(before, MAP) == structure(both, MAP)  # no convolution


def test_tails_of_two_backbones_differ(configure: Configure) -> None:
    one, other = (configure(backbone=name, unfrozen_layers=3) for name in ("vgg16", "vgg19"))
    assert structure(one, MAP, "block5_conv1") != structure(other, MAP, "block5_conv1")


def test_only_dense_layers_are_compiled_whole(configure: Configure) -> None:
    assert structure(configure(head_width=(8,))).compiled_whole
    assert structure(configure(pooling="flatten"), MAP).compiled_whole
    assert not structure(configure(conv_filters=8), MAP).compiled_whole
    assert not structure(configure(dropout_position="both"), MAP).compiled_whole
    assert not structure(configure(unfrozen_layers=3), MAP, "top").compiled_whole
