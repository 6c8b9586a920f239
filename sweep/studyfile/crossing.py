"""Rules that join several fields of a study; each raises one `DefinitionError` that names the field to change."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Mapping, Sequence

from sweep.errors import DefinitionError
from sweep.records import Cause
from sweep.studyfile.notation import stored
from sweep.studyfile.settings import (
    CheckSettings,
    DataSettings,
    FoldSettings,
    ModelSettings,
    SearchSettings,
    TrainingSettings,
)
from sweep.studyfile.space import FieldRange, ends

__all__ = [
    "FOLD_PRUNER",
    "check_causes",
    "check_group",
    "check_loss",
    "check_loss_of_space",
    "check_pruner",
    "check_rates",
    "check_rates_of_space",
    "check_shares",
    "check_views",
    "check_views_of_space",
]

FOLD_PRUNER = "wilcoxon"
"""The pruner that compares trials fold by fold."""

_RATED_FIELDS = ("dropout", "dropout_position", "head_width")
_LOSS_FIELDS = ("loss", "labels", "label_smoothing", "mixup")
_SINGLE_SPLIT_PRUNERS = ("hyperband", "median")


def check_shares(data: DataSettings) -> None:
    """Validation and test leave something to train on; folds always do."""
    if isinstance(data.validation, FoldSettings):
        return
    total = data.validation + data.test
    if total < 1:
        return
    raise DefinitionError(
        "[data] validation",
        received=f"{data.validation:g} for validation and {data.test:g} for test, {total:g} together",
        expected="less than 1 together, so that images are left to train on",
        remedy="write for example validation = 0.2 and test = 0.15",
    )


def check_group(group: str) -> None:
    """`none`, `folder`, or a regular expression that can name a source."""
    if group in ("none", "folder"):
        return
    try:
        fault = None if re.compile(group).groups else "no group in parentheses"
    except re.error as error:
        fault = f"no regular expression: {error}"
    if fault is None:
        return
    raise DefinitionError(
        "[data] group",
        received=f"{group!r}, {fault}",
        expected="none, folder, or a regular expression whose first group names the source",
        remedy=r"write for example group = '^(.+)_v\d+'",
    )


def check_pruner(data: DataSettings, search: SearchSettings) -> None:
    """Trials on folds are compared fold by fold, trials on one split epoch by epoch."""
    folds = isinstance(data.validation, FoldSettings)
    if folds and search.pruner in _SINGLE_SPLIT_PRUNERS:
        raise DefinitionError(
            "[search] pruner",
            received=f"{search.pruner!r}, which compares epochs, with folds",
            expected=f"{FOLD_PRUNER!r}, which compares fold by fold, or 'none'",
            remedy=f'write pruner = "{FOLD_PRUNER}", or take the line out',
        )
    if not folds and search.pruner == FOLD_PRUNER:
        raise DefinitionError(
            "[search] pruner",
            received=f"{FOLD_PRUNER!r}, which compares fold by fold, without folds",
            expected=f"one of {', '.join(map(repr, _SINGLE_SPLIT_PRUNERS))}, 'none'",
            remedy='write pruner = "hyperband", or validation = {folds = 5} in [data]',
        )


def check_causes(check: CheckSettings) -> None:
    """The findings that a check fails on or ignores are causes that there are."""
    known = [cause.value for cause in Cause]
    for field, slugs in (("fail_on", check.fail_on), ("ignore", check.ignore)):
        for slug in slugs:
            if slug not in known:
                near = difflib.get_close_matches(slug, known, n=1, cutoff=0.0)
                raise DefinitionError(
                    f"[check] {field}",
                    received=repr(slug),
                    expected="a cause as `sweep explain` lists them",
                    remedy=f'write for example {field} = ["{near[0]}"]',
                )


def check_views(training: TrainingSettings) -> None:
    """Validation can only be logged on augmented views that there are."""
    if training.augment_validation and not training.augment_views:
        raise _no_views("[training] augment_validation")


def check_views_of_space(training: TrainingSettings, space: Mapping[str, FieldRange]) -> None:
    """No combination that the search may draw logs validation on views that it does not have."""
    swept = [field for field in ("augment_views", "augment_validation") if field in space]
    augmented = ends(space["augment_validation"]) if "augment_validation" in space else (training.augment_validation,)
    views = ends(space["augment_views"]) if "augment_views" in space else (training.augment_views,)
    if swept and True in augmented and 0 in views:
        raise _no_views(f"[space] {swept[0]}")


def _no_views(place: str) -> DefinitionError:
    return DefinitionError(
        place,
        received="augment_validation = true with augment_views = 0",
        expected="at least one augmented view of each image",
        remedy="write for example augment_views = 4, or augment_validation = false",
    )


def check_loss(training: TrainingSettings) -> None:
    """The cross-entropy fits what it is given: one integer an image, or one number for each class of it."""
    _check_loss("[training] loss", training)


def check_loss_of_space(training: TrainingSettings, space: Mapping[str, FieldRange]) -> None:
    """No combination that the search may draw has a loss that does not fit its labels."""
    swept = [field for field in _LOSS_FIELDS if field in space]
    for drawn in itertools.product(*(ends(space[field]) for field in swept)) if swept else ():
        values = TrainingSettings.model_validate({**training.model_dump(), **dict(zip(swept, drawn, strict=True))})
        _check_loss(f"[space] {swept[0]}", values)


def _check_loss(place: str, training: TrainingSettings) -> None:
    # What makes numbers between 0 and 1 of a label needs a number for each class.
    spread = [field for field in ("label_smoothing", "mixup") if getattr(training, field)]
    one_hot = training.labels == "one_hot"
    if training.loss == "sparse_categorical_crossentropy" and (one_hot or spread):
        given = f"{spread[0]} = {getattr(training, spread[0]):g}" if spread else "one-hot labels"
        raise DefinitionError(
            place,
            received=f"sparse_categorical_crossentropy with {given}",
            expected="categorical_crossentropy: the sparse one takes the number of its class for each image, "
            "and a one-hot label is a number for each class",
            remedy='write loss = "auto", or take the line out; both losses are the same number for the same label',
        )
    if training.labels == "integer" and (training.loss == "categorical_crossentropy" or spread):
        needing = f"{spread[0]} = {getattr(training, spread[0]):g}" if spread else "categorical_crossentropy"
        raise DefinitionError(
            place,
            received=f"integer labels with {needing}",
            expected="one-hot labels, a number for each class",
            remedy='write labels = "auto", or take the line out',
        )


def check_rates(model: ModelSettings) -> None:
    """A list of rates has one for each dense layer, and stands after the dense layers."""
    _check_rates("[model] dropout", model.dropout, model.dropout_position, model.head_width)


def check_rates_of_space(model: ModelSettings, space: Mapping[str, FieldRange]) -> None:
    """No combination that the search may draw has a list of rates that does not fit its dense layers."""
    rates = ends(space["dropout"]) if "dropout" in space else (stored(model.dropout),)
    swept = [field for field in _RATED_FIELDS if field in space]
    if not swept or not any(isinstance(rate, str) for rate in rates):
        return
    for drawn in itertools.product(*(ends(space[field]) for field in swept)):
        # The settings turn "512-256" into a list again.
        values = ModelSettings.model_validate({**model.model_dump(), **dict(zip(swept, drawn, strict=True))})
        _check_rates(f"[space] {swept[0]}", values.dropout, values.dropout_position, values.head_width)


def _check_rates(place: str, dropout: float | tuple[float, ...], position: str, widths: Sequence[int]) -> None:
    if isinstance(dropout, float):
        return
    rates = f"the {len(dropout)} dropout rates {list(dropout)}"
    if position != "after_dense":
        raise DefinitionError(
            place,
            received=f"{rates} {position}",
            expected="one rate there; a list gives each dense layer its own",
            remedy='write one rate, or dropout_position = "after_dense"',
        )
    if len(dropout) != len(widths) or not widths:
        raise DefinitionError(
            place,
            received=f"{rates} for head_width {list(widths)}",
            expected="one rate for each dense layer",
            remedy="write one rate for all of them, or as many as head_width has widths",
        )
