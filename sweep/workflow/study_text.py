"""A study file as text for people: every field on a line of its own, with a few words on what it does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["COMMENTS", "render_study", "toml_value"]

COMMENTS: Mapping[str, str] = {
    "schema": "the format of this file",
    "name": "under which the results are kept",
    "source": "a folder with one sub-folder per class, or a CSV; from where this file lies",
    "image_size": "pixels; every picture is resized to this square",
    "validation": "share of the images that trials are compared on, or {folds = 5}: each image once",
    "test": "share that stays sealed until the end; 0: none",
    "split_seed": "another number draws another split",
    "group": "none, folder, or a regular expression whose first group names the source of a picture",
    "exclude": 'files or patterns to leave out, such as "cat/blurred_*.jpg"',
    "deduplicate": "true drops exact copies of a file",
    "backbone": "or any keras.applications name, such as mobilenet-v2 or resnet50",
    "weights": "imagenet, none, or a .h5 or .keras file",
    "preprocessing": "auto: what the backbone was trained on; none, 0..1, -1..1, caffe or torch",
    "channels": "rgb, bgr, or grey in all three",
    "unfrozen": "last: the last layers of the backbone; batch_norm: its batch norms alone",
    "unfrozen_layers": "the last N layers of the backbone are trained too",
    "batch_norm": "frozen; train: the batch norms of the unfrozen layers learn; legacy: as in Keras 2",
    "batch_norm_momentum": "of the batch norms that learn; 0: as the backbone was built",
    "backbone_batch_norm": "kept, removed, folded into the weights, or inserted behind each convolution",
    "conv_filters": "filters of a Conv2D before the pooling; 0: none",
    "conv_stride": "of that Conv2D",
    "pooling": "avg or max (global), max2d (2 by 2, then flatten), flatten",
    "head_width": "widths of the dense layers before the last; []: none",
    "activation": "of the head's layers: relu, elu, selu, gelu, swish, tanh, …",
    "kernel_initializer": "glorot_, he_ or lecun_, with uniform or normal",
    "head_batch_norm": "true puts a batch norm before each activation of the head",
    "output": "softmax, or sigmoid divided by its sum",
    "dropout": "rate from 0 to below 1, or a list with one for each dense layer",
    "dropout_position": "before_conv, after_conv, both, after_pooling, after_dense, backbone",
    "dropout_kind": "elementwise, or spatial: whole channels of a feature map",
    "l1": "factor on the absolute values of the head's kernels",
    "l2": "factor on the squares of the head's kernels",
    "activity_l2": "factor on the squares of what the head's hidden layers put out",
    "hypermodel": "module:object of a keras_tuner.HyperModel, in place of all the others",
    "batch_size": "images per training step",
    "epochs": "at most",
    "learning_rate": "of the optimizer, at its highest",
    "optimizer": "adam, adamw, sgd or rmsprop",
    "momentum": "of sgd and rmsprop",
    "weight_decay": "of adamw",
    "decay": "divides the learning rate by 1 + decay · steps, as Keras 2 did",
    "schedule": "constant, cosine, linear or exponential decay of the learning rate",
    "warmup_epochs": "over which the learning rate rises from near 0",
    "head_epochs": "train the head alone at first, then the unfrozen layers too at a tenth",
    "steps_per_epoch": "an epoch ends after so many batches; 0: with the last image",
    "validation_steps": "validation is logged on so many batches; 0: on all; clean numbers always on all",
    "shuffle": "false takes the images class after class",
    "keep": "weights of the best epoch on validation, or of the last",
    "patience": "stop after so many epochs without a better one; 0: never",
    "recalibrate": "true re-estimates the statistics of batch norms that learn, after each epoch",
    "loss": "auto, or Keras' categorical_crossentropy or sparse_categorical_crossentropy",
    "labels": "auto, one_hot or integer: what the loss is given",
    "label_smoothing": "share of a label that is spread over the classes",
    "mixup": "parameter of the Beta distribution that mixes pairs of images; 0: none",
    "mixed_precision": "true computes in float16 on a GPU",
    "augment_views": "augmented copies of each training image; 0: none",
    "augment": "flip, shift, rotate, zoom, brightness, contrast, erase",
    "augment_rotation": "rotate turns by up to so many degrees",
    "augment_validation": "true logs validation on augmented copies too, as some pipelines do; clean numbers never",
    "class_weight": "balanced weights rare classes up in the training loss, or none",
    "trials": "in all, the configuration above included",
    "sampler": "tpe, random, grid, qmc or gp",
    "pruner": "hyperband or median stop hopeless trials early, with folds wilcoxon; none",
    "objective": "balanced: validation, less a charge for a gap beyond chance; val: validation alone",
    "gap_weight": "weight of that charge, from 0 to 0.5",
    "seed": "of the search; the split has its own",
    "finalists": "so many of the first are trained again at the end, with the baseline",
    "on_run": "true: a search begins with `sweep check` and ends with a verdict",
    "harm": "from which share of the images on a cause counts; 0.02: two points of accuracy",
    "fail_on": "findings that give `sweep check` a failing exit code; `sweep explain` lists them",
    "ignore": "findings that change nothing",
    "repeats": "how often, each time with another seed on another split; 0: not at all",
}
"""Field -> its comment; a question explains itself."""

_SPACE_HEADING = (
    "# What may differ from trial to trial: any field of [model] and [training], as {low = 0.0, high = 0.9},",
    "# with log = true or a step, or as {choices = [16, 32]}.",
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_WIDEST_VALUE = 34


def render_study(document: Mapping[str, Any], *, heading: Sequence[str], remarks: Mapping[str, str]) -> str:
    """A study file.

    Args:
        document: fields and tables in the order in which they are written.
        heading: lines that come first, as comments.
        remarks: field -> what is said of its value instead of what the field does in general.
    """
    comments = {**COMMENTS, **remarks}
    fields = {name: value for name, value in document.items() if not isinstance(value, Mapping)}
    lines = [*(f"# {line}" for line in heading), "", *_lines(fields, comments)]
    for table, content in document.items():
        if isinstance(content, Mapping):
            space = table == "space"
            lines += ["", f"[{table}]", *(_SPACE_HEADING if space else ())]
            lines += _lines(content, {} if space else comments)
    return "\n".join((*lines, ""))


def _lines(fields: Mapping[str, Any], comments: Mapping[str, str]) -> list[str]:
    """Assignments, their comments below each other where the values are not too long for that."""
    assignments = {field: f"{field} = {toml_value(value)}" for field, value in fields.items()}
    width = max((len(text) for text in assignments.values() if len(text) <= _WIDEST_VALUE), default=0)
    return [
        f"{text:{width}}  # {comments[field]}" if field in comments else text for field, text in assignments.items()
    ]


def toml_value(value: object) -> str:
    """A value as TOML writes it; texts with backslashes in single quotes, as people write regular expressions."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        if "\\" in value and "'" not in value and value.isprintable():
            return f"'{value}'"
        return _quoted(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {toml_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    raise TypeError(f"no TOML for {value!r}")


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _quoted(key)


def _quoted(text: str) -> str:
    """JSON's way to write a text is TOML's too, but for the one control character that JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
