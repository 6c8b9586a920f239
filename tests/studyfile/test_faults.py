"""Pydantic's errors in our words."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from sweep.studyfile.definition import StudyDefinition
from sweep.studyfile.faults import first_fault, shown
from sweep.studyfile.settings import DataSettings, ModelSettings


def model_error(**fields: object) -> ValidationError:
    with pytest.raises(ValidationError, match=r".") as caught:
        ModelSettings.model_validate(fields)
    return caught.value


@pytest.mark.parametrize(
    ("field", "value", "received", "expected"),
    [
        ("pooling", "mean", "'mean'", "'avg', 'max', 'max2d' or 'flatten'"),
        ("unfrozen_layers", -1, "-1", "a number of at least 0"),
        ("unfrozen_layers", 1.5, "1.5", "a whole number"),
        ("head_width", 0, "0", "a number of at least 1"),
        ("head_width", "wide", "'wide'", 'a list, or its items joined by "-"'),
        ("backbone", "", "''", "a text that is not empty"),
        ("dropout", 1.0, "1.0", "a number below 1"),
        ("dropout", [0.5, 1.0], "1.0", "a number below 1"),
        ("dropout", "much", "'much'", "a number"),
        ("l2", float("inf"), "inf", "a finite number"),
    ],
)
def test_one_value_in_words(field: str, value: object, received: str, expected: str) -> None:
    fault = first_fault(model_error(**{field: value}), depth=1)
    assert (fault.path, fault.received, fault.expected) == ((field,), received, expected)


@pytest.mark.parametrize(
    ("value", "received", "expected"),
    [
        ({"fold": 5}, "the unknown field `fold`", "one of folds, repeats"),
        ({"folds": 5, "seed": 1}, "the unknown field `seed`", "one of folds, repeats"),
        ({"repeats": 2}, "{'repeats': 2}", "`folds` in it"),
        ({"folds": 1}, "folds = 1", "a number of at least 2"),
        ({"folds": 50}, "folds = 50", "a number of at most 20"),
        ({"folds": 5.5}, "folds = 5.5", "a whole number"),
        ({"folds": 5, "repeats": 0}, "repeats = 0", "a number of at least 1"),
        ("five", "'five'", "a number"),
        (1.5, "1.5", "a number below 1"),
    ],
)
def test_folds_in_words(value: object, received: str, expected: str) -> None:
    with pytest.raises(ValidationError, match="validation") as caught:
        DataSettings.model_validate({"source": "toys", "validation": value})
    fault = first_fault(caught.value, depth=1)
    assert (fault.path, fault.received, fault.expected) == (("validation",), received, expected)


def test_a_missing_field_is_nothing() -> None:
    with pytest.raises(ValidationError, match=r"data\.source") as caught:
        StudyDefinition.model_validate({"name": "a", "data": {}})
    fault = first_fault(caught.value, depth=2)
    assert (fault.path, fault.received, fault.expected) == (("data", "source"), "nothing", "a value")


def test_long_values_are_shortened() -> None:
    assert shown("x" * 100) == "'" + "x" * 58 + "…"
    assert shown((1, 2)) == "[1, 2]"
