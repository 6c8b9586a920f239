"""The tables of a study file, with every default in this one place."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sweep.studyfile.notation import read_integers, read_numbers, read_patterns, read_texts

__all__ = ["DataSettings", "FoldSettings", "ModelSettings", "SearchSettings", "Table", "TrainingSettings"]

DropoutRate = Annotated[float, Field(ge=0.0, lt=1.0)]
Width = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]


class Table(BaseModel):
    """A table of the study file: frozen, and strict about types and about what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class FoldSettings(Table):
    """`validation = {folds = 5}`: every image that is not sealed is predicted once, by a model that did not see it.

    With `repeats` all that is done so many times, over folds drawn anew.
    """

    folds: Annotated[int, Field(ge=2, le=20)]
    repeats: Annotated[int, Field(ge=1, le=20)] = 1


class DataSettings(Table):
    """`[data]`: where the images are and how they are split.

    `validation` is a share of all images, or folds for cross-validation.
    """

    source: Text
    image_size: Annotated[int, Field(ge=16, le=2048)] = 160
    validation: Annotated[float, Field(gt=0.0, lt=1.0)] | FoldSettings = 0.2
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
    `augment_views` is the number of augmented, cached views of each image (0: none), drawn with `augment`; training
    sees them, and with `augment_validation` the validation numbers that are logged see them too (the clean ones never).
    `class_weight = "balanced"` weights a class by n / (classes · its images) in the training loss.
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
    augment_validation: bool = False
    class_weight: Literal["none", "balanced"] = "none"


class SearchSettings(Table):
    """`[search]`: how many trials, which of them, and what counts as better.

    At the end of a search the first `finalists` of the ranking and the baseline are trained `repeats` times more, with
    other seeds and on other splits; 0 of either: not at all. With folds the pruner is "wilcoxon" or "none": trials are
    compared fold by fold, never in the middle of a fold.
    """

    trials: Annotated[int, Field(ge=1)] = 50
    sampler: Literal["tpe", "random", "grid", "qmc", "gp"] = "tpe"
    pruner: Literal["hyperband", "median", "wilcoxon", "none"] = "hyperband"
    objective: Literal["balanced", "val"] = "balanced"
    gap_weight: Annotated[float, Field(ge=0.0, le=0.5)] = 0.25
    seed: Annotated[int, Field(ge=0)] = 0
    finalists: Annotated[int, Field(ge=0, le=10)] = 3
    repeats: Annotated[int, Field(ge=0, le=50)] = 5
