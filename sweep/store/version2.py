"""The step from version 1 to 2: modes of the waterfall, logits, repeated finalists, openings of the test side.

The tables stand here as version 2 had them, whatever becomes of `schema.py`: a step must always do the same.
"""

from __future__ import annotations

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
_MODES_REASON = "recorded by an earlier version, which did not measure them"


def upgrade_to_version_2(connection: Connection) -> None:
    """Add what is new. Of the logged validation numbers version 1 knew all: validation was never augmented."""
    for table, columns in _NEW_COLUMNS.items():
        for column in columns:
            text = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {text}")
    _new_tables().create_all(connection)
    connection.exec_driver_sql(
        "UPDATE sweep_trials SET folds = 0, logged_weighting = 0, logged_validation_accuracy = validation_accuracy, "
        f"logged_validation_loss = validation_cross_entropy + penalty, modes_reason = '{_MODES_REASON}' "
        "WHERE selected_epoch IS NOT NULL"
    )
    connection.exec_driver_sql(
        "UPDATE sweep_epochs SET logged_weighting = 0, logged_validation_accuracy = validation_accuracy"
    )


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
        *(_whole(name) for name in ("test_images", "seen_before")),
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
