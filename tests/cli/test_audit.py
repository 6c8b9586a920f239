"""`sweep audit`: what it is asked for, and how it is told."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweep.diagnosis.verdict import judge
from sweep.diagnosis.waterfall import Term, Waterfall
from sweep.progress import Progress
from sweep.records import Cause, Exhibit, Finding, Interval
from sweep.workflow import audit as workflow
from sweep.workflow.audit_outcome import AuditOutcome
from sweep.workflow.audit_request import AuditRequest

Cli = Callable[..., Any]
NORM = Finding(
    cause=Cause.BATCH_NORM,
    effect=Interval(estimate=0.152, low=0.1, high=0.2),
    p=1e-6,
    images=300,
    summary="Moving statistics lose 15.2 points.",
    exhibits=(Exhibit(caption="taken for another class", images=(3,)),),
)


def term(name: str, estimate: float, unchanged: str = "") -> Term:
    interval = Interval(estimate=estimate, low=estimate - 0.01, high=estimate + 0.02)
    return Term(name=name, interval=interval, unchanged=unchanged)


FALL = Waterfall(
    quantity="accuracy",
    reported_train=0.9,
    reported_validation=0.7,
    terms=(
        term("epoch_lag", 0.0),
        term("dropout", -0.032),
        term("augmentation", 0.0, "no augmentation"),
        term("batch_norm", 0.152),
        term("clean_gap", 0.08),
    ),
    steps={"E0": 0.9, "E1": 0.9, "E2": 0.932, "E3": 0.932, "E4": 0.78, "E5": 0.7, "E6": 0.7},
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file that looks like a model's from outside."""
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"module": "keras", "class_name": "Functional", "config": {}}))
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[AuditRequest]:
    """Every model has a batch norm that went wrong; what is asked for is kept."""
    requests: list[AuditRequest] = []

    def audit_requested(request: AuditRequest, *, progress: Progress) -> AuditOutcome:
        requests.append(request)
        return AuditOutcome(
            study="photos",
            model=request.file.name,
            images=(800, 200),
            accuracies=(0.78, 0.7),
            falls=(FALL,),
            notes=("pixels are given as -1..1, as asked",),
            verdict=judge([NORM, Finding.not_measured(Cause.CAPACITY, "it takes short trainings")], num_classes=2),
            paths={3: "val/cat/<a>.png"},
        )

    monkeypatch.setattr(workflow, "audit_requested", audit_requested)
    return requests


def test_numbers_notes_verdict_and_pictures_are_told(
    cli: Cli, asked: list[AuditRequest], model: Path, photo_folder: Callable[..., Path]
) -> None:
    folder = photo_folder({"cat": 2, "dog": 2})
    done = cli("audit", model, folder)
    assert done.code == 0
    assert done.out.splitlines() == [
        f"model {model} on photos",
        "clean: right on 78.0 % of 800 training and 70.0 % of 200 validation images, a gap of 8.0 points [7.0, 10.0]",
        "in the mode of training: right on 90.0 % of the training images; to clean dropout +3.2 points [1.2, 4.2], "
        "batch norm −15.2 points [−17.2, −14.2]",
        "note: pixels are given as -1..1, as asked",
        "",
        "verdict: batch-norm: Moving statistics lose 15.2 points.",
        "",
        "1. batch-norm: Moving statistics lose 15.2 points.",
        "   effect 15.2 points [10.0, 20.0], p < 0.001",
        "   more: sweep explain batch-norm",
        "",
        "not measured:",
        "  capacity: it takes short trainings",
        "",
        "taken for another class:",
        "  val/cat/<a>.png",
    ]
    assert (asked[0].folder, asked[0].preprocessing, asked[0].classes, asked[0].study_file) == (
        str(folder),
        "auto",
        (),
        None,
    )


def test_options_reach_the_audit_and_json_has_every_number(
    cli: Cli, asked: list[AuditRequest], model: Path, photo_folder: Callable[..., Path], tmp_path: Path
) -> None:
    options = ("--preprocessing", "torch", "--classes", "dog, cat", "--study-file", tmp_path / "new.toml")
    done = cli(
        "audit", model, photo_folder({"cat": 2, "dog": 2}), *options, "--set", "data.group=x", "--format", "json"
    )
    told = json.loads(done.out)
    assert [one["cause"] for one in told["causes"]] == ["batch-norm", "capacity"]
    assert told["waterfall"][0]["steps"] == {"E1": 0.9, "E2": 0.932, "E3": 0.932, "E4": 0.78, "E5": 0.7}
    assert told["waterfall"][0]["terms"][2]["estimate"] == 0.152
    assert told["paths"] == {"3": "val/cat/<a>.png"}
    request = asked[0]
    assert (request.preprocessing, request.classes, request.sets) == ("torch", ("dog", "cat"), ("data.group=x",))
    assert request.study_file == tmp_path / "new.toml"


def test_wrong_arguments_are_one_line_each(
    cli: Cli, asked: list[AuditRequest], model: Path, photo_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = photo_folder({"cat": 2, "dog": 2})
    broken = tmp_path / "broken.keras"
    broken.write_bytes(b"no archive")
    cases = [
        (2, ("none.keras", folder), "none.keras: received no such file; expected a model file, .keras"),
        (5, (broken, folder), f"{broken}: received a file that cannot be loaded (File is not a zip file)"),
        (2, (model, tmp_path / "none"), f"{tmp_path / 'none'}: received no such folder"),
        (2, (model, model), f"{model}: received a file; expected a folder with train/ and val/"),
        (2, (model, folder, "--preprocessing", "tf"), "--preprocessing: received 'tf'; expected one of auto, none"),
        (2, (model, folder, "--study-file", model), f"{model}: received a file or folder that exists"),
    ]
    for code, arguments, message in cases:
        done = cli("audit", *arguments)
        assert done.code == code
        assert done.err.startswith(f"sweep: {message}")
        assert len(done.err.splitlines()) == 1
    assert not asked
