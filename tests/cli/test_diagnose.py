"""`sweep diagnose` from the outside, on a study whose search looked at nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sweep

Cli = Callable[..., Any]
Finished = tuple[Path, sweep.OpenedStudy]


def test_it_says_whom_it_is_about_and_what_is_not_known(cli: Cli, finished: Finished) -> None:
    done = cli("diagnose", finished[0])
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "study photos, our default (trial 0)"
    assert lines[1].startswith("verdict: ")
    assert "  leak: the data were not looked at: run the study again with check.on_run = true" in lines
    assert "  capacity: it takes short trainings, which a search does for the baseline at its end" in lines


def test_another_trial_is_named_by_its_number(cli: Cli, finished: Finished) -> None:
    done = cli("diagnose", finished[0], "--trial", 2, "--format", "json")
    told = json.loads(done.out)
    assert (told["study"], told["trial"]) == ("photos", 2)
    causes = {one["cause"]: one["outcome"] for one in told["causes"]}
    assert causes["leak"] == "not measured"
    assert causes["bookkeeping"] == "excluded"
    assert "best-of-many" not in causes, "which is of the study, not of a trial"


def test_a_trial_that_is_not_there_is_one_line(cli: Cli, finished: Finished) -> None:
    done = cli("diagnose", finished[0], "--trial", 9)
    assert done.code == 2
    assert done.err.startswith("sweep: --trial: received trial 9; expected a trial that has one")


def test_a_database_that_is_not_there_is_one_line(cli: Cli, tmp_path: Path) -> None:
    done = cli("diagnose", tmp_path / "none.db")
    assert done.code == 6
    assert len(done.err.splitlines()) == 1
