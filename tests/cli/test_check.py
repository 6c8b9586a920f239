"""`sweep check` and what its exit code says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweep.diagnosis.verdict import judge
from sweep.progress import Progress
from sweep.records import Cause, Exhibit, Finding, Interval, Remedy
from sweep.workflow import check as workflow
from sweep.workflow.check import CheckOutcome, failing
from sweep.workflow.resolve import ResolvedStudy

Cli = Callable[..., Any]
LEAK = Finding(
    cause=Cause.LEAK,
    effect=Interval(estimate=0.1, low=0.08, high=0.13),
    p=1e-6,
    images=300,
    summary="30 of 300 validation images have a copy in training.",
    evidence={"matched": 30},
    remedies=(Remedy(sentence="Drop the copies.", changes={"data.deduplicate": True}),),
    exhibits=(Exhibit(caption="each validation image and its copy", images=(3, 1)),),
)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every study has a leak, and nothing else was looked at."""

    def check_resolved(resolved: ResolvedStudy, *, progress: Progress) -> CheckOutcome:
        verdict = judge([LEAK, Finding.not_measured(Cause.SHIFT, "no features")], num_classes=2)
        return CheckOutcome(
            study=resolved.definition.name,
            verdict=verdict,
            failing=failing(verdict, resolved.definition.check),
            paths={1: "train/cat/b.png", 3: "val/cat/<a>.png"},
        )

    monkeypatch.setattr(workflow, "check_resolved", check_resolved)


@pytest.mark.usefixtures("found")
def test_a_serious_finding_is_shown_with_its_pictures_and_fails(cli: Cli, photo_folder: Callable[..., Path]) -> None:
    done = cli("check", photo_folder({"cat": 12, "dog": 12}))
    assert done.code == 10
    lines = done.out.splitlines()
    assert lines[:2] == ["study photos", "verdict: leak: 30 of 300 validation images have a copy in training."]
    assert "   effect 10.0 points [8.0, 13.0], p < 0.001" in lines
    assert "   remedy: Drop the copies. (data.deduplicate = true)" in lines
    assert "  shift: no features" in lines
    assert lines[-4:] == [
        "each validation image and its copy:",
        "  val/cat/<a>.png",
        "  train/cat/b.png",
        "fails on: leak",
    ]


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize("changed", ["check.ignore=['leak']", "check.fail_on=['shift']", "check.fail_on=[]"])
def test_what_the_study_file_does_not_fail_on_is_shown_alone(
    cli: Cli, photo_folder: Callable[..., Path], changed: str
) -> None:
    done = cli("check", photo_folder({"cat": 12, "dog": 12}), "--set", changed)
    assert done.code == 0
    assert "verdict: leak" in done.out
    assert "fails on" not in done.out


@pytest.mark.usefixtures("found")
def test_json_has_every_number(cli: Cli, photo_folder: Callable[..., Path]) -> None:
    done = cli("check", photo_folder({"cat": 12, "dog": 12}), "--format", "json")
    assert done.code == 10
    told = json.loads(done.out)
    assert (told["status"], told["failing"]) == ("causes", ["leak"])
    leak = next(one for one in told["causes"] if one["cause"] == "leak")
    assert leak["effect"] == [0.1, 0.08, 0.13]
    assert leak["remedies"] == [{"sentence": "Drop the copies.", "changes": {"data.deduplicate": True}}]
    assert told["paths"]["3"] == "val/cat/<a>.png"


def test_an_unknown_cause_is_refused_before_anything_is_read(cli: Cli, photo_folder: Callable[..., Path]) -> None:
    done = cli("check", photo_folder({"cat": 12, "dog": 12}), "--set", "check.fail_on=['leaks']")
    assert done.code == 3
    assert done.err.endswith(
        "\nsweep: --set check.fail_on: received 'leaks'; expected a cause as `sweep explain` lists them; "
        'write for example fail_on = ["leak"]\n'
    )
