"""What probes say of a trial, or of the data alone, in rounds: each round with more causes virtually repaired."""

from __future__ import annotations

import datetime
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, delete, insert, select

from sweep.records import Cause, Exhibit, Finding, Interval, Remedy, Scalar, Unit
from sweep.store import schema

__all__ = ["add_findings", "read_findings"]

_DATA = -1  # stands for "no trial" in the primary key, where there can be no NULL
_BOUNDS = tuple(field.name for field in fields(Interval))
_AS_THEY_ARE = ("exact", "images", "summary", "source", "missing")

Values = dict[str, Any]


def add_findings(connection: Connection, study: str, findings: Sequence[Finding], trial: int | None) -> None:
    """Store the findings of all rounds in place of all that there are of this trial, or of the data (None).

    What was repaired comes back in the order of slugs, whatever its order was.

    Raises:
        ValueError: a number is NaN, evidence is no plain value, or a cause has two findings after the same repairs.
    """
    subject = _subject(trial)
    origin = {"measured": datetime.datetime.now(datetime.UTC), "version": _version()}
    rows = [{"study": study, "subject": subject, **_row(finding), **origin} for finding in findings]
    _check_keys(rows)
    columns = schema.findings.c
    connection.execute(delete(schema.findings).where(columns.study == study, columns.subject == subject))
    if rows:
        connection.execute(insert(schema.findings), rows)


def read_findings(connection: Connection, study: str, trial: int | None) -> tuple[tuple[Finding, ...], ...]:
    """The rounds about a trial, or about the data (None), the fewest repairs first; causes in the order of `Cause`."""
    columns = schema.findings.c
    query = select(schema.findings).where(columns.study == study, columns.subject == _subject(trial))
    rounds: dict[tuple[Cause, ...], list[Finding]] = defaultdict(list)
    for row in connection.execute(query):
        finding = _finding(row)
        rounds[finding.repaired].append(finding)
    places = list(Cause)
    return tuple(
        tuple(sorted(rounds[repaired], key=lambda finding: places.index(finding.cause)))
        for repaired in sorted(rounds, key=lambda repaired: (len(repaired), repaired))
    )


def _subject(trial: int | None) -> int:
    if trial is not None and trial < 0:
        raise ValueError(f"trials count from 0, received {trial}")
    return _DATA if trial is None else trial


def _version() -> str | None:
    """Of the package that measures; None where it runs without being installed."""
    try:
        return version("gapsweep")
    except PackageNotFoundError:
        return None


# ---- to rows -------------------------------------------------------------------------------------------------------


def _row(finding: Finding) -> Values:
    """The row of `sweep_findings`, but for study, subject and what is the same for all."""
    return {
        "repaired": ",".join(sorted(finding.repaired)),
        "cause": finding.cause.value,
        **_numbers(finding),
        "unit": finding.unit.value,
        **{name: getattr(finding, name) for name in _AS_THEY_ARE},
        "evidence": json.dumps(_plain(finding.evidence, finding.cause)),
        "remedies": json.dumps(
            [
                {"sentence": remedy.sentence, "changes": _plain(remedy.changes, finding.cause)}
                for remedy in finding.remedies
            ]
        ),
        "exhibits": json.dumps(
            [
                {"caption": exhibit.caption, "images": [int(position) for position in exhibit.images]}
                for exhibit in finding.exhibits
            ]
        ),
        "rows": json.dumps([int(position) for position in finding.rows]) if finding.rows else None,
    }


def _numbers(finding: Finding) -> dict[str, float | None]:
    """The effect and p; NaN would come back as None, which says that nothing was measured."""
    effect = finding.effect
    bounds = {f"effect_{name}": None if effect is None else getattr(effect, name) for name in _BOUNDS}
    numbers = {**bounds, "p": finding.p}
    for name, value in numbers.items():
        if value is not None and math.isnan(value):
            raise ValueError(f"{name} of {finding.cause} is NaN: what was not measured is None")
    return numbers


def _plain(values: Mapping[str, Scalar], cause: Cause) -> dict[str, object]:
    """Values as JSON keeps them, in their order; infinity is written as Python's JSON does."""
    plain: dict[str, object] = {}
    for name, given in values.items():
        value: object = given.item() if isinstance(given, np.generic) else given
        if not isinstance(value, bool | int | float | str):
            raise ValueError(f"{name!r} of {cause} is neither a number nor text but {type(value).__name__}")
        if isinstance(value, float) and math.isnan(value):
            raise ValueError(f"{name!r} of {cause} is NaN: what was not measured is left out")
        plain[name] = value
    return plain


def _check_keys(rows: Sequence[Values]) -> None:
    keys = [(row["repaired"], row["cause"]) for row in rows]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        repaired, cause = twice[0]
        raise ValueError(f"two findings of {cause}, repaired before: {repaired or 'nothing'}")


# ---- from rows -----------------------------------------------------------------------------------------------------


def _finding(row: Row[Any]) -> Finding:
    columns = row._mapping
    bounds = {name: columns[f"effect_{name}"] for name in _BOUNDS}
    return Finding(
        cause=Cause(row.cause),
        effect=None if row.effect_estimate is None else Interval(**bounds),
        unit=Unit(row.unit),
        p=row.p,
        **{name: columns[name] for name in _AS_THEY_ARE},
        evidence=_scalars(json.loads(row.evidence)),
        remedies=tuple(
            Remedy(sentence=remedy["sentence"], changes=_scalars(remedy["changes"]))
            for remedy in json.loads(row.remedies)
        ),
        exhibits=tuple(
            Exhibit(caption=exhibit["caption"], images=tuple(exhibit["images"])) for exhibit in json.loads(row.exhibits)
        ),
        repaired=tuple(Cause(slug) for slug in row.repaired.split(",") if slug),
        rows=tuple(json.loads(row.rows)) if row.rows else (),
    )


def _scalars(values: object) -> dict[str, Scalar]:
    if not isinstance(values, dict):
        raise TypeError(f"values by name are an object, not {str(values)[:40]!r}")
    return values
