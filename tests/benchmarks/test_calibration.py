"""The runner of the nulls holds calibrated ones, names broken ones, and goes on where it was stopped."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

NULLS = '''
"""Nulls that are what their names say."""


def even(rng):
    return rng.random()


def shy(rng):
    return 0.5 + rng.random() / 2


def rash(rng):
    return rng.random() ** 2


def wrong(rng):
    return 1.5


def fails(rng):
    raise ZeroDivisionError("by nothing")


NULLS = {"even": even, "shy": shy, "rash": rash, "wrong": wrong, "fails": fails}
'''


@pytest.fixture(scope="module")
def calibration() -> ModuleType:
    """`calibration.py`, under a name that no library has."""
    spec = importlib.util.spec_from_file_location("null_calibration", Path(__file__).with_name("calibration.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["null_calibration"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    nulls = tmp_path / "nulls"
    nulls.mkdir()
    (nulls / "made_up.py").write_text(NULLS, encoding="utf-8")
    return nulls


def test_calibrated_and_conservative_nulls_hold(
    calibration: ModuleType, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calibration.main(["--nulls", str(folder), "--only", "even", "shy"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines[1:3]] == ["held", "held"]
    assert "2 nulls" in lines[-1]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("rash", "made_up: rash: 2"),  # the root of .05 is .22
        ("wrong", "made_up: wrong: ValueError: expected a p from 0 to 1, got 1.5"),
        ("fails", "made_up: fails: ZeroDivisionError: by nothing"),
    ],
)
def test_a_broken_null_is_named(
    calibration: ModuleType, folder: Path, capsys: pytest.CaptureFixture[str], name: str, fault: str
) -> None:
    assert calibration.main(["--nulls", str(folder), "--only", "even", name]) == 1
    assert any(line.startswith(fault) for line in capsys.readouterr().out.splitlines())


def test_a_file_that_cannot_be_loaded_is_named(
    calibration: ModuleType, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "torn.py").write_text("def", encoding="utf-8")
    assert calibration.main(["--nulls", str(folder), "--only", "torn"]) == 1
    assert "torn.py: SyntaxError" in capsys.readouterr().out


def test_it_goes_on_where_it_was_stopped(
    calibration: ModuleType, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "rows.json"
    asked = ["--nulls", str(folder), "--simulations", "60", "--output", str(output)]
    calibration.main([*asked, "--only", "even"])
    (row,) = json.loads(output.read_text(encoding="utf-8"))
    row["seconds"] = 1234.0
    output.write_text(json.dumps([row]), encoding="utf-8")
    calibration.main([*asked, "--only", "even", "shy"])
    assert [one["title"] for one in json.loads(output.read_text(encoding="utf-8"))] == ["made_up: even", "made_up: shy"]
    assert "1234 s of work" in capsys.readouterr().out
    # Other numbers are asked for, so nothing of it is used.
    calibration.main([*asked, "--seed", "1", "--only", "even"])
    assert "1234 s of work" not in capsys.readouterr().out


def test_every_probe_that_tests_has_its_null(calibration: ModuleType) -> None:
    jobs, broken = calibration.find_jobs(calibration.FOLDER, ())
    assert broken == []
    assert {job.path.stem for job in jobs} == {path.stem for path in calibration.FOLDER.glob("*.py")}
    assert len({job.title for job in jobs}) == len(jobs)
