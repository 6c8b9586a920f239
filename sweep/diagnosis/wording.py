"""Numbers in the sentences that a diagnosis writes itself: shares, points, p values, trials."""

from __future__ import annotations

from collections.abc import Sequence

from sweep.records import Interval

__all__ = ["bounds", "class_text", "listed_classes", "numbered", "p_text", "percent", "points", "size"]

_LONGEST_NAME = 60  # characters of a class in a sentence


def percent(share: float) -> str:
    """A share as a percentage: 0.748 is "74.8 %"."""
    return f"{points(share)} %"


def points(share: float) -> str:
    """A difference of shares in points: 0.123 is "12.3"."""
    text = f"{100 * share:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", "−")


def bounds(low: float, high: float) -> str:
    """The bounds of a share or a difference, in points: "[9.1, 15.6]"."""
    return f"[{points(low)}, {points(high)}]"


def size(difference: Interval) -> str:
    """How large a difference is, its interval turned the same way: "12.3 points [9.1, 15.6]"."""
    low, high = difference.low, difference.high
    if difference.estimate < 0:
        low, high = -high, -low
    return f"{points(abs(difference.estimate))} points {bounds(low, high)}"


def p_text(p: float) -> str:
    """A p value: "p = 0.004", and "p < 0.001" below that."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def numbered(trials: Sequence[int]) -> str:
    """Trials by their numbers: "trial 7", "trials 7, 3 and 12"."""
    *first, last = map(str, trials)
    return f"trials {', '.join(first)} and {last}" if first else f"trial {last}"


def class_text(label: int, names: Sequence[str] = ()) -> str:
    """A class by its name in quotes: '"cat"'; by its number where there are no names. Names are untrusted text."""
    if not names:
        return str(label)
    name = names[label]
    return f'"{name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"}"'


def listed_classes(labels: Sequence[int], names: Sequence[str] = ()) -> str:
    """Several classes: '"cat", "dog" and "fox"'."""
    *first, last = (class_text(label, names) for label in labels)
    return f"{', '.join(first)} and {last}" if first else last
