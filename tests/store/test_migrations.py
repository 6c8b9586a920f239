"""Old files keep opening: one golden file a version, and steps that are taken whole or not at all."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, inspect

from sweep.errors import StoreError
from sweep.records import (
    Cause,
    Exhibit,
    FailureRecord,
    Finding,
    ImageRecord,
    Interval,
    Remedy,
    Split,
    StageRecord,
    TrialState,
    Unit,
    UnreadableFile,
)
from sweep.store import migrations, schema
from sweep.store.address import Access, connect, parse_address
from sweep.store.results import open_database
from sweep.studyfile.definition import DataSettings, StudyDefinition

GOLDEN = Path(__file__).parent / "golden"
Samples = Any


def restored(version: int, path: Path) -> Path:
    """The golden file of a version as a database."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.executescript((GOLDEN / f"version{version}.sql").read_text(encoding="utf-8"))
    return path


def table_columns(path: Path) -> dict[str, list[tuple[str, str, bool]]]:
    """Our tables in a file, with name, type and nullability of each column."""
    engine = connect(parse_address(path), Access.OPEN, 1.0)
    with engine.connect() as connection:
        found = inspect(connection)
        columns = {
            name: [(column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(name)]
            for name in found.get_table_names()
            if name.startswith("sweep_")
        }
    engine.dispose()
    return columns


def test_there_is_a_golden_file_for_every_version() -> None:
    names = sorted(file.name for file in GOLDEN.glob("*.sql"))
    assert names == [f"version{version}.sql" for version in range(1, migrations.current_version() + 1)]


def test_a_changed_table_is_a_new_version(path: Path, tmp_path: Path) -> None:
    # If this fails, schema.py was changed without a step in migrations.py and a golden file of the new version.
    new = tmp_path / "new.db"
    open_database(new, create=True).close()
    assert table_columns(restored(migrations.current_version(), path)) == table_columns(new)


@pytest.mark.parametrize("create", [False, True])
def test_a_study_of_version_1_opens(path: Path, create: bool) -> None:
    with open_database(restored(1, path), create=create) as database:
        study = database.study()
        # Version 2 put its new fields in: finalists and repeats.
        assert json.loads(study.definition) == {"search": {"trials": 3, "finalists": 3, "repeats": 5}}
        assert (study.name, study.default_baseline) == ("toys", True)
        assert study.created.isoformat() == "2026-05-01T12:30:00+00:00"
        assert study.data.unreadable == (UnreadableFile(path="dog/broken.jpg", reason="cut off"),)
        assert study.data.images(Split.TRAIN) == 1
        assert study.stages == (StageRecord(name="trials", seconds=12.5, units=3, unit="trials"),)
        image = ImageRecord(path="cat/1.png", label=0, group="burst-1", content_hash="1" * 64)
        assert database.images("toys")[1] == (image, Split.VALIDATION)


def test_the_trials_of_version_1_are_read(path: Path) -> None:
    with open_database(restored(1, path)) as database:
        measured, duplicate, failed, waiting = database.trials("toys", with_predictions=True)
    assert [trial.state.value for trial in (measured, duplicate, failed, waiting)] == [
        "complete",
        "complete",
        "failed",
        "waiting",
    ]
    assert (measured.baseline, measured.objective) == (True, -0.75)
    assert measured.parameters == {"dropout": 0.25, "head_width": "512-256"}
    assert measured.configuration == {
        "backbone": "efficientnet-lite0",
        "dropout": 0.25,
        "head_width": "512-256",
        "epochs": 2,
    }
    assert measured.measurement is not None
    assert (measured.measurement.gap_accuracy, measured.measurement.gap_cross_entropy) == (0.125, 0.25)
    assert math.isnan(measured.measurement.logged_train_loss)
    # What version 1 did not store but knew, and what it did not know.
    assert (measured.measurement.logged_validation_accuracy, measured.measurement.logged_validation_loss) == (
        0.625,
        0.75,
    )
    assert (measured.measurement.folds, measured.measurement.logged_weighting) == (0, 0.0)
    assert math.isnan(measured.measurement.logged_penalty)
    assert measured.measurement.modes == ()
    assert measured.measurement.modes_reason == "recorded by an earlier version, which did not measure them"
    assert [epoch.validation_cross_entropy for epoch in measured.measurement.epochs] == [1.5, 0.75]
    (prediction,) = measured.measurement.predictions
    assert (prediction.predicted.tolist(), prediction.cross_entropy.tolist()) == ([1], [0.75])
    assert (duplicate.duplicate_of, duplicate.baseline) == (0, False)
    assert failed.failure == FailureRecord(kind="nan", reason="the loss is NaN", epoch=1)
    assert (waiting.measurement, waiting.configuration) == (None, {})


def test_a_file_of_version_1_becomes_one_of_this_version(path: Path, tmp_path: Path) -> None:
    open_database(restored(1, path)).close()
    new = tmp_path / "new.db"
    open_database(new, create=True).close()
    assert table_columns(path) == table_columns(new)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version FROM sweep_schema").fetchall() == [(migrations.current_version(),)]


def test_what_version_2_added_is_read(path: Path) -> None:
    with open_database(restored(2, path)) as database:
        assert database.study().base == "/photos"
        measured = database.trials("toys", with_predictions=True)[0].measurement
        (repeat,) = database.repeats("toys", with_predictions=True)
        (opening,) = database.holdouts("toys")
        assert database.opened_images() == {"2" * 64}
    assert measured is not None
    assert [mode.dropout for mode in measured.modes] == [True, False, False]
    assert [mode.unchanged for mode in measured.modes] == ["", "no augmentation", "no augmentation"]
    assert math.isnan(measured.modes[0].cross_entropy_change_error)
    assert measured.predictions[0].logits is not None
    assert measured.predictions[0].logits.tolist() == [[0.5, -0.25]]
    assert (repeat.number, repeat.repeat, repeat.new_split, repeat.gap_accuracy) == (0, 1, True, 0.25)
    assert repeat.validation is not None
    assert opening.opened.isoformat() == "2026-05-02T12:30:00+00:00"
    assert (opening.test_images, opening.results[0].accuracy) == (1, 0.5)
    assert opening.results[0].share_right.tolist() == [0.5]
    assert math.isnan(opening.results[0].predicted_high)


def test_what_version_3_added_is_read(path: Path) -> None:
    with open_database(restored(3, path)) as database:
        rounds = database.findings("toys", trial=0)
        ((leak, bursts),) = database.findings("toys", trial=None)
    last_epoch = Finding(
        cause=Cause.LAST_EPOCH,
        effect=Interval(estimate=0.25, low=-0.5, high=1.0),
        unit=Unit.CROSS_ENTROPY,
        p=0.5,
        summary="the last epoch costs 0.25 nats",
    )
    assert rounds == ((last_epoch,), (replace(last_epoch, repaired=(Cause.BATCH_NORM, Cause.LEAK)),))
    assert bursts == Finding.not_measured(Cause.BURSTS, "no groups")
    assert leak.effect == Interval(estimate=0.125, low=0.0625, high=0.25, level=0.99)
    assert (leak.cause, leak.p, leak.exact, leak.images) == (Cause.LEAK, 0.0, True, 1)
    assert list(leak.evidence.items()) == [
        ("share", 1.0),
        ("copies", 1),
        ("exact", True),
        ("nearest", "cat/0.png"),
        ("ratio", math.inf),
    ]
    assert leak.remedies == (Remedy(sentence="Drop the copies.", changes={"data.deduplicate": True}),)
    assert leak.exhibits == (Exhibit(caption="a copy and its original", images=(1, 0)),)
    assert leak.source.startswith("Barz and Denzler")


def test_stored_words_of_findings_are_never_renamed() -> None:
    assert [unit.value for unit in Unit] == ["accuracy", "cross_entropy"]
    assert {cause.value for cause in Cause} >= {
        "training-mode", "batch-norm", "small-validation", "best-of-many", "last-epoch", "bookkeeping", "few-images",
        "label-noise", "shift", "leak", "bursts", "preprocessing", "class-bias", "confusable-classes", "capacity",
        "weak-features", "bottleneck", "idle-dropout", "learning-rate", "not-training", "distortion",
        "over-regularized", "shortcut", "resolution",
    }  # fmt: skip
    assert not any("," in cause.value for cause in Cause), "they are stored joined by commas"


# ---- steps ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program one version ahead, whose step adds a table."""

    def add_notes(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE sweep_notes (text TEXT)")

    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, add_notes))


