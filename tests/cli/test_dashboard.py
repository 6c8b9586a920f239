"""`sweep dashboard` from the outside."""

from __future__ import annotations

import os
import shutil
import signal
import socket
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


def test_ctrl_c_stops_it_cleanly(finished: Finished, tmp_path: Path) -> None:
    database = Path(shutil.copy(finished[0], tmp_path / "study.db"))
    program = (
        # A shell that starts programs in the background has them ignore Ctrl-C, and so may whoever runs the tests.
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from sweep.cli.app import main; main()"
    )
    command = [sys.executable, "-c", program, "dashboard", str(database), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("dashboard: http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (out, err) == ("", "sweep: interrupted; the same command goes on where it stopped\n")
    assert process.returncode == 130
    # All connections were given back: the database is one file again.
    assert [path.name for path in tmp_path.iterdir()] == ["study.db"]


def test_a_port_in_use_is_one_line(cli: Cli, finished: Finished) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        shown = cli("dashboard", finished[0], "--port", taken.getsockname()[1])
    assert shown.code == 2
    assert "which another program listens on; expected a free port" in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("none.db", None, "no such file"), ("", None, "a folder"), ("text.db", b"no database", "no SQLite database")],
)
def test_what_is_no_study_database_is_one_line(
    cli: Cli, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    shown = cli("dashboard", tmp_path / name)
    assert shown.code == 6
    assert message in shown.err
    assert shown.err.count("\n") == 1


def test_a_locked_database_is_one_line(
    cli: Cli, finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweep.store.results import open_database  # noqa: PLC0415 - what the command imports itself
    from sweep.workflow import dashboard  # noqa: PLC0415

    database = Path(shutil.copy(finished[0], tmp_path / "study.db"))
    monkeypatch.setattr(dashboard, "open_database", lambda place: open_database(place, busy_seconds=0.1))
    with closing(sqlite3.connect(database)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        shown = cli("dashboard", database)
    assert shown.code == 6
    assert "a database that another program keeps locked" in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("url", ["mysql://me:secret@lab/studies", "postgresql+psycopg://me:secret@127.0.0.1:1/studies"])
def test_a_password_is_never_shown(cli: Cli, url: str) -> None:
    shown = cli("dashboard", url)
    assert shown.code == 6
    assert "secret" not in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(cli: Cli, finished: Finished, port: str) -> None:
    assert cli("dashboard", finished[0], "--port", port).code == 2
