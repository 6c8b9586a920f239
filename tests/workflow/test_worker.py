"""Workers of a shared database: they serve what was submitted, on the same images, and leave nothing undone."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sweep.errors import DataError, SearchError, StoreError, UsageError
from sweep.progress import Silent
from sweep.records import Measurement, StudyRecord, TrialState
from sweep.search.standing import Standing
from sweep.store.results import Database, open_database
from sweep.training.trial import Trainer
from sweep.workflow import worker
from sweep.workflow.opened import open_study
from sweep.workflow.resolve import Overrides, resolve_study
from sweep.workflow.submit import submit_study
from sweep.workflow.worker import Order, serve_studies

QUICK = (
    "data.image_size=32",
    "training.epochs=2",
    "training.learning_rate=0.01",  # enough for two epochs to tell the classes apart
    "search.pruner=none",
    "search.finalists=1",
    "search.repeats=1",
)
ONE_STRUCTURE = ("dropout=0.0:0.5",)  # which is compiled once
ONCE = Order(once=True)
Submit = Callable[..., None]


class TrainingBeganError(Exception):
    """Raised where the frozen part would run."""


class Noting(Silent):
    """Writes down the lines that stay on the screen."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def note(self, text: str) -> None:
        self.heard.append(text)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where studies are submitted to."""
    return tmp_path / "study.db"


@pytest.fixture
def photos(photo_folder: Callable[..., Path]) -> Path:
    """The images of every study here."""
    return photo_folder({"cat": 20, "dog": 20})


@pytest.fixture
def submit(database: Path, photos: Path) -> Submit:
    """Submit a study: `submit("one", 2)`."""

    def call(name: str, trials: int) -> None:
        overrides = Overrides(sets=QUICK, only=ONE_STRUCTURE, trials=trials, name=name)
        submit_study(resolve_study(str(photos), overrides, Silent()), database)

    return call


@pytest.fixture
def said() -> list[str]:
    """What a worker says."""
    return []


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "PAUSE_SECONDS", 0.01)


@pytest.mark.usefixtures("frozen_parts_once")
def test_what_was_submitted_is_searched_to_its_end(database: Path, submit: Submit, said: list[str]) -> None:
    submit("one", 2)
    serve_studies(database, ONCE, progress=Silent(), say=said.append)
    study = open_study(database)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 2
    assert said[0].startswith("study one: 2 finished (0 of them pruned), 0 failed; 2 of 2 trials are finished")
    assert len(said) == 2, "the finalists"
    assert {"training", "finalists"} <= {stage.name for stage in study.study.stages}
    said.clear()
    serve_studies(database, ONCE, progress=Silent(), say=said.append)
    assert said == [], "nothing is prepared for a study that is done"
    submit("one", 3)
    serve_studies(database, ONCE, progress=Silent(), say=said.append)
    assert len(open_study(database).trials) == 3, "a total may grow"


def test_images_that_lie_elsewhere_are_found_and_others_refused(
    database: Path, photos: Path, submit: Submit, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit("one", 1)
    photos.rename(tmp_path / "moved")
    with pytest.raises(DataError, match="photos"):
        serve_studies(database, Order(study="one"), progress=Silent(), say=said.append)
    shutil.copytree(tmp_path / "moved", tmp_path / "changed")
    (tmp_path / "changed" / "cat" / "cat_000.png").unlink()
    with pytest.raises(StoreError, match=r"study 'one': received other images than it was run on"):
        serve_studies(database, Order(study="one", data=tmp_path / "changed"), progress=Silent(), say=said.append)
    assert said == []

    def begin(*_: object, **__: object) -> None:
        raise TrainingBeganError

    monkeypatch.setattr(worker, "made_ready", begin)
    with pytest.raises(TrainingBeganError):
        serve_studies(database, Order(study="one", data=tmp_path / "moved"), progress=Silent(), say=said.append)


def test_another_split_of_the_same_images_is_refused(
    database: Path, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit("one", 1)
    stored = Database.images
    monkeypatch.setattr(Database, "images", lambda self, name: [(image, None) for image, _ in stored(self, name)])
    with pytest.raises(StoreError, match=r"another split of its images.*install what it was begun with: gapsweep \d"):
        serve_studies(database, Order(study="one"), progress=Silent(), say=print)


@pytest.mark.usefixtures("frozen_parts_once")
def test_told_to_end_it_puts_the_running_trial_back(
    database: Path, submit: Submit, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    submit("one", 2)

    def told(*_: object, **__: object) -> Measurement:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal comes first")

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train", told)
        serve_studies(database, ONCE, progress=Silent(), say=said.append)
    assert said == ["told to end; a trial that ran waits for another worker"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    with open_database(database) as opened:
        interrupted, waiting = opened.trials("one")
    assert interrupted.failure is not None
    assert (interrupted.failure.kind, waiting.state) == ("interrupted", TrialState.WAITING)
    assert waiting.baseline
    serve_studies(database, ONCE, progress=Silent(), say=said.append)
    assert said[1].startswith("study one: 2 finished (0 of them pruned), 1 failed")


# ---- which study, and when -----------------------------------------------------------------------------------------


@pytest.fixture
def three(database: Path, submit: Submit) -> Path:
    """Studies of which the last in the alphabet is the oldest."""
    for name in ("zebra", "yak", "ape"):
        submit(name, 1)
    return database


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The studies that were served, by a worker that trains nothing and fails for the zebra."""
    names: list[str] = []

    def search(self: worker._Service, record: StudyRecord, _: object) -> bool:
        names.append(record.name)
        if record.name == "zebra":
            raise SearchError("study 'zebra'", received="five failures", expected="none", remedy="mend it")
        self._settled[record.name] = record.definition
        return True

    monkeypatch.setattr(worker._Service, "_search", search)
    return names


