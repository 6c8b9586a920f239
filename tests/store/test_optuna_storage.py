"""Optuna's storage over our database: settings, heartbeats, tables that others make meanwhile."""

from __future__ import annotations

import io
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage
from sqlalchemy.exc import IntegrityError, OperationalError

from sweep.errors import StoreError
from sweep.store import optuna_storage
from sweep.store.results import Database, open_database


@pytest.mark.parametrize("location", ["memory", "file"], indirect=True)
def test_connections_of_optuna_have_our_settings(toys: Database) -> None:
    with toys.optuna_storage().engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 60_000


def test_a_file_is_kept_in_wal_mode(path: Path) -> None:
    with open_database(path, create=True) as database, database.optuna_storage().engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"


def test_optuna_says_nothing_about_studies_and_trials(toys: Database) -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)
    toys.optuna_storage()
    assert optuna.logging.get_verbosity() == optuna.logging.WARNING


@pytest.mark.parametrize("location", ["file", "postgres"], indirect=True)
def test_a_trial_whose_process_is_silent_is_handed_over(location: Path | str) -> None:
    handed_over: list[int] = []
    with open_database(location, create=True) as database:
        killed = optuna.create_study(storage=database.optuna_storage(), study_name="toys").ask()
        storage = database.optuna_storage(
            heartbeat_interval=60, on_stale=lambda study, trial: handed_over.append(trial.number)
        )
        storage.record_heartbeat(killed._trial_id)
        with storage.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE trial_heartbeats SET heartbeat = '2000-01-01 00:00:00'")
        optuna.load_study(storage=storage, study_name="toys").optimize(lambda trial: 0.0, n_trials=1)
        assert [trial.state.value for trial in database.trials("toys")] == ["failed", "complete"]
    assert handed_over == [0]


@pytest.mark.parametrize("location", ["file", "postgres"], indirect=True)
def test_a_storage_travels_to_another_process(location: Path | str) -> None:
    with open_database(location, create=True) as database:
        storage = database.optuna_storage(heartbeat_interval=60)
        optuna.create_study(storage=storage, study_name="toys")
        copy: RDBStorage = pickle.loads(pickle.dumps(storage))
        assert [study.study_name for study in copy.get_all_studies()] == ["toys"]
        copy.remove_session()
        copy.engine.dispose()


def test_tables_of_another_optuna_are_refused(path: Path) -> None:
    with open_database(path, create=True) as database:
        database.optuna_storage()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v99.0.0'")
        connection.commit()
    with (
        open_database(path, create=True) as database,
        pytest.raises(StoreError, match=r"trials of another Optuna.*pip install --upgrade optuna"),
    ):
        database.optuna_storage()


@pytest.fixture
def troubled_storage(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """Errors that the next attempts to open Optuna's storage meet."""
    errors: list[Exception] = []

    def attempt(*arguments: Any, **options: Any) -> RDBStorage:  # noqa: ANN401 - hands on what it gets
        if errors:
            raise errors.pop(0)
        return RDBStorage(*arguments, **options)

    monkeypatch.setattr(optuna_storage, "RDBStorage", attempt)
    monkeypatch.setattr(optuna_storage, "_PAUSE_SECONDS", 0.0)
    return errors


def test_tables_that_another_process_makes_meanwhile_are_waited_for(
    path: Path, troubled_storage: list[Exception]
) -> None:
    exists = sqlite3.OperationalError("table studies already exists")
    twice = sqlite3.IntegrityError("UNIQUE constraint failed: alembic_version.version_num")
    troubled_storage.extend([OperationalError("CREATE", {}, exists), IntegrityError("INSERT", {}, twice)])
    with open_database(path, create=True) as database:
        assert database.optuna_storage().get_all_studies() == []
    assert troubled_storage == []


def test_other_troubles_are_not_waited_for(path: Path, troubled_storage: list[Exception]) -> None:
    broken = sqlite3.OperationalError("something else")
    troubled_storage.extend([OperationalError("CREATE", {}, broken)] * 2)
    with open_database(path, create=True) as database, pytest.raises(StoreError, match="something else"):
        database.optuna_storage()
    assert len(troubled_storage) == 1


def test_a_study_is_loaded_as_optuna_has_it(path: Path) -> None:
    with open_database(path, create=True) as database:
        storage = database.optuna_storage()
        optuna.create_study(storage=storage, study_name="toys", direction="maximize")
        assert optuna_storage.load_optuna_study(storage, "toys").direction is optuna.study.StudyDirection.MAXIMIZE
        with pytest.raises(KeyError, match="does not exist"):
            optuna_storage.load_optuna_study(storage, "bears")


def test_files_are_kept_in_a_folder(tmp_path: Path) -> None:
    store = optuna_storage.open_artifact_store(tmp_path)
    store.write("1d5f", io.BytesIO(b"<svg/>"))
    assert (tmp_path / "1d5f").read_bytes() == b"<svg/>"


def test_a_search_that_has_not_begun_is_told_apart(path: Path, samples: Any) -> None:  # noqa: ANN401 - of conftest.py
    with open_database(path, create=True) as database:
        database.add_study(samples.study(), samples.index, samples.split)
    with open_database(path) as database, pytest.raises(StoreError, match="a study whose search has not begun"):
        database.optuna_storage()
