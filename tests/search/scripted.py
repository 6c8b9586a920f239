"""A trainer that computes what training would have measured; as a program, a search that is killed again and again.

As a program: `scripted.py DATABASE TRIALS MOMENT...` runs one search a moment, each in a process of its own that kills
itself with SIGKILL at that moment, counted in SQL statements begun and epochs trained, and then one to the end. Prints
how many of them were killed.
"""

from __future__ import annotations

import datetime
import math
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol

import numpy as np
import optuna
import sqlalchemy

from sweep.progress import Silent
from sweep.records import DataIndex, DataSummary, EpochRecord, ImageRecord, Measurement, SplitIndices, StudyRecord
from sweep.search.runner import SearchOutcome, run_search
from sweep.store.results import Database, open_database
from sweep.studyfile.definition import (
    Configuration,
    DataSettings,
    FoldSettings,
    ModelSettings,
    SearchSettings,
    StudyDefinition,
    TrainingSettings,
)
from sweep.studyfile.space import Choices, FieldRange, NumberRange

DROPOUT = NumberRange(low=0.0, high=0.9)
SPACE: Mapping[str, FieldRange] = {
    "dropout": DROPOUT,
    "l2": NumberRange(low=1e-6, high=1e-1, log=True),
    "batch_size": Choices(values=(16, 32, 64)),
}
INSIDE = ModelSettings(dropout=0.5, l2=1e-3)
OUTSIDE = ModelSettings(dropout=0.5, l2=0.0)

Curve = Callable[[Configuration, int], float]


class Listens(Protocol):
    def epoch(self, record: EpochRecord) -> bool: ...

    def fold(self, number: int, cross_entropy: float) -> bool: ...


def make_definition(
    *,
    model: ModelSettings = INSIDE,
    epochs: int = 3,
    space: Mapping[str, FieldRange] = SPACE,
    trials: int = 6,
    pruner: str = "none",
    validation: float | FoldSettings = 0.2,
    **search: object,
) -> StudyDefinition:
    return StudyDefinition(
        name="toys",
        data=DataSettings(source="toys", validation=validation),
        model=model,
        training=TrainingSettings(epochs=epochs),
        space=space,
        search=SearchSettings.model_validate({"trials": trials, "pruner": pruner, **search}),
    )


def add_study(database: Database, definition: StudyDefinition) -> None:
    """Store the study of a data set of one image."""
    nothing = np.zeros(0, np.int64)
    image = ImageRecord(path="a/1.png", label=0, group="", content_hash="0" * 64)
    summary = DataSummary(source="toys", fingerprint="0" * 64, class_names=("a",), counts={"train": (1,)}, groups=0)
    values: dict[str, Any] = {
        "name": definition.name,
        "definition": definition.canonical_json(),
        "digest": definition.digest,
        "data": summary,
        "versions": {},
        "created": datetime.datetime.now(datetime.UTC),
        "default_baseline": False,
    }
    known = {field.name for field in fields(StudyRecord)}
    record = StudyRecord(**{name: value for name, value in values.items() if name in known})
    index = DataIndex(root="toys", class_names=("a",), images=(image,))
    database.add_study(record, index, SplitIndices(train=np.zeros(1, np.int64), validation=nothing, test=nothing))


def bowl(configuration: Configuration, epoch: int) -> float:
    """Validation cross-entropy: least at dropout 0.3, falling with the epochs."""
    assert isinstance(configuration.model.dropout, float)
    return 0.4 + (configuration.model.dropout - 0.3) ** 2 + 0.5 * math.exp(-epoch)


def no_event(number: int, epoch: int) -> None:
    """Let the epoch pass."""


def raising(error: BaseException, *, trial: int, epoch: int = 1) -> Callable[[int, int], None]:
    """An event that raises in one trial."""

    def event(number: int, reached: int) -> None:
        if (number, reached) == (trial, epoch):
            raise error

    return event


def frozen_trials(database: Database) -> list[optuna.trial.FrozenTrial]:
    """The trials as Optuna holds them."""
    study = optuna.load_study(study_name="toys", storage=database.optuna_storage())
    return study.get_trials()


class ScriptedTrainer:
    """Trains nothing: the gap closes with the dropout rate, validation follows `curve`.

    Attributes:
        trained: the number and configuration of each trial begun.
        seeds: the seed of each.
        thorough: the numbers of those that were to be measured thoroughly.
        epochs_trained: how many epochs all of them took.
    """

    def __init__(self, curve: Curve = bowl, *, event: Callable[[int, int], None] = no_event) -> None:
        self.trained: list[tuple[int, Configuration]] = []
        self.seeds: list[tuple[int, ...]] = []
        self.thorough: list[int] = []
        self.epochs_trained = 0
        self._curve = curve
        self._event = event

    def train(
        self, configuration: Configuration, *, seed: Sequence[int], reporter: Listens, thorough: bool = False
    ) -> Measurement:
        number = seed[1]
        self.trained.append((number, configuration))
        self.seeds.append(tuple(seed))
        self.thorough += [number] * thorough
        records: list[EpochRecord] = []
        stopped = "finished"
        for epoch in range(1, configuration.training.epochs + 1):
            self._event(number, epoch)
            self.epochs_trained += 1
            records.append(self._epoch(configuration, epoch))
            if not reporter.epoch(records[-1]):
                stopped = "pruned"
                break
        return make_measurement(records, stopped=stopped)

    def _epoch(self, configuration: Configuration, epoch: int) -> EpochRecord:
        assert isinstance(configuration.model.dropout, float)
        return make_epoch(epoch, self._curve(configuration, epoch), gap=0.4 * (1 - configuration.model.dropout))


