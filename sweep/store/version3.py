"""The step from version 2 to 3: what probes say of trials and of the data.

The table stands here as version 3 had it, whatever becomes of `schema.py`: a step must always do the same.
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
    MetaData,
    String,
    Table,
    Text,
)

__all__ = ["upgrade_to_version_3"]


def upgrade_to_version_3(connection: Connection) -> None:
    """Add the table of findings, empty: version 2 measured none."""
    tables = MetaData()
    # Only as the target of the foreign key; it is there already.
    Table("sweep_studies", tables, Column("name", String(512), primary_key=True))
    Table(
        "sweep_findings",
        tables,
        Column("study", String(512), ForeignKey("sweep_studies.name", ondelete="CASCADE"), primary_key=True),
        Column("subject", BigInteger, primary_key=True, autoincrement=False),
        Column("repaired", Text, primary_key=True),
        Column("cause", String(32), primary_key=True),
        *(Column(f"effect_{name}", Double) for name in ("estimate", "low", "high", "level")),
        Column("unit", String(16), nullable=False),
        Column("p", Double),
        Column("exact", Boolean, nullable=False),
        Column("images", BigInteger, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("summary", "evidence", "remedies", "exhibits")),
        *(Column(name, Text, nullable=False) for name in ("source", "missing")),
        Column("measured", DateTime, nullable=False),
        Column("version", Text),
    )
    tables.create_all(connection)
