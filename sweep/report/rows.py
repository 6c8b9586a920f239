"""One row of the ranking as plain values, the same for JSON, CSV and pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweep.diagnosis.ranking import RankedTrial
from sweep.records import Interval, Scalar

__all__ = ["flat_row", "interval_values", "ranking_row"]


def ranking_row(row: RankedTrial, parameters: Mapping[str, Scalar | None]) -> dict[str, Any]:
    """Accuracies, gaps and their bounds are fractions, cross-entropies nats, times seconds; intervals are nested."""
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
        "gap": interval_values(row.gap),
        "train_cross_entropy": measured.train_cross_entropy,
        "validation_cross_entropy": measured.validation_cross_entropy,
        "gap_cross_entropy": interval_values(row.gap_cross_entropy),
        "objective": row.trial.objective,
        "p_worse_than_leader": row.p_worse,
        "selected_epoch": measured.selected_epoch,
        "epochs_run": measured.epochs_run,
        "trainable_parameters": measured.trainable_parameters,
        "seconds": measured.seconds,
        "duplicates": list(row.duplicates),
    }


def flat_row(nested: Mapping[str, Any]) -> dict[str, Any]:
    """The same in single columns: "gap", "gap_low", "gap_high"; swept fields under their own names."""
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        if name == "parameters":
            flat |= value
        elif isinstance(value, dict):
            flat |= {name: value["estimate"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
        elif isinstance(value, list):
            flat[name] = " ".join(map(str, value))
        else:
            flat[name] = value
    return flat


def interval_values(interval: Interval) -> dict[str, float]:
    """An interval as a mapping."""
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high, "level": interval.level}
