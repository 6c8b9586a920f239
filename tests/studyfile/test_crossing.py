"""Fields that contradict each other are found before any training."""

from __future__ import annotations

import pytest

from sweep.errors import DefinitionError
from sweep.studyfile.crossing import (
    check_causes,
    check_group,
    check_loss,
    check_loss_of_space,
    check_pruner,
    check_rates,
    check_rates_of_space,
    check_shares,
    check_views,
    check_views_of_space,
)
from sweep.studyfile.ranges import read_range
from sweep.studyfile.settings import (
    CheckSettings,
    DataSettings,
    FoldSettings,
    ModelSettings,
    SearchSettings,
    TrainingSettings,
)

TWO_LAYERS = ModelSettings(head_width=(512, 256), dropout=(0.5, 0.3), dropout_position="after_dense")


def test_shares_must_leave_images_to_train_on() -> None:
    check_shares(DataSettings(source="photos", validation=0.5, test=0.49))
    with pytest.raises(DefinitionError, match=r"\[data\] validation: received 0\.6 for validation and 0\.4 for test"):
        check_shares(DataSettings(source="photos", validation=0.6, test=0.4))


def test_folds_always_leave_images_to_train_on() -> None:
    check_shares(DataSettings(source="photos", validation=FoldSettings(folds=2), test=0.9))


FOLDS = DataSettings(source="photos", validation=FoldSettings(folds=5))
ONE_SPLIT = DataSettings(source="photos")


@pytest.mark.parametrize(
    ("data", "pruner"),
    [(FOLDS, "wilcoxon"), (FOLDS, "none"), (ONE_SPLIT, "hyperband"), (ONE_SPLIT, "median"), (ONE_SPLIT, "none")],
)
def test_pruners_that_can_be(data: DataSettings, pruner: str) -> None:
    check_pruner(data, SearchSettings.model_validate({"pruner": pruner}))


@pytest.mark.parametrize(
    ("data", "pruner", "says"),
    [
        (FOLDS, "hyperband", "'hyperband', which compares epochs, with folds; .*; write pruner = \"wilcoxon\""),
        (FOLDS, "median", "'median', which compares epochs, with folds"),
        (ONE_SPLIT, "wilcoxon", r"'wilcoxon', which .* without folds; .*, or validation = \{folds = 5\}"),
    ],
)
def test_pruners_that_cannot_be(data: DataSettings, pruner: str, says: str) -> None:
    with pytest.raises(DefinitionError, match=rf"\[search\] pruner: received {says}"):
        check_pruner(data, SearchSettings.model_validate({"pruner": pruner}))


def test_augmented_validation_needs_views() -> None:
    check_views(TrainingSettings(augment_validation=True, augment_views=1))
    with pytest.raises(DefinitionError, match=r"\[training\] augment_validation: received .* augment_views = 0"):
        check_views(TrainingSettings(augment_validation=True))


@pytest.mark.parametrize(
    ("space", "place"),
    [
        ({}, None),
        ({"augment_views": "1:4"}, None),
        ({"augment_views": "0:4"}, "augment_views"),
        ({"augment_views": "0,2", "augment_validation": "false"}, None),
        ({"augment_views": "0,2", "augment_validation": "false,true"}, "augment_views"),
    ],
)
def test_spaces_in_which_augmented_validation_may_lack_views(space: dict[str, str], place: str | None) -> None:
    ranges = {
        field: read_range(field, {"choices": [text == "true" for text in values.split(",")]})
        if field == "augment_validation"
        else read_range(field, values)
        for field, values in space.items()
    }
    training = TrainingSettings(augment_validation=True, augment_views=2)
    if place is None:
        check_views_of_space(training, ranges)
    else:
        with pytest.raises(DefinitionError, match=rf"\[space\] {place}: received augment_validation = true with"):
            check_views_of_space(training, ranges)


@pytest.mark.parametrize("group", ["none", "folder", r"^(.+)_v\d+", r"^((a|b)\d+)_"])
def test_groups_that_can_be(group: str) -> None:
    check_group(group)


@pytest.mark.parametrize(
    ("group", "says"),
    [("(.+", "no regular expression: missing"), (r".+_v\d+", "no group in parentheses"), ("", "no gr")],
)
def test_groups_that_cannot_be(group: str, says: str) -> None:
    with pytest.raises(DefinitionError, match=rf"\[data\] group: received .*{says}"):
        check_group(group)


