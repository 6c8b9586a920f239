"""Pydantic's errors in our words: what came, and what would have been right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

__all__ = ["Fault", "first_fault", "shown"]

_LONGEST_SHOWN = 60

_EXPECTED = {
    "bool_type": "true or false",
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
    nearest = min(
        (one for one in found if one["loc"][:depth] == path), key=lambda one: str(one["type"]).endswith("_type")
    )
    expected = _EXPECTED.get(nearest["type"], nearest["msg"]).format(**nearest.get("ctx", {}))
    return Fault(
        path=tuple(str(part) for part in path),
        received="nothing" if nearest["type"] == "missing" else shown(nearest["input"]),
        expected=expected,
    )


def shown(value: Any) -> str:  # noqa: ANN401 - whatever the user wrote
    """A value as it stands in a message, shortened."""
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
