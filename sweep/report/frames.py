"""A report as pandas frames; columns carry the names of the records' fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from sweep.diagnosis.verdict import Judged
from sweep.records import TrialRecord
from sweep.report.gather import Report
from sweep.report.rows import flat_row, report_row, trial_row, waterfall_rows

__all__ = ["epochs_frame", "findings_frame", "ranking_frame", "trials_frame", "waterfall_frame"]


def ranking_frame(report: Report) -> pd.DataFrame:
    """One row a ranked trial; accuracies, gaps and their bounds are fractions, cross-entropies nats, times seconds."""
    return pd.DataFrame([flat_row(report_row(report, row)) for row in report.rows])


def trials_frame(trials: Iterable[TrialRecord]) -> pd.DataFrame:
    """One row a trial in whatever state: when it ran, why it failed, and every field that it was trained with.

    A hyperparameter of a hypermodel that has the name of another column is "configuration." and its name.
    """
    columns = ("trial", "state", "baseline", "duplicate_of", "started", "finished", "failure")
    rows = []
    for trial in trials:
        row = trial_row(trial)
        row["failure"] = None if trial.failure is None else trial.failure.reason
        fields = row["configuration"].items()
        settings = {f"configuration.{name}" if name in columns else name: value for name, value in fields}
        rows.append({**{name: row[name] for name in columns}, **settings})
    return pd.DataFrame(rows, columns=None if rows else list(columns))


def findings_frame(report: Report) -> pd.DataFrame:
    """One row a cause, in the order of the verdict: effects and bounds are fractions, or nats where `unit` says so."""
    columns = (
        "cause",
        "outcome",
        "summary",
        "effect",
        "low",
        "high",
        "unit",
        "p",
        "p_adjusted",
        "images_needed",
        "remedy",
        "missing",
    )
    judged = () if report.diagnosis is None else report.diagnosis.verdict.judged
    return pd.DataFrame([_finding(one) for one in judged], columns=list(columns))


def _finding(one: Judged) -> dict[str, Any]:
    finding, effect = one.finding, one.finding.effect
    return {
        "cause": finding.cause.value,
        "outcome": one.outcome.value,
        "summary": finding.summary,
        "effect": None if effect is None else effect.estimate,
        "low": None if effect is None else effect.low,
        "high": None if effect is None else effect.high,
        "unit": finding.unit.value,
        "p": finding.p,
        "p_adjusted": one.p,
        "images_needed": one.images_needed,
        "remedy": finding.remedies[0].sentence if finding.remedies else "",
        "missing": finding.missing,
    }


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
