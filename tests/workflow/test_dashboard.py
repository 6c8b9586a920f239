"""Optuna's dashboard over a study's database: what it shows, and that a sweep beside it goes on undisturbed."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

import sweep
from sweep.errors import StoreError, UsageError
from sweep.records import DataIndex, Split, SplitIndices
from sweep.store.results import open_database
from sweep.workflow import dashboard as module
from sweep.workflow.dashboard import open_dashboard

Finished = tuple[Path, sweep.OpenedStudy]


@pytest.fixture
def database(finished: Finished, tmp_path: Path) -> Path:
    """A copy of the finished study's database."""
    return Path(shutil.copy(finished[0], tmp_path / "study.db"))


class Shown:
    """A dashboard that answers."""

    def __init__(self, url: str, said: list[str]) -> None:
        self._url = url
        self.said = said

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self._url}{path}", timeout=20) as answer:
            return bytes(answer.read())

    def study(self) -> dict[str, Any]:
        """What the page of the study is made of; also once its notes are there."""
        found: dict[str, Any] = json.loads(self.get("api/studies/1"))
        return found


@contextmanager
def running(database: str | Path, **options: Any) -> Iterator[Shown]:  # noqa: ANN401 - as open_dashboard takes them
    said: list[str] = []
    with open_dashboard(str(database), port=0, say=said.append, **options) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield Shown(server.url, said)
        finally:
            server.shutdown()
            thread.join()


def wait_until(holds: Callable[[], object]) -> None:
    """Wait for another thread's work, half a minute at most."""
    pause = threading.Event()
    for _ in range(600):
        if holds():
            return
        pause.wait(0.05)
    pytest.fail("it did not come to hold")


def test_verdict_tiers_figures_and_pictures_are_shown(database: Path, finished: Finished, tmp_path: Path) -> None:
    with running(database, artifacts=tmp_path / "new" / "pictures") as shown:
        wait_until(lambda: len(shown.study()["plotly_graph_objects"]) >= 5)
        study = shown.study()
        picture = next(file for file in study["trials"][0]["artifacts"] if file["filename"] == "confusions.svg")
        # The class is called "<b>cat".
        assert b"&lt;b&gt;cat" in shown.get(f"artifacts/1/1/{picture['artifact_id']}")
    note = study["note"]["body"].replace("\\", "").replace("\u00a0", "")
    assert "Verdict on our default (trial 0)" in note
    assert f"sweep diagnose {database} --study photos" in note
    assert "### Which trial to use" in note
    assert "**Tier 1**: " in note
    assert r"\<b\>cat" in study["note"]["body"]
    noted = [trial for trial in study["trials"] if trial["note"]["body"]]
    assert {trial["number"] for trial in noted} == {0, *finished[1].report.repeated}
    assert all(f"/artifacts/1/{trial['trial_id']}/" in trial["note"]["body"] for trial in noted)
    assert {attribute["key"] for attribute in study["user_attrs"]} >= {"verdict", "which trial to use"}
    shown_of_trial = {attribute["key"] for attribute in study["trials"][0]["user_attrs"]}
    assert {"gap_accuracy", "gap_cross_entropy", "train_accuracy", "validation_accuracy"} <= shown_of_trial
    assert shown.said == []


def test_a_report_of_the_database_is_the_same_afterwards(database: Path) -> None:
    def facts() -> list[Any]:
        study = sweep.open(str(database))
        return [[(one.number, one.state, dict(one.parameters)) for one in study.trials], study.report.sentence]

    before = facts()
    with running(database) as shown:
        wait_until(lambda: shown.study()["note"]["body"])
    assert facts() == before


