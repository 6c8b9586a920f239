"""The scripted trainer and a fresh database with a study in it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy

from sweep.progress import Silent
from sweep.records import TrialRecord
from sweep.search.runner import SearchOutcome, TrainsConfigurations, run_search
from sweep.store.results import Database, open_database
from sweep.studyfile.definition import StudyDefinition


def _load_scripted() -> ModuleType:
    """Load `scripted.py`, which is a program too: tests cannot import one another's modules."""
    spec = importlib.util.spec_from_file_location("scripted", Path(__file__).with_name("scripted.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["scripted"] = module
    spec.loader.exec_module(module)
    return module


_SCRIPTED = _load_scripted()


@pytest.fixture(scope="session")
def scripted() -> ModuleType:
    """The module `scripted.py`."""
    return _SCRIPTED


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a database file may come to be."""
    return tmp_path / "study.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    """A new database file."""
    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", _SCRIPTED.spare_the_disk)
    with open_database(path, create=True) as opened:
        yield opened
    sqlalchemy.event.remove(sqlalchemy.Engine, "connect", _SCRIPTED.spare_the_disk)


class Notebook(Silent):
    """A progress that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.trials: list[TrialRecord] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def trial(self, trial: TrialRecord) -> None:
        self.trials.append(trial)


@pytest.fixture
def notebook() -> Notebook:
    """What the search told of its progress."""
    return Notebook()


Search = Callable[..., SearchOutcome]


@pytest.fixture
def search(database: Database, notebook: Notebook) -> Search:
    """Run a definition in the database: `search(definition, trainer)`; adds the study the first time."""

    def run(
        definition: StudyDefinition, trainer: TrainsConfigurations | None = None, *, timeout: float | None = None
    ) -> SearchOutcome:
        if definition.name not in {study.name for study in database.studies()}:
            _SCRIPTED.add_study(database, definition)
        return run_search(
            definition=definition,
            database=database,
            trainer=trainer or _SCRIPTED.ScriptedTrainer(),
            progress=notebook,
            timeout=timeout,
        )

    return run
