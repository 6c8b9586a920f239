"""A few trials soak as hundreds do, and memory and pace are judged right on numbers made by hand."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def soak() -> Iterator[ModuleType]:
    """`soak.py`, found in its own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(Path(__file__).parent)])
        yield importlib.import_module("soak")


def laps(soak: ModuleType, seconds: Sequence[float], *, structures: int = 2, growing: float = 0.0) -> list[object]:
    """Trials of structures that take turns; the memory grows by so many MB a trial."""
    return [
        soak.Lap(
            structure=(number % structures,),
            seconds=2 * spent,  # another program has the other half
            processor=spent,
            resident=1_000 + growing * number,
        )
        for number, spent in enumerate(seconds)
    ]


def test_memory_is_that_of_the_last_trial_less_that_of_the_fiftieth(soak: ModuleType) -> None:
    found = soak.judge(laps(soak, [1.0] * 500, growing=0.2))
    # Trial 50 is number 49, the last is number 499.
    assert (found.resident_when_settled, found.resident_at_the_end) == pytest.approx((1_009.8, 1_099.8))
    assert found.grown == pytest.approx(90)
    assert found.misses(structures=2) == ()
    leaking = soak.judge(laps(soak, [1.0] * 500, growing=0.25))
    assert leaking.misses(structures=3) == (
        "memory has grown by 112 MB, over 100",
        "2 structures were trained, not 3",
    )


def test_the_first_trial_of_a_structure_says_nothing_of_the_pace(soak: ModuleType) -> None:
    """Structures of 1 and 2 s whose first trials compile for 9 s: both keep their pace."""
    found = soak.measure_pace(laps(soak, [9.0, 9.0, *([1.0, 2.0] * 99)]))
    assert found.slowing == pytest.approx(0.0)
    assert found.processor == (1.5, 1.5)  # as many of either structure
    assert found.hundreds == (3.0, 3.0)


def test_a_pace_that_slackens_is_found_in_every_structure(soak: ModuleType) -> None:
    """Each trial takes 1.0005 times the one before: over 400 of them a factor of 1.0005 to the 399th, 1.2207."""
    growth = [1.0005**number for number in range(400)]
    found = soak.judge(laps(soak, [(1 + number % 2) * factor for number, factor in enumerate(growth)]))
    assert found.pace.slowing == pytest.approx(0.2207, abs=1e-4)
    assert found.misses(structures=2) == ("a trial has become slower by 22 %",)
    crowded = soak.judge(laps(soak, growth), load=64.0)
    assert crowded.pace.low > 0
    assert crowded.misses(structures=2) == ()
    assert soak.lines(crowded)[3].endswith("not judged: 64.0 programs ran on average")
    doubtful = soak.judge(laps(soak, [1.0, 1.0, 1.0, 1.2, 0.8, 1.3, 0.9, 1.4]))
    assert doubtful.pace.low < 0 < doubtful.pace.slowing
    assert doubtful.misses(structures=2) == ()


def test_failed_trials_are_a_miss(soak: ModuleType) -> None:
    failed = soak.Lap(structure=(0,), seconds=0.1, processor=0.1, resident=1.0, failure="too small a map")
    assert soak.judge([*laps(soak, [1.0, 1.0]), failed]).misses(structures=2)[0] == "1 trials failed"


def test_a_few_real_trials_print_and_write_what_hundreds_do(
    soak: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(soak, "STRUCTURAL", {"head_width": (16,), "batch_size": (16,)})
    output = tmp_path / "soak.json"
    few_trials = ["--trials", "4", "--structures", "1", "--images", "45", "--output", str(output)]
    assert soak.main(few_trials) == 0
    printed, found = capsys.readouterr().out.splitlines(), json.loads(output.read_text(encoding="utf-8"))
    assert printed[0].startswith("4 trials of 1 structures (1 of them by trial 2) in ")
    assert "keras-team/keras-tuner#395" in printed[-1]
    assert len(found["laps"]) == 4
    assert (found["trials"], found["failed"], found["missed"]) == (4, 0, [])
    assert found["resident_at_the_end"] == found["laps"][-1]["resident"] > 200
    assert found["wall_seconds"] == pytest.approx(sum(lap["seconds"] for lap in found["laps"]))
