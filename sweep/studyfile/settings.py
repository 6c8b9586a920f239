"""The tables of a study file, with every default in this one place."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sweep.studyfile.notation import read_integers, read_numbers, read_patterns, read_texts

__all__ = ["DataSettings", "ModelSettings", "SearchSettings", "Table", "TrainingSettings"]

DropoutRate = Annotated[float, Field(ge=0.0, lt=1.0)]
Width = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]


class Table(BaseModel):
    """A table of the study file: frozen, and strict about types and about what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class DataSettings(Table):
    """`[data]`: where the images are and how they are split."""

    source: Text
    image_size: Annotated[int, Field(ge=16, le=2048)] = 160
    validation: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    test: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.15
    split_seed: Annotated[int, Field(ge=0)] = 0
    group: str = "none"
    exclude: Annotated[tuple[Text, ...], BeforeValidator(read_patterns)] = ()
    deduplicate: bool = False


class ModelSettings(Table):
    """`[model]`: backbone and head, the user's configuration of today.

    The head is, in this order: dropout (before_conv) · Conv2D(conv_filters, 3, relu), unless 0 · dropout (after_conv) ·
    pooling · dropout (after_pooling) · for each width: Dense(width, relu) · dropout (after_dense) · Dense(classes).
    Without a convolution, before_conv, after_conv and both mean one dropout on the feature map before the pooling;
    without a dense layer, after_dense means after_pooling. `l2` is the factor on the squares of all kernels of the
    head. Lists may be given in the notation of the database too ("512-256"), and a bare head width is one layer.
    """

    backbone: Text = "efficientnet-lite0"
    weights: Text = "imagenet"
    unfrozen_layers: Annotated[int, Field(ge=0)] = 0
    batch_norm: Literal["frozen", "train"] = "frozen"
    conv_filters: Annotated[int, Field(ge=0)] = 0
    pooling: Literal["avg", "max", "max2d", "flatten"] = "avg"
    head_width: Annotated[tuple[Width, ...], BeforeValidator(read_integers)] = ()
    dropout: Annotated[DropoutRate | tuple[DropoutRate, ...], BeforeValidator(read_numbers)] = 0.0
    dropout_position: Literal["before_conv", "after_conv", "both", "after_pooling", "after_dense"] = "after_pooling"
    l2: Annotated[float, Field(ge=0.0)] = 0.0


class TrainingSettings(Table):
    """`[training]`: how a configuration is trained.

    `keep` says whose weights a trial keeps: of the epoch of least clean validation cross-entropy ("best") or of the
    last one. `patience` stops a trial after that many epochs without a lower clean validation cross-entropy; 0: never.
    `augment_views` is the number of augmented, cached views of each training image (0: none), drawn with `augment`.
    """

    batch_size: Annotated[int, Field(ge=1)] = 32
    epochs: Annotated[int, Field(ge=1)] = 10
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    optimizer: Literal["adam", "sgd"] = "adam"
    keep: Literal["best", "last"] = "best"
    patience: Annotated[int, Field(ge=0)] = 5
    augment_views: Annotated[int, Field(ge=0, le=64)] = 0
    augment: Annotated[
        tuple[Literal["flip", "shift", "rotate", "zoom", "brightness", "contrast"], ...], BeforeValidator(read_texts)
    ] = ("flip", "shift")


class SearchSettings(Table):
    """`[search]`: how many trials, which of them, and what counts as better."""

    trials: Annotated[int, Field(ge=1)] = 50
    sampler: Literal["tpe", "random", "grid", "qmc", "gp"] = "tpe"
    pruner: Literal["hyperband", "median", "none"] = "hyperband"
    objective: Literal["balanced", "val"] = "balanced"
    gap_weight: Annotated[float, Field(ge=0.0, le=0.5)] = 0.25
    seed: Annotated[int, Field(ge=0)] = 0
