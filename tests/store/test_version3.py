"""A study of version 2 opens, keeps all it had, and can be given findings."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sweep.errors import StoreError
from sweep.records import Cause, Finding
from sweep.store.results import open_database

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def version2(path: Path) -> Path:
    """The golden file of version 2 as a database."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.executescript((GOLDEN / "version2.sql").read_text(encoding="utf-8"))
    return path


def our_rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of our tables but for the version, by table."""
    with closing(sqlite3.connect(path)) as connection:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if name.startswith("sweep_") and name != "sweep_schema"
        ]
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}


def test_nothing_that_was_there_changes(version2: Path) -> None:
    before = our_rows(version2)
    open_database(version2).close()
    after = our_rows(version2)
    assert {name: after[name] for name in before} == before
    assert after["sweep_findings"] == []
    with closing(sqlite3.connect(version2)) as connection:
        assert connection.execute("SELECT count(*) FROM sweep_schema WHERE version >= 3").fetchone() == (1,)


def test_a_migrated_study_is_given_findings(version2: Path) -> None:
    finding = Finding.impossible(Cause.BATCH_NORM, "no batch norm in this model")
    with open_database(version2) as database:
        assert database.findings("toys", trial=0) == ()
        database.save_findings("toys", [finding], trial=0)
        with pytest.raises(StoreError, match="a study or trial that the database does not have"):
            database.save_findings("another", [finding], trial=0)
        assert database.findings("toys", trial=0) == ((finding,),)
    with closing(sqlite3.connect(version2)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM sweep_studies")
        assert connection.execute("SELECT count(*) FROM sweep_findings").fetchone() == (0,)


def test_the_migrated_table_has_the_keys_of_a_new_one(version2: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    open_database(version2).close()
    open_database(new, create=True).close()
    made = []
    for path in (version2, new):
        with closing(sqlite3.connect(path)) as connection:
            columns = connection.execute("PRAGMA table_info(sweep_findings)").fetchall()
            made.append([(name, kind, required, key) for _, name, kind, required, _, key in columns])
    assert made[0] == made[1]
    keys = {name: place for name, _, _, place in made[0] if place}
    assert sorted(keys, key=lambda name: keys[name]) == ["study", "subject", "repaired", "cause"]
