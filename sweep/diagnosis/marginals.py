"""Influence curves: how the clean gap and clean validation accuracy go with one swept field, side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from sweep.diagnosis.quantiles import student_quantile
from sweep.records import Interval, Measurement, Scalar, TrialRecord, TrialState

__all__ = ["CAVEAT", "Bin", "Marginal", "marginal"]

CAVEAT = (
    "Other fields differ between these trials too, and the search draws more where it expects good results, so a curve "
    "shows what goes together, not what causes what."
)

_MOST_BINS = 6
_TRIALS_A_BIN = 5  # fewer, and the interval of a mean says little


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Trials of similar values of the field.

    Attributes:
        label: the value, or "low – high".
        low, high: least and greatest value of its trials; of a choice its position among the choices.
        centre: where the bin is drawn: the mean of its trials' values, on a logarithmic range the geometric one.
        trials: how many.
        gap: mean clean accuracy gap.
        validation: mean clean validation accuracy.
    """

    label: str
    low: float
    high: float
    centre: float
    trials: int
    gap: Interval
    validation: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Marginal:
    """The curves of one field.

    Attributes:
        name: the field.
        kind: "number" for a range, "choice" for choices.
        log: whether the axis is logarithmic.
        bins: ascending, or in the order of the choices; values that no trial has are left out.
    """

    name: str
    kind: Literal["number", "choice"]
    log: bool
    bins: tuple[Bin, ...]


def marginal(trials: Iterable[TrialRecord], name: str, span: Mapping[str, Any], *, level: float = 0.95) -> Marginal:
    """The mean gap and the mean validation accuracy of complete trials, by the value of one field.

    Trials that duplicate another one, that failed or were stopped early, and those whose value lies outside the range
    (as the baseline's may) are left out. A choice is a bin, and so is a number where trials have at most six of them;
    else up to six bins hold about equally many trials, five where there are enough.

    The curve is no effect: everything else varies too, and a search that learns draws where it expects good results
    (`CAVEAT`). The interval is Student's of the mean over the bin's trials. All were measured on the same validation
    images, whose sampling error is not in it. The bounds of a single trial are NaN: unknown, null in JSON, no bar in a
    figure.

    Args:
        trials: of one study, in any state.
        name: the swept field.
        span: its range in the study's definition: {"low": …, "high": …, "log": …, "step": …} or {"choices": […]}.
        level: of the intervals.
    """
    usable = [
        (trial.parameters[name], trial.measurement)
        for trial in trials
        if trial.state is TrialState.COMPLETE
        and trial.duplicate_of is None
        and trial.measurement is not None
        and name in trial.parameters
        and math.isfinite(trial.measurement.gap_accuracy)
    ]
    if "choices" in span:
        return Marginal(name=name, kind="choice", log=False, bins=_of_choices(usable, span["choices"], level))
    log = bool(span.get("log", False))
    inside = sorted(
        ((float(value), measurement) for value, measurement in usable if _within(value, span)), key=lambda one: one[0]
    )
    bins = tuple(_of_numbers(chunk, log, level) for chunk in _chunks(inside))
    return Marginal(name=name, kind="number", log=log, bins=bins)


_Numbered = tuple[float, Measurement]


def _within(value: Scalar, span: Mapping[str, Any]) -> bool:
    return not isinstance(value, (bool, str)) and span["low"] <= value <= span["high"]


def _of_choices(
    usable: Sequence[tuple[Scalar, Measurement]], choices: Sequence[Scalar], level: float
) -> tuple[Bin, ...]:
    bins = []
    for position, choice in enumerate(choices):
        # True is 1 for Python, but no choice of the same field.
        found = [measurement for value, measurement in usable if type(value) is type(choice) and value == choice]
        if found:
            bins.append(_bin(_label(choice), (position, position, position), found, level))
    return tuple(bins)


def _chunks(inside: Sequence[_Numbered]) -> list[Sequence[_Numbered]]:
    """Trials by value, equal values together."""
    values = [value for value, _ in inside]
    starts = [place for place, value in enumerate(values) if not place or value != values[place - 1]]
    if len(starts) > _MOST_BINS:
        count = min(_MOST_BINS, max(2, len(inside) // _TRIALS_A_BIN))
        wanted = [part * len(inside) / count for part in range(count)]
        starts = sorted({_nearest(starts, place) for place in wanted})
    return [inside[start:end] for start, end in pairwise([*starts, len(inside)])]


def _nearest(starts: Sequence[int], place: float) -> int:
    return min(starts, key=lambda start: abs(start - place))


def _of_numbers(chunk: Sequence[_Numbered], log: bool, level: float) -> Bin:
    values = [value for value, _ in chunk]
    low, high = values[0], values[-1]
    label = _label(low) if low == high else f"{_label(low)} – {_label(high)}"
    centre = math.exp(np.mean(np.log(values))) if log else float(np.mean(values))
    return _bin(label, (low, high, min(max(centre, low), high)), [measurement for _, measurement in chunk], level)


def _bin(label: str, place: tuple[float, float, float], found: Sequence[Measurement], level: float) -> Bin:
    low, high, centre = place
    return Bin(
        label=label,
        low=low,
        high=high,
        centre=centre,
        trials=len(found),
        gap=_mean(found, lambda measurement: measurement.gap_accuracy, level),
        validation=_share(_mean(found, lambda measurement: measurement.validation_accuracy, level)),
    )


def _mean(found: Sequence[Measurement], value: Callable[[Measurement], float], level: float) -> Interval:
    values = np.array([value(measurement) for measurement in found])
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return Interval(estimate=mean, low=math.nan, high=math.nan, level=level)
    half = student_quantile(level, count) * float(values.std(ddof=1)) / math.sqrt(count)
    return Interval(estimate=mean, low=mean - half, high=mean + half, level=level)


def _share(interval: Interval) -> Interval:
    """No bound of a share lies outside 0 to 1; NaN stays."""
    low, high = (float(np.clip(bound, 0.0, 1.0)) for bound in (interval.low, interval.high))
    return replace(interval, low=low, high=high)


def _label(value: Scalar) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.3g}"
    return str(value)
