"""Tens of thousands of trials in seconds: a few are searched, the others are their copies, made row by row in SQL.

Whatever a search leaves of a trial in whatever table is copied with it, Optuna's rows and ours, so that a client meets
what it would meet after so many real trials. That their parameters repeat is of no consequence: no new draw of a
continuous range is like them, and Optuna's TPE is shown a thousand of them at most.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from scale_study import MadeUpTrainer, make_definition, make_index, make_study
from sqlalchemy import ColumnElement, Connection, MetaData, Table, func, insert, literal, select, text

from sweep.progress import Silent
from sweep.search import marks
from sweep.search.process import Process
from sweep.search.runner import run_search
from sweep.store.address import BUSY_SECONDS, Access, connect, parse_address, transaction
from sweep.store.results import open_database
from sweep.store.trials import ended_trials
from sweep.studyfile.definition import StudyDefinition

__all__ = ["add_running", "begin", "fill", "finished_trials", "study_definition"]

EPOCHS = 10
_ELSEWHERE = Process(host="another machine", pid=1, started="1")
_LATER = datetime.timedelta(hours=10)  # running trials of others are not to be taken for dead

Tables = Mapping[str, Table]


def study_definition(trials: int) -> StudyDefinition:
    """A study of six fields under TPE and Hyperband."""
    return make_definition(trials=trials, epochs=EPOCHS)


def begin(location: str, *, trials: int, images: int) -> None:
    """Add the study to a new database and search its first trials, the baseline among them."""
    definition, index = study_definition(trials), make_index(images)
    study, split = make_study(definition, index)
    with open_database(location, create=True) as database:
        database.add_study(study, index, split)
        trainer = MadeUpTrainer(index, split)
        run_search(definition=definition, database=database, trainer=trainer, progress=Silent())


def fill(location: str, trials: int) -> None:
    """Copy what has been searched until the study has so many trials; none of them may be running."""
    with _opened(location) as (connection, tables):
        have = _count(connection, tables["trials"])
        while have < trials:
            block = min(have - 1, trials - have)  # all but the baseline, of which there is one
            for table in _parents_first(tables):
                _copy(connection, table, shift=have - 1, wanted=_of_trials(tables, table, 1, block))
            have += block


def finished_trials(location: str) -> int:
    """How many trials have ended; in a database of this module they have the first ids."""
    engine = connect(parse_address(location), Access.OPEN, BUSY_SECONDS)
    try:
        with transaction(engine, write=False) as connection:
            return ended_trials(connection, study_definition(1).name)
    finally:
        engine.dispose()


def add_running(location: str, count: int) -> None:
    """Add trials that other machines are running: drawn, with a sign of life, not told."""
    with _opened(location) as (connection, tables):
        trials, have = tables["trials"], _count(connection, tables["trials"])
        for name in ("trials", "trial_params", "trial_system_attributes"):
            table = tables[name]
            changes = {"state": "RUNNING", "datetime_complete": None} if table is trials else {}
            _copy(connection, table, shift=have - 1, wanted=_of_trials(tables, table, 1, count), changes=changes)
        running = list(connection.execute(select(trials.c.trial_id).where(trials.c.state == "RUNNING")).scalars())
        worker, later = json.dumps(_ELSEWHERE.stored), datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + _LATER
        marked = [{"trial_id": one, "key": marks.WORKER, "value_json": worker} for one in running]
        connection.execute(insert(tables["trial_user_attributes"]), marked)
        beats = [{"trial_id": one, "heartbeat": later} for one in running]
        connection.execute(insert(tables["trial_heartbeats"]), beats)


@contextmanager
def _opened(location: str) -> Iterator[tuple[Connection, Tables]]:
    """A transaction over all tables that know of trials; afterwards the server knows how large they are."""
    engine = connect(parse_address(location), Access.OPEN, BUSY_SECONDS)
    try:
        found = MetaData()
        found.reflect(engine)
        tables = {name: table for name, table in found.tables.items() if {"trial_id", "number"} & {*table.c.keys()}}
        server = engine.dialect.name == "postgresql"
        with transaction(engine, write=True) as connection:
            if server:  # copies refer to what the originals refer to: asking again for each takes most of the time
                connection.execute(text("SET LOCAL session_replication_role = replica"))
            yield connection, tables
            if server:
                _move_sequences(connection, tables)
        with engine.connect() as connection:
            connection.execute(text("ANALYZE"))
            connection.commit()
    finally:
        engine.dispose()


def _count(connection: Connection, trials: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(trials)).scalar_one())


def _parents_first(tables: Tables) -> list[Table]:
    return sorted(tables.values(), key=lambda table: (table.name not in {"trials", "sweep_trials"}, table.name))


def _of_trials(tables: Tables, table: Table, first: int, last: int) -> ColumnElement[bool]:
    """The rows that belong to the trials of these numbers."""
    if "number" in table.c:
        return table.c.number.between(first, last)
    trials = tables["trials"].c
    return table.c.trial_id.in_(select(trials.trial_id).where(trials.number.between(first, last)))


def _copy(
    connection: Connection,
    table: Table,
    *,
    shift: int,
    wanted: ColumnElement[bool],
    changes: Mapping[str, object] = {},
) -> None:
    """Add the wanted rows once more, for the trials that come so many later."""
    moved = {"trial_id": shift, "number": shift}
    for key in table.primary_key.columns:
        if key.name.endswith("_id"):
            highest = connection.execute(select(func.max(key))).scalar_one() or 0
            moved.setdefault(key.name, highest)
    columns = [
        literal(changes[column.name]).cast(column.type).label(column.name)
        if column.name in changes
        else column + moved[column.name]
        if column.name in moved
        else column
        for column in table.columns
    ]
    connection.execute(insert(table).from_select([*table.columns.keys()], select(*columns).where(wanted)))


def _move_sequences(connection: Connection, tables: Tables) -> None:
    """Let PostgreSQL give the next row a number above those that were given here."""
    for table in tables.values():
        for key in table.primary_key.columns:
            sequence = select(func.pg_get_serial_sequence(table.name, key.name)).scalar_subquery()
            if connection.execute(select(sequence)).scalar_one() is not None:
                connection.execute(select(func.setval(sequence, select(func.max(key)).scalar_subquery())))