def test_a_sweep_that_goes_on_beside_it_is_neither_disturbed_nor_missed(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(module, "REST", 0.0)
    with open_database(database) as opened:
        trials = opened.trials("photos", with_predictions=True)
    first = next(one for one in trials if one.measurement is not None and not one.baseline)
    assert first.measurement is not None
    failures: list[BaseException] = []

    def write() -> None:
        try:
            with open_database(database, busy_seconds=20) as opened:
                study = optuna.load_study(study_name="photos", storage=opened.optuna_storage())
                for dropout in (0.11, 0.22, 0.33, 0.44, 0.55, 0.66):
                    trial = study.ask()
                    configuration = {**first.configuration, "dropout": dropout}
                    opened.save_measurement(
                        "photos",
                        trial.number,
                        baseline=False,
                        configuration=configuration,
                        measurement=first.measurement,
                    )
                    study.tell(trial, dropout)
        except BaseException as error:
            failures.append(error)

    with running(database) as shown:
        wait_until(lambda: shown.study()["note"]["body"])
        writer = threading.Thread(target=write)
        writer.start()
        while writer.is_alive():
            shown.study()
        writer.join()
        wait_until(lambda: f"trial {len(trials) + 5}, has the highest J" in shown.study()["note"]["body"])
        assert shown.said == []
    assert failures == []
    with open_database(database) as opened:
        assert len(opened.trials("photos")) == len(trials) + 6


def test_what_has_not_changed_is_not_read_again(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(module, "REST", 0.0)
    real, read, looks = module.read_report, [], []
    monkeypatch.setattr(module, "read_report", lambda *given: read.append(1) or real(*given))
    mark = module.Database.mark
    monkeypatch.setattr(module.Database, "mark", lambda *given: looks.append(1) or mark(*given))
    with running(database):
        wait_until(lambda: len(looks) > 4)
    assert len(read) == 1


def test_a_database_that_cannot_be_written_is_shown_as_it_is(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("study.db", received="a file that is locked", expected="another", remedy="wait")

    monkeypatch.setattr(module, "LEAST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(module, "save_notes", refuse)
    with running(database) as shown:
        wait_until(lambda: shown.said)
        assert shown.study()["name"] == "photos"
        wait_until(lambda: shown.said)
        (said,) = shown.said
    assert said.startswith(
        "notes and figures of study photos are not up to date: study.db: received a file that is locked"
    )


def test_a_study_that_is_removed_meanwhile_is_let_go(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr(module, "load_optuna_study", missing)
    with running(database) as shown:
        wait_until(lambda: shown.said)
    assert shown.said == ["notes and figures of study photos are not up to date: it was removed or renamed meanwhile"]


def test_pictures_that_cannot_be_kept_are_said(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "save_files", full)
    with running(database, artifacts=tmp_path) as shown:
        wait_until(lambda: shown.said)
    assert "--artifacts: received a folder that cannot be written (No space left on device)" in shown.said[0]


def test_another_address_comes_with_a_warning(database: Path) -> None:
    with running(database, host="0.0.0.0") as shown:
        (said,) = shown.said
    assert said.startswith("warning: the dashboard has no login: whoever reaches 0.0.0.0 port ")
    assert said.endswith(f"can read, rename and delete the studies of {database}")


def test_what_is_no_study_database_is_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.db"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE books (title TEXT)")
    for path, message in ((tmp_path / "none.db", "no such file"), (foreign, "a database of another program")):
        with pytest.raises(StoreError, match=message), running(path):
            pass


def test_a_folder_for_pictures_that_cannot_be_made_is_refused(database: Path) -> None:
    refused = pytest.raises(StoreError, match=r"Not a directory.*name another one with --artifacts")
    with refused, running(database, artifacts=database / "pictures"):
        pass


def test_nothing_is_left_open_where_the_port_is_taken(database: Path) -> None:
    with open_dashboard(str(database), port=0, say=print) as server:
        refused = pytest.raises(UsageError, match="another program listens on")
        with refused, open_dashboard(str(database), port=server.server_port, say=print):
            pass


def test_a_server_database_is_shown_without_its_password(finished: Finished, postgres_url: str) -> None:
    with open_database(finished[0]) as source, open_database(postgres_url, create=True) as target:
        record, images = source.study(), source.images("photos")
        sides = {side: np.array([place for place, (_, one) in enumerate(images) if one is side]) for side in Split}
        target.add_study(
            record,
            DataIndex(root="", class_names=record.data.class_names, images=tuple(image for image, _ in images)),
            SplitIndices(train=sides[Split.TRAIN], validation=sides[Split.VALIDATION], test=sides[Split.TEST]),
        )
        first = source.trials("photos", with_predictions=True)[0]
        assert first.measurement is not None
        target.save_measurement(
            "photos", 0, baseline=True, configuration=first.configuration, measurement=first.measurement
        )
        study = optuna.create_study(storage=target.optuna_storage(), study_name="photos", direction="maximize")
        study.add_trial(optuna.trial.create_trial(value=first.objective, user_attrs={"baseline": True}))
    with running(postgres_url, host="0.0.0.0") as shown:
        wait_until(lambda: shown.said[1:] or shown.study()["plotly_graph_objects"])
        (said,) = shown.said
        body = json.dumps(shown.study())
    assert "sweep:***@127.0.0.1" in said
    assert "Which trial to use" in body
    assert "pass-word" not in said + body
