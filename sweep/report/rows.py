"""One row of the ranking, and its waterfalls, as plain values, the same for JSON, CSV and pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from sweep.diagnosis.comparison import Change
from sweep.diagnosis.ranking import RankedTrial
from sweep.diagnosis.waterfall import Quantity
from sweep.records import Interval, Scalar, TrialRecord
from sweep.report.gather import Report

__all__ = [
    "flat_row",
    "interval_values",
    "predicted_shares",
    "ranking_row",
    "report_row",
    "trial_row",
    "waterfall_rows",
]

# Three columns each, also in a row that knows no such interval.
_INTERVALS = (
    "validation_accuracy",
    "validation_balanced_accuracy",
    "gap",
    "gap_cross_entropy",
    "gap_narrowed",
    "validation_gained",
)


def ranking_row(
    row: RankedTrial, parameters: Mapping[str, Scalar | None], change: Change | None = None
) -> dict[str, Any]:
    """Accuracies, gaps and their bounds are fractions, cross-entropies nats, times seconds; intervals are nested.

    `chosen` is the share of resampled validation sides on which the trial would be rank 1; balanced accuracies are None
    where classes are about equally large; `logged_*` is what Keras would have printed; `gap_narrowed` and
    `validation_gained` are against the baseline on the same images, and None in its own row.
    """
    measured = row.measurement
    return {
        "rank": row.rank,
        "tier": int(row.tier),
        "tied_with_rank_1": row.tied,
        "trial": row.number,
        "baseline": row.baseline,
        "leader": row.leader,
        "state": str(row.trial.state),
        "reason": row.reason,
        "parameters": dict(parameters),
        "train_accuracy": measured.train_accuracy,
        "validation_accuracy": interval_values(row.validation),
        "train_balanced_accuracy": row.train_balanced,
        "validation_balanced_accuracy": None if row.balanced is None else interval_values(row.balanced),
        "gap": interval_values(row.gap),
        "train_cross_entropy": measured.train_cross_entropy,
        "validation_cross_entropy": measured.validation_cross_entropy,
        "gap_cross_entropy": interval_values(row.gap_cross_entropy),
        "logged_train_accuracy": measured.logged_train_accuracy,
        "logged_train_loss": measured.logged_train_loss,
        "logged_validation_accuracy": measured.logged_validation_accuracy,
        "logged_validation_loss": measured.logged_validation_loss,
        "objective": row.trial.objective,
        "gap_narrowed": None if change is None else interval_values(change.gap_narrowed),
        "validation_gained": None if change is None else interval_values(change.accuracy_gained),
        "p_worse_than_leader": row.p_worse,
        "pareto": row.pareto,
        "chosen": row.chosen,
        "selected_epoch": measured.selected_epoch,
        "epochs_run": measured.epochs_run,
        "folds": measured.folds,
        "trainable_parameters": measured.trainable_parameters,
        "seconds": measured.seconds,
        "duplicates": list(row.duplicates),
    }


def report_row(report: Report, row: RankedTrial) -> dict[str, Any]:
    """One row of a report."""
    return ranking_row(row, report.parameters(row), report.ranking.changes.get(row.number))


def predicted_shares(report: Report, row: RankedTrial) -> dict[str, float] | None:
    """By class the share of the validation images that a trial takes for it; None where predictions are not stored."""
    prediction, names = report.predictions.get(row.number), report.study.data.class_names
    if prediction is None or not len(prediction.predicted):
        return None
    counts = np.bincount(prediction.predicted, minlength=len(names))
    return {name: float(count / counts.sum()) for name, count in zip(names, counts, strict=True)}


def trial_row(trial: TrialRecord) -> dict[str, Any]:
    """One trial, in whatever state: when it ran, what came of it, and every field that it was trained with."""
    failure = trial.failure
    return {
        "trial": trial.number,
        "state": str(trial.state),
        "baseline": trial.baseline,
        "duplicate_of": trial.duplicate_of,
        "started": None if trial.started is None else trial.started.isoformat(),
        "finished": None if trial.finished is None else trial.finished.isoformat(),
        "failure": failure and {"kind": failure.kind, "reason": failure.reason, "epoch": failure.epoch},
        "configuration": dict(trial.configuration),
    }


def flat_row(nested: Mapping[str, Any]) -> dict[str, Any]:
    """The same in single columns: "gap", "gap_low", "gap_high"; swept fields under their own names.

    A hyperparameter of a hypermodel that has the name of another column is "parameters." and its name.
    """
    flat: dict[str, Any] = {}
    columns = {*nested, *(f"{name}_{end}" for name in _INTERVALS for end in ("low", "high"))}
    for name, value in nested.items():
        if name == "parameters":
            flat |= {f"parameters.{field}" if field in columns else field: one for field, one in value.items()}
        elif isinstance(value, dict) or name in _INTERVALS:
            known = value or dict.fromkeys(("estimate", "low", "high"))
            flat |= {name: known["estimate"], f"{name}_low": known["low"], f"{name}_high": known["high"]}
        elif isinstance(value, list):
            flat[name] = " ".join(map(str, value))
        else:
            flat[name] = value
    return flat


def interval_values(interval: Interval) -> dict[str, float]:
    """An interval as a mapping."""
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high, "level": interval.level}


def waterfall_rows(report: Report, row: RankedTrial) -> list[dict[str, Any]]:
    """One row a quantity and term, in fractions or nats; `order_low` and `order_high` are None where unknown."""
    falls = [report.waterfall(row, quantity) for quantity in get_args(Quantity)]
    return [
        {
            "trial": row.number,
            "quantity": fall.quantity,
            "term": term.name,
            "estimate": term.interval.estimate,
            "low": term.interval.low,
            "high": term.interval.high,
            "order_low": None if term.order is None else term.order[0],
            "order_high": None if term.order is None else term.order[1],
            "unchanged": term.unchanged,
        }
        for fall in falls
        for term in fall.terms
    ]
