"""What the command line and the environment change in a study file, and where each changed value came from."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sweep.errors import DefinitionError
from sweep.studyfile.fields import TABLE_OF, TABLES, is_text, known_fields, nearest, unknown_field

__all__ = ["Override", "environment_overrides", "set_overrides", "space_overrides"]

_PREFIX = "SWEEP_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One changed field.

    Attributes:
        place: the option or variable that changes it, for messages.
        table: a table of the study file, "space", or "" above the first table.
        value: as TOML would have given it; for `[space]` the range as text.
    """

    place: str
    table: str
    field: str
    value: object


def set_overrides(assignments: Sequence[str]) -> Iterator[Override]:
    """`--set`: "training.epochs=5", or "epochs=5" since no field stands in two tables."""
    for assignment in assignments:
        name, text = _halves(assignment, option="--set", example="training.epochs=5")
        table, dot, field = name.rpartition(".")
        place = f"--set {name}"
        if table == "space":
            raise DefinitionError(place, received="a range", expected="a value", remedy=f"write --space {field}={text}")
        if dot and table not in TABLES:
            raise DefinitionError(
                place,
                received=f"the unknown table `{table}`",
                expected=f"one of {', '.join(TABLES)}",
                remedy=f"write {TABLE_OF.get(field) or nearest(table, TABLES) or 'training'}.{field}={text}",
            )
        if field not in TABLE_OF or (dot and TABLE_OF[field] != table):
            raise unknown_field(field, table, place)
        yield Override(place=place, table=TABLE_OF[field], field=field, value=_value(field, text))


def space_overrides(assignments: Sequence[str], *, option: str = "--space") -> Iterator[Override]:
    """`--space` and `--only`: "dropout=0.0:0.9"."""
    for assignment in assignments:
        field, text = _halves(assignment, option=option, example="dropout=0.0:0.9")
        yield Override(place=f"{option} {field}", table="space", field=field, value=text)


def environment_overrides(environment: Mapping[str, str]) -> Iterator[Override]:
    """Variables such as SWEEP_TRAINING_EPOCHS=5 and SWEEP_SPACE_DROPOUT=0.0:0.9, sorted by name.

    Variables without the name of a table after SWEEP_ (SWEEP_CACHE) are not ours to read.

    Raises:
        DefinitionError: a variable names a table but no field of it.
    """
    fields = {
        f"{_PREFIX}{table}_{field}".upper(): (table, field)
        for table in (*TABLES, "space")
        for field in known_fields(table)
    }
    prefixes = tuple(f"{_PREFIX}{table}_".upper() for table in (*TABLES, "space"))
    for name in sorted(environment):
        if not name.startswith(prefixes):
            continue
        if name not in fields:
            near = nearest(name.lower(), [known.lower() for known in fields])
            raise DefinitionError(
                name,
                received="an environment variable for an unknown field",
                expected=near.upper() if near else "SWEEP_, a table and a field of it, such as SWEEP_TRAINING_EPOCHS",
                remedy=f"write {near.upper()}" if near else f"unset {name}",
            )
        table, field = fields[name]
        text = environment[name]
        yield Override(place=name, table=table, field=field, value=text if table == "space" else _value(field, text))


def _halves(assignment: str, *, option: str, example: str) -> tuple[str, str]:
    name, equals, text = assignment.partition("=")
    if equals and name.strip():
        return name.strip(), text.strip()
    raise DefinitionError(
        option, received=repr(assignment), expected="a field, = and a value", remedy=f"write {option} {example}"
    )


def _value(field: str, text: str) -> object:
    """`text` as a TOML value; what is none, and what is no text where a text is wanted, is a text as it stands."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    if parsed.keys() != {"value"} or (is_text(field) and not isinstance(parsed["value"], str)):
        return text
    return parsed["value"]
