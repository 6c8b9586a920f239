"""What commands ask of the database that they are given as a path or a URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep.errors import StoreError, UsageError
from sweep.workflow.databases import check_kept, page_beside

SERVER = "postgresql+psycopg://anna:pass-word@server/studies"


@pytest.mark.parametrize("location", ["sqlite://", "sqlite:///:memory:"])
def test_results_are_not_put_where_nobody_finds_them(location: str) -> None:
    with pytest.raises(UsageError, match=r"--storage: received a database in memory.*write --db study\.db"):
        check_kept(location)


@pytest.mark.parametrize("location", ["study.db", "sqlite:///study.db", SERVER])
def test_files_and_servers_keep_them(location: str) -> None:
    check_kept(location)


def test_a_page_lies_beside_the_file_or_here() -> None:
    assert page_beside("runs/study.db") == Path("runs/study.html")
    assert page_beside(SERVER) == Path("study.html")


def test_other_databases_have_no_page() -> None:
    with pytest.raises(StoreError, match="a database that sweep does not know"):
        page_beside("mysql://server/studies")
