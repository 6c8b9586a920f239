"""The benchmark of planted causes: worlds are what they say, scoring follows the measured truth, runs are resumed."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import pytest


@dataclass(frozen=True)
class Modules:
    """The parts of the command."""

    command: ModuleType
    cases: ModuleType
    diagnosis: ModuleType
    plants: ModuleType
    scene: ModuleType
    scoring: ModuleType
    table: ModuleType
    worlds: ModuleType


@pytest.fixture(scope="module")
def parts() -> Iterator[Modules]:
    """The modules find each other as they do where the command is started: in their own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(Path(__file__).parent)])
        names = ("cases", "diagnosis", "plants", "scene", "scoring", "table", "worlds")
        yield Modules(
            importlib.import_module("planted"), *(importlib.import_module(f"planted_{name}") for name in names)
        )


class Named(Protocol):
    """A case."""

    name: str
    kind: str


# ---- cases -----------------------------------------------------------------------------------------------------------


def test_there_are_enough_cases_and_a_third_are_controls(parts: Modules) -> None:
    cases = parts.cases.all_cases()
    controls = [case for case in cases if case.kind == "control"]
    assert len(cases) >= 300
    assert len(controls) >= 100
    assert len({case.name for case in cases}) == len(cases)
    assert len({case.seed for case in cases}) == len(cases)
    assert sum(bool(case.backbone) for case in cases) >= 40
    kept = [case for case in cases if case.world == "C" or case.kind == "triple" or case.backbone == "mobilenet-v2"]
    assert [case for case in cases if case.held_out] == kept


def test_every_plant_is_there_at_every_severity(parts: Modules) -> None:
    singles = {case.plants[0] for case in parts.cases.all_cases() if case.kind == "single" and not case.backbone}
    assert singles == {(name, severity) for name in parts.plants.PLANTS for severity in parts.plants.SEVERITIES}


def test_a_repair_takes_out_one_plant_and_leaves_the_others(parts: Modules) -> None:
    plants = [("wrong labels", 0.5), ("penalty", 1.0)]
    both = parts.plants.planted(parts.plants.Recipe(), plants)
    assert (both.flipped, dict(both.changes)) == (0.15, {"l2": 1.0})
    left = parts.plants.repaired(parts.plants.Recipe(), plants, "wrong labels")
    assert (left.flipped, dict(left.changes)) == (0.0, {"l2": 1.0})
    assert parts.plants.feasible("wrong labels", "penalty")
    assert not parts.plants.feasible("wrong labels", "wrong labels, the next class")
    assert not parts.plants.feasible("rate too high", "rate too low")


# ---- scenes ----------------------------------------------------------------------------------------------------------


def scene(parts: Modules, *plants: tuple[str, float], world: str = "A") -> Any:  # noqa: ANN401 - a class of theirs
    recipe = parts.plants.planted(parts.plants.Recipe(), plants)
    return parts.scene.draw_scene(parts.worlds.WORLDS[world], recipe, 7)


def test_equal_seeds_give_equal_scenes(parts: Modules) -> None:
    first, again = (scene(parts, ("wrong labels", 0.5), world="B") for _ in range(2))
    assert np.array_equal(first.features, again.features)
    assert np.array_equal(first.labels, again.labels)
    assert np.array_equal(first.observed().thumbnails, again.observed().thumbnails)


def test_wrong_labels_are_as_many_as_asked_for_and_none_of_the_oracles(parts: Modules) -> None:
    drawn = scene(parts, ("wrong labels", 1.0))
    wrong = drawn.labels != drawn.images.labels
    assert wrong[:1000].sum() == 300
    assert wrong[1000:].sum() == 0
    of_a_pair = scene(parts, ("wrong labels, the next class", 0.5))
    moved = of_a_pair.labels != of_a_pair.images.labels
    assert moved.sum() == 150
    assert np.array_equal(of_a_pair.labels[moved], (of_a_pair.images.labels[moved] + 1) % 4)


def test_copies_lie_next_to_training_images_and_new_images_do_not(parts: Modules) -> None:
    drawn = scene(parts, ("copies", 0.5))
    train, validation = drawn.features[:600], drawn.features[600:1000]
    nearest = np.linalg.norm(validation[:, None] - train[None], axis=2).min(axis=1)
    assert (nearest < 0.5).sum() == 80
    assert np.median(nearest[nearest > 0.5]) > 1


