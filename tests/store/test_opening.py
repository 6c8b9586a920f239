"""Whatever cannot be opened is named, with what to do about it, and left as it was."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest

from sweep.errors import StoreError
from sweep.store.results import open_database

Samples = Any
Run = Any


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, byte for byte."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def assert_refused(path: Path, match: str, *, creates: tuple[bool, ...] = (False, True)) -> None:
    """The file is refused, both for reading and for writing, with a message, and untouched."""
    before = contents(path.parent)
    for create in creates:
        with pytest.raises(StoreError, match=match) as caught:
            open_database(path, create=create, busy_seconds=0.1)
        assert caught.value.exit_code == 6
        assert caught.value.place == str(path)
    assert contents(path.parent) == before


# ---- files that are no database of ours ----------------------------------------------------------------------------


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert_refused(tmp_path, f"received a folder; expected a database file; name a file, such as {tmp_path}/study.db")


def test_a_special_file_is_no_database(path: Path) -> None:
    os.mkfifo(path)
    assert_refused(path, "neither a file nor a folder")


def test_garbage_is_no_database(path: Path) -> None:
    path.write_bytes(b"PNG or something else" * 100)
    assert_refused(path, "a file that is no SQLite database.*this one was not touched")


def test_a_torn_database_is_called_damaged(path: Path) -> None:
    open_database(path, create=True).close()
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 3000)
    assert_refused(path, "a damaged database|a file that is no SQLite database")


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_database_of_another_program_is_not_touched(path: Path, journal: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.commit()
    assert_refused(path, r"a database of another program \(its tables: recipes\).*this one was not touched")


def test_a_newer_database_is_not_touched(path: Path) -> None:
    open_database(path, create=True).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE sweep_schema SET version = 99")
        connection.commit()
    assert_refused(path, r"a newer sweep \(schema 99\).*pip install --upgrade gapsweep")


def test_an_optuna_database_has_no_measurements_to_read(path: Path) -> None:
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    optuna.create_study(storage=storage, study_name="mine")
    storage.remove_session()
    storage.engine.dispose()
    assert_refused(path, "an Optuna database without sweep's measurements", creates=(False,))
    # A search may add its tables to it; the studies that are there stay.
    with open_database(path, create=True) as database:
        assert database.studies() == ()
        assert [study.study_name for study in optuna.get_all_study_summaries(database.optuna_storage())] == ["mine"]


# ---- what is missing or empty --------------------------------------------------------------------------------------


def test_a_missing_file_is_answered_with_databases_nearby(tmp_path: Path) -> None:
    for name in ("toys.db", "study.db", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.raises(StoreError, match=f"no such file.*did you mean {tmp_path}/study.db or {tmp_path}/toys.db"):
        open_database(tmp_path / "stdy.db")
    assert not (tmp_path / "stdy.db").exists()


def test_a_missing_file_in_an_empty_folder_is_answered_with_how_to_make_one(path: Path) -> None:
    with pytest.raises(StoreError, match=f"no such file.*make one first: sweep run toys --db {path}"):
        open_database(path)
    assert not path.exists()


@pytest.mark.parametrize("create", [False, True])
def test_a_missing_folder_is_named(tmp_path: Path, create: bool) -> None:
    with pytest.raises(StoreError, match=f"a folder that does not exist.*mkdir -p {tmp_path}/results"):
        open_database(tmp_path / "results" / "study.db", create=create)


def test_an_empty_file_is_filled_but_not_read(path: Path) -> None:
    path.touch()
    assert_refused(path, "received an empty file", creates=(False,))
    with open_database(path, create=True) as database:
        assert database.studies() == ()


def test_a_database_without_tables_is_filled_but_not_read(path: Path) -> None:
    # What a process leaves that was killed before it made its first table.
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
    assert_refused(path, "a database without any table", creates=(False,))
    open_database(path, create=True).close()
    open_database(path).close()


def test_our_tables_without_optunas_are_a_study_without_trials(path: Path, samples: Samples) -> None:
    with open_database(path, create=True) as database:
        database.add_study(samples.study(), samples.index, samples.split)
    with open_database(path) as database:
        assert database.study().name == "toys"
        assert database.trials("toys") == ()
        with pytest.raises(StoreError, match="a study whose search has not begun"):
            database.optuna_storage()


def test_what_a_killed_process_had_written_is_read(path: Path, tmp_path: Path, samples: Samples) -> None:
    # Its last transactions stand in the write-ahead log, which it did not live to clear.
    left = tmp_path / "left"
    left.mkdir()
    with open_database(path, create=True) as database:
        database.add_study(samples.study(), samples.index, samples.split)
        for file in tmp_path.glob("study.db*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, left)
    assert sorted(file.name for file in left.iterdir()) == ["study.db", "study.db-wal"]
    with open_database(left / "study.db") as database:
        assert database.study() == samples.study()
    assert [file.name for file in left.iterdir()] == ["study.db"]


# ---- permissions, locks, space -------------------------------------------------------------------------------------


@pytest.fixture
def ordinary_folder() -> Iterator[Path]:
    """A folder that an ordinary user may enter, seen as that user: root may write everywhere."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def ordinary_user(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Give up root's rights from the call to the end of the test."""
    user = os.geteuid()
    if user == 0:
        # os.access asks for the rights of the real user, who stays root.
        monkeypatch.setattr(os, "access", partial(os.access, effective_ids=True))
    yield lambda: os.seteuid(65534) if user == 0 else None
    os.seteuid(user)


