"""The whole report as one JSON document."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, get_args

from sweep.diagnosis.comparison import Comparison
from sweep.diagnosis.marginals import CAVEAT, Marginal
from sweep.diagnosis.ranking import SORT_NOTES, RankedTrial
from sweep.diagnosis.repeats import Repeated
from sweep.diagnosis.sealed import SealedComparison, SealedScore
from sweep.diagnosis.survival import Surviving
from sweep.diagnosis.waterfall import Quantity, Waterfall
from sweep.records import Split
from sweep.report.gather import Opening, Report
from sweep.report.rows import interval_values, predicted_shares, report_row, trial_row
from sweep.report.sentences import opening_sentence, optimism_sentence, repeats_sentence

__all__ = [
    "JSON_SCHEMA",
    "JSON_VERSION",
    "comparison_values",
    "finite",
    "json_schema",
    "render_json",
    "waterfall_values",
]

JSON_SCHEMA = "sweep.report"
JSON_VERSION = 1
"""Grows when a field changes its meaning or disappears; new fields may come without it."""


def render_json(report: Report, rows: Sequence[RankedTrial]) -> str:
    """The report as JSON, ending with a line break; what is unknown or not finite is null.

    Args:
        report: all of it is written but for the ranking and the waterfalls.
        rows: whose ranking and waterfalls are written.
    """
    ranking = report.ranking
    document = {
        "schema": JSON_SCHEMA,
        "version": JSON_VERSION,
        "study": _study(report),
        "data": _data(report),
        "verdict": report.diagnosis and report.diagnosis.plain,
        "sentence": report.sentence,
        "comparison": ranking.comparison and comparison_values(ranking.comparison),
        "base_rate": {"accuracy": ranking.base_rate.accuracy, "cross_entropy": ranking.base_rate.cross_entropy},
        "sort": report.sort,
        "sort_note": SORT_NOTES[report.sort],
        "leader": ranking.leader,
        "optimism": _optimism(report),
        "ranking": [{**report_row(report, row), "predicted_shares": predicted_shares(report, row)} for row in rows],
        "waterfalls": [
            {"trial": row.number, **waterfall_values(report.waterfall(row, quantity))}
            for row in rows
            for quantity in get_args(Quantity)
        ],
        "trials": [trial_row(trial) for trial in report.trials],
        "repeats": [_repeated(one) for one in report.repeated.values()],
        "survival": _survival(report),
        "importances": {metric: dict(shares) for metric, shares in report.importances.items()},
        "importances_reason": report.importances_reason,
        "marginals": [_marginal(curve) for curve in report.marginals],
        "marginals_note": CAVEAT,
        "openings": [_opening(report, opening) for opening in report.openings],
        "failures": [
            {"kind": group.kind, "reason": group.reason, "trials": list(group.numbers)} for group in report.failures
        ],
        "notes": list(ranking.notes),
    }
    text = json.dumps(finite(document), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    # A file name that is no valid UTF-8 holds lone surrogates: they cannot be printed, but escaped they are valid JSON.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def json_schema() -> str:
    """The JSON schema (draft 2020-12) of what `render_json` writes, ending with a line break."""
    return (files("sweep.report") / "report.schema.json").read_text(encoding="utf-8")


def _study(report: Report) -> dict[str, Any]:
    study = report.study
    return {
        "name": study.name,
        "question": report.question,
        "created": study.created.isoformat(),
        "digest": study.digest,
        "versions": dict(study.versions),
        "trials": dict(report.states),
        "trials_wanted": report.wanted,
    }


def _data(report: Report) -> dict[str, Any]:
    data = report.study.data
    return {
        "source": data.source,
        "fingerprint": data.fingerprint,
        "classes": list(data.class_names),
        "images": {str(side): list(data.counts.get(side, ())) for side in Split},
        "groups": data.groups,
        "folds": report.folds,
        "fold_repeats": data.fold_repeats,
        "unreadable": [{"path": file.path, "reason": file.reason} for file in data.unreadable],
        "notes": list(data.notes),
    }


def comparison_values(comparison: Comparison) -> dict[str, Any]:
    """What changes from one trial to another, as plain values."""
    return {
        "from": comparison.first,
        "to": comparison.second,
        "paired": comparison.paired,
        "gap_narrowed": interval_values(comparison.gap_narrowed),
        "accuracy_gained": interval_values(comparison.accuracy_gained),
        "cross_entropy_saved": interval_values(comparison.cross_entropy_saved),
    }


def _optimism(report: Report) -> dict[str, Any] | None:
    found = report.ranking.optimism
    if found is None:
        return None
    return {
        "trial": report.ranking.optimism_of,
        "candidates": len(found.chosen),
        "validation_accuracy": found.naive,
        "corrected": interval_values(found.corrected),
        "bias": found.bias,
        "sentence": optimism_sentence(report),
    }


def waterfall_values(fall: Waterfall) -> dict[str, Any]:
    """A waterfall as plain values."""
    return {
        "quantity": fall.quantity,
        "reported_train": fall.reported_train,
        "reported_validation": fall.reported_validation,
        "reported_gap": fall.reported_gap,
        "steps": dict(fall.steps),
        "terms": [
            {
                "name": term.name,
                **interval_values(term.interval),
                "order": None if term.order is None else {"low": term.order[0], "high": term.order[1]},
                "unchanged": term.unchanged,
            }
            for term in fall.terms
        ],
    }


def _repeated(one: Repeated) -> dict[str, Any]:
    return {
        "trial": one.number,
        "repeats": one.repeats,
        "new_split": one.new_split,
        "validation_accuracy": interval_values(one.validation),
        "validation_cross_entropy": interval_values(one.cross_entropy),
        "gap": interval_values(one.gap),
    }


def _survival(report: Report) -> dict[str, Any] | None:
    found = report.survival
    if found is None:
        return None
    return {
        "reference": found.reference,
        "against": [_surviving(one) for one in found.against],
        "among": [_surviving(one) for one in found.among],
        "sentence": repeats_sentence(report),
    }


def _surviving(one: Surviving) -> dict[str, Any]:
    comparison = one.comparison
    return {
        "from": comparison.first,
        "to": comparison.second,
        "repeats": comparison.repeats,
        "new_split": comparison.new_split,
        "gap_narrowed": interval_values(comparison.gap_narrowed),
        "accuracy_gained": interval_values(comparison.accuracy_gained),
        "cross_entropy_saved": interval_values(comparison.cross_entropy_saved),
        "p_gap": comparison.p_gap,
        "p_gap_adjusted": one.p_gap,
        "gap_shown": one.gap_shown,
        "p_accuracy": comparison.p_accuracy,
        "p_accuracy_adjusted": one.p_accuracy,
        "accuracy_shown": one.accuracy_shown,
        "p_cross_entropy": comparison.p_cross_entropy,
    }


def _marginal(curve: Marginal) -> dict[str, Any]:
    return {
        "field": curve.name,
        "kind": curve.kind,
        "log": curve.log,
        "bins": [
            {
                "label": one.label,
                "low": one.low,
                "high": one.high,
                "centre": one.centre,
                "trials": one.trials,
                "gap": interval_values(one.gap),
                "validation_accuracy": interval_values(one.validation),
            }
            for one in curve.bins
        ],
    }


def _opening(report: Report, opening: Opening) -> dict[str, Any]:
    result = opening.result
    return {
        "opened": opening.record.opened.isoformat(),
        "test_images": result.test_images,
        "seen_before": result.seen_before,
        "reference": result.reference,
        "scores": [_score(score) for score in result.scores],
        "comparisons": [_sealed_comparison(comparison) for comparison in result.comparisons],
        "sentence": opening_sentence(report, opening),
    }


def _score(score: SealedScore) -> dict[str, Any]:
    return {
        "trial": score.number,
        "rank": score.rank,
        "baseline": score.baseline,
        "accuracy": interval_values(score.accuracy),
        "balanced_accuracy": score.balanced_accuracy,
        "cross_entropy": score.cross_entropy,
        "predicted": None if score.predicted is None else {"low": score.predicted[0], "high": score.predicted[1]},
        "inside": score.place == "inside" if score.place else None,
    }


def _sealed_comparison(comparison: SealedComparison) -> dict[str, Any]:
    return {
        "from": comparison.first,
        "to": comparison.second,
        "accuracy_gained": interval_values(comparison.accuracy_gained),
        "p": comparison.p,
        "p_adjusted": comparison.p_adjusted,
        "shown": comparison.shown,
    }


def finite(value: object) -> object:
    """JSON knows no infinity and no NaN: they become null."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
