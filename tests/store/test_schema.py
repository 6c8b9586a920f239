"""Our tables beside Optuna's: names, keys, and columns for every field of the records."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import optuna
import pytest
from sqlalchemy import Table, create_engine, inspect

from sweep.records import (
    EpochRecord,
    FailureRecord,
    Finding,
    HoldoutRecord,
    HoldoutResult,
    ImageRecord,
    Measurement,
    ModeRecord,
    RepeatRecord,
    StageRecord,
    StudyRecord,
)
from sweep.store import schema
from sweep.store.results import open_database


def test_every_table_carries_our_prefix() -> None:
    assert sorted(schema.metadata.tables) == [
        "sweep_epochs",
        "sweep_failures",
        "sweep_findings",
        "sweep_holdout_results",
        "sweep_holdouts",
        "sweep_images",
        "sweep_modes",
        "sweep_predictions",
        "sweep_proofs",
        "sweep_repeats",
        "sweep_schema",
        "sweep_stages",
        "sweep_studies",
        "sweep_trials",
    ]


@pytest.mark.parametrize(
    ("record", "table", "elsewhere"),
    [
        (Measurement, schema.trials, {"epochs", "predictions", "modes"}),
        (EpochRecord, schema.epochs, set()),
        (FailureRecord, schema.failures, set()),
        (Finding, schema.findings, {"effect"}),
        (ImageRecord, schema.images, set()),
        (StageRecord, schema.stages, set()),
        (ModeRecord, schema.modes, set()),
        (RepeatRecord, schema.repeats, {"validation"}),
        (HoldoutRecord, schema.holdouts, {"results"}),
        (HoldoutResult, schema.holdout_results, {"prediction"}),
        (StudyRecord, schema.studies, {"stages"}),
    ],
)
def test_every_field_of_a_record_has_a_column(record: type, table: Table, elsewhere: set[str]) -> None:
    assert {field.name for field in fields(record)} - elsewhere <= set(table.columns.keys())


def test_everything_goes_with_its_study_but_opened_seals() -> None:
    assert not schema.holdouts.foreign_keys
    alone = {schema.studies, schema.schema_version, schema.holdouts}
    for table in set(schema.metadata.tables.values()) - alone:
        assert {key.ondelete for key in table.foreign_keys} == {"CASCADE"}


def test_optuna_and_we_share_a_file_without_meeting(path: Path) -> None:
    with open_database(path, create=True) as database:
        optuna.create_study(storage=database.optuna_storage(), study_name="toys")
    engine = create_engine(f"sqlite:///{path}")
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    assert set(schema.metadata.tables) < names
    assert {name for name in names if name.startswith("sweep_")} == set(schema.metadata.tables)
    assert {"studies", "trials", "alembic_version"} < names