@pytest.mark.usefixtures("next_version")
def test_an_older_file_is_brought_up_to_date_when_it_is_opened(path: Path) -> None:
    with open_database(restored(1, path)) as database:
        assert len(database.trials("toys")) == 4
    assert "sweep_notes" in table_columns(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version FROM sweep_schema").fetchall() == [(migrations.current_version(),)]
    open_database(path).close()


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half_a_step(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE sweep_notes (text TEXT)")
        connection.execute(insert(schema.schema_version).values(version=1))

    before = table_columns(restored(1, path))
    monkeypatch.setattr(migrations, "STEPS", (half_a_step,))
    with pytest.raises(StoreError, match="UNIQUE constraint failed"):
        open_database(path)
    assert table_columns(path) == before
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version FROM sweep_schema").fetchall() == [(1,)]


def test_tables_are_made_once(path: Path, samples: Samples) -> None:
    with open_database(path, create=True) as first, open_database(path, create=True) as second:
        first.add_study(samples.study(), samples.index, samples.split)
        assert second.study().name == "toys"


def test_states_of_trials_are_never_renamed() -> None:
    # Stored words: old databases depend on them.
    assert [state.value for state in TrialState] == ["waiting", "running", "complete", "pruned", "failed"]
    assert [split.value for split in Split] == ["train", "validation", "test"]


def test_a_study_of_version_1_can_be_gone_on_with(path: Path) -> None:
    now = StudyDefinition(name="toys", data=DataSettings(source="toys"))
    stored = json.loads(now.canonical_json())
    for table, field in (
        ("training", "augment_validation"),
        ("training", "class_weight"),
        ("search", "finalists"),
        ("search", "repeats"),
    ):
        del stored[table][field]
    del stored["check"]  # came later still, and decides nothing about a trial
    restored(1, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE sweep_studies SET definition = ?", [json.dumps(stored, sort_keys=True)])
        connection.commit()
    with open_database(path) as database:
        study = database.study()
        database.check_definition("toys", now.digest, now.canonical_json(), lambda *_: ["never asked"])
    expected = json.loads(now.canonical_json())
    del expected["check"]
    assert (study.digest, json.loads(study.definition)) == (now.digest, expected)
