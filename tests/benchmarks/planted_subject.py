"""Whom a verdict is about: a study with who trains it, and what its trainings show on images that nobody has seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from planted_plants import Harm

from sweep.diagnosis.remedy import Promise
from sweep.diagnosis.verdict import Outcome, judge, latest
from sweep.errors import SweepError
from sweep.progress import Silent
from sweep.records import Cause, Finding, IndexArray, Moment, Scalar, Side, SplitIndices
from sweep.studyfile.definition import Configuration
from sweep.training.course import Unpruned
from sweep.training.trial import Trainer
from sweep.workflow.fit_probing import probe_fits, probe_repaired
from sweep.workflow.fits import fit_variants
from sweep.workflow.masking import masks_of, unanswered
from sweep.workflow.prepare import PreparedData
from sweep.workflow.probing import Rounds
from sweep.workflow.repairs import Repair, repairs_of
from sweep.workflow.trial_probing import Trained, probe_records

__all__ = ["MARGIN", "Reading", "Subject", "judged", "mends"]

MARGIN = 0.02
_STREAM = 51  # of the seeds of trainings that measure the truth

_KEPT: Mapping[Promise, Harm] = {
    Promise.ACCURACY: Harm.ORACLE,
    Promise.BALANCED: Harm.ORACLE,  # whose classes are as frequent as the world's
    Promise.CROSS_ENTROPY: Harm.NATS,
    Promise.GAP: Harm.GAP,
    Promise.HONESTY: Harm.REPORT,
}
"""What is to be better once a promise is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What trainings show, means over them: the clean numbers and those on the oracle's images.

    Attributes:
        accuracy, cross_entropy: of the oracle's images.
        reported: validation accuracy as it would be quoted.
        due: what it should be: accuracy on new images whose labels are as often wrong.
        logged: accuracy of training as it is logged.
        excess: of the oracle's images, by how much a class is predicted more often than it occurs, the most of them.
    """

    accuracy: float
    cross_entropy: float
    train: float
    reported: float
    due: float
    logged: float
    excess: float

    @property
    def gap(self) -> float:
        """To the truth."""
        return self.train - self.accuracy

    @property
    def off(self) -> float:
        """The reported number, from what it should be."""
        return abs(self.reported - self.due)

    @classmethod
    def mean(cls, readings: Sequence[Reading]) -> Reading:
        """Of all of them."""
        rows = [asdict(one) for one in readings]
        return cls(**{name: float(np.mean([row[name] for row in rows])) for name in rows[0]})


def mends(harm: Harm, before: Reading, after: Reading, classes: int) -> float:
    """How much a repair brings of what the harm is about, as a share of the images."""
    match harm:
        case Harm.REPORT:
            return before.off - after.off
        case Harm.LOGGED:
            return abs(before.train - before.logged) - abs(after.train - after.logged)
        case Harm.GAP:
            return before.gap - after.gap if after.accuracy > before.accuracy - MARGIN else 0.0
        case Harm.NATS:
            saved = (before.cross_entropy - after.cross_entropy) / math.log(classes)
            return max(after.accuracy - before.accuracy, saved)
    return after.accuracy - before.accuracy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """A study's data, and who trains its baseline; the sealed side is the oracle's.

    Attributes:
        labels: of every image, the oracle's too.
        feature_map: height and width of what the backbone gives.
        flipped: share of the labels that is wrong by chance on the sides that are not sealed.
        by_source: the split that keeps sources together, where images come from sources.
        remedy_seeds: trainings of a remedy.
        twice: gives the same with twice as many training images.
    """

    configuration: Configuration
    data: PreparedData
    trainer: Trainer
    labels: IndexArray
    feature_map: tuple[int, int]
    seed: int
    flipped: float = 0.0
    by_source: SplitIndices | None = None
    remedy_seeds: int = 3
    twice: Callable[[], Subject] | None = None

    @property
    def classes(self) -> int:
        return len(self.data.index.class_names)

    def of_trainings(self, of_data: Rounds) -> Rounds:
        """What a trial's records and short trainings say, once the data's findings are known."""
        configuration, split = self.configuration, self.data.split
        measurement = self.trainer.train(configuration, seed=(self.seed, 0), reporter=Unpruned(), thorough=True)
        kept = (Side.VALIDATION, Moment.SELECTED)
        one = Trained(
            measurement=measurement,
            flat=configuration.stored(),
            prediction=next(found for found in measurement.predictions if (found.side, found.moment) == kept),
            labels=self.data.index.labels[split.validation],
            groups=None,
            positions=split.validation,
            train_counts=self._counts(split.train),
            validation_counts=self._counts(split.validation),
            seed=self.seed,
            harm=MARGIN,
        )
        fits = fit_variants(
            self.trainer,
            configuration,
            self.data,
            feature_map=self.feature_map,
            seed=self.seed,
            progress=Silent(),
        )
        masks = masks_of(of_data, num_classes=self.classes, harm=MARGIN)
        fits = fits.without(masks)
        of_records, of_fits = probe_records(one, masks), probe_fits(one, configuration, fits)
        rounds = of_records, of_fits, probe_repaired(one, fits, latest([of_records, of_fits]))
        return tuple(unanswered(findings, masks) for findings in rounds)

    def read(
        self, seeds: int, changes: Mapping[str, Scalar] | None = None, split: SplitIndices | None = None
    ) -> Reading:
        """Train with so many seeds and ask the oracle."""
        configuration = self.configuration.replaced(changes or {})
        readings = []
        for number in range(seeds):
            tested = self.trainer.holdout(configuration, seed=(self.seed, _STREAM, number), split=split)
            measured = tested.measurement
            wrongly = (1 - tested.accuracy) * self.flipped / (self.classes - 1)
            readings.append(
                Reading(
                    accuracy=tested.accuracy,
                    cross_entropy=tested.cross_entropy,
                    train=measured.train_accuracy,
                    reported=measured.logged_validation_accuracy,
                    due=tested.accuracy * (1 - self.flipped) + wrongly,
                    logged=measured.logged_train_accuracy,
                    excess=self._excess(tested.prediction.predicted, split or self.data.split),
                )
            )
        return Reading.mean(readings)

    def remedied(self, finding: Finding, before: Reading) -> dict[str, Any] | None:
        """What the first remedy that can be run does to the oracle's numbers; None where there is none."""
        repair = next(repairs_of(finding), None)
        if repair is None:
            return None
        told: dict[str, Any] = {"cause": finding.cause.value, "promise": repair.promise.name}
        told |= {"changes": dict(repair.changes), "left_out": len(repair.left_out)}
        try:
            after = self._mended(repair)
        except SweepError as error:
            return {**told, "failed": str(error)}
        if after is None:
            return {**told, "failed": "it cannot be run here"}
        return {**told, "gain": mends(_KEPT[repair.promise], before, after, self.classes), "after": asdict(after)}

    def advised(self, finding: Finding, before: Reading) -> float | None:
        """What following advice brings that no field of a study file does; None where that cannot be done."""
        if finding.cause is not Cause.FEW_IMAGES or self.twice is None:
            return None
        return self.twice().read(self.remedy_seeds).accuracy - before.accuracy

    def _mended(self, repair: Repair) -> Reading | None:
        split, changes = self.data.split, {name.partition(".")[2]: value for name, value in repair.changes.items()}
        if "group" in changes:
            return None if self.by_source is None else self.read(self.remedy_seeds, split=self.by_source)
        if any(name.startswith("data.") for name in repair.changes):
            return None
        if self.feature_map == (1, 1) and changes.get("unfrozen_layers"):
            return None  # a world of features has no layers
        if repair.left_out:
            out = np.array(repair.left_out)
            kept = np.setdiff1d(split.validation, out)
            split = SplitIndices(train=np.setdiff1d(split.train, out), validation=kept, test=split.test)
        return self.read(self.remedy_seeds, changes, split)

    def _excess(self, predicted: NDArray[np.uint16], split: SplitIndices) -> float:
        given = np.bincount(predicted, minlength=self.classes)
        return float((given - np.bincount(self.labels[split.test], minlength=self.classes)).max() / len(split.test))

    def _counts(self, rows: IndexArray) -> IndexArray:
        return np.bincount(self.data.index.labels[rows], minlength=self.classes)


