"""The step from version 1 to 2: modes of the waterfall, logits, repeated finalists, openings of the test side.

The tables stand here as version 2 had them, whatever becomes of `schema.py`: a step must always do the same.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    column,
    select,
    table,
    update,
)
from sqlalchemy.schema import CreateColumn

__all__ = ["upgrade_to_version_2"]

_LOGGED = ("logged_penalty", "logged_weighting", "logged_validation_accuracy", "logged_validation_loss")
_NEW_COLUMNS: dict[str, tuple[Column[object], ...]] = {
    "sweep_studies": (Column("base", Text),),
    "sweep_trials": (
        Column("train_balanced_accuracy", Double),
        Column("validation_balanced_accuracy", Double),
        *(Column(name, Double) for name in _LOGGED),
        Column("folds", BigInteger),
        Column("modes_reason", Text),
    ),
    "sweep_epochs": tuple(Column(name, Double) for name in _LOGGED),
    "sweep_predictions": (Column("logits", LargeBinary),),
}
# Fields that version 2 knows, at the values that say what version 1 did without them.
_NEW_FIELDS: dict[str, dict[str, Any]] = {
    "training": {"augment_validation": False, "class_weight": "none"},
    "search": {"finalists": 3, "repeats": 5},
}
_NOT_IN_THE_DIGEST = ("trials", "finalists", "repeats")
_MODES_REASON = "recorded by an earlier version, which did not measure them"


def upgrade_to_version_2(connection: Connection) -> None:
    """Add what is new. Of the logged validation numbers version 1 knew all: validation was never augmented."""
    for name, columns in _NEW_COLUMNS.items():
        for new in columns:
            text = CreateColumn(new).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN {text}")
    _new_tables().create_all(connection)
    connection.exec_driver_sql(
        "UPDATE sweep_trials SET folds = 0, logged_weighting = 0, logged_validation_accuracy = validation_accuracy, "
        f"logged_validation_loss = validation_cross_entropy + penalty, modes_reason = '{_MODES_REASON}' "
        "WHERE selected_epoch IS NOT NULL"
    )
    connection.exec_driver_sql(
        "UPDATE sweep_epochs SET logged_weighting = 0, logged_validation_accuracy = validation_accuracy"
    )

    _complete_definitions(connection)


def _complete_definitions(connection: Connection) -> None:
    """Put the new fields into the stored definitions, or their studies could not be gone on with."""
    studies = table("sweep_studies", column("name"), column("definition"), column("digest"))
    for name, text in connection.execute(select(studies.c.name, studies.c.definition)).all():
        definition = json.loads(text)
        for group, fields in _NEW_FIELDS.items():
            if group in definition:
                definition[group] = {**fields, **definition[group]}
        complete = json.dumps(definition, sort_keys=True, ensure_ascii=False)
        connection.execute(
            update(studies).where(studies.c.name == name).values(definition=complete, digest=_digest(definition))
        )


def _digest(definition: dict[str, Any]) -> str:
    """SHA-256 of what decides about a trial, as version 2 computes it."""
    kept = {field: value for field, value in definition.get("search", {}).items() if field not in _NOT_IN_THE_DIGEST}
    content = {**definition, "search": kept} if "search" in definition else definition
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _new_tables() -> MetaData:
    tables = MetaData()
    # Only as targets of foreign keys; they are there already.
    Table(
        "sweep_trials",
        tables,
        Column("study", String(512), primary_key=True),
        Column("number", BigInteger, primary_key=True),
    )
    Table(
        "sweep_modes",
        tables,
        *_of_trial(),
        Column("dropout", Boolean, primary_key=True),
        Column("augmentation", Boolean, primary_key=True),
        Column("batch_statistics", Boolean, primary_key=True),
        *_reals("accuracy", "cross_entropy", "accuracy_noise", "cross_entropy_noise"),
        *_reals("accuracy_change_error", "cross_entropy_change_error"),
        Column("draws", BigInteger, nullable=False),
        Column("unchanged", Text, nullable=False),
        sqlite_with_rowid=False,
    )
    Table(
        "sweep_repeats",
        tables,
        *_of_trial(),
        Column("repeat", BigInteger, primary_key=True, autoincrement=False),
        Column("new_split", Boolean, nullable=False),
        *_reals("train_accuracy", "train_cross_entropy", "validation_accuracy", "validation_cross_entropy"),
        *(_whole(name) for name in ("train_images", "validation_images", "selected_epoch", "folds")),
        *_reals("seconds"),
        *_predictions(nullable=True),
    )
    Table(
        "sweep_holdouts",
        tables,
        Column("id", Integer, primary_key=True),
        Column("study", String(512), nullable=False),
        Column("opened", DateTime, nullable=False),
        _whole("seen_before"),
        Column("content_hashes", LargeBinary, nullable=False),
    )
    Table(
        "sweep_holdout_results",
        tables,
        Column("holdout", Integer, ForeignKey("sweep_holdouts.id", ondelete="CASCADE"), primary_key=True),
        Column("number", BigInteger, primary_key=True, autoincrement=False),
        _whole("rank"),
        Column("baseline", Boolean, nullable=False),
        *_reals("accuracy", "cross_entropy", "balanced_accuracy", "validation_accuracy"),
        *_reals("predicted_low", "predicted_high"),
        *_predictions(nullable=False),
        Column("share_right", LargeBinary, nullable=False),
    )
    return tables


def _of_trial() -> tuple[Column[str], Column[int], ForeignKeyConstraint]:
    return (
        Column("study", String(512), primary_key=True),
        Column("number", BigInteger, primary_key=True, autoincrement=False),
        ForeignKeyConstraint(["study", "number"], ["sweep_trials.study", "sweep_trials.number"], ondelete="CASCADE"),
    )


def _reals(*names: str) -> tuple[Column[float], ...]:
    return tuple(Column(name, Double) for name in names)


def _whole(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _predictions(*, nullable: bool) -> tuple[Column[object], ...]:
    return (
        Column("images", BigInteger, nullable=nullable),
        Column("predicted", LargeBinary, nullable=nullable),
        Column("cross_entropies", LargeBinary, nullable=nullable),
        Column("logits", LargeBinary),
    )
