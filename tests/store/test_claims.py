"""Work that one process is to do: a server gives it to one alone, and to the next when that one is gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from sweep.errors import StoreError
from sweep.store.address import Access, connect, parse_address
from sweep.store.claims import claimed


def test_a_server_gives_work_to_one_at_a_time(postgres_url: str) -> None:
    with claimed(postgres_url, "toys: conclude") as first, claimed(postgres_url, "toys: conclude") as second:
        assert (first, second) == (True, False)
        with claimed(postgres_url, "bears: conclude") as other:
            assert other
    with claimed(postgres_url, "toys: conclude") as again:
        assert again


def test_a_claim_goes_with_its_process(postgres_url: str) -> None:
    engine = connect(parse_address(postgres_url), Access.OPEN, 1.0)
    with claimed(postgres_url, "toys"):
        with engine.connect() as connection:  # what a server does for a process that was killed
            connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"))
        with claimed(postgres_url, "toys") as next_one:
            assert next_one
    engine.dispose()


@pytest.mark.parametrize("location", ["sqlite://", "study.db"])
def test_sqlite_gives_it_to_everybody(location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with claimed(location, "toys") as first, claimed(location, "toys") as second:
        assert (first, second) == (True, True)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_said_so() -> None:
    with (
        pytest.raises(StoreError, match="expected a database that answers"),
        claimed("postgresql+psycopg://anna:pass-word@127.0.0.1:1/studies", "toys"),
    ):
        pass
