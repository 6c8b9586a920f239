"""A study copied there and back again is the one it was, row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest

from sweep.errors import StoreError
from sweep.store import migrations
from sweep.store.results import Database, open_database

GOLDEN = Path(__file__).parent / "golden"
Run = Any
Samples = Any

# What the golden files lack: Optuna's attributes, reported values and heartbeats, and a note of its dashboard.
MORE = """
INSERT INTO study_user_attributes (study_id, "key", value_json) VALUES (1, 'größe', '"\\u00fc ü"');
INSERT INTO study_system_attributes (study_id, "key", value_json) VALUES (1, 'dashboard:3:note_str:0', '"why?"');
INSERT INTO study_system_attributes (study_id, "key", value_json) VALUES (1, 'dashboard:note_ver', '7');
INSERT INTO trial_user_attributes (trial_id, "key", value_json) VALUES (2, 'x', '[NaN, Infinity, 0.1]');
INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type)
VALUES (1, 1, -0.1, 'FINITE'), (1, 2, NULL, 'NAN'), (2, 1, NULL, 'INF_NEG');
INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (3, '2026-05-01 12:30:00.250000');
"""


@pytest.fixture
def given(path: Path) -> Iterator[Database]:
    """A file with a study that has a row in every table."""
    with closing(sqlite3.connect(path)) as connection:
        newest = GOLDEN / f"version{migrations.current_version()}.sql"
        connection.executescript(newest.read_text(encoding="utf-8") + MORE)
        connection.commit()
    with open_database(path) as opened:
        yield opened


@pytest.fixture
def back(tmp_path: Path) -> Iterator[Database]:
    """A new file."""
    with open_database(tmp_path / "back.db", create=True) as opened:
        opened.optuna_storage()
        yield opened


@pytest.fixture(params=["another file", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path: Path, samples: Samples, run_trials: Run) -> Iterator[Database]:
    """A database with another study in it, so that the numbers of rows are others there."""
    where = request.getfixturevalue("prepared_url") if request.param == "postgres" else tmp_path / "shared.db"
    with open_database(where, create=True) as opened:
        opened.add_study(samples.study(), samples.index, samples.split)
        run_trials(opened, lambda trial: trial.suggest_float("dropout", 0.0, 0.9), 2)
        opened.optuna_storage()
        with opened._engine.begin() as connection:  # so that the name of the golden study is free
            connection.exec_driver_sql("UPDATE studies SET study_name = 'boats'")
            connection.exec_driver_sql("DELETE FROM sweep_studies")
        opened.add_study(samples.study("boats"), samples.index, samples.split)
        yield opened


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of a file by table."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in names}


def test_nothing_is_lost_and_nothing_changed(given: Database, shared: Database, back: Database) -> None:
    copied: list[int] = []
    given.copy_study("toys", shared, lambda count=1: copied.append(count))
    shared.copy_study("toys", back, lambda count=1: None)
    assert given.path is not None
    assert back.path is not None
    before, after = rows(given.path), rows(back.path)
    assert all(before[name] for name in before), "every table has a row"
    assert before.keys() == after.keys()
    assert {name: before[name] for name in before} == after
    versions = ("sweep_schema", "version_info", "alembic_version")
    assert sum(copied) == sum(len(found) for name, found in before.items() if name not in versions)


def test_a_note_of_the_dashboard_stays_with_its_trial(given: Database, shared: Database) -> None:
    given.copy_study("toys", shared, lambda count=1: None)
    study = optuna.load_study(study_name="toys", storage=shared.optuna_storage())
    trial = study.get_trials()[2]
    assert trial._trial_id != 3
    keys = study._storage.get_study_system_attrs(study._study_id)
    assert set(keys) == {f"dashboard:{trial._trial_id}:note_str:0", "dashboard:note_ver"}


def test_a_copy_is_gone_on_with(given: Database, shared: Database, run_trials: Run) -> None:
    """Numbers that a server gives new rows must not be those of copied ones."""
    given.copy_study("toys", shared, lambda count=1: None)
    run_trials(shared, lambda trial: 0.5, 2)
    assert [trial.state.value for trial in shared.trials("toys")] == ["complete"] * 2 + ["failed"] + ["complete"] * 2


def test_a_name_that_is_taken_is_refused_and_nothing_copied(given: Database, shared: Database) -> None:
    given.copy_study("toys", shared, lambda count=1: None)
    before = [len(shared.trials(name)) for name in ("toys", "boats")]
    with pytest.raises(StoreError, match=r"knows a study 'toys' already.*name another database"):
        given.copy_study("toys", shared, lambda count=1: None)
    assert [len(shared.trials(name)) for name in ("toys", "boats")] == before


def removed(database: Database) -> None:
    with database._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM sweep_studies")


def foreign(database: Database) -> None:
    optuna.create_study(study_name="toys", storage=database.optuna_storage())


@pytest.mark.parametrize("left", [removed, foreign])
def test_what_others_left_under_the_name_is_not_mixed_with_it(
    given: Database, back: Database, left: Callable[[Database], None], tmp_path: Path
) -> None:
    if left is removed:  # an opening of the test side stays on record
        given.copy_study("toys", back, lambda count=1: None)
    left(back)
    with pytest.raises(StoreError, match="knows a study 'toys' already"):
        given.copy_study("toys", back, lambda count=1: None)


def test_a_copy_is_there_as_a_whole_or_not_at_all(given: Database, shared: Database) -> None:
    def full(count: int = 1) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        given.copy_study("toys", shared, full)
    assert [study.name for study in shared.studies()] == ["boats"]
    given.copy_study("toys", shared, lambda count=1: None)


def test_a_damaged_source_is_named(given: Database, back: Database) -> None:
    with given._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sweep_studies SET created = 'yesterday'")
    with pytest.raises(StoreError, match=r"study\.db: received a row that cannot be read"):
        given.copy_study("toys", back, lambda count=1: None)


def test_tables_of_another_optuna_are_not_mixed(given: Database, back: Database) -> None:
    with back._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'v99.0.0'")
    with pytest.raises(StoreError, match=r"back\.db: received tables of another Optuna \(v99\.0\.0\)"):
        given.copy_study("toys", back, lambda count=1: None)
    assert back.studies() == ()


def test_a_study_without_a_trial_is_copied_too(path: Path, back: Database, samples: Samples) -> None:
    with open_database(path, create=True) as database:
        database.add_study(samples.study(), samples.index, samples.split)
        database.copy_study("toys", back, lambda count=1: None)
    assert back.study("toys") == samples.study()
    assert back.trials("toys") == ()