def test_a_read_only_file_is_read_but_not_written(
    ordinary_folder: Path, ordinary_user: Callable[[], None], samples: Samples, run_trials: Run
) -> None:
    path = ordinary_folder / "study.db"
    with open_database(path, create=True) as database:
        database.add_study(samples.study(), samples.index, samples.split)
        run_trials(database, lambda trial: 0.5, 1)
    path.chmod(0o444)
    ordinary_folder.chmod(0o555)
    ordinary_user()
    with pytest.raises(StoreError, match=r"without write permission.*chmod u\+w"):
        open_database(path, create=True)
    with open_database(path) as database:
        assert len(database.trials(database.study().name)) == 1
        with pytest.raises(StoreError, match="a database that cannot be written"):
            database.add_study(samples.study("boats"), samples.index, samples.split)
    assert [file.name for file in ordinary_folder.iterdir()] == ["study.db"]


def test_a_read_only_folder_takes_no_database(ordinary_folder: Path, ordinary_user: Callable[[], None]) -> None:
    ordinary_folder.chmod(0o555)
    ordinary_user()
    with pytest.raises(StoreError, match="a file or folder without write permission"):
        open_database(ordinary_folder / "study.db", create=True)


def test_a_file_that_cannot_be_read_is_named(ordinary_folder: Path, ordinary_user: Callable[[], None]) -> None:
    path = ordinary_folder / "study.db"
    open_database(path, create=True).close()
    path.chmod(0o000)
    ordinary_user()
    with pytest.raises(StoreError, match=r"cannot be read \(Permission denied\).*chmod u\+r"):
        open_database(path)


def test_a_locked_database_is_told_after_waiting(path: Path, samples: Samples) -> None:
    open_database(path, create=True).close()
    with closing(sqlite3.connect(path)) as other, open_database(path, create=True, busy_seconds=0.1) as database:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match=r"another program keeps locked.*close what holds it") as caught:
            database.add_study(samples.study(), samples.index, samples.split)
        assert caught.value.exit_code == 6
        assert database.studies() == ()  # readers don't wait
        other.rollback()
        database.add_study(samples.study(), samples.index, samples.split)


def test_a_database_that_is_locked_while_it_is_opened_is_told_too(path: Path) -> None:
    path.touch()
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="another program keeps locked"):
            open_database(path, create=True, busy_seconds=0.1)


def test_a_full_disk_loses_only_what_did_not_fit(path: Path, samples: Samples, run_trials: Run) -> None:
    with open_database(path, create=True) as database:
        database.add_study(samples.study(), samples.index, samples.split)
        run_trials(database, lambda trial: 0.5, 1)
        with database._engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        wide = samples.study("boats", definition="x" * 1_000_000)
        with pytest.raises(StoreError, match=r"a disk that is full.*free some space"):
            database.add_study(wide, samples.index, samples.split)
        assert [study.name for study in database.studies()] == ["toys"]
        assert len(database.trials("toys")) == 1
