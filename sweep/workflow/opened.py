"""The Python face of a finished study: records and pandas frames, without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from sweep.diagnosis.ranking import Ranking
from sweep.records import StudyRecord, TrialRecord
from sweep.report.frames import epochs_frame, ranking_frame, waterfall_frame
from sweep.report.gather import Report
from sweep.workflow.report import load_report

__all__ = ["OpenedStudy", "open_study"]


class OpenedStudy:
    """A study read from a database, as it was when it was opened.

    Example:
        >>> study = sweep.open("study.db")  # doctest: +SKIP
        >>> study.ranking().head()          # doctest: +SKIP
    """

    def __init__(self, report: Report) -> None:
        self.report = report

    @property
    def study(self) -> StudyRecord:
        """Definition, data and versions."""
        return self.report.study

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        """Every trial, in the order of their numbers."""
        return self.report.trials

    @property
    def best(self) -> TrialRecord | None:
        """Rank 1 of our ranking, or None where no trial has finished."""
        ranking: Ranking = self.report.ranking
        numbers = {trial.number: trial for trial in self.trials}
        return numbers[ranking.rows[0].number] if ranking.rows else None

    def ranking(self) -> pd.DataFrame:
        """One row a ranked trial, the best first."""
        return ranking_frame(self.report)

    def waterfall(self) -> pd.DataFrame:
        """One row a ranked trial, quantity and term: what the gap that Keras would have reported is made of."""
        return waterfall_frame(self.report)

    def epochs(self) -> pd.DataFrame:
        """One row a trial and epoch: logged and clean accuracies and cross-entropies."""
        return epochs_frame(self.trials)


def open_study(database: str | Path, study: str | None = None) -> OpenedStudy:
    """Read a study: the newest of the database unless `study` names one.

    Raises:
        StoreError: the database is missing, foreign, newer or holds no such study.
    """
    return OpenedStudy(load_report(database, study=study, every_epoch=True))
