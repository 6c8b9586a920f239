"""The Python face of a finished study: records, pandas frames and figures, without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from sweep.diagnosis.ranking import Ranking
from sweep.records import StudyRecord, TrialRecord
from sweep.report.diagnosis import Diagnosis
from sweep.report.figure_set import Figure, draw_figures
from sweep.report.frames import epochs_frame, findings_frame, ranking_frame, trials_frame, waterfall_frame
from sweep.report.gather import Report
from sweep.report.notebook import study_html
from sweep.report.sentences import diagnosis_sentences
from sweep.workflow.compare import Compared, compare_within
from sweep.workflow.report import load_report

__all__ = ["OpenedStudy", "open_study"]


class OpenedStudy:
    """A study read from a database, as it was when it was opened; a notebook shows its verdict and its first trials.

    Example:
        >>> study = sweep.open("study.db")            # doctest: +SKIP
        >>> study.ranking().head()                    # doctest: +SKIP
        >>> study.figures()["gap-against-validation"] # doctest: +SKIP
        >>> study.compare("baseline", "best")         # doctest: +SKIP
    """

    def __init__(self, report: Report) -> None:
        self.report = report

    def __repr__(self) -> str:
        return f"OpenedStudy({self.study.name!r}, {len(self.trials)} trials)"

    def _repr_html_(self) -> str:
        return study_html(self.report)

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

    @property
    def baseline(self) -> TrialRecord | None:
        """The user's configuration of today, or None where it has not been run."""
        return next((trial for trial in self.trials if trial.baseline), None)

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The verdict on the baseline, or None where it has no result yet."""
        return self.report.diagnosis

    @property
    def verdict(self) -> str:
        """The verdict in one sentence, or why there is none."""
        return diagnosis_sentences(self.report)[0]

    def ranking(self) -> pd.DataFrame:
        """One row a ranked trial, the best first; accuracies, gaps and bounds are fractions, cross-entropies nats."""
        return ranking_frame(self.report)

    def trials_frame(self) -> pd.DataFrame:
        """One row a trial, those that run or failed too, with every field that it was trained with."""
        return trials_frame(self.trials)

    def waterfall(self) -> pd.DataFrame:
        """One row a ranked trial, quantity and term: what the gap that Keras would have reported is made of."""
        return waterfall_frame(self.report)

    def epochs(self) -> pd.DataFrame:
        """One row a trial and epoch: logged and clean accuracies and cross-entropies."""
        return epochs_frame(self.trials)

    def findings(self) -> pd.DataFrame:
        """One row a cause of the baseline's gap: found, refuted, undetermined, excluded or not measured."""
        return findings_frame(self.report)

    def figures(self) -> dict[str, Figure]:
        """Every figure of the page by its name, as plotly figures: a notebook shows them.

        The names are those of `sweep report --figures`, such as "waterfall-accuracy" and "curves".
        """
        return draw_figures(self.report)

    def compare(self, first: int | str = "baseline", second: int | str = "best") -> Compared:
        """Two trials side by side, paired where their predictions are stored.

        Args:
            first: a trial's number, "best" or "baseline".
            second: likewise; positive changes are better for it.

        Raises:
            UsageError: there is no such trial, it has no result, or both are the same.
        """
        return compare_within(self.report, first, second)


def open_study(database: str | Path, study: str | None = None) -> OpenedStudy:
    """Read a study: the newest of the database unless `study` names one.

    Raises:
        StoreError: the database is missing, foreign, newer or holds no such study.
    """
    return OpenedStudy(load_report(database, study=study, every_epoch=True))
