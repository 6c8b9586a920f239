"""The step from version 3 to 4: all images that a finding is about, and remedies that were run.

The table stands here as version 4 had it, whatever becomes of `schema.py`: a step must always do the same.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.schema import CreateColumn

__all__ = ["upgrade_to_version_4"]

_CHANGES = ("gap_narrowed", "accuracy_gained", "cross_entropy_saved")


def upgrade_to_version_4(connection: Connection) -> None:
    """Add a column for the images, empty, and the table of proofs: version 3 kept and ran none."""
    column = CreateColumn(Column("rows", Text)).compile(dialect=connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE sweep_findings ADD COLUMN {column}")
    tables = MetaData()
    # Only as the target of the foreign key; it is there already.
    Table(
        "sweep_trials",
        tables,
        Column("study", String(512), primary_key=True),
        Column("number", BigInteger, primary_key=True, autoincrement=False),
    )
    Table(
        "sweep_proofs",
        tables,
        Column("id", Integer, primary_key=True),
        Column("study", String(512), nullable=False),
        Column("number", BigInteger, autoincrement=False, nullable=False),
        ForeignKeyConstraint(["study", "number"], ["sweep_trials.study", "sweep_trials.number"], ondelete="CASCADE"),
        Column("cause", String(32), nullable=False),
        Column("changes", Text, nullable=False),
        Column("left_out", BigInteger, nullable=False),
        Column("repeats", BigInteger, nullable=False),
        Column("new_split", Boolean, nullable=False),
        *(Column(f"{change}_{bound}", Double) for change in _CHANGES for bound in ("estimate", "low", "high", "level")),
        Column("p", Double),
        Column("outcome", String(16), nullable=False),
        Column("sentence", Text, nullable=False),
        Column("measured", DateTime, nullable=False),
    )
    tables.create_all(connection)
