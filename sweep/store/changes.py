"""Whether a study has something new to show, without reading what there is."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from sweep.store import schema
from sweep.store.trials import ended_trials

__all__ = ["StudyMark", "read_mark"]

StudyMark = tuple[object, ...]
"""Equal to an earlier one as long as nothing was stored that a report shows."""


def read_mark(connection: Connection, study: str) -> StudyMark:
    """How many trials have ended, and how much there is of what is measured after them."""
    repeats, holdouts, findings, proofs = schema.repeats.c, schema.holdouts.c, schema.findings.c, schema.proofs.c
    after = (
        select(func.count()).where(repeats.study == study),
        select(func.max(holdouts.id)).where(holdouts.study == study),
        # They are written in place of earlier ones, so their number may stay.
        select(func.max(findings.measured)).where(findings.study == study),
        select(func.max(proofs.id)).where(proofs.study == study),
    )
    return (ended_trials(connection, study), *(connection.execute(query).scalar_one() for query in after))
