"""Writes the golden file of the current schema version: `python tests/store/golden/make_golden.py`.

Run once for a version, when it is new, and never again: the file stands for databases that users have.
"""

from __future__ import annotations

import datetime
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna

from sweep.records import (
    Cause,
    DataIndex,
    DataSummary,
    EpochRecord,
    Exhibit,
    FailureRecord,
    Finding,
    HoldoutRecord,
    HoldoutResult,
    ImageRecord,
    Interval,
    Measurement,
    ModeRecord,
    Moment,
    PredictionRecord,
    ProofOutcome,
    ProofRecord,
    Remedy,
    RepeatRecord,
    Side,
    SplitIndices,
    StageRecord,
    StudyRecord,
    Unit,
    UnreadableFile,
)
from sweep.store.migrations import current_version
from sweep.store.results import Database, open_database

NAME = "toys"
CONFIGURATION = {"backbone": "efficientnet-lite0", "dropout": 0.25, "head_width": "512-256", "epochs": 2}


def add_study(database: Database) -> None:
    """A study of three images, one on each side."""
    images = tuple(
        ImageRecord(path=f"cat/{number}.png", label=0, group=f"burst-{number}", content_hash=str(number) * 64)
        for number in range(3)
    )
    summary = DataSummary(
        source="photos",
        fingerprint="f" * 64,
        class_names=("cat", "dog"),
        counts={"train": (1, 0), "validation": (1, 0), "test": (1, 0)},
        groups=3,
        unreadable=(UnreadableFile(path="dog/broken.jpg", reason="cut off"),),
        notes=("no dog could be read",),
    )
    record = StudyRecord(
        name=NAME,
        definition='{"search": {"trials": 3}}',
        digest="d" * 64,
        data=summary,
        versions={"keras": "3.15.1"},
        created=datetime.datetime(2026, 5, 1, 12, 30, tzinfo=datetime.UTC),
        default_baseline=True,
        base="/photos",
    )
    index = DataIndex(root="/photos", class_names=("cat", "dog"), images=images)
    split = SplitIndices(train=np.array([0]), validation=np.array([1]), test=np.array([2]))
    database.add_study(record, index, split)
    database.save_stages(NAME, (StageRecord(name="trials", seconds=12.5, units=3, unit="trials"),))


def measurement() -> Measurement:
    """Numbers that binary fractions hold exactly, and one NaN."""
    epochs = tuple(
        EpochRecord(
            epoch=number,
            logged_train_accuracy=0.5,
            logged_train_loss=float("nan"),
            logged_penalty=0.125,
            logged_weighting=0.0,
            logged_validation_accuracy=0.5,
            logged_validation_loss=1.25,
            train_accuracy=0.75,
            train_cross_entropy=0.5,
            validation_accuracy=0.625,
            validation_cross_entropy=1.5 / number,
            learning_rate=0.001,
            seconds=0.25,
        )
        for number in (1, 2)
    )
    prediction = PredictionRecord(
        side=Side.VALIDATION,
        moment=Moment.SELECTED,
        predicted=np.array([1], np.uint16),
        cross_entropy=np.array([0.75], np.float16),
        logits=np.array([[0.5, -0.25]], np.float16),
    )
    return Measurement(
        selected_epoch=2,
        epochs_run=2,
        stopped="finished",
        train_accuracy=0.75,
        train_cross_entropy=0.5,
        validation_accuracy=0.625,
        validation_cross_entropy=0.75,
        validation_cross_entropy_error=0.125,
        logged_train_accuracy=0.5,
        logged_train_loss=float("nan"),
        train_balanced_accuracy=0.75,
        validation_balanced_accuracy=0.5,
        logged_penalty=0.125,
        logged_weighting=0.0,
        logged_validation_accuracy=0.5,
        logged_validation_loss=1.25,
        penalty=0.0,
        train_images=1,
        validation_images=1,
        trainable_parameters=5_130,
        total_parameters=3_418_000,
        engine="fused",
        cut="top_activation",
        seconds=4.5,
        compile_seconds=1.5,
        epochs=epochs,
        predictions=(prediction,),
        modes=tuple(mode(*switches) for switches in ((True, True, True), (False, True, True), (False, False, True))),
    )


def mode(dropout: bool, augmentation: bool, batch_statistics: bool) -> ModeRecord:
    """One mode of the waterfall."""
    return ModeRecord(
        dropout=dropout,
        augmentation=augmentation,
        batch_statistics=batch_statistics,
        accuracy=0.5 if dropout else 0.75,
        cross_entropy=0.625,
        accuracy_noise=0.0625,
        cross_entropy_noise=0.0,
        accuracy_change_error=0.03125,
        cross_entropy_change_error=float("nan"),
        draws=4,
        unchanged="" if dropout else "no augmentation",
    )


