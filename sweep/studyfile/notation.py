"""The notation of the database and of ranges: one value a field, lists joined with "-", an empty list "none"."""

from __future__ import annotations

import re
from collections.abc import Callable

from sweep.records import Scalar

__all__ = ["read_integers", "read_numbers", "read_patterns", "read_texts", "stored"]

# The minus of an exponent ("1e-05") joins nothing.
_JOINT = re.compile(r"(?<!\de)-", re.IGNORECASE)


def stored(value: object) -> Scalar:
    """A field's value in the notation of the database: lists are joined with "-", an empty list is "none"."""
    if isinstance(value, (list, tuple)):
        return "-".join(str(item) for item in value) or "none"
    if isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"no stored notation for {value!r}")


def read_integers(value: object) -> object:
    """A list of whole numbers from "512-256", "none", a list or one bare number; anything else as it came."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    return _read_list(value, int)


def read_numbers(value: object) -> object:
    """A list of numbers from "0.5-0.3", "none" or a list; anything else as it came."""
    return _read_list(value, float)


def read_texts(value: object) -> object:
    """A list of texts from "flip-shift", "none" or a list; anything else as it came."""
    return _read_list(value, str)


def read_patterns(value: object) -> object:
    """A list of texts from a list or one bare text, in which "-" joins nothing; anything else as it came."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _read_list(value: object, item: Callable[[str], object]) -> object:
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, str):
        return value
    try:
        return () if value == "none" else tuple(item(part) for part in _JOINT.split(value))
    except ValueError:
        return value
