"""The arithmetic of the comparison, and its table: numbers in, numbers and text out."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SUBTRACTED = {"imports": "import", "decoding": "decod", "compiling": "compil"}
"""What the limit knows nothing of, and how the names of such stages begin: taken off our time where the database has
them, else left in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A peer's trials, and what as many as ours take it.

    Attributes:
        measured_seconds: wall time of its process, which ran `len(trials)` trials.
        setup: seconds of it outside of trials: imports, loading the network, decoding; spent once.
        trials: seconds of each.
        wanted: how many trials ours ran.
    """

    measured_seconds: float
    trials: tuple[float, ...]
    wanted: int

    @property
    def setup(self) -> float:
        """Seconds spent once, whatever the number of trials."""
        return self.measured_seconds - sum(self.trials)

    @property
    def extrapolated(self) -> bool:
        """Whether it ran fewer trials than ours."""
        return len(self.trials) < self.wanted

    @property
    def mean(self) -> float:
        """Seconds of a trial."""
        return statistics.fmean(self.trials)

    @property
    def seconds(self) -> float:
        """Of all trials: as measured, or setup and so many times the mean."""
        return self.setup + self.mean * self.wanted if self.extrapolated else self.measured_seconds


def taken_off(stages: Mapping[str, float]) -> dict[str, float]:
    """Seconds by `SUBTRACTED`; what is not recorded is left out."""
    found: dict[str, float] = {}
    for name, seconds in stages.items():
        for kind, beginning in SUBTRACTED.items():
            if name.startswith(beginning):
                found[kind] = found.get(kind, 0.0) + seconds
    return found


def remaining(seconds: float, stages: Mapping[str, float]) -> float:
    """Our time less imports, decoding and compiling, as far as they are recorded."""
    return seconds - sum(taken_off(stages).values())


def limit_seconds(pass_seconds: float, operations: float, rate: float) -> float:
    """One backbone pass and so many operations at `rate` operations a second."""
    return pass_seconds + operations / rate


def balanced_objective(train: float, validation: float, error: float, gap_weight: float) -> float:
    """J = −CE_val − λ·max(0, CE_val − CE_train − 1.645·SE), nats: a study's objective from a peer's clean numbers.

    Args:
        train: mean clean cross-entropy of the training images.
        validation: likewise.
        error: standard error of the latter.
        gap_weight: λ.
    """
    return -validation - gap_weight * max(0.0, validation - train - 1.645 * error)


def reached_after(trials: Sequence[Mapping[str, Any]], target: float) -> float | None:
    """Seconds until the first finished trial whose objective is at least `target`; None where there is none.

    Args:
        trials: each with "state", "objective" and "ended_after".
        target: J, nats.
    """
    reached = [
        trial["ended_after"]
        for trial in trials
        if trial["state"] == "complete" and trial["objective"] is not None and trial["objective"] >= target
    ]
    return min(reached, default=None)


# ---- text ------------------------------------------------------------------------------------------------------------


def side_lines(found: Mapping[str, Any]) -> list[str]:
    """A row a side: what all trials took, what one took, memory, and how often ours fits into it."""
    lines = [f"{'':44}{'all trials':>14}{'a trial':>11}{'memory':>10}{'÷ ours':>9}"]
    for name, title in {"ours": "ours, from an empty cache", "second": "ours, a second study on the same data"}.items():
        lines.append(_row(title, found[name], ""))
    for name, title in {"optuna": "(b) Optuna + plain Keras loop", "tuner": "(c) KerasTuner RandomSearch"}.items():
        lines.append(_row(title, found[name], f"{found['ratios'][name]:.1f}"))
    for side in (found["optuna"], found["tuner"]):
        if side["extrapolated"]:
            once, each = f"{side['setup_seconds']:.1f} s once", f"{side['seconds_a_trial']:.1f} s × {found['trials']}"
            lines.append(f"* extrapolated from {side['trials_run']} of {found['trials']} trials: {once} + {each}")
    return lines


def _row(title: str, side: Mapping[str, Any], ratio: str) -> str:
    star = "*" if side.get("extrapolated") else " "
    times = f"{side['seconds']:>12,.1f}s{star}{side['seconds_a_trial']:>10.2f}s"
    return f"{title:44}{times}{side['peak_bytes'] / 1e9:>8.2f}GB{ratio:>9}".rstrip()


def stage_lines(found: Mapping[str, Any]) -> list[str]:
    """Our stages, first and second study beside each other; what is not recorded is said to be so."""
    first, second = found["ours"], found["second"]
    lines = [f"{'stages of ours':44}{'first':>13}{'second':>13}"]
    lines += [
        _stage(name, first["stages"].get(name), second["stages"].get(name))
        for name in dict.fromkeys([*first["stages"], *second["stages"]])
    ]
    lines.append(_stage("in no stage", *(side["seconds"] - sum(side["stages"].values()) for side in (first, second))))
    lines += [f"  {name}: not recorded" for name in SUBTRACTED if name not in taken_off(first["stages"])]
    return lines


def _stage(name: str, *seconds: float | None) -> str:
    return f"  {name:42}" + "".join(f"{'–' if value is None else f'{value:.2f} s':>13}" for value in seconds)


def limit_lines(found: Mapping[str, Any]) -> list[str]:
    """The limit's parts and what ours is in them."""
    limit, ratios = found["limit"], found["ratios"]
    lines = [
        f"limit: one pass in {engine}, {one['way']}, {one['batch']} at once: {one['seconds']:.2f} s"
        for engine, one in limit["passes"].items()
    ]
    off = taken_off(found["ours"]["stages"])
    left_in = [name for name in SUBTRACTED if name not in off]
    noted = f" ({', '.join(left_in)}: not recorded, left in)" if left_in else ""
    return [
        *lines,
        f"limit: {limit['operations'] / 1e9:,.1f} G operations of the tails at {limit['rate'] / 1e9:,.1f} G/s "
        f"({limit['rate_where']}): {limit['operations'] / limit['rate']:.2f} s",
        f"limit: {limit['seconds']:.2f} s in all",
        f"ours less {', '.join(off) or 'nothing'}{noted}: {found['ours']['remaining_seconds']:.2f} s; "
        f"÷ limit: {ratios['limit']:.2f}",
        f"second study, likewise: {found['second']['remaining_seconds']:.2f} s; ÷ first: {ratios['second']:.2f}",
    ]


def race_lines(race: Mapping[str, Any]) -> list[str]:
    """A row a seed: the peer's best and its time, ours until it is reached."""
    lines = [f"{'seed':>4}{'peer: trials':>14}{'best J':>10}{'time':>12}{'ours: reached after':>21}{'peer ÷ ours':>13}"]
    for one in race["seeds"]:
        done = f"{one['peer_trials']} of {race['wanted']}"
        best = spent = reached = ratio = ""
        if one["target"] is not None:
            best, spent, reached = f"{one['target']:.4f}", f"{one['peer_seconds']:,.1f}s", "never"
        if one["ratio"] is not None:
            reached, ratio = f"{one['ours_seconds']:,.1f}s", f"{one['ratio']:.1f}"
        lines.append(f"{one['seed']:>4}{done:>14}{best:>10}{spent:>12}{reached:>21}{ratio:>13}")
    if any(one["peer_trials"] < race["wanted"] for one in race["seeds"]):
        lines.append("not all peers have their trials: the same command goes on")
    return [*lines, "", *race["conditions"]]
