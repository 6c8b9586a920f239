"""`sweep compare` from the outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sweep

Cli = Callable[..., Any]
Finished = tuple[Path, sweep.OpenedStudy]


def test_two_trials_stand_side_by_side(cli: Cli, finished: Finished) -> None:
    shown = cli("compare", finished[0], 1, 2)
    assert shown.code == 0
    assert shown.out.startswith("A: trial 1\nB: trial 2\n")
    assert "McNemar's exact test" in shown.out
    document = json.loads(cli("compare", finished[0], 1, 2, "--format", "json").out)
    assert (document["first"]["trial"], document["second"]["trial"]) == (1, 2)
    assert shown.out.splitlines().count(document["sentence"]) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((1, 1), 2, "received trial 1 twice"),
        ((1, 77), 2, "received trial 77, which has no result"),
        ((1, "nonsense"), 2, "a trial's number, best, baseline, or one of the studies photos"),
        ((1, 2, "--study", "nonsense"), 6, "photos"),
    ],
)
def test_what_does_not_exist_is_one_line(
    cli: Cli, finished: Finished, arguments: tuple[object, ...], code: int, message: str
) -> None:
    shown = cli("compare", finished[0], *arguments)
    assert (shown.code, shown.out) == (code, "")
    assert message in shown.err
    assert shown.err.count("\n") == 1


def test_a_database_that_is_not_there_is_one_line(cli: Cli, tmp_path: Path) -> None:
    shown = cli("compare", tmp_path / "none.db", 0, 1)
    assert shown.code == 6
    assert shown.err.count("\n") == 1
