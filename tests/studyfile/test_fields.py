"""Which fields there are, of which kind, and what a misspelt one may have meant."""

from __future__ import annotations

import pytest

from sweep.studyfile.fields import OUTSIDE, SWEPT_FIELDS, TABLE_OF, TABLES, is_text, number_type, unknown_field


def test_no_field_stands_in_two_tables() -> None:
    """So `--set epochs=5` needs no table."""
    assert len(TABLE_OF) == len(OUTSIDE) + sum(len(settings.model_fields) for settings in TABLES.values())


def test_every_swept_field_is_numbers_or_text() -> None:
    kinds = {field: number_type(field) for field in SWEPT_FIELDS}
    assert {field for field, kind in kinds.items() if kind is float} == {
        "batch_norm_momentum", "dropout", "l1", "l2", "activity_l2", "learning_rate", "momentum", "weight_decay",
        "decay", "label_smoothing", "mixup", "augment_rotation",
    }  # fmt: skip
    assert {field for field, kind in kinds.items() if kind is int} == {
        "unfrozen_layers", "conv_filters", "conv_stride", "head_width", "batch_size", "epochs", "warmup_epochs",
        "head_epochs", "steps_per_epoch", "validation_steps", "patience", "augment_views",
    }  # fmt: skip


def test_text_fields_are_those_of_one_text() -> None:
    assert {field for field in TABLE_OF if is_text(field)} == {
        "name", "question", "source", "group", "backbone", "weights", "preprocessing", "channels", "unfrozen",
        "batch_norm", "backbone_batch_norm", "pooling", "activation", "kernel_initializer", "output",
        "dropout_position", "dropout_kind", "hypermodel", "optimizer", "schedule", "keep", "loss", "labels",
        "class_weight", "sampler", "pruner", "objective",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "table", "says"),
    [
        ("epocs", "training", "expected `epochs` in [training]; write epochs"),
        ("dropuot", "training", "expected `dropout` in [model]; write dropout"),
        ("batch_size", "data", "expected `batch_size` in [training]; move it there"),
        ("question", "search", "expected `question` above the first table; move it there"),
        ("trials", "", "expected `trials` in [search]; move it there"),
        ("Dropout", "space", "expected `dropout` in [space]; write dropout"),
        ("trials", "space", "expected a field of [model] or [training]; set it in [search] instead"),
        (
            "zzz",
            "search",
            "expected one of trials, sampler, pruner, objective, gap_weight, seed, finalists, repeats; correct",
        ),
    ],
)
def test_an_unknown_field_is_told_the_nearest_known_one_and_its_table(name: str, table: str, says: str) -> None:
    message = str(unknown_field(name, table, "here"))
    assert message.startswith("here: received ")
    assert says in message
