"""A study file and what overrides it become one `StudyDefinition`: flag > environment > file > default."""

from __future__ import annotations

import copy
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweep.errors import DefinitionError
from sweep.studyfile.definition import StudyDefinition
from sweep.studyfile.faults import first_fault, shown
from sweep.studyfile.fields import OUTSIDE, TABLE_OF, TABLES, known_fields, nearest, unknown_field
from sweep.studyfile.overrides import environment_overrides, set_overrides, space_overrides
from sweep.studyfile.structure import check_structures

__all__ = ["SCHEMA", "load_study", "resolve"]

SCHEMA = 1
"""The format of study files that this version reads."""

_EXAMPLES = {
    "schema": f"schema = {SCHEMA}",
    "name": 'name = "my-study"',
    "question": 'question = "Does dropout close the gap?"',
    "source": 'source = "my-photos"',
    "validation": "validation = 0.2, or validation = {folds = 5}",
}


def load_study(
    path: Path,
    *,
    sets: Sequence[str] = (),
    spaces: Sequence[str] = (),
    only: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
) -> StudyDefinition:
    """Read a study file and put the overrides in; paths inside it stay as they are written.

    Args:
        path: a TOML file.
        sets: changed fields, such as "training.epochs=5" or "epochs=5".
        spaces: swept fields, such as "dropout=0.0:0.9".
        only: likewise, but if there are any, the file's own `[space]` is left out.
        environment: holds SWEEP_TRAINING_EPOCHS and the like.

    Raises:
        DefinitionError: the file can't be read, or file or overrides are wrong.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DefinitionError(
            str(path),
            received=(error.strerror or str(error)).lower(),
            expected="a study file that can be read",
            remedy="check the name and the permissions",
        ) from error
    except UnicodeDecodeError as error:
        raise DefinitionError(
            str(path),
            received=f"a byte that is no UTF-8 at position {error.start}",
            expected="a text file in UTF-8",
            remedy="save it as UTF-8",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(
            str(path),
            received=f"a syntax error: {error}",
            expected="TOML",
            remedy="correct that line; texts need quotes",
        ) from error
    return resolve(document, str(path), sets=sets, spaces=spaces, only=only, environment=environment)


def resolve(
    document: dict[str, Any],
    place: str,
    *,
    sets: Sequence[str],
    spaces: Sequence[str],
    environment: Mapping[str, str],
    only: Sequence[str] = (),
) -> StudyDefinition:
    """Put the overrides into a parsed study file and validate the whole.

    Args:
        document: what TOML gave; left as it is.
        place: the file's name, for messages.
        sets: as for `load_study`.
        spaces: likewise.
        environment: likewise.
        only: likewise.

    Raises:
        DefinitionError: something in the document or the overrides is wrong; the message says where it was written.
    """
    _check_schema(document, place)
    _check_names(document, place)
    document = copy.deepcopy(document)
    if only:
        document.pop("space", None)
    origins = dict[str, str]()
    swept = (*space_overrides(spaces), *space_overrides(only, option="--only"))
    for override in (*environment_overrides(environment), *set_overrides(sets), *swept):
        table = document.setdefault(override.table, {}) if override.table else document
        table[override.field] = override.value
        origins[_written(*filter(None, (override.table, override.field)))] = override.place
    try:
        definition = StudyDefinition.model_validate(document)
        check_structures(definition.space)
    except ValidationError as error:
        fault = first_fault(error, depth=2)
        field = _written(*fault.path)
        raise DefinitionError(
            origins.get(field, f"{place} {field}"),
            received=fault.received,
            expected=fault.expected,
            remedy=_remedy(fault.path[-1]),
        ) from error
    except DefinitionError as error:
        raise DefinitionError(
            origins.get(error.place, f"{place} {error.place}"),
            received=error.received,
            expected=error.expected,
            remedy=error.remedy,
        ) from error
    return definition


def _written(name: str, field: str | None = None) -> str:
    """A table's field, a table, or a field above the first table as messages name it."""
    table = f"[{name}]" if field or name in TABLES else name
    return f"{table} {field}" if field else table


def _remedy(field: str) -> str:
    """What to type for a field whose value is wrong: its default, or an example."""
    if field in TABLES:
        return f"add the table [{field}] with {_EXAMPLES['source']}"
    if field in _EXAMPLES:
        return f"write for example {_EXAMPLES[field]}"
    default = TABLES[TABLE_OF[field]].model_fields[field].default
    return f"write for example {field} = {_toml(default)}"


def _toml(value: object) -> str:
    """A default as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _check_schema(document: Mapping[str, Any], place: str) -> None:
    schema = document.get("schema", SCHEMA)
    if schema == SCHEMA and type(schema) is int:
        return
    newer = type(schema) is int and schema > SCHEMA
    raise DefinitionError(
        f"{place} schema",
        received=shown(schema),
        expected=f"at most {SCHEMA}, the format that this version reads" if newer else str(SCHEMA),
        remedy="update gapsweep: pip install --upgrade gapsweep" if newer else f"write schema = {SCHEMA}",
    )


def _check_names(document: Mapping[str, Any], place: str) -> None:
    """Every table and every field is a known one; `[space]` is checked with its ranges."""
    for name, value in document.items():
        if name in OUTSIDE:
            continue
        if name not in (*TABLES, "space"):
            raise _unknown_table(name, place) if isinstance(value, dict) else unknown_field(name, "", f"{place} {name}")
        if not isinstance(value, dict):
            raise DefinitionError(
                f"{place} {name}",
                received=shown(value),
                expected="a table",
                remedy=f"begin the table with [{name}] on a line of its own",
            )
        if unknown := [field for field in value if name != "space" and field not in known_fields(name)]:
            raise unknown_field(unknown[0], name, f"{place} [{name}] {unknown[0]}")


def _unknown_table(name: str, place: str) -> DefinitionError:
    tables = (*TABLES, "space")
    near = nearest(name, tables)
    return DefinitionError(
        f"{place} [{name}]",
        received=f"the unknown table [{name}]",
        expected=f"[{near}]" if near else f"one of {', '.join(f'[{table}]' for table in tables)}",
        remedy=f"write [{near}]" if near else "correct the name or take it out",
    )
