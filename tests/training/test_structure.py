"""What needs a compile of its own, and what does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sweep.studyfile.definition import Configuration
from sweep.training.structure import Structure

Configure = Callable[..., Configuration]
MAP, VECTOR = (5, 5, 1280), (1280,)
TAIL = ("small", "digest", "top", 3)


def structure(
    configuration: Configuration, shape: tuple[int, ...] = VECTOR, tail: tuple[str | int, ...] = ()
) -> Structure:
    return Structure.of(configuration, input_shape=shape, num_classes=5, tail=tail)


@pytest.mark.parametrize(
    "changed",
    [
        {"dropout": 0.9},
        {"l1": 0.1},
        {"l2": 0.1},
        {"learning_rate": 1.0},
        {"schedule": "cosine", "warmup_epochs": 1, "decay": 0.1},
        {"label_smoothing": 0.1},
        {"class_weight": "balanced"},
        {"steps_per_epoch": 3, "validation_steps": 2, "shuffle": False},
        {"batch_size": 64},
        {"epochs": 99},
        {"head_epochs": 1},
        {"backbone": "vgg16"},
        {"preprocessing": "none", "channels": "grey"},
    ],
)
def test_these_are_variables_or_arguments(changed: dict[str, object], configure: Configure) -> None:
    fields = {"head_width": (64,), "dropout": 0.1}
    assert structure(configure(**fields)) == structure(configure(**{**fields, **changed}))


@pytest.mark.parametrize(
    "changed",
    [
        {"head_width": (32,)},
        {"dropout_position": "after_dense"},
        {"dropout_position": "backbone"},
        {"conv_filters": 8},
        {"activation": "elu"},
        {"kernel_initializer": "he_normal"},
        {"head_batch_norm": True},
        {"output": "sigmoid"},
        {"activity_l2": 0.1},
        {"optimizer": "sgd"},
        {"optimizer": "adamw"},
        {"mixed_precision": True},
        {"mixup": 0.2},
    ],
)
def test_these_are_compiled_in(changed: dict[str, object], configure: Configure) -> None:
    fields = {"head_width": (64,), "dropout": 0.1}
    assert structure(configure(**fields), MAP) != structure(configure(**{**fields, **changed}), MAP)


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"conv_filters": 8}, {"conv_stride": 2}),
        ({"dropout_position": "before_conv"}, {"dropout_kind": "spatial"}),
        ({"optimizer": "sgd"}, {"momentum": 0.9}),
        ({"optimizer": "rmsprop"}, {"momentum": 0.9}),
        ({"optimizer": "adamw"}, {"weight_decay": 0.1}),
    ],
)
def test_these_are_compiled_in_where_they_make_a_difference(
    fields: dict[str, object], changed: dict[str, object], configure: Configure
) -> None:
    assert structure(configure(**fields), MAP) != structure(configure(**fields, **changed), MAP)
    assert structure(configure(), MAP) == structure(configure(**changed), MAP)


@pytest.mark.parametrize("changed", [{"activation": "elu"}, {"head_batch_norm": True}, {"activity_l2": 0.1}])
def test_without_hidden_layers_there_is_nothing_to_activate(changed: dict[str, object], configure: Configure) -> None:
    assert structure(configure(), MAP) == structure(configure(**changed), MAP)


def test_how_much_activities_are_penalised_is_a_variable(configure: Configure) -> None:
    assert structure(configure(head_width=(8,), activity_l2=0.1)) == structure(
        configure(head_width=(8,), activity_l2=0.2)
    )


def test_pooled_features_hide_which_pooling_it_was(configure: Configure) -> None:
    assert structure(configure(pooling="avg")) == structure(configure(pooling="max"))
    assert structure(configure(pooling="avg"), MAP) != structure(configure(pooling="max"), MAP)


def test_positions_that_mean_the_same_are_the_same(configure: Configure) -> None:
    after_pooling, after_dense = (configure(dropout_position=name) for name in ("after_pooling", "after_dense"))
    assert structure(after_pooling) == structure(after_dense)  # no dense layer
    before, both = (configure(dropout_position=name) for name in ("before_conv", "both"))
    assert structure(before, MAP) == structure(both, MAP)  # no convolution


def test_other_tails_are_other_structures(configure: Configure) -> None:
    configuration = configure(unfrozen_layers=3)
    assert structure(configuration, MAP, TAIL) == structure(configuration, MAP, TAIL)
    assert structure(configuration, MAP, TAIL) != structure(configuration, MAP, (*TAIL[:3], 4))
    assert structure(configuration, MAP, TAIL) != structure(configuration, MAP)
    redrawn = configure(unfrozen_layers=3, weights="none")
    assert structure(configuration, MAP, TAIL) != structure(redrawn, MAP, TAIL)
    assert structure(configuration, MAP) == structure(redrawn, MAP)


def test_only_dense_layers_are_compiled_whole(configure: Configure) -> None:
    assert structure(configure(head_width=(8,))).compiled_whole
    assert structure(configure(pooling="flatten"), MAP).compiled_whole
    assert structure(configure(dropout_position="backbone")).compiled_whole
    assert not structure(configure(conv_filters=8), MAP).compiled_whole
    assert not structure(configure(dropout_position="both"), MAP).compiled_whole
    assert not structure(configure(unfrozen_layers=3), MAP, TAIL).compiled_whole


@pytest.mark.parametrize("changed", [{"head_batch_norm": True}, {"activity_l2": 0.1}])
def test_what_looks_at_a_whole_batch_must_not_see_what_fills_it_up(
    changed: dict[str, object], configure: Configure
) -> None:
    assert not structure(configure(head_width=(8,), **changed)).compiled_whole
    assert structure(configure(**changed)).compiled_whole, "no hidden layer"
