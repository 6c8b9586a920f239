"""Foreign errors leave as ours, with their cause behind them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from sweep.errors import StoreError
from sweep.store.faults import readable, translated
from sweep.store.results import Database, open_database

Run = Any
Samples = Any
Server = Any
Read = Any


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SQLITE_BUSY", "another program keeps locked"),
        ("SQLITE_BUSY_SNAPSHOT", "another program keeps locked"),
        ("SQLITE_LOCKED_SHAREDCACHE", "another program keeps locked"),
        ("SQLITE_READONLY_DIRECTORY", r"cannot be written.*chmod u\+w"),
        ("SQLITE_CANTOPEN", "cannot be opened.*check the path"),
        ("SQLITE_FULL", "a disk that is full.*free some space"),
        ("SQLITE_IOERR_WRITE", "a disk that does not read or write"),
        ("SQLITE_CORRUPT_INDEX", "a damaged database.*restore a copy"),
        ("SQLITE_NOTADB", "no SQLite database"),
        ("SQLITE_CONSTRAINT_FOREIGNKEY", "a study or trial that the database does not have"),
        ("SQLITE_ERROR", "OperationalError: near x: syntax error"),
    ],
)
def test_every_trouble_of_sqlite_has_words(name: str, message: str) -> None:
    original = sqlite3.OperationalError("near x: syntax error")
    original.sqlite_errorname = name
    wrapped = OperationalError("SELECT", {}, original)
    with pytest.raises(StoreError, match=f"^study.db: received.*{message}") as caught, translated("study.db"):
        raise wrapped
    assert caught.value.exit_code == 6
    assert caught.value.__cause__ is wrapped


def test_a_driver_without_words_of_ours_speaks_its_first_line() -> None:
    with pytest.raises(StoreError, match="received SQLAlchemyError: connection refused;"), translated("study.db"):
        raise SQLAlchemyError("connection refused\nIs the server running?")


def test_errors_inside_optuna_are_translated_too(path: Path) -> None:
    with (
        open_database(path, create=True, busy_seconds=0.1) as database,
        closing(sqlite3.connect(path)) as other,
    ):
        storage = database.optuna_storage()
        other.execute("BEGIN IMMEDIATE")
        with (
            pytest.raises(StoreError, match="another program keeps locked") as caught,
            database.translated(),
        ):
            optuna.create_study(storage=storage, study_name="toys")
        assert isinstance(caught.value.__cause__, StorageInternalError)


def test_our_own_errors_pass_through() -> None:
    ours = StoreError("a", received="b", expected="c", remedy="d")
    with pytest.raises(StoreError, match=r"^a: received b") as caught, translated("x"), readable("x"):
        raise ours
    assert caught.value is ours


@pytest.mark.parametrize("location", ["memory", "file"], indirect=True)  # a server keeps to the types of its columns
@pytest.mark.parametrize(
    ("damage", "reading"),
    [
        ("UPDATE sweep_studies SET data = '{'", Database.studies),
        ("UPDATE sweep_studies SET data = '{}'", Database.studies),
        ("UPDATE sweep_studies SET created = 'yesterday'", Database.studies),
        ("UPDATE sweep_images SET split = 'left'", lambda database: database.images("toys")),
        ("UPDATE trials SET state = 'LOST'", lambda database: database.trials("toys")),
        ("UPDATE sweep_trials SET configuration = '[]'", lambda database: database.trials("toys")),
        ("UPDATE sweep_predictions SET predicted = x'00'", lambda database: database.predictions("toys", 0)),
        ("UPDATE sweep_predictions SET images = 4", lambda database: database.validation_predictions("toys")),
    ],
)
def test_damaged_rows_are_told_and_not_a_traceback(
    toys: Database,
    samples: Samples,
    run_trials: Run,
    damage: str,
    reading: Read,
) -> None:
    def objective(trial: optuna.Trial) -> float:
        toys.save_measurement("toys", 0, baseline=True, configuration={}, measurement=samples.measurement())
        return 0.0

    storage = run_trials(toys, objective, 1)._storage._backend
    with storage.engine.begin() as connection:
        connection.exec_driver_sql(damage)
    with pytest.raises(StoreError, match=r"a row that cannot be read.*restore a copy of the database"):
        reading(toys)


def test_a_user_without_rights_on_a_server_is_told_whom_to_ask(postgres_server: Server, postgres_url: str) -> None:
    postgres_server.say("CREATE ROLE guest LOGIN")
    with pytest.raises(StoreError, match=r"a user who may not do that.*GRANT USAGE, CREATE ON SCHEMA public") as caught:
        open_database(postgres_url.replace("sweep:pass-word", "guest:pass-word"), create=True)
    assert "pass-word" not in str(caught.value)


def test_a_server_that_does_not_answer_is_named_without_its_password(postgres_server: Server) -> None:
    for url in (postgres_server.url("nowhere"), "postgresql+psycopg://anna:pass-word@127.0.0.1:1/studies"):
        with pytest.raises(StoreError, match=r"connection failed.*expected a database that answers") as caught:
            open_database(url)
        assert "pass-word" not in str(caught.value)
