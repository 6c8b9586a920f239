"""The simulation runs, returns its rows and names what misses its bound."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    """`coverage.py`, under a name that no library has."""
    spec = importlib.util.spec_from_file_location("interval_coverage", Path(__file__).with_name("coverage.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["interval_coverage"] = module
    spec.loader.exec_module(module)
    return module


def test_twenty_studies_give_a_row(simulation: ModuleType) -> None:
    setting = simulation.settings((100,), (10,))[0]
    row = simulation.run_setting(setting, studies=20, draws=50, seed=0)
    assert (row.setting, row.studies) == (setting, 20)
    assert 0.8 < row.gap <= 1
    assert row.accuracy.naive_bias > abs(row.accuracy.corrected_bias)
    assert row.accuracy.error == pytest.approx(0.04, rel=0.1)
    again = simulation.run_setting(setting, studies=20, draws=50, seed=0)
    assert replace(again, seconds=0.0) == replace(row, seconds=0.0)


def test_every_combination_is_a_setting(simulation: ModuleType) -> None:
    found = simulation.settings(simulation.IMAGES, simulation.CONFIGURATIONS)
    assert len(set(found)) == 3 * 3 * 2 * 2


@pytest.mark.parametrize(("difficulty", "correlation"), [("apart", 0.05), ("together", 0.6)])
def test_the_truth_is_what_the_study_was_given(simulation: ModuleType, difficulty: str, correlation: float) -> None:
    setting = simulation.Setting(images=100_000, configurations=4, equal=True, difficulty=difficulty)
    study = simulation.simulate_study(setting, np.random.default_rng(0))
    assert study.correct.mean(axis=1) == pytest.approx(study.accuracy, abs=0.006)
    assert study.losses.mean(axis=1) == pytest.approx(study.cross_entropy, abs=0.015)
    assert np.corrcoef(study.correct)[0, 1] == pytest.approx(correlation, abs=0.015)


def test_unequal_configurations_are_drawn_anew_for_each_study(simulation: ModuleType) -> None:
    setting = simulation.Setting(images=10, configurations=2000, equal=False, difficulty="apart")
    rng = np.random.default_rng(0)
    first, second = (simulation.simulate_study(setting, rng).accuracy for _ in range(2))
    assert (first.mean(), first.std()) == pytest.approx((0.8, 0.025), abs=0.002)
    assert not np.array_equal(first, second)


def test_a_missed_bound_is_named(simulation: ModuleType) -> None:
    winner = simulation.Winner(coverage=0.95, naive_bias=0.08, corrected_bias=0.015, error=0.04, width=1.1)
    row = simulation.Row(
        setting=simulation.Setting(images=100, configurations=50, equal=True, difficulty="apart"),
        studies=2000, gap=0.95, accuracy_difference=0.93, cross_entropy_difference=0.97,
        accuracy=winner, cross_entropy=winner, fresh=0.99, seconds=1.0,
    )  # fmt: skip
    assert row.misses() == ()
    wide = replace(row, gap=0.971, accuracy=replace(winner, coverage=0.929, corrected_bias=-0.021))
    title = "100 images, 50 equal configurations apart: "
    assert wide.misses() == (
        title + "gap covers 97.10 %, not 93 to 97",
        title + "corrected winner's accuracy covers 92.90 %, not 93 to 100",
        title + "corrected winner's accuracy is biased by -0.0210, over 0.0200",
    )
    unequal = replace(wide, setting=replace(wide.setting, equal=False))
    assert unequal.misses()[-1].endswith("is biased by -0.0210, over 0.0200")


def test_the_script_prints_its_table_and_writes_its_rows(
    simulation: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "rows.json"
    status = simulation.main(["--quick", "--studies", "20", "--draws", "50", "--output", str(output)])
    printed = capsys.readouterr().out.splitlines()
    rows = json.loads(output.read_text())
    assert len(rows) == 4
    assert rows[0]["setting"] == {"images": 100, "configurations": 10, "equal": True, "difficulty": "apart"}
    assert printed[2].split()[:4] == ["100", "10", "equal", "apart"]
    assert printed[6].startswith("20 studies a setting")
    assert status == (1 if len(printed) > 7 else 0)
