"""How good verdicts are: against what repairing each plant was measured to bring, never against its label."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planted_image_plants import EVERY as PLANTS
from planted_plants import Harm

from sweep.diagnosis.statistics import wilson
from sweep.diagnosis.verdict import judge, latest
from sweep.records import Cause, Finding, Interval, Unit

__all__ = ["FAMILIES", "Result", "Share", "confusion", "curve_rule", "without"]

MARGIN = 0.02
GAP_RULE = 0.1  # from which on the rule of curves speaks of overfitting
_POWER = 17.3  # (z of .01 / 22 one-sided + z of a power of 80 %) squared
_SPREAD = 1.5  # images that change, for each that changes for the better
_EXACT = ("T01", "T03", "T06")
_OF_ALL_IMAGES = ("T07", "T08", "T09", "T10", "T11", "T12", "T13", "T16", "shortcut")
_OF_SOURCES = ("T07", "T08", "T09", "T13", "T16", "shortcut")  # a source of many images counts once for them
_OF_TRAINING = ("T15", "T17", "T18", "T19", "T21", "T22")
"""Plants that a training is configured with; what mends one may mend another."""
_KEPT = {Harm.ORACLE: ("ACCURACY",), Harm.NATS: ("ACCURACY", "CROSS_ENTROPY"), Harm.GAP: ("GAP",)}
"""Promises of remedies that speak of such a harm."""
FAMILIES: Mapping[str, tuple[Cause, ...]] = {
    "copies and bursts": (Cause.LEAK, Cause.BURSTS),
    "labels": (Cause.LABEL_NOISE,),
    "shift": (Cause.SHIFT,),
    "amount": (Cause.FEW_IMAGES,),
    "features": (Cause.WEAK_FEATURES,),
    "files": (Cause.SHORTCUT, Cause.RESOLUTION, Cause.PREPROCESSING),
    "modes and bookkeeping": (Cause.TRAINING_MODE, Cause.BATCH_NORM, Cause.BOOKKEEPING, Cause.SMALL_VALIDATION),
    "classes": (Cause.CLASS_BIAS, Cause.IMBALANCE, Cause.CONFUSABLE_CLASSES),
    "short trainings": (
        Cause.CAPACITY,
        Cause.BOTTLENECK,
        Cause.IDLE_DROPOUT,
        Cause.OVER_REGULARIZED,
        Cause.LEARNING_RATE,
        Cause.NOT_TRAINING,
        Cause.DISTORTION,
    ),
    "selection": (Cause.LAST_EPOCH, Cause.BEST_OF_MANY),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many of so many, with Wilson's bounds."""

    found: int
    all: int

    @property
    def interval(self) -> Interval:
        return wilson(self.found, max(1, self.all))

    @classmethod
    def of(cls, results: Sequence[Result], test: Callable[[Result], bool]) -> Share:
        """Of the results that pass."""
        return cls(found=sum(map(test, results)), all=len(results))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One case that was run.

    Attributes:
        plants: name and severity.
        causes: what was found, the first to mend first.
        effects: by plant, what its repair was measured to bring.
        remedies: by cause, what the first remedy was measured to bring; without those that could not be run.
        row: everything that was written down.
    """

    name: str
    world: str
    kind: str
    held_out: bool
    plants: tuple[tuple[str, float], ...]
    causes: tuple[Cause, ...]
    effects: Mapping[str, float]
    remedies: Mapping[Cause, float]
    row: Mapping[str, Any]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Result:
        """From a line of the file."""
        return cls(
            name=row["name"],
            world=row["world"],
            kind=row["kind"],
            held_out=row["held_out"],
            plants=tuple((name, severity) for name, severity in row["plants"]),
            causes=tuple(map(Cause, row["causes"])),
            effects=row["effects"],
            remedies={Cause(one["cause"]): one["gain"] for one in row["remedies"] if "gain" in one},
            row=row,
        )

    @property
    def severity(self) -> float:
        """Of the mildest plant."""
        return min((severity for _, severity in self.plants), default=0.0)

    @property
    def positives(self) -> tuple[str, ...]:
        """Plants whose repair brings the harm margin at least."""
        return tuple(name for name, effect in self.effects.items() if effect >= MARGIN)

    def detectable(self, name: str) -> float:
        """The effect from which on this many images show a plant to a paired test, four times out of five."""
        code = PLANTS[name].code
        if code in _EXACT:
            return 0.0
        images = self.row["validation_images"] + (self.row["train_images"] if code in _OF_ALL_IMAGES else 0)
        return _POWER * _SPREAD * (self._frames if code in _OF_SOURCES else 1) / float(images)

    @property
    def _frames(self) -> int:
        """Images of a source."""
        return max((PLANTS[name].changes[severity].get("frames", 1) for name, severity in self.plants), default=1)

    @property
    def visible(self) -> tuple[str, ...]:
        """Positives that can be seen with so many images; to say nothing of the others is right."""
        return tuple(name for name in self.positives if self.effects[name] >= self.detectable(name))

    @property
    def is_detectable(self) -> bool:
        """Whether all positives can be seen."""
        return self.visible == self.positives

    def names(self, cause: Cause) -> str | None:
        """The plant that a cause is a name of, or whose harm its remedy mends by half at least."""
        named = next((name for name, _ in self.plants if cause in PLANTS[name].causes), None)
        return named or (self._mended_by(cause) if cause in FAMILIES["short trainings"] else None)

    def _mended_by(self, cause: Cause) -> str | None:
        """Where either of two changes of a training's configuration mends it, which one is at fault is a word."""
        run = next((one for one in self.row["remedies"] if one["cause"] == cause.value and "gain" in one), None)
        planted = (name for name in self.positives if PLANTS[name].code in _OF_TRAINING)
        return next(
            (
                name
                for name in planted
                if run and run["promise"] in _KEPT[PLANTS[name].harm] and run["gain"] >= self.effects[name] / 2
            ),
            None,
        )

    def gain(self, cause: Cause) -> float | None:
        """What following its remedy, or its advice, was measured to bring; None where neither could be done."""
        measured = [self.remedies.get(cause), self.row.get("advice", {}).get(cause.value)]
        return max((one for one in measured if one is not None), default=None)

    def holds(self, cause: Cause) -> bool:
        """Whether it is so although it was not planted: mending it brings the margin, or the number is that far off."""
        base, images = self.row["base"], self.row["validation_images"]
        if cause is Cause.TRAINING_MODE:
            return abs(float(base["train"]) - float(base["logged"])) >= MARGIN
        if cause is Cause.CLASS_BIAS:
            return float(base["excess"]) >= MARGIN
        if cause is Cause.SMALL_VALIDATION:
            spread = base["accuracy"] * (1 - base["accuracy"])
            copied = max((PLANTS[name].changes[severity].get("copied", 0) for name, severity in self.plants), default=0)
            return math.sqrt(2 / math.pi * spread / (images * (1 - copied))) >= MARGIN
        return (self.gain(cause) or 0.0) >= MARGIN

    @property
    def is_right(self) -> bool:
        """Whether the first cause is a positive one, or one that holds; a bias is there, but it is a symptom."""
        if not self.causes:
            return False
        first = self.causes[0]
        return self.names(first) in self.positives or (first is not Cause.CLASS_BIAS and self.holds(first))

    @property
    def false_alarms(self) -> tuple[Cause, ...]:
        """What was found although it was not planted and does not hold."""
        return tuple(cause for cause in self.causes if self.names(cause) is None and not self.holds(cause))

    @property
    def jaccard(self) -> float:
        """Positives that were found, by all that can be seen or were, and false alarms."""
        hit = {self.names(cause) for cause in self.causes} & set(self.positives)
        union = len(hit | set(self.visible)) + len(self.false_alarms)
        return len(hit) / union if union else 1.0

    @property
    def proofs(self) -> tuple[bool, ...]:
        """Of each positive that was found and whose remedy could be run: whether that brings half of the effect."""
        named = [(self.names(cause), self.gain(cause)) for cause in self.causes]
        return tuple(
            gain >= self.effects[name] / 2
            for name, gain in named
            if name is not None and name in self.positives and gain is not None
        )