def test_frames_share_a_source_and_a_split_by_source_parts_none(parts: Modules) -> None:
    drawn = scene(parts, ("bursts", 1.0))
    train, validation = drawn.sources[drawn.split.train], drawn.sources[drawn.split.validation]
    assert len(np.unique(drawn.sources)) == 50
    assert np.isin(validation, train).mean() > 0.9
    split = drawn.by_source()
    assert not np.isin(drawn.sources[split.validation], drawn.sources[split.train]).any()
    assert 0.3 < len(split.validation) / 1000 < 0.5


def test_kinds_of_files_tell_classes_but_not_the_oracles(parts: Modules) -> None:
    drawn = scene(parts, ("files tell the class", 1.0))
    same = drawn.images.shape == drawn.images.labels
    assert same[:1000].all()
    assert same[1000:].mean() == pytest.approx(0.25, abs=0.01)


def test_the_same_class_twice_is_one_distribution(parts: Modules) -> None:
    drawn = scene(parts, ("confusable classes", 1.0))
    labels, features = drawn.labels[1000:], drawn.features[1000:]
    centres = [features[labels == label].mean(axis=0) for label in range(4)]
    assert np.linalg.norm(centres[0] - centres[1]) < 0.15
    assert np.linalg.norm(centres[0] - centres[2]) > 1.5


def test_classes_stand_in_another_order_in_validation_alone(parts: Modules) -> None:
    drawn = scene(parts, ("classes in another order", 1.0))
    given, true = drawn.labels[600:1000], drawn.images.labels[600:1000]
    assert np.array_equal(given, np.array([1, 2, 0, 3])[true])
    assert np.array_equal(drawn.labels[:600], drawn.images.labels[:600])


# ---- scoring ---------------------------------------------------------------------------------------------------------


def row(**changes: object) -> dict[str, Any]:
    """A single plant that does harm, found, and mended by half."""
    said = {
        "cause": "label-noise",
        "effect": [0.15, 0.1, 0.2],
        "unit": "accuracy",
        "p": 1e-6,
        "exact": False,
        "summary": "so",
        "missing": "",
        "repaired": [],
    }
    return {
        "name": "A / wrong labels 0.5 / 0",
        "world": "A",
        "kind": "single",
        "held_out": False,
        "plants": [["wrong labels", 0.5]],
        "classes": 4,
        "train_images": 600,
        "validation_images": 400,
        "causes": ["label-noise"],
        "effects": {"wrong labels": 0.1},
        "remedies": [{"cause": "label-noise", "gain": 0.05}],
        "base": {"accuracy": 0.8, "cross_entropy": 0.5, "train": 0.9, "reported": 0.75, "due": 0.75, "logged": 0.9},
        "rounds": [[said]],
        **changes,
    }


def test_a_plant_is_a_positive_by_what_its_repair_brings_alone(parts: Modules) -> None:
    result = parts.scoring.Result.of(row())
    assert (result.positives, result.is_right, result.false_alarms, result.proofs) == (
        ("wrong labels",),
        True,
        (),
        (True,),
    )
    harmless = parts.scoring.Result.of(row(effects={"wrong labels": 0.01}, remedies=[]))
    assert (harmless.positives, harmless.is_right, harmless.false_alarms) == ((), False, ())
    missed = parts.scoring.Result.of(row(causes=[], remedies=[]))
    assert (missed.is_right, missed.jaccard) == (False, 0.0)


def test_another_cause_is_right_only_where_it_holds(parts: Modules) -> None:
    wrong = row(causes=["capacity", "label-noise"], remedies=[{"cause": "capacity", "gain": 0.01}])
    result = parts.scoring.Result.of(wrong)
    assert (result.is_right, result.jaccard, [str(one) for one in result.false_alarms]) == (False, 0.5, ["capacity"])
    helped = parts.scoring.Result.of({**wrong, "remedies": [{"cause": "capacity", "gain": 0.03}]})
    assert (helped.is_right, helped.jaccard, helped.false_alarms) == (True, 1.0, ())
    failed = parts.scoring.Result.of({**wrong, "remedies": [{"cause": "capacity", "failed": "no such change"}]})
    assert failed.false_alarms == result.false_alarms


