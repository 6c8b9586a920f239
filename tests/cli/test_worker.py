"""A study on a server from the outside: submitted, served, gone on with, reported, and no password anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
QUICK = ("data.image_size=32", "training.epochs=1", "search.pruner=none", "search.finalists=0")
SECRET = "pass-word"


@pytest.mark.usefixtures("frozen_parts_once")
def test_a_server_takes_the_place_of_the_file(
    cli: Cli,
    photo_folder: Callable[..., Path],
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = photo_folder({"cat": 20, "dog": 20})
    sets = [*(part for one in QUICK for part in ("--set", one)), "--only", "dropout=0.0:0.5"]
    storage = ("--storage", postgres_url)
    calls = [
        cli("submit", folder, "--trials", 2, *sets, *storage),
        cli("worker", "--once", *storage),
        cli("run", folder, "--trials", 3, *sets, *storage),
        cli("report", postgres_url),
        cli("diagnose", postgres_url),
        cli("compare", postgres_url, "0", "1"),
        cli("copy", postgres_url, "back.db"),
    ]
    assert [call.code for call in calls] == [0] * len(calls), [call.err for call in calls]
    submitted, served, ran, reported = calls[:4]
    assert "2 trials wanted, on 40 images" in submitted.out
    assert "study photos: 2 finished" in served.out
    assert "3 of 3 trials are finished" in ran.out
    assert "next: sweep report 'postgresql+psycopg://sweep:***@" in ran.out
    assert "Tier" in reported.out
    assert reported.err == "page: study.html\n"
    assert not (tmp_path / "study.db").exists()
    assert SECRET not in "".join(call.out + call.err for call in calls)
    assert SECRET not in (tmp_path / "study.html").read_text(encoding="utf-8")


def test_one_database_at_a_time(cli: Cli, postgres_url: str) -> None:
    shown = cli("run", "toys", "--db", "study.db", "--storage", postgres_url)
    assert shown.code == 2
    assert shown.err.startswith("sweep: --storage: received it together with --db study.db")
    assert SECRET not in shown.err


def test_on_an_empty_server_it_waits_and_in_a_file_that_is_not_there_it_does_not(
    cli: Cli, postgres_url: str, tmp_path: Path
) -> None:
    idle = cli("worker", "--once", "--storage", postgres_url)
    assert (idle.code, idle.out) == (0, "")
    missing = cli("worker", "--once", "--storage", tmp_path / "study.db")
    assert missing.code == 6
    assert "received no such file" in missing.err