def without(result: Result, family: Sequence[Cause]) -> Result:
    """The verdict had those causes not been looked at."""
    rounds = [[_finding(one) for one in findings] for findings in result.row["rounds"]]
    kept = [one for one in latest(rounds) if one.cause not in family]
    causes = [one.cause.value for one in judge(kept, num_classes=result.row["classes"]).causes]
    return Result.of({**result.row, "causes": causes})


def curve_rule(result: Result) -> Result:
    """The verdict of a rule that looks at the logged gap alone."""
    base = result.row["base"]
    found = [Cause.CAPACITY.value] if base["logged"] - base["reported"] > GAP_RULE else []
    return Result.of({**result.row, "causes": found})


def always(result: Result, cause: Cause) -> Result:
    """The verdict of whoever always says the same."""
    return Result.of({**result.row, "causes": [cause.value]})


def majority(results: Sequence[Result]) -> Cause | None:
    """The cause that is most often true."""
    counts = Counter(PLANTS[name].causes[0] for one in results for name in one.positives)
    return counts.most_common(1)[0][0] if counts else None


def confusion(results: Sequence[Result]) -> dict[str, Counter[str]]:
    """Of single plants that do harm: code -> what was said first."""
    table: dict[str, Counter[str]] = {}
    for one in results:
        if one.kind == "single" and one.positives:
            said = one.causes[0].value if one.causes else "nothing"
            table.setdefault(PLANTS[one.positives[0]].code, Counter())[said] += 1
    return dict(sorted(table.items()))


def _finding(row: Mapping[str, Any]) -> Finding:
    effect = row["effect"]
    return Finding(
        cause=Cause(row["cause"]),
        effect=None if effect is None else Interval(estimate=effect[0], low=effect[1], high=effect[2]),
        unit=Unit(row["unit"]),
        p=row["p"],
        exact=row["exact"],
        summary=row["summary"],
        missing=row["missing"],
        repaired=tuple(map(Cause, row["repaired"])),
    )


def mean(values: Sequence[float]) -> float:
    """NaN where there are none."""
    return math.fsum(values) / len(values) if values else math.nan
