"""Numbers and sentences as people read them, the same in terminal, page and Markdown."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from sweep.diagnosis import wording as diagnosis
from sweep.diagnosis.comparison import Comparison
from sweep.diagnosis.ranking import RankedTrial, Ranking
from sweep.diagnosis.tiers import Tier
from sweep.diagnosis.wording import percent, points, size
from sweep.records import Interval, Scalar

__all__ = [
    "bounds",
    "duration",
    "nats",
    "objective_meaning",
    "percent",
    "plain",
    "points",
    "setting",
    "signed_points",
    "verdict_sentence",
    "with_bounds",
]

# Of the invisible format characters only the two that hold emoji together are kept; the rest can reorder or hide text.
_KEPT_INVISIBLE = "\u200d\ufe0f"
_DROPPED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def plain(text: str, limit: int | None = None) -> str:
    """Untrusted text on one line, without control or reordering characters (shown as "�"), at most `limit` long."""
    shown = "".join(
        "�"
        if unicodedata.category(character) in _DROPPED_CATEGORIES and character not in _KEPT_INVISIBLE
        else character
        for character in " ".join(text.split())
    )
    return shown if limit is None or len(shown) <= limit else shown[: limit - 1] + "…"


def signed_points(share: float) -> str:
    """A difference of shares in points, with its sign: "+12.3", "−0.4"."""
    return _minus(f"{100 * share:+.1f}")


def bounds(interval: Interval) -> str:
    """The bounds of a share or a difference, in points: "[9.1, 15.6]"."""
    return diagnosis.bounds(interval.low, interval.high)


def with_bounds(interval: Interval, number: Callable[[float], str] = points) -> str:
    """An estimate and its bounds: "12.3 [9.1, 15.6]"; the estimate alone where it is exact or its bounds are unknown.

    Args:
        interval: of a share, a difference or anything else that `number` writes.
        number: how to write one number.
    """
    if not math.isfinite(interval.estimate):
        return "–"
    estimate, low, high = number(interval.estimate), interval.low, interval.high
    return f"{estimate} [{number(low)}, {number(high)}]" if low < high < math.inf else estimate


def nats(value: float | None) -> str:
    """A cross-entropy or an objective; "–" where it is unknown or not finite."""
    return "–" if value is None or not math.isfinite(value) else _minus(f"{value:.3f}")


def duration(seconds: float) -> str:
    """Wall time, from "0.4 s" to "2 h 05 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def setting(value: Scalar | None) -> str:
    """The value of a hyperparameter: floats to three digits."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3g}"
    return plain(str(value), 40)


def objective_meaning(search: Mapping[str, Any]) -> str:
    """What J is under a definition's search settings, after "J: "."""
    if search.get("objective", "balanced") != "balanced":
        return "minus the validation cross-entropy, in nats; higher is better"
    weight = search.get("gap_weight", 0.25)
    return (
        f"minus the validation cross-entropy, less {weight} times what of the cross-entropy gap is no chance, in nats; "
        "higher is better"
    )


def verdict_sentence(ranking: Ranking, baseline_name: str) -> str:
    """What the study says, in one sentence: the baseline ("your configuration", "our default") against rank 1."""
    best, baseline = ranking.best, ranking.baseline
    if best is None:
        return "No trial has been measured yet."
    if ranking.leader is None:
        return "No configuration is shown to beat the bare class frequencies, so there is none to recommend."
    if baseline is None:
        return (
            f"Trial {best.number} is first with {_described(best)}; {baseline_name} has no result to compare it with."
        )
    if ranking.comparison is None:
        return f"{_capital(baseline_name)} is first with {_described(baseline)}: {_unbeaten(ranking)}."
    stopped = f", which was stopped early after epoch {baseline.measurement.epochs_run}"
    end = stopped if baseline.tier is Tier.PRUNED else ""
    return f"{_compared(ranking.comparison)} than {baseline_name}{end}{_doubt(ranking.comparison)}."


def _compared(change: Comparison) -> str:
    gap, accuracy = change.gap_narrowed, change.accuracy_gained
    verb = "widens" if gap.estimate < 0 else "narrows"
    more = "less" if accuracy.estimate < 0 else "more"
    narrowed, gained = size(gap), size(accuracy)
    return f"Trial {change.second} {verb} the gap by {narrowed} and scores {gained} {more} on validation"


def _doubt(change: Comparison) -> str:
    gap = change.gap_narrowed.low <= 0 <= change.gap_narrowed.high
    accuracy = change.accuracy_gained.low <= 0 <= change.accuracy_gained.high
    if gap and accuracy:
        return "; both differences may be chance"
    if gap:
        return "; the difference in the gap may be chance"
    return "; the difference on validation may be chance" if accuracy else ""


def _described(row: RankedTrial) -> str:
    return (
        f"{percent(row.validation.estimate)} {bounds(row.validation)} on validation and a gap of "
        f"{points(row.gap.estimate)} points {bounds(row.gap)}"
    )


def _unbeaten(ranking: Ranking) -> str:
    others = len(ranking.rows) - 1
    ties = sum(row.tied for row in ranking.rows[1:])
    if not others:
        return "there is no other trial yet"
    beaten = "the one other does not beat it" if others == 1 else f"none of the {others} others beats it"
    return beaten + (f", {ties} cannot be told from it" if ties else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _minus(number: str) -> str:
    """A proper minus sign, and none before a zero."""
    if number.startswith("-") and not number.strip("-0."):
        number = number[1:]
    return number.replace("-", "−")
