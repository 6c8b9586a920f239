"""In which fields two stored definitions differ; plain JSON, no study is built."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import PydanticUndefined, to_jsonable_python

from sweep.studyfile.fields import TABLES

__all__ = ["difference"]


def difference(first: str, second: str) -> tuple[str, ...]:
    """Fields that differ between two definitions, sorted, as "table.field" (or "field" above the first table).

    [check] and the numbers of trials and repeats may differ within a study, so they are never among them. A field that
    one of them lacks stands at its default: the version that wrote it did what the default says.

    Args:
        first: what `StudyDefinition.canonical_json` gave, of any version.
        second: likewise.
    """
    one, other = _fields(json.loads(first)), _fields(json.loads(second))
    defaults, absent = _defaults(), object()
    differing = {
        name
        for name in one.keys() | other.keys()
        if one.get(name, defaults.get(name, absent)) != other.get(name, defaults.get(name, absent))
    }
    free = {"search.trials", "search.finalists", "search.repeats"}
    return tuple(sorted(name for name in differing - free if not name.startswith("check.")))


def _fields(definition: dict[str, Any]) -> dict[str, Any]:
    """Dotted name -> value, one level of tables deep."""
    flat = {}
    for name, value in definition.items():
        if isinstance(value, dict):
            flat.update({f"{name}.{field}": inner for field, inner in value.items()})
        else:
            flat[name] = value
    return flat


def _defaults() -> dict[str, Any]:
    """Dotted name -> default of every field that has one, as JSON."""
    return {
        f"{table}.{field}": to_jsonable_python(information.default)
        for table, settings in TABLES.items()
        for field, information in settings.model_fields.items()
        if information.default is not PydanticUndefined
    }
