"""The study database: what a search writes and what reports read, as records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from optuna.distributions import BaseDistribution
from optuna.storages import RDBStorage
from sqlalchemy import Connection, Engine

from sweep.progress import Advance
from sweep.records import (
    DataIndex,
    EpochRecord,
    FailureRecord,
    Finding,
    HoldoutRecord,
    ImageRecord,
    Measurement,
    Moment,
    PredictionRecord,
    ProofRecord,
    RepeatRecord,
    Scalar,
    Side,
    Split,
    SplitIndices,
    StageRecord,
    StudyRecord,
    TrialRecord,
)
from sweep.store.address import BUSY_SECONDS, Address, parse_address, transaction
from sweep.store.changes import StudyMark, read_mark
from sweep.store.copying import copy_study
from sweep.store.epochs import read_epochs
from sweep.store.faults import readable, translated
from sweep.store.findings import add_findings, read_findings
from sweep.store.opening import open_engine
from sweep.store.optuna_storage import OnStale, open_optuna_storage
from sweep.store.outcomes import add_duplicate, add_failure, add_measurement
from sweep.store.proofs import add_proof, read_proofs
from sweep.store.repeats import add_holdout, add_repeat, opened_images, read_holdouts, read_repeats
from sweep.store.studies import Differing, add_study, add_times, check_definition, find_study, read_images, read_studies
from sweep.store.trials import read_distributions, read_predictions, read_trial_predictions, read_trials

__all__ = ["Database", "open_database"]


def open_database(location: str | Path, *, create: bool = False, busy_seconds: float = BUSY_SECONDS) -> Database:
    """Open the database at a path or a SQLAlchemy URL.

    Args:
        location: where it is; `sqlite://` is a new one in memory.
        create: make the file and the tables that are missing. Without it nothing is made.
        busy_seconds: how long to wait for another process's lock on a SQLite file.

    Raises:
        StoreError: it is missing, not ours, newer, locked, read-only or damaged; what is not ours is not touched.
    """
    address = parse_address(location)
    with translated(address.place):
        engine = open_engine(address, create=create, busy_seconds=busy_seconds)
    return Database(address, engine, create=create, busy_seconds=busy_seconds)


class Database:
    """An open study database; processes and threads may each have it open and write at the same time.

    Every method is one transaction. Its errors are `StoreError`s.

    Attributes:
        url: SQLAlchemy's, with the password if there is one: not for showing.
        place: what to show instead.
        path: the SQLite file, or None for a server and for memory.
        location: what another process opens it with: not for showing, either.
    """

    def __init__(self, address: Address, engine: Engine, *, create: bool, busy_seconds: float) -> None:
        self.url = address.url
        self.place = address.place
        self.path = address.path
        self.location = address.location
        self._address = address
        self._engine = engine
        self._create = create
        self._busy_seconds = busy_seconds
        self._storages: list[RDBStorage] = []
        # A database in memory lives as long as somebody is connected to it.
        self._anchor = engine.connect() if address.memory is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give all connections back, those of Optuna's storages too; a SQLite file is then one file again."""
        for storage in self._storages:
            storage.remove_session()
            storage.engine.dispose()
        self._storages.clear()
        if self._anchor is not None:
            self._anchor.close()
        self._engine.dispose()

    # ---- studies -------------------------------------------------------------------------------------------------

    def studies(self) -> tuple[StudyRecord, ...]:
        """Every study, the newest first."""
        with self._reading() as connection:
            return read_studies(connection)

    def study(self, name: str | None = None) -> StudyRecord:
        """The study of that name, or the newest; a `StoreError` names those there are."""
        with self._reading() as connection:
            return find_study(connection, name, self.place)

    def images(self, study: str) -> tuple[tuple[ImageRecord, Split | None], ...]:
        """Every image with its side, in the order of the study's index."""
        with self._reading() as connection:
            return read_images(connection, study)

    def check_definition(self, name: str, digest: str, definition: str, differing: Differing) -> None:
        """Raise a `StoreError` unless the name is free or stands for this definition; `differing` names the fields."""
        with self._writing() as connection:
            check_definition(connection, name, digest, definition, differing, self.place)

    def add_study(self, record: StudyRecord, index: DataIndex, split: SplitIndices) -> None:
        """Store a study, before Optuna's is made; to be called at every run.

        A study that is there keeps its data and its age, and takes over the definition and the versions.

        Raises:
            StoreError: the study that is there has another definition, other images or another split.
        """
        with self._writing(alone=True) as connection:
            add_study(connection, record, index, split, self.place)

    def save_stages(self, study: str, stages: Sequence[StageRecord]) -> None:
        """Add the times of one run; `StudyRecord.stages` sums them up by name."""
        with self._writing() as connection:
            add_times(connection, study, stages)

    def copy_study(self, name: str, target: Database, advance: Advance) -> None:
        """Copy a study with everything to a database with Optuna's tables, where its name must be free."""
        places = {"place": self.place, "target_place": target.place}
        with self._reading() as source, target._writing(alone=True) as connection:
            copy_study(source, connection, name, **places, advance=advance)

    def mark(self, study: str) -> StudyMark:
        """Equal to an earlier one as long as nothing was stored that a report shows; cheap to ask for."""
        with self._reading() as connection:
            return read_mark(connection, study)

    # ---- trials --------------------------------------------------------------------------------------------------

    def trials(
        self, study: str, *, with_predictions: bool = False, with_epochs: bool = True
    ) -> tuple[TrialRecord, ...]:
        """Every trial that Optuna knows, in the order of numbers, with our measurements and their epochs."""
        with self._reading() as connection:
            return read_trials(connection, study, with_predictions=with_predictions, with_epochs=with_epochs)

    def epochs(self, study: str, numbers: Collection[int]) -> dict[int, tuple[EpochRecord, ...]]:
        """The epochs of these trials, by number; those that have none, duplicates too, are left out."""
        with self._reading() as connection:
            return read_epochs(connection, study, numbers)

    def predictions(self, study: str, number: int) -> tuple[PredictionRecord, ...]:
        """What was predicted in one trial; a duplicate has its original's."""
        with self._reading() as connection:
            return read_trial_predictions(connection, study, number)

    def validation_predictions(self, study: str) -> dict[int, PredictionRecord]:
        """By trial number: what was predicted of the validation side at the selected epoch."""
        with self._reading() as connection:
            found = read_predictions(connection, study, side=Side.VALIDATION, moment=Moment.SELECTED)
        return {number: record for number, (record,) in found.items()}

    def save_measurement(
        self, study: str, number: int, *, baseline: bool, configuration: Mapping[str, Scalar], measurement: Measurement
    ) -> None:
        """Store what a trial has shown, before Optuna is told of its end."""
        trial = {"study": study, "number": number}
        with self._writing() as connection:
            add_measurement(connection, trial, measurement, baseline=baseline, configuration=configuration)

    def save_duplicate(self, study: str, number: int, configuration: Mapping[str, Scalar], of: int) -> None:
        """Store that a trial has taken over the result of trial `of`."""
        with self._writing() as connection:
            add_duplicate(connection, {"study": study, "number": number}, configuration, of)

    def save_failure(
        self, study: str, number: int, *, baseline: bool, configuration: Mapping[str, Scalar], failure: FailureRecord
    ) -> None:
        """Store why a trial has no result."""
        trial = {"study": study, "number": number}
        with self._writing() as connection:
            add_failure(connection, trial, failure, baseline=baseline, configuration=configuration)

    def distributions(self, study: str) -> dict[str, tuple[BaseDistribution, ...]]:
        """Every distribution that a parameter was drawn from, parameters and distributions in the order of drawing."""
        with self._reading() as connection:
            return read_distributions(connection, study)

    # ---- after the search ----------------------------------------------------------------------------------------

    def save_repeat(self, study: str, record: RepeatRecord) -> None:
        """Store a repetition of a finalist; one that another process has stored meanwhile is left as it is."""
        with self._writing(alone=True) as connection:
            add_repeat(connection, study, record)

    def repeats(self, study: str, *, with_predictions: bool = False) -> tuple[RepeatRecord, ...]:
        """Every repetition, by trial and repetition."""
        with self._reading() as connection:
            return read_repeats(connection, study, with_predictions=with_predictions)

    def opened_images(self) -> frozenset[str]:
        """Content hashes of every test image of this database, whatever its study, that was looked at."""
        with self._reading() as connection:
            return opened_images(connection)

    def save_holdout(self, record: HoldoutRecord, *, acknowledged: bool) -> None:
        """Store the opening of a sealed test side; how many of its images were opened before is counted here.

        Raises:
            StoreError: some of them were opened before, be it a moment ago, and that is not acknowledged.
        """
        with self._writing(alone=True) as connection:
            add_holdout(connection, record, self.place, acknowledged=acknowledged)

    def holdouts(self, study: str) -> tuple[HoldoutRecord, ...]:
        """Every opening of a study's test side, the first one first."""
        with self._reading() as connection:
            return read_holdouts(connection, study)

    def save_findings(self, study: str, findings: Sequence[Finding], *, trial: int | None) -> None:
        """Store what probes say of a trial, or of the data alone (None), in place of all that they said before.

        Raises:
            ValueError: a number is NaN, or a cause has two findings after the same repairs; nothing is changed.
        """
        with self._writing(alone=True) as connection:
            add_findings(connection, study, findings, trial)

    def findings(self, study: str, *, trial: int | None) -> tuple[tuple[Finding, ...], ...]:
        """What probes said of a trial, or of the data alone (None), round by round, the fewest repairs first."""
        with self._reading() as connection:
            return read_findings(connection, study, trial)

    def save_proof(self, study: str, proof: ProofRecord) -> None:
        """Store what running a remedy has shown, in place of what it had shown before."""
        with self._writing(alone=True) as connection:
            add_proof(connection, study, proof)

    def proofs(self, study: str, *, trial: int) -> tuple[ProofRecord, ...]:
        """Every remedy of a trial that was run, the last one last."""
        with self._reading() as connection:
            return read_proofs(connection, study, trial)

    # ---- Optuna --------------------------------------------------------------------------------------------------

    def optuna_storage(self, *, heartbeat_interval: int | None = None, on_stale: OnStale | None = None) -> RDBStorage:
        """Optuna's storage in the same database; its tables are made if this database was opened with `create`.

        Args:
            heartbeat_interval: seconds between the signs of life of a running trial; None: none are given.
            on_stale: called with the study and a trial that gave no sign for twice that time.
        """
        with self.translated():
            storage = open_optuna_storage(
                self._address,
                create=self._create,
                busy_seconds=self._busy_seconds,
                heartbeat_interval=heartbeat_interval,
                on_stale=on_stale,
            )
        self._storages.append(storage)
        return storage

    def translated(self) -> AbstractContextManager[None]:
        """A context that errors of Optuna's storage, too, leave as `StoreError`s about this database."""
        return translated(self.place)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated(self.place), readable(self.place), transaction(self._engine, write=False) as connection:
            yield connection

    @contextmanager
    def _writing(self, *, alone: bool = False) -> Iterator[Connection]:
        with translated(self.place), transaction(self._engine, write=True, alone=alone) as connection:
            yield connection
