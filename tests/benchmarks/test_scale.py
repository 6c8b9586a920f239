"""The measurement of scale runs on a study and a data set of a few, and its bounds are judged right."""

from __future__ import annotations

import copy
import importlib
import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sweep.records import EpochRecord, Side
from sweep.store.results import open_database
from sweep.training.course import Unpruned


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    """`scale.py` and its parts, which find each other in their own folder."""
    names = ("scale", "scale_study", "scale_search", "scale_features")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(Path(__file__).parent)])
        yield {name: importlib.import_module(name) for name in names}


FOUND: dict[str, Any] = {
    "trials": 10_000, "epochs": 30, "written": 8_949, "write_ms": 20.0,
    "checkpoints": [
        {"trials": 100, "wall_ms": 400.0, "processor_ms": 60.0, "resident": 120.0},
        {"trials": 1_000, "wall_ms": 149.0, "processor_ms": 90.0, "resident": 150.0},
    ],
    "reports": {"text alone": {"seconds": 9.9, "processor_seconds": 9.0, "peak_mb": 999.0}},
    "database_mb": 170.0, "page_mb": 14.9,
}  # fmt: skip


def side(images: int, array: float, grown: float) -> dict[str, Any]:
    phase = {"name": "training", "seconds": 1.0, "own": 400.0 + grown, "mapped": 500.0, "grown": grown}
    return {"images": images, "phases": [phase], "array_mb": array, "peak_mb": 900.0, "accuracy": 0.9}


def test_what_keeps_its_bounds_is_not_named(modules: dict[str, ModuleType]) -> None:
    # 900 MB more on disk: 225 of memory are allowed, and 50 for chance.
    features = {"few": side(10, 100.0, 100.0), "many": side(100, 1_000.0, 370.0), "grown_mb": 270.0}
    assert tuple(modules["scale"].misses(FOUND, features)) == ()
    assert tuple(modules["scale"].misses(None, None)) == ()


def test_every_missed_bound_is_named(modules: dict[str, ModuleType]) -> None:
    study = copy.deepcopy(FOUND)
    study["checkpoints"][1]["wall_ms"] = 151.0
    study["reports"]["text alone"] |= {"seconds": 10.2, "peak_mb": 1_001.0}
    study["page_mb"] = 15.2
    features = {"few": side(10, 100.0, 100.0), "many": side(100, 1_000.0, 380.0), "grown_mb": 280.0}
    assert tuple(modules["scale"].misses(study, features)) == (
        "a trial costs 151 ms at 1,000 trials, over 150",
        "text alone takes 10.2 s, over 10",
        "text alone takes 1001 MB of memory, over 1,000",
        "the page has 15.2 MB, over 15",
        "the larger array takes 280 MB more of memory, over 275",
    )


def test_made_up_numbers_agree_with_the_predictions_behind_them(modules: dict[str, ModuleType]) -> None:
    made = modules["scale_study"]
    definition, index = made.make_definition(trials=10, epochs=12), made.make_index(500)
    study, split = made.make_study(definition, index)
    trainer = made.MadeUpTrainer(index, split)
    measured = trainer.train(definition.baseline, seed=(0, 0), reporter=Unpruned())
    assert sum(study.data.counts["validation"]) == measured.validation_images == len(split.validation)
    kept = next(one for one in measured.predictions if one.side is Side.VALIDATION)
    assert np.mean(kept.predicted == index.labels[split.validation]) == measured.validation_accuracy
    assert kept.cross_entropy.astype(float).mean() == pytest.approx(measured.validation_cross_entropy)
    best = min(measured.epochs, key=lambda epoch: epoch.validation_cross_entropy)
    assert (measured.selected_epoch, measured.epochs_run, measured.stopped) == (best.epoch, 12, "finished")
    assert measured.gap_accuracy > 0

    class Strict(Unpruned):
        def epoch(self, record: EpochRecord) -> bool:
            return record.epoch < 5

    pruned = trainer.train(definition.baseline, seed=(0, 0), reporter=Strict())
    assert (pruned.epochs_run, pruned.stopped) == (5, "pruned")


def test_the_first_and_the_last_are_searched_and_those_between_written(
    modules: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = modules["scale_search"]
    monkeypatch.setattr(search, "WINDOW", 5)
    monkeypatch.setattr(search, "IMAGES", 100)
    database = tmp_path / "study.db"
    found = search.search({"database": str(database), "trials": 20, "epochs": 6, "scheduled": 8})
    assert found["written"] == 20 - 8 - 5 - 1
    assert found["write_ms"] > 0
    assert [point["trials"] for point in found["checkpoints"]] == [8, 20]
    assert all(point["wall_ms"] > 0 and point["resident"] > 0 for point in found["checkpoints"])
    with open_database(database) as opened:
        trials = opened.trials("scale")
    assert [trial.number for trial in trials] == list(range(20))
    written = trials[8:14]
    assert all(trial.measurement is not None and trial.measurement.epochs_run == 6 for trial in written)
    assert all(trial.objective is not None and len(trial.parameters) == 6 for trial in written)
    heard = sqlite3.connect(database).execute("SELECT DISTINCT step FROM trial_intermediate_values").fetchall()
    assert heard == [(5,)], "the only rung of six epochs"


def test_the_script_prints_what_it_measures(
    modules: dict[str, ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "scale.json"
    few = ["--trials", "8", "--epochs", "2", "--images", "0", "--folder", str(tmp_path), "--output", str(output)]
    status = modules["scale"].main(few)
    printed = capsys.readouterr().out.splitlines()
    found = json.loads(output.read_text(encoding="utf-8"))
    assert printed[1] == "8 trials of 2 epochs"
    named = [line.split(":")[0].strip() for line in printed[4:7]]
    assert named == ["text alone", "sweep report, text and page", "sweep diagnose"]
    assert found["features"] is None
    assert found["study"]["checkpoints"][-1]["trials"] == 8
    assert found["study"]["page_mb"] == pytest.approx((tmp_path / "study.html").stat().st_size / 1e6)
    assert all(took["peak_mb"] > 50 for took in found["study"]["reports"].values())
    assert printed[8:] == found["missed"]
    assert status == (1 if found["missed"] else 0)


def test_features_are_learnt_from_disk(modules: dict[str, ModuleType], tmp_path: Path) -> None:
    found = modules["scale_features"].measure({"images": 500, "folder": str(tmp_path)})
    # 1,280 channels of EfficientNet-Lite0, 4 bytes each.
    assert found["array_mb"] == pytest.approx(500 * 1_280 * 4 / 1e6)
    assert [phase["name"] for phase in found["phases"]] == ["index and split", "extraction", "training"]
    assert found["accuracy"] > 0.25, "one in five by chance"
    assert list(tmp_path.iterdir()) == [], "nothing is left"
    features = {"few": found, "many": found, "grown_mb": 0.0}
    features["few"]["peak_mb"] = 1.0
    lines = list(modules["scale"].feature_lines(features))
    assert lines[0].startswith("500 images: features of 3 MB on disk")
    assert lines[-1] == "  0 MB more on disk, 0 MB more of own memory"
