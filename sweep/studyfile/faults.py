"""Pydantic's errors in our words: what came, and what would have been right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sweep.studyfile.settings import FoldSettings

__all__ = ["Fault", "first_fault", "shown"]

_LONGEST_SHOWN = 60

_EXPECTED = {
    "bool_type": "true or false",
    "extra_forbidden": f"one of {', '.join(FoldSettings.model_fields)}",  # the only table that is a value
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "int_type": "a whole number",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "literal_error": "{expected}",
    "missing": "a value",
    "model_type": "a table",
    "string_too_short": "a text that is not empty",
    "string_type": "a text in quotes",
    "tuple_type": 'a list, or its items joined by "-"',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One wrong value.

    Attributes:
        path: the field, or table and field, as far as the error lies that deep.
        received: the value as text, "nothing" where it is missing.
        expected: what would have been right.
    """

    path: tuple[str, ...]
    received: str
    expected: str


def first_fault(error: ValidationError, *, depth: int) -> Fault:
    """The first wrong value; of the ways in which a field may be given, the one that came nearest.

    Args:
        error: what validating raised.
        depth: 1 where a table was validated, 2 where it was a whole study.
    """
    found = error.errors(include_url=False)
    path = found[0]["loc"][:depth]
    # A rate below 1 or a list of rates: for [0.5, 1.0] "no number" is true but "1.0 is not below 1" is the fault.
    nearest = min((one for one in found if one["loc"][:depth] == path), key=lambda one: _distance(one, depth))
    received, expected = _words(nearest, _inner_field(nearest, depth))
    return Fault(path=tuple(str(part) for part in path), received=received, expected=expected)


def _distance(one: ErrorDetails, depth: int) -> tuple[bool, bool, bool]:
    """How far a way to give a field lies from what was written: whoever wrote a table did not mean a number."""
    kind = str(one["type"])
    return _inner_field(one, depth) is None, kind.endswith("_type"), kind == "missing"


def _inner_field(one: ErrorDetails, depth: int) -> str | None:
    """The field of a table that is a value itself, such as `folds` in {folds = 1}."""
    inside = one["loc"][depth + 1 :]
    return inside[0] if inside and isinstance(inside[0], str) else None


def _words(one: ErrorDetails, inner: str | None) -> tuple[str, str]:
    """What came, and what would have been right."""
    kind, value = str(one["type"]), shown(one["input"])
    expected = _EXPECTED.get(kind, one["msg"]).format(**one.get("ctx", {}))
    if kind == "missing":
        return ("nothing", expected) if inner is None else (value, f"`{inner}` in it")
    if kind == "extra_forbidden":
        return f"the unknown field `{inner or one['loc'][-1]}`", expected
    return (value if inner is None else f"{inner} = {value}"), expected


def shown(value: Any) -> str:  # noqa: ANN401 - whatever the user wrote
    """A value as it stands in a message, shortened."""
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
