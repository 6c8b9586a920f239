"""What a further process of `sweep run --workers` does: the same search, on features that the first one computed."""

from __future__ import annotations

import os
from pathlib import Path

from sweep.errors import UsageError
from sweep.progress import Progress, Silent
from sweep.workflow.resolve import ResolvedStudy

__all__ = ["NEEDS", "check_workers", "search_beside", "share_cores"]

NEEDS = "sweep.workflow.run"
"""What is imported while the first process prepares the data."""

_THREADS = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")


def check_workers(count: int) -> None:
    """Refuse numbers of processes that make no sense.

    Raises:
        UsageError: there is none, or many more than cores.
    """
    most = 4 * (os.cpu_count() or 1)
    if not 1 <= count <= most:
        raise UsageError(
            "--workers",
            received=str(count),
            expected=f"1 to {most}, four for each core here",
            remedy="leave it out for a single process",
        )


def share_cores(count: int) -> None:
    """Give each of so many processes its share of the cores; call it before TensorFlow is imported.

    Variables of the environment that the user has set stay.
    """
    if count > 1:
        for name in _THREADS:
            os.environ.setdefault(name, str(max(1, (os.cpu_count() or 1) // count)))


def search_beside(resolved: ResolvedStudy, database: str | Path, timeout: float | None, progress: Progress) -> None:
    """Search a study that the first process has added to the database, until it has its trials.

    Args:
        resolved: whose hypermodel's code, if it has one, may be run: the first process has checked that.
        database: where the study is.
        timeout: seconds after which no further trial is started.
        progress: hears of the trials of this process.

    Raises:
        SweepError: as `run_study`.
    """
    # Here, since this module is loaded before TensorFlow's messages can be kept off the terminal.
    from sweep.search.runner import run_search  # noqa: PLC0415
    from sweep.store.results import open_database  # noqa: PLC0415
    from sweep.workflow.hypermodel import make_training  # noqa: PLC0415
    from sweep.workflow.prepare import prepare_data  # noqa: PLC0415

    definition, base = resolved.definition, resolved.base
    with open_database(database) as opened:
        data = prepare_data(definition, base=base, progress=Silent())
        training = make_training(definition, data, base=base, progress=Silent())
        run_search(
            definition=definition,
            database=opened,
            trainer=training.trainer,
            progress=progress,
            timeout=timeout,
            candidates=training.candidates,
        )
