"""In which fields two stored definitions differ; plain JSON, no study is built."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["difference"]


def difference(first: str, second: str) -> tuple[str, ...]:
    """Fields that differ between two definitions, sorted, as "table.field" (or "field" above the first table).

    The numbers of trials and repeats may differ within a study, so they are never among them.

    Args:
        first: what `StudyDefinition.canonical_json` gave, of any version.
        second: likewise.
    """
    one, other = _fields(json.loads(first)), _fields(json.loads(second))
    absent = object()
    differing = {name for name in one.keys() | other.keys() if one.get(name, absent) != other.get(name, absent)}
    return tuple(sorted(differing - {"search.trials", "search.finalists", "search.repeats"}))


def _fields(definition: dict[str, Any]) -> dict[str, Any]:
    """Dotted name -> value, one level of tables deep."""
    flat = {}
    for name, value in definition.items():
        if isinstance(value, dict):
            flat.update({f"{name}.{field}": inner for field, inner in value.items()})
        else:
            flat[name] = value
    return flat
