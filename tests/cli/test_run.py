"""`sweep run` from the outside: what a user types, and what each mistake costs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
QUICK = ("--set", "data.image_size=32", "--set", "training.epochs=1")


def test_run_then_report(
    cli: Cli, photo_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli("run", photo_folder({"cat": 20, "dog": 20}), "--trials", 2, *QUICK)
    assert ran.code == 0, ran.err
    assert "2 of 2 trials are finished" in ran.out
    assert "trial 0 complete" in ran.err, "progress goes to stderr"
    reported = cli("report", "study.db")
    assert reported.code == 0, reported.err
    assert "our default" in reported.out
    assert (tmp_path / "study.html").is_file()
    assert cli("report", "study.db", "--format", "csv").out.count("\n") == 3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--set", "model.dropuot=0.5"], 3, "dropout"),
        (["--set", "model.dropout=1.0"], 3, "dropout"),
        (["--set", "model.head_width=0"], 3, "head_width"),
        (["--space", "dropout=0.9:0.1"], 3, "dropout"),
        (["--space", "l2=0:0.1:log"], 3, "l2"),
        (["--space", "batch_size=16,thirty"], 3, "batch_size"),
        (["--space", "head_width=0,64"], 3, "head_width"),
        (["--set", "model.weights=other.h5"], 5, "other.h5"),
        (["--set", "data.image_size=16"], 5, "32"),
        (["--timeout", "soon"], 2, "--timeout"),
    ],
)
def test_a_mistake_is_one_line_with_its_exit_code(
    cli: Cli,
    photo_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = cli("run", photo_folder({"cat": 20, "dog": 20}), *arguments)
    last = shown.err.splitlines()[-1]
    assert shown.code == code, shown.err
    assert last.startswith("sweep: ")
    assert message in last
    assert "Traceback" not in shown.err


def test_negative_trials_are_refused(cli: Cli) -> None:
    shown = cli("run", "toys", "--trials", "-3")
    assert shown.code == 3
    assert shown.err.count("\n") == 1
    assert "-3" in shown.err


@pytest.mark.parametrize(
    ("classes", "message"),
    [({"cat": 20}, "one class"), ({"cat": 20, "dog": 0}, "dog"), ({"cat": 20, "dog": 1}, "dog"), ({}, "sub-folder")],
)
def test_a_folder_that_cannot_be_split_is_refused(
    cli: Cli, photo_folder: Callable[..., Path], tmp_path: Path, classes: dict[str, int], message: str
) -> None:
    (tmp_path / "photos").mkdir()
    shown = cli("run", photo_folder(classes) if classes else tmp_path / "photos", "--db", tmp_path / "study.db")
    assert shown.code == 4, shown.err
    assert message in shown.err.splitlines()[-1]


def test_no_such_study(cli: Cli) -> None:
    shown = cli("run", "tois")
    assert shown.code == 2
    assert "no such study" in shown.err


@pytest.mark.parametrize("kind", ["folder", "text", "foreign"])
def test_a_database_that_is_none_of_ours_is_refused_untouched(
    cli: Cli, photo_folder: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    database = tmp_path / "study.db"
    if kind == "folder":
        database.mkdir()
    elif kind == "text":
        database.write_text("these are notes, not a database" * 100)
    else:
        with sqlite3.connect(database) as connection:
            connection.execute("CREATE TABLE photos (name TEXT)")
        connection.close()
    before = None if kind == "folder" else database.read_bytes()
    shown = cli("run", photo_folder({"cat": 20, "dog": 20}), "--db", database, *QUICK)
    assert shown.code == 6, shown.err
    assert before is None or database.read_bytes() == before


def test_code_that_an_option_names_needs_trust(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    named = ("run", "hypermodel", "--set", "model.hypermodel=cli_absent:build")
    refused = cli(*named)
    assert refused.code == 2
    assert refused.err.splitlines()[-1].startswith("sweep: cli_absent:build: received code that would be run")
    trusted = cli(*named, "--trust")
    assert trusted.code == 3
    assert "No module named 'cli_absent'" in trusted.err
