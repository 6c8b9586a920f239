"""The tables of a study file, with every default in this one place."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sweep.studyfile.notation import read_integers, read_numbers, read_patterns, read_texts

__all__ = [
    "PREPROCESSINGS",
    "CheckSettings",
    "DataSettings",
    "FoldSettings",
    "ModelSettings",
    "SearchSettings",
    "Table",
    "TrainingSettings",
]

Preprocessing = Literal["auto", "none", "0..1", "-1..1", "caffe", "torch"]
PREPROCESSINGS: tuple[Preprocessing, ...] = get_args(Preprocessing)
"""Ways of preparing pixels; "auto" is what the backbone was trained on."""

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
    """`[model]`: input, backbone and head, the user's configuration of today.

    Input: `channels` and then `preprocessing` are what the backbone is given; "auto" is what it was trained on.

    Backbone: with `unfrozen` = "last" exactly its last `unfrozen_layers` train (as many as it has, or more: all of it),
    with "batch_norm" its batch norms and nothing else, as "train" says. `batch_norm` is how they run in training.
    "frozen": on their moving statistics, learning nothing, unfrozen ones too. "train": unfrozen ones on the batch's
    statistics, and they learn; the others as "frozen". "legacy", as in Keras 2: like "train", but the ones that are not
    unfrozen run on the batch's statistics too and learn nothing. Validation always sees moving statistics;
    `batch_norm_momentum` is how slowly they follow in the ones that learn, 0: as the backbone was built.
    `backbone_batch_norm` takes batch norm out of the whole backbone ("removed"), folds it into the weights next to it
    ("folded": the same function) or puts one behind every convolution that has none ("inserted"); "kept": as built.
    Where there is no batch norm these fields do nothing. What drops out in the backbone as it was built (drop-connect)
    does so in unfrozen layers alone.

    The head is, in this order: dropout (before_conv) · Conv2D(conv_filters, 3, stride conv_stride), unless 0 · dropout
    (after_conv) · pooling · dropout (after_pooling) · for each width: Dense(width) · dropout (after_dense) ·
    Dense(classes). Every convolution and hidden dense layer has `activation`, and a batch norm before it with
    `head_batch_norm`; `kernel_initializer` draws the kernels of all. Without a convolution, before_conv, after_conv and
    both mean one dropout on the feature map before the pooling; without a dense layer, after_dense means after_pooling.
    `dropout_position` = "backbone" drops out behind every activation of the backbone that follows a batch norm, or
    followed one that was taken out (in a network that never had one, of every convolution), and nowhere in the head.
    `dropout_kind` = "spatial" drops whole channels where there is a feature map. `output` = "sigmoid" divides each
    class's sigmoid by their sum, as Keras' categorical cross-entropy does with such numbers (behind a sigmoid layer
    `fit` of Keras 3 takes the softmax instead: there it is "softmax"). `l1` and `l2` are the factors on the absolute
    values and squares of all kernels of the head, `activity_l2` on the squares of what its convolution and hidden dense
    layers put out, as Keras 3 does it divided by the images of the batch. Lists may be given in the notation of the
    database too ("512-256"), and a bare head width is one layer.

    `hypermodel` names a KerasTuner hypermodel, "module:object"; it makes the whole model, and no other field of the
    table may stand beside it.
    """

    backbone: Text = "efficientnet-lite0"
    weights: Text = "imagenet"
    preprocessing: Preprocessing = "auto"
    channels: Literal["rgb", "bgr", "grey"] = "rgb"
    unfrozen: Literal["last", "batch_norm"] = "last"
    unfrozen_layers: Annotated[int, Field(ge=0)] = 0
    batch_norm: Literal["frozen", "train", "legacy"] = "frozen"
    batch_norm_momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    backbone_batch_norm: Literal["kept", "removed", "folded", "inserted"] = "kept"
    conv_filters: Annotated[int, Field(ge=0)] = 0
    conv_stride: Annotated[int, Field(ge=1)] = 1
    pooling: Literal["avg", "max", "max2d", "flatten"] = "avg"
    head_width: Annotated[tuple[Width, ...], BeforeValidator(read_integers)] = ()
    activation: Literal["relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "swish", "tanh", "sigmoid", "linear"] = (
        "relu"
    )
    kernel_initializer: Literal[
        "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"
    ] = "glorot_uniform"
    head_batch_norm: bool = False
    output: Literal["softmax", "sigmoid"] = "softmax"
    dropout: Annotated[DropoutRate | tuple[DropoutRate, ...], BeforeValidator(read_numbers)] = 0.0
    dropout_position: Literal["before_conv", "after_conv", "both", "after_pooling", "after_dense", "backbone"] = (
        "after_pooling"
    )
    dropout_kind: Literal["elementwise", "spatial"] = "elementwise"
    l1: Annotated[float, Field(ge=0.0)] = 0.0
    l2: Annotated[float, Field(ge=0.0)] = 0.0
    activity_l2: Annotated[float, Field(ge=0.0)] = 0.0
    hypermodel: str = ""


class TrainingSettings(Table):
    """`[training]`: how a configuration is trained.

    `learning_rate` is the highest; over `warmup_epochs` it rises from near 0 in a line, then `schedule` leads it to the
    last epoch: "constant", "cosine" and "linear" to 0, "exponential" to a hundredth. `decay` divides it by 1 + decay ·
    steps, as Keras 2 did. `momentum` is for sgd and rmsprop, `weight_decay` for adamw. The first `head_epochs` of the
    epochs train the head alone; then optimizer, warm-up and schedule start anew, with what is unfrozen too, at a tenth
    of the learning rate. `steps_per_epoch` ends an epoch after that many batches, where the next goes on (0: all
    images), and `validation_steps` logs validation on that many batches alone (0: all; the clean numbers are always of
    all). `shuffle` = false takes the images in the order of their files, class after class.

    `keep` says whose weights a trial keeps: of the epoch of least clean validation cross-entropy ("best") or of the
    last one. `patience` stops a trial after that many epochs without a lower clean validation cross-entropy, counted
    once the head no longer trains alone; 0: never. `recalibrate` re-estimates the moving statistics of batch norms that
    run on the batch's own in training, by a pass over the training images at the end of each epoch.

    `loss` and `labels` name Keras' cross-entropy and what it is given; "auto" chooses what fits, and a pair that does
    not fit is refused. `label_smoothing` is the share that is spread evenly over the classes. `mixup` is the parameter
    of the Beta distribution from which pairs of a batch are mixed, at the tensor where training begins; 0: not at all.
    `class_weight` = "balanced" weights a class by n / (classes · its images) in the training loss. `mixed_precision`
    computes in float16 on a GPU.

    `augment_views` is the number of augmented, cached views of each image (0: none), drawn with `augment`; training
    sees them, and with `augment_validation` the validation numbers that are logged see them too (the clean ones never).
    `augment_rotation` is how far "rotate" turns at most, in degrees.
    """

    batch_size: Annotated[int, Field(ge=1)] = 32
    epochs: Annotated[int, Field(ge=1)] = 10
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.004
    decay: Annotated[float, Field(ge=0.0)] = 0.0
    schedule: Literal["constant", "cosine", "linear", "exponential"] = "constant"
    warmup_epochs: Annotated[int, Field(ge=0)] = 0
    head_epochs: Annotated[int, Field(ge=0)] = 0
    steps_per_epoch: Annotated[int, Field(ge=0)] = 0
    validation_steps: Annotated[int, Field(ge=0)] = 0
    shuffle: bool = True
    keep: Literal["best", "last"] = "best"
    patience: Annotated[int, Field(ge=0)] = 5
    recalibrate: bool = False
    loss: Literal["auto", "categorical_crossentropy", "sparse_categorical_crossentropy"] = "auto"
    labels: Literal["auto", "one_hot", "integer"] = "auto"
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    mixup: Annotated[float, Field(ge=0.0)] = 0.0
    class_weight: Literal["none", "balanced"] = "none"
    mixed_precision: bool = False
    augment_views: Annotated[int, Field(ge=0, le=64)] = 0
    augment: Annotated[
        tuple[Literal["flip", "shift", "rotate", "zoom", "brightness", "contrast", "erase"], ...],
        BeforeValidator(read_texts),
    ] = ("flip", "shift")
    augment_rotation: Annotated[float, Field(ge=0.0, le=180.0)] = 15.0
    augment_validation: bool = False


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


class CheckSettings(Table):
    """`[check]`: what `sweep check` fails on; causes are named as `sweep explain` lists them.

    With `on_run` a search begins with that check and ends with the short trainings that a verdict needs. A cause counts
    as harmful from `harm` on, a share of the images (0.02: two points of accuracy). Findings on `ignore` are shown and
    change nothing.
    """

    on_run: bool = True
    harm: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.02
    fail_on: Annotated[tuple[Text, ...], BeforeValidator(read_patterns)] = (
        "leak",
        "bursts",
        "preprocessing",
        "shift",
        "label-noise",
    )
    ignore: Annotated[tuple[Text, ...], BeforeValidator(read_patterns)] = ()
