"""Our tables: what Optuna has no place for, hanging on (study name, trial number).

Optuna's own tables stand in the same database and are never changed by us. Every name carries the prefix `sweep_`.
A change of any table is a new schema version: `migrations.py` says how.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from sweep.store.columns import Real, Time, Whole

__all__ = [
    "epochs",
    "failures",
    "findings",
    "holdout_results",
    "holdouts",
    "images",
    "metadata",
    "modes",
    "predictions",
    "proofs",
    "repeats",
    "schema_version",
    "stages",
    "studies",
    "trials",
]


metadata = MetaData()

NAME_LENGTH = 512  # Optuna's limit for a study's name
CHANGES = ("gap_narrowed", "accuracy_gained", "cross_entropy_saved")  # of a proof, each an interval


def _study() -> Column[str]:
    return Column("study", String(NAME_LENGTH), ForeignKey("sweep_studies.name", ondelete="CASCADE"), primary_key=True)


def _of_trial(*, key: bool = True) -> tuple[Column[str], Column[int], ForeignKeyConstraint]:
    """The columns of a table that hangs on a trial, and the constraint that removes its rows with it."""
    return (
        Column("study", String(NAME_LENGTH), primary_key=key, nullable=False),
        Column("number", Whole, primary_key=key, autoincrement=False, nullable=False),
        ForeignKeyConstraint(["study", "number"], ["sweep_trials.study", "sweep_trials.number"], ondelete="CASCADE"),
    )


def _reals(*names: str) -> tuple[Column[float], ...]:
    return tuple(Column(name, Real) for name in names)


schema_version = Table(
    "sweep_schema",
    metadata,
    Column("version", Whole, primary_key=True, autoincrement=False),
)

studies = Table(
    "sweep_studies",
    metadata,
    Column("name", String(NAME_LENGTH), primary_key=True),
    Column("definition", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("data", Text, nullable=False),
    Column("versions", Text, nullable=False),
    Column("created", Time, nullable=False),
    Column("default_baseline", Boolean, nullable=False),
    Column("base", Text),
)

images = Table(
    "sweep_images",
    metadata,
    _study(),
    Column("position", Whole, primary_key=True, autoincrement=False),
    Column("path", Text, nullable=False),
    Column("label", Whole, nullable=False),
    Column("split", String(16)),
    Column("group", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("pinned", String(16)),
    sqlite_with_rowid=False,
)

trials = Table(
    "sweep_trials",
    metadata,
    _study(),
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("baseline", Boolean, nullable=False),
    Column("duplicate_of", Whole),
    Column("configuration", Text, nullable=False),
    # From here on the fields of `Measurement`, all NULL where there is none.
    Column("selected_epoch", Whole),
    Column("epochs_run", Whole),
    Column("stopped", String(32)),
    *_reals("train_accuracy", "train_cross_entropy", "validation_accuracy", "validation_cross_entropy"),
    *_reals("validation_cross_entropy_error", "logged_train_accuracy", "logged_train_loss", "penalty"),
    Column("train_images", Whole),
    Column("validation_images", Whole),
    Column("trainable_parameters", Whole),
    Column("total_parameters", Whole),
    Column("engine", String(32)),
    Column("cut", Text),
    Column("seconds", Real),
    Column("compile_seconds", Real),
    # Since version 2.
    *_reals("train_balanced_accuracy", "validation_balanced_accuracy"),
    *_reals("logged_penalty", "logged_weighting", "logged_validation_accuracy", "logged_validation_loss"),
    Column("folds", Whole),
    Column("modes_reason", Text),
)

epochs = Table(
    "sweep_epochs",
    metadata,
    *_of_trial(),
    Column("epoch", Whole, primary_key=True, autoincrement=False),
    *_reals("logged_train_accuracy", "logged_train_loss", "train_accuracy", "train_cross_entropy"),
    *_reals("validation_accuracy", "validation_cross_entropy", "learning_rate", "seconds"),
    # Since version 2.
    *_reals("logged_penalty", "logged_weighting", "logged_validation_accuracy", "logged_validation_loss"),
    sqlite_with_rowid=False,
)

modes = Table(
    "sweep_modes",
    metadata,
    *_of_trial(),
    Column("dropout", Boolean, primary_key=True),
    Column("augmentation", Boolean, primary_key=True),
    Column("batch_statistics", Boolean, primary_key=True),
    *_reals("accuracy", "cross_entropy", "accuracy_noise", "cross_entropy_noise"),
    *_reals("accuracy_change_error", "cross_entropy_change_error"),
    Column("draws", Whole, nullable=False),
    Column("unchanged", Text, nullable=False),
    sqlite_with_rowid=False,
)


predictions = Table(
    "sweep_predictions",
    metadata,
    *_of_trial(),
    Column("split", String(16), primary_key=True),
    Column("moment", String(16), primary_key=True),
    Column("images", Whole, nullable=False),
    Column("predicted", LargeBinary, nullable=False),
    Column("cross_entropy", LargeBinary, nullable=False),
    # Since version 2.
    Column("logits", LargeBinary),
)

repeats = Table(
    "sweep_repeats",
    metadata,
    *_of_trial(),
    Column("repeat", Whole, primary_key=True, autoincrement=False),
    Column("new_split", Boolean, nullable=False),
    *_reals("train_accuracy", "train_cross_entropy", "validation_accuracy", "validation_cross_entropy"),
    Column("train_images", Whole, nullable=False),
    Column("validation_images", Whole, nullable=False),
    Column("selected_epoch", Whole, nullable=False),
    Column("folds", Whole, nullable=False),
    Column("seconds", Real),
    Column("images", Whole),
    Column("predicted", LargeBinary),
    Column("cross_entropies", LargeBinary),
    Column("logits", LargeBinary),
)

# An opened seal stays on record even where its study is removed: nothing here refers to a study's row.
holdouts = Table(
    "sweep_holdouts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study", String(NAME_LENGTH), nullable=False),
    Column("opened", Time, nullable=False),
    Column("seen_before", Whole, nullable=False),
    Column("content_hashes", LargeBinary, nullable=False),
)

holdout_results = Table(
    "sweep_holdout_results",
    metadata,
    Column("holdout", Integer, ForeignKey("sweep_holdouts.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("rank", Whole, nullable=False),
    Column("baseline", Boolean, nullable=False),
    *_reals("accuracy", "cross_entropy", "balanced_accuracy", "validation_accuracy"),
    *_reals("predicted_low", "predicted_high"),
    Column("images", Whole, nullable=False),
    Column("predicted", LargeBinary, nullable=False),
    Column("cross_entropies", LargeBinary, nullable=False),
    Column("logits", LargeBinary),
    Column("share_right", LargeBinary, nullable=False),
)

failures = Table(
    "sweep_failures",
    metadata,
    *_of_trial(),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("epoch", Whole),
)

stages = Table(
    "sweep_stages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study", String(NAME_LENGTH), ForeignKey("sweep_studies.name", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("seconds", Real),
    Column("units", Whole, nullable=False),
    Column("unit", Text, nullable=False),
)

# About a trial, or about the data alone: then there is none to refer to, and `subject` is -1.
findings = Table(
    "sweep_findings",
    metadata,
    _study(),
    Column("subject", Whole, primary_key=True, autoincrement=False),
    Column("repaired", Text, primary_key=True),
    Column("cause", String(32), primary_key=True),
    *_reals("effect_estimate", "effect_low", "effect_high", "effect_level"),
    Column("unit", String(16), nullable=False),
    Column("p", Real),
    Column("exact", Boolean, nullable=False),
    Column("images", Whole, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("summary", "evidence", "remedies", "exhibits")),
    *(Column(name, Text, nullable=False) for name in ("source", "missing")),
    Column("measured", Time, nullable=False),
    Column("version", Text),
    Column("rows", Text),
)

proofs = Table(
    "sweep_proofs",
    metadata,
    Column("id", Integer, primary_key=True),
    *_of_trial(key=False),
    Column("cause", String(32), nullable=False),
    Column("changes", Text, nullable=False),
    Column("left_out", Whole, nullable=False),
    Column("repeats", Whole, nullable=False),
    Column("new_split", Boolean, nullable=False),
    *_reals(*(f"{change}_{bound}" for change in CHANGES for bound in ("estimate", "low", "high", "level"))),
    Column("p", Real),
    Column("outcome", String(16), nullable=False),
    Column("sentence", Text, nullable=False),
    Column("measured", Time, nullable=False),
)
