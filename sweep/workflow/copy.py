"""`sweep copy`: a study with everything from one database to another; loads no TensorFlow."""

from __future__ import annotations

import shlex
from pathlib import Path

from sweep.progress import Progress, Silent
from sweep.store.results import open_database
from sweep.workflow.databases import check_kept

__all__ = ["copy_study"]


def copy_study(
    source: str | Path, target: str | Path, *, study: str | None = None, progress: Progress | None = None
) -> tuple[str, ...]:
    """Copy a study, of SQLite or PostgreSQL, to a database of either kind, which is made where it is missing.

    Everything goes with it: trials, measurements, epochs, predictions, findings, proofs, repetitions, openings of the
    sealed test side, failures, and what Optuna keeps. The copy can be reported, and searched on, as the original can.

    Args:
        source: a path or a URL.
        target: likewise.
        study: which one; the newest unless named.
        progress: stage "copying"; nowhere by default.

    Returns:
        What was done, and what to type next.

    Raises:
        StoreError: the source is missing, foreign or newer or has no such study, or the target cannot be written or
            knows the name already; then nothing is copied.
        UsageError: the target is in memory.
    """
    check_kept(target)
    with open_database(source) as given:
        record = given.study(study)
        with open_database(target, create=True) as taking:
            taking.optuna_storage()
            with (progress or Silent()).stage("copying", None, "rows") as advance:
                given.copy_study(record.name, taking, advance)
            trials = len(taking.trials(record.name, with_epochs=False))
            place = shlex.quote(taking.place)
    return (f"study {record.name}: {trials} trials copied to {place}", f"next: sweep report {place}")
