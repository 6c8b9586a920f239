"""A study with everything, from one database to another, of whatever kind each of them is.

Optuna's tables are copied row by row as they stand there, with the heartbeats that its own `copy_study` leaves
out, in one transaction with ours: a copy is there as a whole or not at all, and is of one moment even while a search
goes on. Only the numbers that a database gives its rows are given anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Select, Table, insert, inspect, select, union

from sweep.errors import StoreError
from sweep.progress import Advance
from sweep.store import schema
from sweep.store.faults import translated

__all__ = ["copy_study"]

_STUDIES, _TRIALS, _VERSION = "studies", "trials", "alembic_version"
_OF_STUDY = ("study_directions", "study_user_attributes", "study_system_attributes")
_OF_TRIAL = (
    "trial_params",
    "trial_values",
    "trial_intermediate_values",
    "trial_user_attributes",
    "trial_system_attributes",
    "trial_heartbeats",
)
_THEIRS = (_STUDIES, *_OF_STUDY, _TRIALS, *_OF_TRIAL, _VERSION)
_APART = (schema.schema_version, schema.holdouts, schema.holdout_results)
_ROWS_AT_ONCE = 1000

Values = dict[str, Any]
Change = Callable[[Values], Values]


def copy_study(
    source: Connection, target: Connection, study: str, *, place: str, target_place: str, advance: Advance
) -> None:
    """Copy a study that is in the source; both connections are in a transaction.

    Args:
        source: has the study.
        target: has every table, Optuna's too.
        study: its name.
        place: of the source, for its errors.
        target_place: of the target, for its errors.
        advance: hears of the rows that were copied.

    Raises:
        StoreError: the target has something of that name, or Optuna's tables there are of another version.
    """
    _check_free(target, study, target_place)
    copy = _Copy(source, target, study, place, advance)
    copy.our_tables()
    copy.holdouts()
    if inspect(source).has_table(_VERSION):
        copy.their_tables(target_place)


def _check_free(target: Connection, study: str, place: str) -> None:
    """Openings of a sealed test side stay on record without their study, and would become those of the copy."""
    theirs = _tables(target)[_STUDIES]
    taken = target.execute(
        union(
            select(schema.studies.c.name).where(schema.studies.c.name == study),
            select(theirs.c.study_name).where(theirs.c.study_name == study),
            select(schema.holdouts.c.study).where(schema.holdouts.c.study == study),
        )
    )
    if taken.first() is not None:
        raise StoreError(
            place,
            received=f"a database that knows a study {study!r} already",
            expected="one where the name is free: two studies are never mixed",
            remedy="name another database",
        )


class _Copy:
    """One study on its way."""

    def __init__(self, source: Connection, target: Connection, study: str, place: str, advance: Advance) -> None:
        self._source = source
        self._target = target
        self._study = study
        self._place = place
        self._advance = advance

    def our_tables(self) -> None:
        """Everything of ours that hangs on the study's name, what others refer to first."""
        for table in schema.metadata.sorted_tables:
            if table not in _APART:
                name = table.c.name if table is schema.studies else table.c.study
                self._move(_ordered(table, name == self._study), table, _unchanged)

    def holdouts(self) -> None:
        """The openings of the sealed test side, whose results refer to their number."""
        results = schema.holdout_results
        openings = self._rows(_ordered(schema.holdouts, schema.holdouts.c.study == self._study))
        for opening in [one for some in openings for one in some]:
            number = opening.pop("id")
            key = self._target.execute(insert(schema.holdouts).values(opening)).inserted_primary_key
            assert key is not None
            self._advance()
            self._move(_ordered(results, results.c.holdout == number), results, _setting(holdout=key[0]))

    def their_tables(self, target_place: str) -> None:
        """Optuna's study with its trials."""
        ours, theirs = _tables(self._source), _tables(self._target)
        self._check_versions(ours[_VERSION], theirs[_VERSION], target_place)
        study = self._key(self._source, ours[_STUDIES])
        self._move(_ordered(ours[_STUDIES], ours[_STUDIES].c.study_id == study), theirs[_STUDIES], _unchanged)
        new_study = self._key(self._target, theirs[_STUDIES])
        of_study = ours[_TRIALS].c.study_id == study
        self._move(_ordered(ours[_TRIALS], of_study), theirs[_TRIALS], _setting(study_id=new_study))
        old = self._source.execute(select(ours[_TRIALS].c.number, ours[_TRIALS].c.trial_id).where(of_study))
        in_target = theirs[_TRIALS].c.study_id == new_study
        new = self._target.execute(select(theirs[_TRIALS].c.number, theirs[_TRIALS].c.trial_id).where(in_target))
        numbers = {row.number: row.trial_id for row in new}
        trials = {row.trial_id: numbers[row.number] for row in old}
        for name in _OF_STUDY:
            self._move(_ordered(ours[name], ours[name].c.study_id == study), theirs[name], _of_study(new_study, trials))
        within = select(ours[_TRIALS].c.trial_id).where(of_study)
        for name in _OF_TRIAL:
            self._move(_ordered(ours[name], ours[name].c.trial_id.in_(within)), theirs[name], _of_trial(trials))

    def _check_versions(self, ours: Table, theirs: Table, target_place: str) -> None:
        versions = [
            connection.execute(select(table.c.version_num)).scalar_one()
            for connection, table in ((self._source, ours), (self._target, theirs))
        ]
        if versions[0] != versions[1]:
            raise StoreError(
                target_place,
                received=f"tables of another Optuna ({versions[1]}) than {self._place} has ({versions[0]})",
                expected="the same tables in both",
                remedy="bring the older one up to date with: optuna storage upgrade --storage URL",
            )

    def _key(self, connection: Connection, studies: Table) -> int:
        query = select(studies.c.study_id).where(studies.c.study_name == self._study)
        return int(connection.execute(query).scalar_one())

    def _move(self, query: Select[Any], table: Table, change: Change) -> None:
        generated = _generated(table)
        for rows in self._rows(query):
            changed = [change(row) for row in rows]
            self._target.execute(
                insert(table), [{name: row[name] for name in row if name != generated} for row in changed]
            )
            self._advance(len(rows))

    def _rows(self, query: Select[Any]) -> Iterator[list[Values]]:
        """Some rows at a time; what goes wrong with them is said of the source."""
        with translated(self._place):
            found = self._source.execution_options(yield_per=_ROWS_AT_ONCE).execute(query)
            for rows in found.mappings().partitions():
                yield [dict(row) for row in rows]