def judged(subject: Subject, rounds: Rounds) -> dict[str, Any]:
    """The verdict on what was found, with what its remedies bring, as plain values."""
    verdict = judge(latest(rounds), num_classes=subject.classes, harm=MARGIN)
    remedies, advice = [], {}
    if verdict.causes:
        before = subject.read(subject.remedy_seeds)
        remedies = [subject.remedied(finding, before) for finding in verdict.causes]
        advice = {finding.cause.value: subject.advised(finding, before) for finding in verdict.causes}
    return {
        "classes": subject.classes,
        "train_images": len(subject.data.split.train),
        "validation_images": len(subject.data.split.validation),
        "rounds": [[_plain(finding) for finding in findings] for findings in rounds],
        "causes": [finding.cause.value for finding in verdict.causes],
        "status": verdict.status.value,
        "undetermined": [one.finding.cause.value for one in verdict.having(Outcome.UNDETERMINED)],
        "remedies": [one for one in remedies if one is not None],
        "advice": {cause: gain for cause, gain in advice.items() if gain is not None},
    }


def _plain(finding: Finding) -> dict[str, Any]:
    """What judging again takes, and what explains it."""
    effect = finding.effect
    return {
        "cause": finding.cause.value,
        "effect": None if effect is None else [effect.estimate, effect.low, effect.high],
        "unit": finding.unit.value,
        "p": finding.p,
        "exact": finding.exact,
        "summary": finding.summary,
        "missing": finding.missing,
        "repaired": [cause.value for cause in finding.repaired],
    }