def add_what_follows(database: Database) -> None:
    """A repetition of trial 0, and an opening of the test side."""
    kept = measurement()
    database.save_repeat(
        NAME,
        RepeatRecord(
            number=0,
            repeat=1,
            new_split=True,
            train_accuracy=0.75,
            train_cross_entropy=0.5,
            validation_accuracy=0.5,
            validation_cross_entropy=0.875,
            train_images=1,
            validation_images=1,
            selected_epoch=2,
            folds=0,
            seconds=4.5,
            validation=kept.predictions[0],
        ),
    )
    result = HoldoutResult(
        number=0,
        rank=1,
        baseline=True,
        accuracy=0.5,
        cross_entropy=0.75,
        balanced_accuracy=0.5,
        validation_accuracy=0.625,
        predicted_low=0.25,
        predicted_high=float("nan"),
        prediction=replace(kept.predictions[0], side=Side.TEST),
        share_right=np.array([0.5], np.float16),
    )
    opened = datetime.datetime(2026, 5, 2, 12, 30, tzinfo=datetime.UTC)
    record = HoldoutRecord(study=NAME, opened=opened, seen_before=0, content_hashes=("2" * 64,), results=(result,))
    database.save_holdout(record, acknowledged=False)


def add_findings(database: Database) -> None:
    """Two rounds about trial 0, and one about the data."""
    leak = Finding(
        cause=Cause.LEAK,
        effect=Interval(estimate=0.125, low=0.0625, high=0.25, level=0.99),
        p=0.0,
        exact=True,
        images=1,
        summary="1 of 1 validation images is a copy of a training image",
        evidence={"share": 1.0, "copies": 1, "exact": True, "nearest": "cat/0.png", "ratio": float("inf")},
        remedies=(Remedy(sentence="Drop the copies.", changes={"data.deduplicate": True}),),
        source="Barz and Denzler, Do we train on test data?, 2020, https://arxiv.org/abs/1902.00423",
        exhibits=(Exhibit(caption="a copy and its original", images=(1, 0)),),
        rows=(1,),
    )
    last_epoch = Finding(
        cause=Cause.LAST_EPOCH,
        effect=Interval(estimate=0.25, low=-0.5, high=1.0),
        unit=Unit.CROSS_ENTROPY,
        p=0.5,
        summary="the last epoch costs 0.25 nats",
    )
    database.save_findings(NAME, (last_epoch, replace(last_epoch, repaired=(Cause.BATCH_NORM, Cause.LEAK))), trial=0)
    database.save_findings(NAME, (leak, Finding.not_measured(Cause.BURSTS, "no groups")), trial=None)


def add_proof(database: Database) -> None:
    """A remedy of trial 0, run once, so that no bound is known."""
    unknown = Interval(estimate=0.125, low=float("-inf"), high=float("inf"))
    database.save_proof(
        NAME,
        ProofRecord(
            trial=0,
            cause=Cause.LAST_EPOCH,
            changes={"training.keep": "best"},
            repeats=1,
            new_split=True,
            gap_narrowed=unknown,
            accuracy_gained=Interval(estimate=0.25, low=0.125, high=0.5),
            cross_entropy_saved=unknown,
            p=0.5,
            outcome=ProofOutcome.NOT_SHOWN,
            sentence="one training shows nothing",
        ),
    )


def run_trials(database: Database) -> None:
    """Trial 0 is measured, 1 repeats it, 2 fails, 3 waits."""

    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("dropout", 0.0, 0.9)
        trial.suggest_categorical("head_width", ["none", "512-256"])
        if trial.number == 0:
            database.save_measurement(NAME, 0, baseline=True, configuration=CONFIGURATION, measurement=measurement())
        elif trial.number == 1:
            database.save_duplicate(NAME, 1, CONFIGURATION, 0)
        else:
            failure = FailureRecord(kind="nan", reason="the loss is NaN", epoch=1)
            database.save_failure(NAME, 2, baseline=False, configuration=CONFIGURATION, failure=failure)
            raise RuntimeError(failure.reason)
        return -0.75

    study = optuna.create_study(storage=database.optuna_storage(), study_name=NAME, direction="maximize")
    for _ in range(4):
        study.enqueue_trial({"dropout": 0.25, "head_width": "512-256"})
    study.optimize(objective, n_trials=3, catch=(RuntimeError,))


def main() -> None:
    """Make a database and write it out as SQL."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.db"
        with open_database(path, create=True) as database:
            add_study(database)
            run_trials(database)
            add_what_follows(database)
            add_findings(database)
            add_proof(database)
        connection = sqlite3.connect(path)
        dump = "\n".join(connection.iterdump()) + "\n"
        connection.close()
    Path(__file__).with_name(f"version{current_version()}.sql").write_text(dump, encoding="utf-8")


if __name__ == "__main__":
    main()
