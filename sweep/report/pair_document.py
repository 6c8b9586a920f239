"""Two trials side by side as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from sweep.diagnosis.waterfall import Quantity
from sweep.report.document import comparison_values, finite, waterfall_values
from sweep.report.pair import Contender, Pair, Setting
from sweep.report.pair_text import pair_notes, pair_sentence
from sweep.report.rows import interval_values, report_row

__all__ = ["COMPARISON_SCHEMA", "COMPARISON_VERSION", "pair_values"]

COMPARISON_SCHEMA = "sweep.comparison"
COMPARISON_VERSION = 1
"""Grows when a field changes its meaning or disappears; new fields may come without it."""


def pair_values(pair: Pair) -> dict[str, Any]:
    """The whole comparison; shares are fractions, cross-entropies nats, and what is not finite is None.

    `better` and `smaller_gap` are "first", "second" or "neither", the former also "mixed". Changes are of the second
    against the first, and positive is better for the second.
    """
    found = pair.found
    values = {
        "schema": COMPARISON_SCHEMA,
        "version": COMPARISON_VERSION,
        "sentence": pair_sentence(pair),
        "better": found.better,
        "smaller_gap": found.smaller_gap,
        "first": _contender(pair.first),
        "second": _contender(pair.second),
        "comparison": comparison_values(found.comparison),
        "unpaired_because": pair.unpaired,
        "p": {
            "accuracy": found.p_accuracy,
            "cross_entropy": found.p_cross_entropy,
            "first_worse": found.p_first_worse,
            "second_worse": found.p_second_worse,
        },
        "answers": found.answers
        and {
            "both": found.answers.both,
            "only_first": found.answers.only_first,
            "only_second": found.answers.only_second,
            "none": found.answers.none,
        },
        "settings": _settings(pair.settings),
        "study_settings": _settings(pair.study_settings),
        "recalls": [
            {
                "class": one.name,
                "images": list(one.recall.images),
                "first": interval_values(one.recall.first),
                "second": interval_values(one.recall.second),
                "gained": interval_values(one.recall.gained),
                "p_adjusted": one.recall.p,
            }
            for one in pair.recalls
        ],
        "notes": list(pair_notes(pair)),
    }
    return {name: finite(value) for name, value in values.items()}


def _contender(one: Contender) -> dict[str, Any]:
    falls = (one.report.waterfall(one.row, quantity) for quantity in get_args(Quantity))
    return {
        "study": one.report.study.name,
        "name": one.name,
        **report_row(one.report, one.row),
        "waterfalls": [waterfall_values(fall) for fall in falls],
    }


def _settings(settings: Sequence[Setting]) -> list[dict[str, Any]]:
    return [{"field": one.field, "first": one.first, "second": one.second} for one in settings]
