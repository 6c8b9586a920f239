"""The comparison runs from end to end on a few tiny images; its arithmetic is right on numbers made by hand."""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest

from sweep.backbones.catalog import load_backbone
from sweep.records import TrialRecord
from sweep.search.objective import balanced
from sweep.studyfile.definition import ModelSettings
from sweep.training.sizes import describe_model

SECONDS = {"optuna": 600.0, "tuner": 500.0}


@dataclass(frozen=True)
class Modules:
    """The parts of the command."""

    command: ModuleType
    keras: ModuleType
    limit: ModuleType
    race: ModuleType
    racer: ModuleType
    side: ModuleType
    table: ModuleType


@pytest.fixture(scope="module")
def parts() -> Iterator[Modules]:
    """The modules find each other as they do where the command is started: in their own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(Path(__file__).parent)])
        names = ("speed", *(f"speed_{name}" for name in ("keras", "limit", "race", "racer", "side", "table")))
        yield Modules(*map(importlib.import_module, names))


@dataclass(frozen=True)
class Compared:
    """A whole run of the command: what it printed and wrote, and its folder."""

    status: int
    lines: list[str]
    found: dict[str, Any]
    folder: Path


@pytest.fixture(scope="module")
def compared(parts: Modules, noisy_photos: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """Twenty images of 32 pixels, two trials of one epoch; the peers run one of them.

    Ours and one peer are processes of their own, as in earnest; the other sides run here, where TensorFlow is imported.
    """
    root = tmp_path_factory.mktemp("speed")
    photos = noisy_photos(root / "photos", {"cat": 60, "dog": 190}, count=10, size=32)
    options = "--image-size 32 --backbone mobilenet --weights none --space mixed --trials 2 --epochs 1 --peer-trials 1"
    places = ["--data", photos, "--folder", root / "kept", "--output", root / "found.json"]
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("builtins.print", lambda *values, **_: lines.extend(map(str, values)))
        run_side = parts.side.run_side
        patch.setattr(
            parts.command, "run_side", lambda *given: (run_side if "optuna" in given[0] else run_here)(*given)
        )
        status = parts.command.main([*options.split(), *map(str, places)])
    return Compared(status, lines, json.loads((root / "found.json").read_text()), root / "kept")


def run_here(target: str, plan: dict[str, Any], folder: Path) -> tuple[Any, dict[str, Any]]:
    """A side without a process of its own."""
    module, function = target.split(":")
    start = time.perf_counter()
    found = getattr(importlib.import_module(module), function)(plan)
    seconds, peak = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    side = importlib.import_module("speed_side")
    return side.Outcome(seconds=seconds, peak_bytes=peak, began=0.0), {"importing": 0.0, **found}


# ---- the whole command -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_side_is_given_the_same_and_timed(compared: Compared) -> None:
    found = compared.found
    assert compared.status == 0
    assert (found["images"], found["classes"]) == ({"train": 13, "validation": 4, "test": 3}, 2)
    ours, peer, tuner = found["ours"], found["optuna"], found["tuner"]
    assert [trial["number"] for trial in ours["trials"]] == [0, 1]
    assert peer["trials"][0]["parameters"] == ours["trials"][0]["parameters"]
    assert tuner["trials"][0]["parameters"].keys() == ours["trials"][0]["parameters"].keys()
    assert 0 <= tuner["trials"][0]["validation_accuracy"] <= 1
    assert {"decoding", "backbone pass"} <= ours["stages"].keys() - found["second"]["stages"].keys()
    assert sum(ours["stages"].values()) < ours["seconds"]
    for side in (ours, found["second"], peer, tuner):
        assert side["peak_bytes"] > 200e6  # whoever has imported TensorFlow holds as much
        assert 0 < side["seconds_a_trial"] < side["measured_seconds"]
    assert found["machine"]["cores"] > 0
    assert {"python", "tensorflow", "keras-tuner", "gapsweep"} <= found["machine"]["versions"].keys()


@pytest.mark.slow
def test_the_ratios_are_those_of_what_was_measured(compared: Compared) -> None:
    found = compared.found
    ours, limit = found["ours"], found["limit"]
    for name in SECONDS:
        side = found[name]
        setup, each = side["measured_seconds"] - side["trials"][0]["seconds"], side["trials"][0]["seconds"]
        assert side["extrapolated"]
        assert side["seconds"] == pytest.approx(setup + 2 * each)
        assert found["ratios"][name] == pytest.approx((setup + 2 * each) / ours["measured_seconds"])
    fastest = next(one["seconds"] for one in limit["passes"].values() if one["ours"])
    assert limit["seconds"] == pytest.approx(fastest + limit["operations"] / limit["rate"])
    assert found["ratios"]["limit"] == pytest.approx(ours["remaining_seconds"] / limit["seconds"])
    # The baseline is frozen: 1,024 features, 128 hidden, 2 classes; 13 images for one epoch.
    assert limit["operations_by_trial"][0] == 6 * 13 * (1024 * 128 + 128 * 2)


@pytest.mark.slow
def test_the_table_names_every_side_and_what_is_extrapolated(compared: Compared) -> None:
    text = "\n".join(compared.lines)
    ratio = compared.found["ratios"]["optuna"]
    row = next(line for line in compared.lines if line.startswith("(b) Optuna"))
    assert row.endswith(f"{ratio:.1f}")
    assert "s* " in row
    assert text.count("extrapolated from 1 of 2 trials") == 2
    assert "finalists = 0" in text
    assert "check.on_run = false" in text
    assert f"÷ limit: {compared.found['ratios']['limit']:.2f}" in text


@pytest.mark.slow
def test_a_peer_of_a_race_goes_on_where_it_stopped(compared: Compared, parts: Modules, tmp_path: Path) -> None:
    plan = json.loads((compared.folder / "optuna_trials.plan.json").read_text())
    plan = {**plan, "folder": str(tmp_path), "started": 0.0, "seconds": 0.0, "trials": 2}
    first = parts.racer.race_peer(plan)["trials"]
    both = parts.racer.race_peer(plan)["trials"]
    assert (len(first), both[:1]) == (1, first)
    assert [trial["number"] for trial in both] == [0, 1]
    assert [trial["state"] for trial in both] == ["complete", "complete"]
    assert first[0]["parameters"]["head_width"] == "128"  # the baseline
    assert first[0]["objective"] < 0
    assert sum("setup" in line for line in parts.race.read_history(tmp_path)) == 1


# ---- the plain loop --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_plain_loop_trains_what_ours_trains(compared: Compared, parts: Modules) -> None:
    plan = json.loads((compared.folder / "optuna_trials.plan.json").read_text())
    loop = parts.keras.Loop(plan)
    frozen = loop.definition.baseline
    deep = loop.definition.configuration({**plan["parameters"][0], "unfrozen_layers": 20, "head_width": "none"})
    network = load_backbone(frozen.model, 32)
    for configuration in (deep, frozen):
        built, expected = loop.build(configuration), describe_model(network, configuration, 2)
        trainable = sum(int(np.prod(weight.shape)) for weight in built.trainable_weights)
        assert (trainable, built.count_params()) == (expected.trainable_parameters, expected.total_parameters)


# ---- arithmetic ------------------------------------------------------------------------------------------------------


def test_a_peer_that_ran_fewer_trials_is_extrapolated(parts: Modules) -> None:
    peer = parts.table.Peer(measured_seconds=70.0, trials=(20.0, 40.0), wanted=50)
    assert (peer.setup, peer.mean, peer.extrapolated) == (10.0, 30.0, True)
    assert peer.seconds == 10 + 50 * 30
    whole = parts.table.Peer(measured_seconds=70.0, trials=(20.0, 40.0), wanted=2)
    assert (whole.extrapolated, whole.seconds) == (False, 70.0)


@pytest.mark.parametrize(
    ("spent", "seconds", "trials", "allowed"),
    [
        ([], 0.0, 5, True),  # at least one
        ([], 100.0, 0, False),
        ([30.0, 40.0], 105.0, 5, True),  # 70 and a mean of 35 more
        ([30.0, 40.0], 104.9, 5, False),
        ([30.0, 40.0], 1000.0, 2, False),
    ],
)
def test_no_trial_is_started_that_would_not_fit(
    parts: Modules, spent: list[float], seconds: float, trials: int, allowed: bool
) -> None:
    budget = parts.side.Budget(seconds, trials)
    budget.spent.extend(spent)
    assert budget.allows_another is allowed


def test_recorded_stages_alone_are_taken_off(parts: Modules) -> None:
    stages = {"imports": 5.0, "decoding": 7.0, "backbone pass": 12.0, "trials": 20.0}
    assert parts.table.taken_off(stages) == {"imports": 5.0, "decoding": 7.0}
    assert parts.table.remaining(50.0, stages) == 38.0
    assert parts.table.remaining(50.0, {**stages, "compiling": 8.0}) == 30.0


def test_the_limit_is_a_pass_and_arithmetic(parts: Modules) -> None:
    assert parts.table.limit_seconds(12.0, 6e11, 1e11) == 18.0


def test_the_peer_of_a_race_is_judged_by_our_objective(
    parts: Modules, trial_record: Callable[..., TrialRecord]
) -> None:
    right = np.arange(40) % 4 > 0
    measured = trial_record(1, correct=right, cross_entropy=np.linspace(0.2, 1.2, 40)).measurement
    assert measured is not None
    clean = measured.train_cross_entropy, measured.validation_cross_entropy, measured.validation_cross_entropy_error
    assert parts.table.balanced_objective(*clean, 0.25) == pytest.approx(balanced(measured, 0.25))


def test_a_race_ends_where_ours_reaches_the_mark(parts: Modules) -> None:
    ours = [
        {"state": "complete", "objective": -0.9, "ended_after": 20.0},
        {"state": "pruned", "objective": -0.1, "ended_after": 22.0},
        {"state": "complete", "objective": -0.5, "ended_after": 25.0},
        {"state": "complete", "objective": -0.4, "ended_after": 27.0},
    ]
    peer = [
        {"setup": 15.0},
        {"number": 0, "state": "complete", "objective": -0.8, "seconds": 200.0},
        {"number": 1, "state": "pruned", "objective": None, "seconds": 85.0},
        {"number": 2, "state": "complete", "objective": -0.5, "seconds": 200.0},
    ]
    stands = parts.race.standing(ours, peer, 20)
    assert (stands["peer_trials"], stands["target"], stands["peer_seconds"]) == (3, -0.5, 500.0)
    assert (stands["ours_seconds"], stands["ratio"]) == (25.0, 20.0)
    early = parts.race.standing(ours, peer, 2)
    assert (early["target"], early["peer_seconds"], early["ours_seconds"]) == (-0.8, 300.0, 25.0)
    never = parts.race.standing(ours[:1], peer, 20)
    assert (never["ours_seconds"], never["ratio"], never["ours_best"]) == (None, None, -0.9)
    lines = parts.table.race_lines({"wanted": 20, "seeds": [{"seed": 3, **stands}], "conditions": []})
    assert lines[1].split() == ["3", "3", "of", "20", "-0.5000", "500.0s", "25.0s", "20.0"]
    assert lines[2].startswith("not all peers have their trials")


def test_a_product_is_counted_for_each_place_of_the_output(parts: Modules) -> None:
    image = keras.Input((10, 10, 4))
    convolved = keras.layers.Conv2D(8, 3)(image)
    by_channel = keras.layers.DepthwiseConv2D(3, padding="same")(convolved)
    normed = keras.layers.BatchNormalization()(by_channel)
    model = keras.Model(image, keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(normed)))
    counts = [parts.limit.multiply_adds(layer) for layer in model.layers]
    assert counts == [0, 8 * 8 * 9 * 4 * 8, 8 * 8 * 9 * 8, 0, 0, 8 * 5]


def test_a_head_is_counted_without_its_biases(parts: Modules) -> None:
    model = ModelSettings(head_width=(64, 16))
    assert parts.limit.head_multiply_adds((5, 5, 1280), model, 3) == 1280 * 64 + 64 * 16 + 16 * 3


def test_a_side_that_fails_says_how(parts: Modules, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; print('no backbone'); sys.exit(3)"]
    with pytest.raises(parts.side.SpeedError, match=r"(?s)ended with 3.*no backbone"):
        parts.side.run_command(command, log=tmp_path / "log", environment={})
