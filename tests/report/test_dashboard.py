"""What is written for Optuna's dashboard, as the dashboard's own functions and pages read it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna
import optuna_dashboard
import plotly.graph_objects as go
import pytest
from optuna.artifacts import FileSystemArtifactStore

from sweep.report.dashboard import make_application, save_attributes, save_figures, save_files, save_notes


@pytest.fixture
def study() -> optuna.Study:
    """Two trials, both of which have ended."""
    study = optuna.create_study(study_name="toys", direction="maximize")
    study.optimize(lambda trial: trial.suggest_float("dropout", 0, 1), n_trials=2)
    return study


class Writes:
    """Counts what is written with a study."""

    def __init__(self, study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys: list[str] = []
        real = study._storage.set_study_system_attr

        def note(study_id: int, key: str, value: object) -> None:
            self.keys.append(key)
            real(study_id, key, value)

        monkeypatch.setattr(study._storage, "set_study_system_attr", note)


@pytest.fixture
def writes(study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> Writes:
    return Writes(study, monkeypatch)


def ask(
    study: optuna.Study, path: str, store: FileSystemArtifactStore | None = None, *, expected: str = "200 OK"
) -> bytes:
    """What the dashboard answers."""
    environ: dict[str, Any] = {"PATH_INFO": path, "HTTP_ACCEPT_ENCODING": ""}
    setup_testing_defaults(environ)
    status: list[str] = []

    def start_response(line: str, headers: object, error: object = None) -> Callable[[bytes], object]:
        status.append(line)
        return bytes

    body = make_application(study._storage, store)(environ, start_response)
    try:
        content = b"".join(body)
    finally:
        getattr(body, "close", lambda: None)()
    assert status == [expected], content
    return content


Detail = Callable[[], dict[str, Any]]


@pytest.fixture
def detail(study: optuna.Study) -> Detail:
    """What the study's page is made of, as it is when it is asked for."""
    return lambda: json.loads(ask(study, "/api/studies/0"))


def test_notes_of_the_study_and_of_ended_trials_are_shown(study: optuna.Study, detail: Detail) -> None:
    save_notes(study, "the **verdict**", {1: "rank 1"})
    shown = detail()
    assert "the **verdict**" in shown["note"]["body"]
    assert "rank 1" in shown["trials"][1]["note"]["body"]
    assert shown["trials"][0]["note"]["body"] == ""


def test_what_did_not_change_is_not_written_again(study: optuna.Study, writes: Writes) -> None:
    figure = {"gap": go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))}
    save_notes(study, "the verdict", {1: "rank 1"})
    save_figures(study, figure)
    assert writes.keys
    writes.keys.clear()
    save_notes(study, "the verdict", {1: "rank 1"})
    save_figures(study, figure)
    assert writes.keys == []


def test_what_others_wrote_stays(study: optuna.Study) -> None:
    save_notes(study, "first", {})
    optuna_dashboard.save_note(study, f"mine above\n\n{optuna_dashboard.get_note(study)}\n\nmine below")
    save_notes(study, r"second \1", {})
    lines = [line for line in optuna_dashboard.get_note(study).splitlines() if line and not line.startswith("[//]")]
    assert lines == ["mine above", r"second \1", "mine below"]


def test_a_note_that_was_there_before_stays_below_ours(study: optuna.Study) -> None:
    optuna_dashboard.save_note(study, "mine")
    save_notes(study, "ours", {})
    lines = [line for line in optuna_dashboard.get_note(study).splitlines() if line and not line.startswith("[//]")]
    assert lines == ["ours", "mine"]


def test_a_trial_that_is_no_finalist_any_more_loses_its_note(study: optuna.Study, detail: Detail) -> None:
    save_notes(study, "", {0: "rank 1"})
    save_notes(study, "", {1: "rank 1"})
    assert detail()["trials"][0]["note"]["body"] == ""
    assert "rank 1" in detail()["trials"][1]["note"]["body"]


def test_a_figure_is_written_over_its_earlier_form(study: optuna.Study, detail: Detail) -> None:
    save_figures(study, {"gap": go.Figure(go.Scatter(x=list(range(900)), y=[1] * 900))})
    save_figures(study, {"gap": go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))})
    (shown,) = detail()["plotly_graph_objects"]
    assert shown["id"] == "sweep-gap"
    assert json.loads(shown["graph_object"])["data"][0]["y"] == [3, 4]


def test_nobody_is_shown_half_a_figure(study: optuna.Study, detail: Detail, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for between two pieces, and answered once all are there."""
    shown: list[Any] = []
    asking = threading.Thread(target=lambda: shown.append(detail()))
    real, pieces = study._storage.set_study_system_attr, []

    def write(study_id: int, key: str, value: object) -> None:
        if len(pieces) == 1:
            asking.start()
            asking.join(0.2)
        pieces.append(key)
        real(study_id, key, value)

    monkeypatch.setattr(study._storage, "set_study_system_attr", write)
    save_figures(study, {"gap": go.Figure(go.Scatter(x=list(range(900)), y=[1] * 900))})
    asking.join(30)
    assert len(pieces) > 3
    (figure,) = shown[0]["plotly_graph_objects"]
    assert len(json.loads(figure["graph_object"])["data"][0]["y"]) == 900


def test_attributes_are_shown_and_written_when_they_change(
    study: optuna.Study, detail: Detail, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_attributes(study, {"verdict": "leak"})
    save_attributes(study, {"verdict": "healthy"})
    assert detail()["user_attrs"] == [{"key": "verdict", "value": "healthy"}]
    monkeypatch.setattr(study._storage, "set_study_user_attr", lambda *_: pytest.fail("written again"))
    save_attributes(study, {"verdict": "healthy"})


def test_files_hang_on_trials_that_have_ended(study: optuna.Study, detail: Detail, tmp_path: Path) -> None:
    store = FileSystemArtifactStore(tmp_path)
    paths = save_files(study, store, {(1, "curves.svg"): b"<svg>1</svg>"})
    (file,) = detail()["trials"][1]["artifacts"]
    assert (file["filename"], file["mimetype"]) == ("curves.svg", "image/svg+xml")
    assert paths == {(1, "curves.svg"): f"/artifacts/0/1/{file['artifact_id']}"}
    assert ask(study, paths[1, "curves.svg"], store) == b"<svg>1</svg>"
    # Another version of the picture takes its place.
    assert save_files(study, store, {(1, "curves.svg"): b"<svg>2</svg>"}) == paths
    assert ask(study, paths[1, "curves.svg"], store) == b"<svg>2</svg>"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_request_that_fails_is_one_line(study: optuna.Study, capfd: pytest.CaptureFixture[str]) -> None:
    ask(study, "/api/studies/0/plot/pareto_front", expected="500 Internal Server Error")
    out, err = capfd.readouterr()
    assert out == ""
    (line,) = [line for line in err.splitlines() if "Traceback" in line or line.startswith("dashboard")]
    assert line.startswith("dashboard: Exception: ")