class ScriptedFolds:
    """Trains nothing, once a fold: each fold is harder than the one before, for all configurations alike.

    Attributes:
        folds: how many of each trial were trained, by its number.
    """

    def __init__(self, folds: int) -> None:
        self.folds: dict[int, int] = {}
        self._folds = folds

    def train(
        self, configuration: Configuration, *, seed: Sequence[int], reporter: Listens, thorough: bool = False
    ) -> Measurement:
        assert isinstance(configuration.model.dropout, float)
        records: list[EpochRecord] = []
        stopped = "finished"
        for number in range(1, self._folds + 1):
            self.folds[seed[1]] = number
            # So far from one another that which of two is worse differs in no fold.
            records.append(make_epoch(1, (1 + configuration.model.dropout) * (0.5 + 0.01 * number)))
            reporter.epoch(records[-1])
            if not reporter.fold(number, records[-1].validation_cross_entropy):
                stopped = "pruned"
                break
        mean = sum(record.validation_cross_entropy for record in records) / len(records)
        return make_measurement(records[:1], stopped=stopped, validation_cross_entropy=mean, folds=len(records))


def make_epoch(epoch: int, validation: float, *, gap: float = 0.2) -> EpochRecord:
    """An epoch of the given validation cross-entropy; accuracies follow from the cross-entropies."""
    train = validation - gap
    return EpochRecord(
        epoch=epoch,
        logged_train_accuracy=math.exp(-train),
        logged_train_loss=train,
        logged_penalty=0.0,
        logged_weighting=0.0,
        logged_validation_accuracy=math.exp(-validation),
        logged_validation_loss=validation,
        train_accuracy=math.exp(-train),
        train_cross_entropy=train,
        validation_accuracy=math.exp(-validation),
        validation_cross_entropy=validation,
        learning_rate=1e-3,
        seconds=0.1,
    )


def make_measurement(epochs: Sequence[EpochRecord], *, stopped: str = "finished", **changes: object) -> Measurement:
    """What the best of these epochs shows."""
    best = min(epochs, key=lambda record: record.validation_cross_entropy)
    values: dict[str, Any] = {
        "selected_epoch": best.epoch,
        "epochs_run": len(epochs),
        "stopped": stopped,
        "train_accuracy": best.train_accuracy,
        "train_cross_entropy": best.train_cross_entropy,
        "validation_accuracy": best.validation_accuracy,
        "validation_cross_entropy": best.validation_cross_entropy,
        "validation_cross_entropy_error": 0.02,
        "train_balanced_accuracy": best.train_accuracy,
        "validation_balanced_accuracy": best.validation_accuracy,
        "logged_train_accuracy": best.logged_train_accuracy,
        "logged_train_loss": best.logged_train_loss,
        "logged_penalty": 0.0,
        "logged_weighting": 0.0,
        "logged_validation_accuracy": best.logged_validation_accuracy,
        "logged_validation_loss": best.logged_validation_loss,
        "penalty": 0.0,
        "train_images": 100,
        "validation_images": 50,
        "trainable_parameters": 10,
        "total_parameters": 20,
        "engine": "fused",
        "cut": "top",
        "seconds": 0.1,
        "compile_seconds": 0.0,
        "epochs": tuple(epochs),
    }
    return Measurement(**(values | changes))


class KilledAt:
    """Ends this process with SIGKILL at the given moment."""

    def __init__(self, moment: int) -> None:
        self._left = moment

    def __call__(self, *_: object) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def spare_the_disk(connection: object, _: object) -> None:
    """Leave out the waiting for the disk, which protects from power cuts, not from kills."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


def run_once(location: str, trials: int, moment: int | None) -> SearchOutcome:
    """Run the study to its total, or to the moment at which this process dies."""
    definition = make_definition(trials=trials, pruner="median", epochs=7, model=OUTSIDE)
    trainer = ScriptedTrainer()
    if moment is not None:
        kill = KilledAt(moment)
        sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", kill)
        trainer = ScriptedTrainer(event=kill)
    with open_database(location, create=True) as database:
        return run_search(definition=definition, database=database, trainer=trainer, progress=Silent())


def run_and_die(location: str, trials: int, moment: int) -> bool:
    """Run the study in a child process; whether it was killed before its end."""
    child = os.fork()
    if child == 0:
        run_once(location, trials, moment)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    if status:
        sys.exit(f"the search that was to die at moment {moment} ended with status {status}")
    return False


def main() -> None:
    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", spare_the_disk)
    location, trials, moments = sys.argv[1], int(sys.argv[2]), [int(moment) for moment in sys.argv[3:]]
    killed = sum(run_and_die(location, trials, moment) for moment in moments)
    run_once(location, trials, None)
    sys.stdout.write(f"{killed}\n")


if __name__ == "__main__":
    main()
