"""`sweep holdout` from the outside."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import sweep

Cli = Callable[..., Any]
Finished = tuple[Path, sweep.OpenedStudy]


@pytest.fixture
def database(finished: Finished, tmp_path: Path) -> Path:
    return Path(shutil.copy(finished[0], tmp_path / "study.db"))


def test_the_seal_is_broken_once_and_the_report_says_so(cli: Cli, database: Path) -> None:
    opened = cli("holdout", database, "--top", "1")
    assert opened.code == 0, opened.err
    assert "9 images" in opened.out
    assert "rank 1" in opened.out
    again = cli("holdout", database)
    assert again.code == 6
    assert again.out == ""
    assert again.err.count("\n") == 1
    assert "9 of 9 images were opened before" in again.err
    acknowledged = cli("holdout", database, "--acknowledge")
    assert acknowledged.code == 0
    assert "All of these images had been looked at before" in acknowledged.out
    report = cli("report", database, "--html", database.with_suffix(".html"))
    assert report.out.count("Sealed test side") >= 1


def test_a_number_out_of_range_is_a_usage_error(cli: Cli, database: Path) -> None:
    done = cli("holdout", database, "--top", "9")
    assert (done.code, done.out) == (2, "")
    assert done.err == "sweep: --top: received 9; expected 1 to 5 configurations; write --top 3\n"


def test_a_refusal_waits_for_no_tensorflow(cli: Cli, database: Path) -> None:
    assert cli("holdout", database, "--top", "1").code == 0
    program = (
        "import sys; from sweep.cli.app import main\n"
        f"sys.argv = ['sweep', 'holdout', {str(database)!r}]\n"
        "try: main()\n"
        "except SystemExit as stop: assert stop.code == 6\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules), 'heavy import'"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_code_that_a_database_names_needs_trust(cli: Cli, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        (text,) = connection.execute("SELECT definition FROM sweep_studies").fetchone()
        definition = {**json.loads(text), "model": {"hypermodel": "cli_absent:build"}, "training": {}, "space": {}}
        connection.execute("UPDATE sweep_studies SET definition = ?", (json.dumps(definition),))
    refused = cli("holdout", database)
    assert refused.code == 2
    assert refused.err.startswith("sweep: cli_absent:build: received code that would be run")
    trusted = cli("holdout", database, "--trust")
    assert trusted.code == 3
    assert "No module named 'cli_absent'" in trusted.err
