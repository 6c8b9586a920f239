"""A report as pandas frames; columns carry the names of the records' fields."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from sweep.records import TrialRecord
from sweep.report.gather import Report
from sweep.report.rows import flat_row, report_row, waterfall_rows

__all__ = ["epochs_frame", "ranking_frame", "waterfall_frame"]


def ranking_frame(report: Report) -> pd.DataFrame:
    """One row a ranked trial; accuracies, gaps and their bounds are fractions, cross-entropies nats, times seconds."""
    return pd.DataFrame([flat_row(report_row(report, row)) for row in report.rows])


def epochs_frame(trials: Iterable[TrialRecord]) -> pd.DataFrame:
    """One row a trial and epoch: the logged and the clean accuracies and cross-entropies."""
    columns = (
        "epoch",
        "logged_train_accuracy",
        "logged_train_loss",
        "train_accuracy",
        "train_cross_entropy",
        "validation_accuracy",
        "validation_cross_entropy",
        "learning_rate",
        "seconds",
    )
    measured = [(trial.number, trial.measurement) for trial in trials if trial.measurement is not None]
    return pd.DataFrame(
        [
            {"trial": number, **{name: getattr(epoch, name) for name in columns}}
            for number, measurement in measured
            for epoch in measurement.epochs
        ],
        columns=["trial", *columns],
    )


def waterfall_frame(report: Report) -> pd.DataFrame:
    """One row a ranked trial, quantity and term: what the reported gap is made of, in fractions or nats."""
    columns = ("trial", "quantity", "term", "estimate", "low", "high", "order_low", "order_high", "unchanged")
    rows = [row for ranked in report.rows for row in waterfall_rows(report, ranked)]
    return pd.DataFrame(rows, columns=list(columns))