def test_a_list_of_rates_has_one_for_each_dense_layer() -> None:
    check_rates(TWO_LAYERS)
    for widths in ((), (512,), (512, 256, 128)):
        with pytest.raises(DefinitionError, match=r"the 2 dropout rates \[0\.5, 0\.3\] for head_width"):
            check_rates(TWO_LAYERS.model_copy(update={"head_width": widths}))


def test_a_list_of_rates_stands_after_dense_layers_only() -> None:
    with pytest.raises(DefinitionError, match=r"the 2 dropout rates \[0\.5, 0\.3\] before_conv; expected one rate"):
        check_rates(TWO_LAYERS.model_copy(update={"dropout_position": "before_conv"}))


def test_an_empty_list_of_rates_is_refused_even_without_dense_layers() -> None:
    with pytest.raises(DefinitionError, match="the 0 dropout rates"):
        check_rates(ModelSettings(dropout=(), dropout_position="after_dense"))


@pytest.mark.parametrize(
    "space",
    [
        {},
        {"head_width": "512-256,128-64"},
        {"dropout": "0.0:0.9", "head_width": "none,64"},
        {"dropout": "0.4,0.5-0.3"},
        {"l2": "1e-6:1e-1:log"},
    ],
)
def test_spaces_whose_rates_always_fit(space: dict[str, str]) -> None:
    check_rates_of_space(TWO_LAYERS, {field: read_range(field, text) for field, text in space.items()})


@pytest.mark.parametrize(
    ("space", "place"),
    [
        ({"head_width": "512-256,64"}, "head_width"),
        ({"head_width": "16:64"}, "head_width"),
        ({"dropout_position": "after_dense,before_conv"}, "dropout_position"),
        ({"dropout": "0.4,0.5-0.3-0.1"}, "dropout"),
        ({"dropout": "0.4,0.5-0.3", "head_width": "64,512-256"}, "dropout"),
    ],
)
def test_spaces_in_which_some_combination_does_not_fit(space: dict[str, str], place: str) -> None:
    with pytest.raises(DefinitionError, match=rf"\[space\] {place}: received the \d dropout rates"):
        check_rates_of_space(TWO_LAYERS, {field: read_range(field, text) for field, text in space.items()})


@pytest.mark.parametrize(
    ("loss", "labels"),
    [
        ("auto", "auto"),
        ("auto", "one_hot"),
        ("auto", "integer"),
        ("sparse_categorical_crossentropy", "integer"),
        ("sparse_categorical_crossentropy", "auto"),
        ("categorical_crossentropy", "one_hot"),
        ("categorical_crossentropy", "auto"),
    ],
)
def test_a_loss_that_fits_its_labels(loss: str, labels: str) -> None:
    check_loss(TrainingSettings.model_validate({"loss": loss, "labels": labels}))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (
            {"loss": "sparse_categorical_crossentropy", "labels": "one_hot"},
            r"sparse_categorical_crossentropy with one-hot labels; .* the number of its class.* loss = \"auto\"",
        ),
        (
            {"loss": "sparse_categorical_crossentropy", "label_smoothing": 0.1},
            r"sparse_categorical_crossentropy with label_smoothing = 0\.1",
        ),
        ({"loss": "sparse_categorical_crossentropy", "mixup": 0.2}, r"sparse_.* with mixup = 0\.2"),
        ({"loss": "categorical_crossentropy", "labels": "integer"}, "integer labels with categorical_crossentropy"),
        ({"labels": "integer", "mixup": 0.2}, r"integer labels with mixup = 0\.2"),
    ],
)
def test_a_loss_that_does_not(fields: dict[str, object], says: str) -> None:
    with pytest.raises(DefinitionError, match=rf"\[training\] loss: received {says}"):
        check_loss(TrainingSettings.model_validate(fields))


def test_a_loss_is_checked_in_every_corner_of_the_space() -> None:
    smoothed = {"label_smoothing": read_range("label_smoothing", "0.0:0.2")}
    check_loss_of_space(TrainingSettings(), smoothed)
    with pytest.raises(DefinitionError, match=r"\[space\] label_smoothing: received sparse_.* label_smoothing = 0\.2"):
        check_loss_of_space(TrainingSettings(loss="sparse_categorical_crossentropy"), smoothed)


@pytest.mark.parametrize("field", ["fail_on", "ignore"])
def test_a_check_names_causes_that_there_are(field: str) -> None:
    check_causes(CheckSettings(**{field: ("leak", "few-images")}))
    with pytest.raises(DefinitionError, match=rf"\[check\] {field}: received 'leaks'.*write for example.*\"leak\""):
        check_causes(CheckSettings(**{field: ("leak", "leaks")}))
