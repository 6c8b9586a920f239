"""What can be wrong with cases of pictures: mostly what only a network with layers can have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planted_plants import PLANTS as OF_FEATURES
from planted_plants import SEVERITIES, Harm, Plant

from sweep.records import Cause

__all__ = ["EVERY", "PLANTS"]


def _one(changes: Mapping[str, Any]) -> dict[float, Any]:
    """Of one severity."""
    return {SEVERITIES[-1]: {"changes": dict(changes)}}


_PREPROCESSING = {
    "pixels from 0 to 255": {"preprocessing": "none"},
    "pixels from 0 to 1": {"preprocessing": "0..1"},
    "pixels as Caffe had them": {"preprocessing": "caffe"},
    "pixels as Torch has them": {"preprocessing": "torch"},
    "red and blue exchanged": {"channels": "bgr"},
}

PLANTS: Mapping[str, Plant] = {
    **{
        name: Plant(code="T12", causes=(Cause.PREPROCESSING,), harm=Harm.ORACLE, changes=_one(changes))
        for name, changes in _PREPROCESSING.items()
    },
    "batch norm as in Keras 2": Plant(
        code="T02",
        causes=(Cause.BATCH_NORM,),
        harm=Harm.ORACLE,
        changes=_one({"batch_norm": "legacy", "epochs": 6}),
    ),
    "stale batch norm": Plant(
        code="T02",
        causes=(Cause.BATCH_NORM,),
        harm=Harm.ORACLE,
        changes=_one({"unfrozen_layers": 20, "batch_norm": "train", "batch_norm_momentum": 0.999, "epochs": 6}),
    ),
    "no batch norm": Plant(
        code="T20",
        causes=(Cause.NOT_TRAINING,),
        harm=Harm.ORACLE,
        changes=_one(
            {
                "weights": "none",
                "unfrozen_layers": 1000,
                "batch_norm": "train",
                "backbone_batch_norm": "removed",
                "epochs": 5,
            }
        ),
    ),
    "layers torn apart": Plant(
        code="T21",
        causes=(Cause.DISTORTION, Cause.LEARNING_RATE),
        harm=Harm.ORACLE,
        changes=_one({"unfrozen_layers": 20, "learning_rate": 0.03, "epochs": 6}),
    ),
    "dropout before the pooling": Plant(
        code="T18",
        causes=(Cause.IDLE_DROPOUT,),
        harm=Harm.GAP,
        changes=_one({"conv_filters": 0, "dropout": 0.5, "dropout_position": "before_conv"}),
    ),
    "flattened wide head": Plant(
        code="T15",
        causes=(Cause.CAPACITY,),
        harm=Harm.GAP,
        changes=_one({"pooling": "flatten", "head_width": "1024"}),
    ),
    "wrong labels of pictures": Plant(
        code="T08",
        causes=(Cause.LABEL_NOISE,),
        harm=Harm.ORACLE,
        changes={0.5: {"flipped": 0.15}, 1.0: {"flipped": 0.3}},
    ),
    "compressed copies": Plant(
        code="T10",
        causes=(Cause.LEAK,),
        harm=Harm.REPORT,
        changes={0.5: {"copied": 0.2}, 1.0: {"copied": 0.5}},
    ),
    "few pictures": Plant(
        code="T07",
        causes=(Cause.FEW_IMAGES,),
        harm=Harm.ORACLE,
        changes={1.0: {"train": 60}},
    ),
}

EVERY: Mapping[str, Plant] = {**OF_FEATURES, **PLANTS}