def test_the_oldest_comes_first_and_one_that_fails_does_not_keep_the_others_waiting(
    three: Path, served: list[str]
) -> None:
    progress = Noting()
    with pytest.raises(SearchError, match="five failures"):
        serve_studies(three, ONCE, progress=progress, say=print)
    assert served == ["zebra", "yak", "ape"]
    assert progress.heard == [
        "study zebra is left alone: study 'zebra': received five failures; expected none; mend it"
    ]


def test_one_that_is_named_is_the_only_one(three: Path, served: list[str]) -> None:
    serve_studies(three, Order(study="yak", once=True), progress=Silent(), say=print)
    assert served == ["yak"]
    with pytest.raises(SearchError, match="five failures"):
        serve_studies(three, Order(study="zebra"), progress=Silent(), say=print)
    with pytest.raises(StoreError, match="no study 'gnu'"):
        serve_studies(three, Order(study="gnu"), progress=Silent(), say=print)


def test_a_database_that_does_not_answer_is_asked_again(
    three: Path, served: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = Database.studies, iter(range(10))

    def studies(self: Database) -> tuple[StudyRecord, ...]:
        number = next(calls)
        if number == 1:
            raise StoreError(self.place, received="OperationalError: gone", expected="an answer", remedy="wait")
        if number == 5:
            raise KeyboardInterrupt
        return real(self)

    monkeypatch.setattr(Database, "studies", studies)
    progress = Noting()
    with pytest.raises(KeyboardInterrupt):
        serve_studies(three, Order(), progress=progress, say=print)
    assert progress.heard[0].endswith(
        "received OperationalError: gone; expected an answer; wait; asking again every 0.01 s"
    )
    assert served == ["zebra", "yak", "ape"]


def test_last_trials_of_other_processes_are_waited_for(
    database: Path, submit: Submit, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    submit("one", 1)
    standings = iter([(0, 1), (0, 1), (0, 0)])

    def standing(*_: object) -> Standing:
        finished, running = next(standings)
        return Standing(finished=finished, running=running, total=1)

    def search(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "study_standing", standing)
    monkeypatch.setattr(worker._Service, "_search", search)
    with pytest.raises(KeyboardInterrupt):
        serve_studies(database, ONCE, progress=Silent(), say=said.append)
    assert list(standings) == []


def test_nothing_is_prepared_for_a_study_that_another_process_concludes(
    database: Path, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit("one", 1)
    asked: list[str] = []

    @contextmanager
    def claimed(_: object, work: str) -> Iterator[bool]:
        asked.append(work)
        if len(asked) == 2:
            raise KeyboardInterrupt
        yield False

    monkeypatch.setattr(worker, "claimed", claimed)
    monkeypatch.setattr(worker, "study_standing", lambda *_: Standing(finished=1, running=0, total=1))
    with pytest.raises(KeyboardInterrupt):
        serve_studies(database, ONCE, progress=Silent(), say=print)
    assert asked == ["one: conclusion"] * 2


@pytest.mark.parametrize(
    ("order", "database", "message"),
    [
        (Order(data=Path("photos")), "study.db", r"--data: received photos for no study.*sweep worker STUDY --data"),
        (ONCE, "sqlite://", "a database in memory"),
    ],
)
def test_orders_that_make_no_sense_are_refused(order: Order, database: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        serve_studies(database, order, progress=Silent(), say=print)
