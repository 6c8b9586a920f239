"""Databases of every kind that the store promises, and small records to put into them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import optuna
import pytest

from sweep.records import (
    DataIndex,
    DataSummary,
    EpochRecord,
    ImageRecord,
    Measurement,
    ModeRecord,
    Moment,
    PredictionRecord,
    RepeatRecord,
    Scalar,
    Side,
    Split,
    SplitIndices,
    StudyRecord,
    UnreadableFile,
)
from sweep.store.results import Database, open_database


class Samples:
    """A study of five images, and what its trials show."""

    index = DataIndex(
        root="/photos",
        class_names=("cat", "dog"),
        images=(
            ImageRecord(path="cat/1.png", label=0, group="burst-1", content_hash="a" * 64),
            ImageRecord(path="cat/2.png", label=0, group="burst-1", content_hash="b" * 64, pinned=Split.TRAIN),
            ImageRecord(path="dog/ü 3.png", label=1, group="", content_hash="c" * 64),
            ImageRecord(path="dog/4.png", label=1, group="", content_hash="d" * 64),
            ImageRecord(path="dog/5.png", label=1, group="", content_hash="e" * 64),
        ),
    )
    split = SplitIndices(train=np.array([0, 1]), validation=np.array([2]), test=np.array([3]))
    configuration: ClassVar[dict[str, Scalar]] = {
        "backbone": "efficientnet-lite0",
        "dropout": 0.5,
        "head_width": "512-256",
        "batch_size": 32,
    }

    def study(self, name: str = "toys", **changes: object) -> StudyRecord:
        record = StudyRecord(
            name=name,
            definition='{"model": {"dropout": 0.5}, "search": {"trials": 50}}',
            digest="1" * 64,
            data=DataSummary(
                source="photos",
                fingerprint="f" * 64,
                class_names=("cat", "dog"),
                counts={"train": (2, 0), "validation": (0, 1), "test": (0, 1)},
                groups=2,
                unreadable=(UnreadableFile(path="cat/broken.jpg", reason="cut off"),),
                notes=("one copy was dropped",),
            ),
            versions={"keras": "3.15.1", "numpy": "2.4.0"},
            created=datetime.datetime(2026, 5, 1, 12, 30, tzinfo=datetime.UTC),
        )
        return replace(record, **changes)  # type: ignore[arg-type]

    def epoch(self, number: int, **changes: float) -> EpochRecord:
        record = EpochRecord(
            epoch=number,
            logged_train_accuracy=0.8,
            logged_train_loss=0.7,
            logged_penalty=0.02,
            logged_weighting=-0.01,
            logged_validation_accuracy=0.55,
            logged_validation_loss=1.25,
            train_accuracy=0.9,
            train_cross_entropy=0.3,
            validation_accuracy=0.6,
            validation_cross_entropy=1.1,
            learning_rate=1e-3,
            seconds=0.25,
        )
        return replace(record, **changes)  # type: ignore[arg-type]

    def prediction(
        self, side: Side = Side.VALIDATION, moment: Moment = Moment.SELECTED, *, logits: bool = False
    ) -> PredictionRecord:
        return PredictionRecord(
            side=side,
            moment=moment,
            predicted=np.array([0, 1, 1], np.uint16),
            cross_entropy=np.array([0.125, 2.5, 0.0], np.float16),
            logits=np.array([[2, -1], [0.5, 0.25], [-3, 3]], np.float16) if logits else None,
        )

    def mode(self, **changes: object) -> ModeRecord:
        record = ModeRecord(
            dropout=True,
            augmentation=True,
            batch_statistics=True,
            accuracy=0.85,
            cross_entropy=0.4,
            accuracy_noise=0.01,
            cross_entropy_noise=0.02,
            accuracy_change_error=0.005,
            cross_entropy_change_error=0.015,
            draws=4,
        )
        return replace(record, **changes)  # type: ignore[arg-type]

    def repeat(self, number: int, repeat: int, **changes: object) -> RepeatRecord:
        record = RepeatRecord(
            number=number,
            repeat=repeat,
            new_split=True,
            train_accuracy=0.9,
            train_cross_entropy=0.3,
            validation_accuracy=0.6,
            validation_cross_entropy=1.1,
            train_images=2,
            validation_images=1,
            selected_epoch=2,
            folds=0,
            seconds=4.5,
            validation=self.prediction(logits=True),
        )
        return replace(record, **changes)  # type: ignore[arg-type]

    def measurement(self, **changes: object) -> Measurement:
        record = Measurement(
            selected_epoch=2,
            epochs_run=3,
            stopped="early stopping",
            train_accuracy=0.9,
            train_cross_entropy=0.3,
            validation_accuracy=0.6,
            validation_cross_entropy=1.1,
            validation_cross_entropy_error=0.05,
            train_balanced_accuracy=0.875,
            validation_balanced_accuracy=0.5,
            logged_train_accuracy=0.8,
            logged_train_loss=0.7,
            logged_penalty=0.02,
            logged_weighting=-0.01,
            logged_validation_accuracy=0.55,
            logged_validation_loss=1.25,
            penalty=0.01,
            train_images=2,
            validation_images=1,
            trainable_parameters=5_130,
            total_parameters=3_000_000_000,
            engine="fused",
            cut="top_activation",
            seconds=4.5,
            compile_seconds=1.5,
            epochs=(self.epoch(1), self.epoch(2), self.epoch(3)),
            predictions=(self.prediction(),),
            modes=(
                self.mode(),
                self.mode(dropout=False, accuracy=0.9),
                self.mode(dropout=False, augmentation=False, accuracy=0.9, unchanged="no batch norm that trains"),
            ),
        )
        return replace(record, **changes)  # type: ignore[arg-type]


@pytest.fixture
def samples() -> Samples:
    return Samples()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a database may come to be."""
    return tmp_path / "study.db"


