"""`sweep prove` from the outside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sweep
from sweep.records import Cause, Finding, Interval, Remedy
from sweep.store.results import open_database

Cli = Callable[..., Any]
Finished = tuple[Path, sweep.OpenedStudy]


def test_it_shows_the_verdict_with_what_was_run(cli: Cli, finished: Finished, tmp_path: Path) -> None:
    database = Path(shutil.copy(finished[0], tmp_path / "study.db"))
    finding = Finding(
        cause=Cause.OVER_REGULARIZED,
        effect=Interval(estimate=0.4, low=0.3, high=0.5),
        p=1e-6,
        summary="weaker is better",
        remedies=(Remedy(sentence="Weaken it.", changes={"training.label_smoothing": 0.01}),),
    )
    with open_database(database) as opened:
        opened.save_findings("photos", [finding], trial=0)
    done = cli("prove", database, "--seeds", 2, "--format", "json")
    assert done.code == 0
    told = json.loads(done.out)
    (proof,) = told["proofs"]
    assert (proof["cause"], proof["changes"], proof["repeats"]) == (
        "over-regularized",
        {"training.label_smoothing": 0.01},
        2,
    )
    assert proof["outcome"] in ("refuted", "not shown", "proven")
    assert "proof" in done.err
    shown = cli("prove", database, "--seeds", 2)
    assert f"{proof['outcome']}: training.label_smoothing = 0.01: over 2 new splits" in shown.out


def test_wrong_input_is_one_line(cli: Cli, finished: Finished) -> None:
    done = cli("prove", finished[0], "--seeds", 1)
    assert done.code == 2
    assert done.err.splitlines() == ["sweep: --seeds: received 1; expected 2 to 50; write --seeds 5"]
