"""Flags and environment variables that change a study."""

from __future__ import annotations

import pytest

from sweep.errors import DefinitionError
from sweep.studyfile.overrides import environment_overrides, set_overrides, space_overrides


@pytest.mark.parametrize(
    ("assignment", "table", "field", "value"),
    [
        ("training.epochs=5", "training", "epochs", 5),
        ("epochs = 5", "training", "epochs", 5),
        ("learning_rate=1e-4", "training", "learning_rate", 1e-4),
        ("deduplicate=true", "data", "deduplicate", True),
        ("data.group=none", "data", "group", "none"),
        (r"data.group=^(.+)_v\d+", "data", "group", r"^(.+)_v\d+"),
        (r"data.group='^(.+)_v\d+'", "data", "group", r"^(.+)_v\d+"),
        ("data.group=^(.+)=\\d", "data", "group", "^(.+)=\\d"),
        ("name=2024", "", "name", "2024"),
        ("head_width=[512, 256]", "model", "head_width", [512, 256]),
        ("head_width=512-256", "model", "head_width", "512-256"),
        ("pooling=max", "model", "pooling", "max"),
        ("question=", "", "question", ""),
        ("question=1\nname=2", "", "question", "1\nname=2"),
    ],
)
def test_set(assignment: str, table: str, field: str, value: object) -> None:
    (found,) = set_overrides([assignment])
    assert (found.table, found.field, found.value) == (table, field, value)


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("epochs", "--set: received 'epochs'; expected a field, = and a value; write --set training.epochs=5"),
        ("=5", "--set: received '=5'"),
        (
            "epcohs=5",
            "--set epcohs: received the unknown field `epcohs`; expected `epochs` in .training.; write epochs",
        ),
        ("model.epochs=5", "expected `epochs` in .training.; move it there"),
        ("modle.dropout=0.5", "the unknown table `modle`; expected one of .*; write model.dropout=0.5"),
        ("space.dropout=0:0.9", "--set space.dropout: received a range; .*write --space dropout=0:0.9"),
    ],
)
def test_set_that_names_nothing(assignment: str, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        list(set_overrides([assignment]))


def test_space_hands_the_range_on_as_text() -> None:
    (found,) = space_overrides(["dropout=0.0:0.9"])
    assert (found.place, found.table, found.field, found.value) == ("--space dropout", "space", "dropout", "0.0:0.9")
    with pytest.raises(DefinitionError, match=r"write --space dropout=0\.0:0\.9"):
        list(space_overrides(["dropout"]))


def test_the_environment_names_table_and_field() -> None:
    found = environment_overrides(
        {"SWEEP_TRAINING_EPOCHS": "5", "SWEEP_SPACE_L2": "1e-6:1e-1:log", "SWEEP_CACHE": "/tmp", "HOME": "/"}
    )
    assert [(one.table, one.field, one.value) for one in found] == [
        ("space", "l2", "1e-6:1e-1:log"),
        ("training", "epochs", 5),
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("SWEEP_TRAINING_EPOCS", "expected SWEEP_TRAINING_EPOCHS; write SWEEP_TRAINING_EPOCHS"),
        ("SWEEP_TRAINING_DROPOUT", "an environment variable for an unknown field"),
        ("SWEEP_SPACE_TRIALS", "an environment variable for an unknown field"),
    ],
)
def test_a_variable_of_a_table_but_no_field_is_refused(name: str, says: str) -> None:
    with pytest.raises(DefinitionError, match=f"^{name}: .*{says}"):
        list(environment_overrides({name: "5"}))