def _tables(connection: Connection) -> dict[str, Table]:
    """Optuna's tables as the database has them."""
    found = MetaData()
    found.reflect(connection, only=_THEIRS)
    return dict(found.tables)


def _ordered(table: Table, which: Any) -> Select[Any]:  # noqa: ANN401 - SQLAlchemy's condition
    """Rows in the order in which they were written, as far as anybody reads them in that order."""
    return select(table).where(which).order_by(*table.primary_key.columns)


def _generated(table: Table) -> str | None:
    """The column that the database itself numbers."""
    keys: list[Column[Any]] = list(table.primary_key.columns)
    alone = keys[0].name if len(keys) == 1 else ""
    return alone if alone == "id" or alone.endswith("_id") else None


def _unchanged(row: Values) -> Values:
    return row


def _setting(**values: int) -> Change:
    return lambda row: row | values


def _of_study(study: int, trials: dict[int, int]) -> Change:
    """With the keys under which Optuna's dashboard keeps a trial's note, which name the trial by its row."""

    def renumbered(match: re.Match[str]) -> str:
        return f"{match[1]}{trials.get(int(match[2]), int(match[2]))}:"

    def change(row: Values) -> Values:
        key = {"key": re.sub(r"^(dashboard:)(\d+):", renumbered, row["key"])} if "key" in row else {}
        return {**row, **key, "study_id": study}

    return change


def _of_trial(trials: dict[int, int]) -> Change:
    return lambda row: row | {"trial_id": trials[row["trial_id"]]}
