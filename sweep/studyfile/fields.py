"""Which fields there are, in which table each stands, and what a name that is none of them may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from sweep.errors import DefinitionError
from sweep.studyfile.settings import (
    CheckSettings,
    DataSettings,
    ModelSettings,
    SearchSettings,
    Table,
    TrainingSettings,
)

__all__ = [
    "OUTSIDE",
    "SWEPT_FIELDS",
    "TABLES",
    "TABLE_OF",
    "is_text",
    "is_truth",
    "known_fields",
    "nearest",
    "number_type",
    "unknown_field",
]

TABLES: Mapping[str, type[Table]] = {
    "data": DataSettings,
    "model": ModelSettings,
    "training": TrainingSettings,
    "search": SearchSettings,
    "check": CheckSettings,
}
"""The tables but `[space]`, which has the fields of `[model]` and `[training]`."""

OUTSIDE = ("schema", "name", "question")
"""Fields that stand above the first table."""

TABLE_OF: Mapping[str, str] = {
    **dict.fromkeys(OUTSIDE, ""),
    **{field: table for table, settings in TABLES.items() for field in settings.model_fields},
}
"""Field -> its table, "" above the first one; no name stands in two of them."""

SWEPT_FIELDS = tuple(
    field for field in (*ModelSettings.model_fields, *TrainingSettings.model_fields) if field != "hypermodel"
)
"""The fields that may differ from trial to trial."""


def known_fields(table: str) -> tuple[str, ...]:
    """The fields of a table, of `[space]`, or above the first table ("")."""
    return SWEPT_FIELDS if table == "space" else tuple(field for field, home in TABLE_OF.items() if home == table)


def number_type(field: str) -> type[int] | type[float] | None:
    """What the numbers of a field are, None if it holds text; the range of a list field is one of one-item lists."""
    types = _types(_annotation(field))
    return int if int in types else float if float in types else None


def is_text(field: str) -> bool:
    """Whether a field is one text, so that `2024` in an override is meant as text too."""
    return field in OUTSIDE[1:] or (field != "schema" and _types(_annotation(field)) == {str})


def is_truth(field: str) -> bool:
    """Whether a field is true or false."""
    return _types(_annotation(field)) == {bool}


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like `name`, if one does."""
    close = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def unknown_field(name: str, table: str, place: str) -> DefinitionError:
    """The error for a field that a table does not have: where it belongs, or what it may have meant.

    Args:
        name: as the user wrote it.
        table: its table, "space", or "" above the first table.
        place: where the user wrote it.
    """
    if table == "space" and name in TABLE_OF:
        return DefinitionError(
            place,
            received=f"`{name}`, which is the same for all trials of a study",
            expected="a field of [model] or [training]",
            remedy=f"set it {_where(TABLE_OF[name])} instead",
        )
    if table == "space":
        near = nearest(name, SWEPT_FIELDS)
    else:
        near = name if name in TABLE_OF else nearest(name, known_fields(table)) or nearest(name, TABLE_OF)
    if near is None:
        expected, remedy = f"one of {', '.join(known_fields(table))}", "correct the name or take it out"
    else:
        home = "in [space]" if table == "space" else _where(TABLE_OF[near])
        expected, remedy = f"`{near}` {home}", f"write {near}" if near != name else "move it there"
    return DefinitionError(place, received=f"the unknown field `{name}`", expected=expected, remedy=remedy)


def _where(table: str) -> str:
    return f"in [{table}]" if table else "above the first table"


def _annotation(field: str) -> Any:  # noqa: ANN401 - whatever stands in the class
    return TABLES[TABLE_OF[field]].model_fields[field].annotation


def _types(annotation: Any) -> set[type]:  # noqa: ANN401
    """The types of single values in an annotation; `tuple` marks a list field."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is None:
        return {annotation}
    if origin is Literal:
        return {str}
    if origin is Annotated:
        return _types(inner[0])
    members = [_types(item) for item in inner if item is not Ellipsis]
    return set[type]({tuple} if origin is tuple else ()).union(*members)
