"""What follows the trials of a study: its finalists once more, and the verdict."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sweep.progress import Progress
from sweep.store.results import Database
from sweep.workflow.finalists import FinalistRuns
from sweep.workflow.hypermodel import Training
from sweep.workflow.prepare import PreparedData
from sweep.workflow.resolve import ResolvedStudy
from sweep.workflow.verdicts import verdict_after

__all__ = ["Conclusion", "conclude_study"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What came of it.

    Attributes:
        repeated: how many repetitions of the finalists there are, or "" where none was asked for.
        verdict: on the baseline, in a sentence, or "" where none was asked for.
    """

    repeated: str
    verdict: str


def conclude_study(
    resolved: ResolvedStudy,
    data: PreparedData,
    training: Training,
    database: Database,
    *,
    complete: bool,
    deadline: float | None = None,
    progress: Progress,
) -> Conclusion:
    """Train what is missing of both; what is stored is never trained again.

    Args:
        resolved: the study.
        data: its images.
        training: who trains its models.
        database: holds its trials.
        complete: whether it has its trials; there are no finalists before.
        deadline: of the monotonic clock, after which nothing further is begun.
        progress: stage "finalists" and those of the verdict.
    """
    finals = FinalistRuns(
        definition=resolved.definition, data=data, trainer=training.trainer, database=database, progress=progress
    )
    repeated = finals.run(deadline=deadline) if complete else ""
    late = deadline is not None and time.monotonic() >= deadline
    verdict = "" if late else verdict_after(resolved, data, training, database, progress=progress)
    return Conclusion(repeated=repeated, verdict=verdict)
