"""A study of version 3 opens, keeps all it had, and can be given proofs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sweep.records import Cause, Interval, ProofOutcome, ProofRecord
from sweep.store.results import open_database

GOLDEN = Path(__file__).parent / "golden"
PROOF = ProofRecord(
    trial=0,
    cause=Cause.LEAK,
    left_out=1,
    repeats=5,
    new_split=False,
    **dict.fromkeys(
        ("gap_narrowed", "accuracy_gained", "cross_entropy_saved"), Interval(estimate=0.5, low=0.25, high=0.75)
    ),
    p=0.001,
    outcome=ProofOutcome.PROVEN,
    sentence="a sentence",
)


@pytest.fixture
def version3(path: Path) -> Path:
    """The golden file of version 3 as a database."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.executescript((GOLDEN / "version3.sql").read_text(encoding="utf-8"))
    return path


def test_its_findings_have_no_images(version3: Path) -> None:
    with open_database(version3) as database:
        ((leak, bursts),) = database.findings("toys", trial=None)
        assert (leak.cause, leak.rows, leak.exhibits[0].images) == (Cause.LEAK, (), (1, 0))
        assert (bursts.cause, bursts.rows) == (Cause.BURSTS, ())
        database.save_findings("toys", [replace(leak, rows=(1,))], trial=None)
        assert database.findings("toys", trial=None)[0][0].rows == (1,)


def test_it_is_given_proofs(version3: Path) -> None:
    with open_database(version3) as database:
        assert database.proofs("toys", trial=0) == ()
        database.save_proof("toys", PROOF)
        assert database.proofs("toys", trial=0) == (PROOF,)
    with closing(sqlite3.connect(version3)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM sweep_trials WHERE number = 0")
        assert connection.execute("SELECT count(*) FROM sweep_proofs").fetchone() == (0,)


def test_the_migrated_table_is_that_of_a_new_one(version3: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    open_database(version3).close()
    open_database(new, create=True).close()
    made = []
    for path in (version3, new):
        with closing(sqlite3.connect(path)) as connection:
            query = "SELECT sql FROM sqlite_master WHERE name = 'sweep_proofs'"
            made.append(connection.execute(query).fetchone())
    assert made[0] == made[1]