def test_a_number_that_is_off_holds_where_it_was_measured_to_be(parts: Modules) -> None:
    training_mode, small = "training-mode", "small-validation"
    found = parts.scoring.Result.of(row(causes=[training_mode, small], remedies=[]))
    assert [str(one) for one in found.false_alarms] == [training_mode, small]
    base = {**row()["base"], "logged": 0.7}
    found = parts.scoring.Result.of(row(causes=[training_mode, small], remedies=[], base=base, validation_images=200))
    assert found.false_alarms == ()


def test_small_effects_on_few_images_are_told_apart(parts: Modules) -> None:
    """26 / 1000 where all images speak."""
    assert parts.scoring.Result.of(row(effects={"wrong labels": 0.027})).is_detectable
    assert not parts.scoring.Result.of(row(effects={"wrong labels": 0.025})).is_detectable
    exact = row(plants=[["few validation images", 0.5]], effects={"few validation images": 0.02}, validation_images=40)
    assert parts.scoring.Result.of(exact).is_detectable


def test_a_family_that_is_left_out_says_nothing(parts: Modules) -> None:
    result = parts.scoring.Result.of(row())
    again = parts.scoring.without(result, parts.scoring.FAMILIES["amount"])
    assert [str(cause) for cause in again.causes] == ["label-noise"]
    assert parts.scoring.without(result, parts.scoring.FAMILIES["labels"]).causes == ()


def test_the_rule_of_curves_looks_at_the_logged_gap(parts: Modules) -> None:
    assert [str(cause) for cause in parts.scoring.curve_rule(parts.scoring.Result.of(row())).causes] == ["capacity"]
    base = {**row()["base"], "logged": 0.84}
    assert parts.scoring.curve_rule(parts.scoring.Result.of(row(base=base))).causes == ()


def test_the_table_counts_right_ones_and_alarms(parts: Modules) -> None:
    control = {"kind": "control", "plants": [], "effects": {}, "name": "A / healthy / 0", "remedies": []}
    rows = [row(), row(causes=[], name="B"), row(**control), row(**control, causes=[])]
    printed = "\n".join(parts.table.lines([parts.scoring.Result.of(one) for one in rows]))
    assert "single causes, first one right                                1/2 = 50 %" in printed
    assert "controls, anything found                                      1/2 = 50 %" in printed
    assert "T08      label-noise 1, nothing 1" in printed
    assert "label-noise                1     0" in printed


# ---- the command -----------------------------------------------------------------------------------------------------


def test_a_run_is_resumed_and_failures_are_run_again(
    parts: Modules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []

    def run(case: Named) -> dict[str, Any]:
        ran.append(case.name)
        told = row(name=case.name, kind=case.kind, plants=[], effects={}, causes=[], remedies=[])
        return told if len(ran) != 2 else {**told, "error": "ValueError: once"}

    monkeypatch.setattr(parts.command, "run", run)
    output = tmp_path / "planted.jsonl"
    order = ["--output", str(output), "--cases", "A / healthy / *"]
    assert parts.command.main([*order, "--limit", "2"]) == 1
    assert "FAILED A / healthy / 1: ValueError: once" in capsys.readouterr().out
    with output.open("a") as file:
        file.write('{"name": "A / healthy / 2", "wor')  # cut off
    assert parts.command.main(order) == 0
    assert ran == [f"A / healthy / {number}" for number in (0, 1, 1, 2, 3, 4, 5, 6, 7)]
    assert "8 cases, 8 of them controls" in capsys.readouterr().out


def test_a_case_goes_the_whole_way(parts: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few images, few trainings: what is exact is found, and the oracle says what does harm."""
    monkeypatch.setattr(parts.diagnosis, "DRAWS", 1)
    monkeypatch.setattr(parts.scene, "ROWS", 3000)
    monkeypatch.setattr("sweep.workflow.fits._SEEDS", 1)
    monkeypatch.setattr("sweep.training.measurement.measure_modes", lambda *data, **options: ())
    background = parts.plants.Recipe(train=200, changes={"epochs": 5})
    found = parts.diagnosis.run_case("A", background, [("few validation images", 1.0), ("wrong labels", 1.0)], 3)
    assert "small-validation" in found["causes"]
    assert found["effects"]["wrong labels"] > 0.02
    spread = found["base"]["accuracy"] * (1 - found["base"]["accuracy"])
    expected = np.sqrt(2 / np.pi * spread) * (20**-0.5 - 400**-0.5)
    assert found["effects"]["few validation images"] == pytest.approx(expected)
    assert (found["train_images"], found["validation_images"]) == (200, 20)
    json.dumps(found)