@pytest.fixture(params=["memory", "file", "postgres"])
def location(request: pytest.FixtureRequest) -> Path | str:
    """Where an empty database is, or may come to be."""
    where: dict[str, Callable[[], Path | str]] = {
        "memory": lambda: "sqlite://",
        "file": lambda: request.getfixturevalue("path"),
        "postgres": lambda: request.getfixturevalue("prepared_url"),
    }
    return where[request.param]()


Server = Any
PREPARED = "prepared"
# Of the versions of the tables, which stay.
KEPT = "'sweep_schema', 'version_info', 'alembic_version'"
EMPTY = f"""
DO $$ DECLARE name text; BEGIN
SET LOCAL session_replication_role = replica;  -- in whatever order
FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ({KEPT})
LOOP EXECUTE 'DELETE FROM ' || name; END LOOP; END $$
"""


@pytest.fixture(scope="session")
def prepared_server(postgres_server: Server) -> Server:
    """The server with a database that has every table: to make them takes longer than most tests."""
    postgres_server.say(f"CREATE DATABASE {PREPARED}")
    with open_database(postgres_server.url(PREPARED), create=True) as opened:
        opened.optuna_storage()
    return postgres_server


@pytest.fixture
def prepared_url(prepared_server: Server) -> Iterator[str]:
    """The URL of a database on the server with every table in it, and all of them empty."""
    yield prepared_server.url(PREPARED)
    prepared_server.say(EMPTY, PREPARED)


@pytest.fixture
def database(location: Path | str) -> Iterator[Database]:
    """An empty database; tests that use it hold for every kind."""
    with open_database(location, create=True) as opened:
        yield opened


@pytest.fixture
def toys(database: Database, samples: Samples) -> Database:
    """A database with the study "toys" in it, without a trial."""
    database.add_study(samples.study(), samples.index, samples.split)
    return database


RunTrials = Callable[[Database, optuna.study.study.ObjectiveFuncType, int], optuna.Study]


@pytest.fixture
def run_trials() -> RunTrials:
    """Run an objective on the study "toys" the way the search does: `run_trials(database, objective, 3)`."""

    def run(database: Database, objective: optuna.study.study.ObjectiveFuncType, count: int) -> optuna.Study:
        study = optuna.create_study(
            storage=database.optuna_storage(), study_name="toys", direction="maximize", load_if_exists=True
        )
        study.optimize(objective, n_trials=count, catch=(RuntimeError,))
        return study

    return run
