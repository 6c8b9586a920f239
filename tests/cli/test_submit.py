"""`sweep submit` from the outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


def test_mistakes_are_one_line(cli: Cli, tmp_path: Path) -> None:
    storage = ("--storage", tmp_path / "study.db")
    assert cli("submit", "tois", *storage).code == 2
    shown = cli("submit", "toys", "--set", "model.dropuot=0.5", *storage)
    assert (shown.code, shown.err.count("\n")) == (3, 1)
    assert not (tmp_path / "study.db").exists()


@pytest.mark.parametrize("command", ["submit", "worker"])
def test_a_shared_database_must_be_named(cli: Cli, command: str) -> None:
    shown = cli(command, "toys")
    assert shown.code == 2
    assert "--storage" in shown.err
