"""A study that nobody trained: measurements with the shape of real ones, for what has to hold thousands of them.

The curves overfit as real ones do: training falls on, validation turns, and how soon depends on the configuration. What
is stored of the images agrees with the curves, so that a report finds in it what it finds in a real study.
"""

from __future__ import annotations

import datetime
import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sweep.data.split import split_index
from sweep.data.summary import summarise
from sweep.records import (
    DataIndex,
    EpochRecord,
    ImageRecord,
    Measurement,
    ModeRecord,
    Moment,
    PredictionRecord,
    Side,
    SplitIndices,
    StudyRecord,
)
from sweep.studyfile.definition import (
    Configuration,
    DataSettings,
    ModelSettings,
    SearchSettings,
    StudyDefinition,
    TrainingSettings,
)
from sweep.studyfile.space import Choices, FieldRange, NumberRange

__all__ = ["MadeUpTrainer", "make_definition", "make_index", "make_study"]

SPACE: Mapping[str, FieldRange] = {
    "dropout": NumberRange(low=0.0, high=0.9),
    "head_width": Choices(values=("none", 64, 128, 256)),
    "l2": NumberRange(low=1e-6, high=1e-1, log=True),
    "learning_rate": NumberRange(low=1e-4, high=1e-2, log=True),
    "unfrozen_layers": NumberRange(low=0, high=40, integer=True, step=10),
    "batch_size": Choices(values=(16, 32, 64)),
}
CLASSES = ("bear", "cat", "dog", "fox", "nothing")
STEEPNESS = 3.0  # of the logit in the margin: overconfident, as networks trained to the end are

Floats = NDArray[np.float64]


class Listens(Protocol):
    """Whoever hears of the epochs and may end the trial."""

    def epoch(self, record: EpochRecord) -> bool:
        """Take note of an epoch; False ends the trial."""
        ...


def make_definition(*, trials: int, epochs: int, sampler: str = "tpe", pruner: str = "hyperband") -> StudyDefinition:
    """A study of six fields whose baseline overfits."""
    return StudyDefinition(
        name="scale",
        data=DataSettings(source="made-up"),
        model=ModelSettings(dropout=0.1, head_width=(256,), l2=1e-5),
        training=TrainingSettings(epochs=epochs, learning_rate=1e-3),
        space=SPACE,
        search=SearchSettings.model_validate({"trials": trials, "sampler": sampler, "pruner": pruner}),
    )


def make_index(images: int) -> DataIndex:
    """So many images, whose classes take turns."""
    records = tuple(
        ImageRecord(
            path=f"{CLASSES[number % len(CLASSES)]}/{number:07}.jpg",
            label=number % len(CLASSES),
            group="",
            content_hash=hashlib.sha256(number.to_bytes(8, "big")).hexdigest(),
        )
        for number in range(images)
    )
    return DataIndex(root="made-up", class_names=CLASSES, images=records)


def make_study(definition: StudyDefinition, index: DataIndex) -> tuple[StudyRecord, SplitIndices]:
    """The study as `sweep run` would store it, and its split."""
    split = split_index(index, definition.data)
    record = StudyRecord(
        name=definition.name,
        definition=definition.canonical_json(),
        digest=definition.digest,
        data=summarise(index, split, definition.data.source),
        versions={},
        created=datetime.datetime.now(datetime.UTC),
    )
    return record, split


class MadeUpTrainer:
    """Trains nothing: answers at once what training might have shown.

    Args:
        index: the images.
        split: their sides.

    Attributes:
        seconds: what making the numbers up has taken so far, which is no work of the search.
    """

    def __init__(self, index: DataIndex, split: SplitIndices) -> None:
        self.seconds = 0.0
        self._labels = {Side.VALIDATION: index.labels[split.validation], Side.PROBE: index.labels[split.train[:500]]}
        self._train_images = len(split.train)
        self._hardness = np.random.default_rng(0).standard_normal(len(split.validation))
        self._skills = np.linspace(-3.0, 6.0, 181)
        margins = self._skills[:, np.newaxis] + self._spread(np.random.default_rng(1))
        self._table = np.log1p(np.exp(-STEEPNESS * margins)).mean(axis=1), (margins > 0).mean(axis=1)

    def train(
        self, configuration: Configuration, *, seed: Sequence[int], reporter: Listens, thorough: bool = False
    ) -> Measurement:
        """Make a trial up and tell the reporter of its epochs."""
        start = time.perf_counter()
        rng = np.random.default_rng(seed)
        epochs = self._epochs(configuration, rng)
        self.seconds += time.perf_counter() - start
        count = next((record.epoch for record in epochs if not reporter.epoch(record)), len(epochs))
        start = time.perf_counter()
        measurement = self._measurement(configuration, epochs[:count], pruned=count < len(epochs), rng=rng)
        self.seconds += time.perf_counter() - start
        return measurement

    def _spread(self, rng: np.random.Generator) -> Floats:
        return math.sqrt(0.7) * self._hardness + math.sqrt(0.3) * rng.standard_normal(len(self._hardness))

    def _epochs(self, configuration: Configuration, rng: np.random.Generator) -> list[EpochRecord]:
        model, training = configuration.model, configuration.training
        speed = 3.0 * (training.learning_rate / 1e-3) ** 0.5
        dropout = float(np.mean(model.dropout))
        appetite = (1 - dropout) * (1 + model.unfrozen_layers / 40)  # for learning by heart
        step = np.arange(1, training.epochs + 1)
        ability = 1.2 - 0.8 * (dropout - 0.4) ** 2 - 0.05 * abs(math.log10(model.l2 + 1e-9) + 3) + rng.normal(0, 0.05)
        skill = ability * (1 - 1.2 * np.exp(-step * speed / 8)) + rng.normal(0, 0.02, len(step))
        validation = skill - 0.01 * appetite * np.maximum(0, step - 30 / speed)
        train = skill + 0.1 + 1.2 * appetite * (1 - np.exp(-step * speed / 20))
        return [self._epoch(number, *skills) for number, *skills in zip(step.tolist(), train, validation, strict=True)]

    def _epoch(self, number: int, train: float, validation: float) -> EpochRecord:
        losses, accuracies = (tuple(np.interp((train, validation), self._skills, kind)) for kind in self._table)
        return EpochRecord(
            epoch=number,
            logged_train_accuracy=0.97 * float(accuracies[0]),
            logged_train_loss=1.1 * float(losses[0]) + 0.01,
            logged_penalty=0.01,
            logged_weighting=0.0,
            logged_validation_accuracy=float(accuracies[1]),
            logged_validation_loss=float(losses[1]) + 0.01,
            train_accuracy=float(accuracies[0]),
            train_cross_entropy=float(losses[0]),
            validation_accuracy=float(accuracies[1]),
            validation_cross_entropy=float(losses[1]),
            learning_rate=1e-3,
            seconds=0.05,
        )

    def _measurement(
        self, configuration: Configuration, epochs: Sequence[EpochRecord], *, pruned: bool, rng: np.random.Generator
    ) -> Measurement:
        best = min(epochs, key=lambda record: record.validation_cross_entropy)
        kept = self._predictions(best, Moment.SELECTED, rng)
        nats = kept[0].cross_entropy.astype(np.float64)
        accuracy = float((kept[0].predicted == self._labels[Side.VALIDATION]).mean())
        shared: dict[str, Any] = {
            name: getattr(best, name) for name in EpochRecord.__slots__ if name not in {"epoch", "learning_rate"}
        }
        shared |= {"validation_accuracy": accuracy, "validation_cross_entropy": float(nats.mean()), "seconds": 3.0}
        return Measurement(
            **shared,
            selected_epoch=best.epoch,
            epochs_run=len(epochs),
            stopped="pruned" if pruned else "finished",
            validation_cross_entropy_error=float(nats.std(ddof=1)) / math.sqrt(len(nats)),
            train_balanced_accuracy=best.train_accuracy,
            validation_balanced_accuracy=accuracy,
            penalty=0.01,
            train_images=self._train_images,
            validation_images=len(nats),
            trainable_parameters=164_000 + 10_000 * configuration.model.unfrozen_layers,
            total_parameters=3_577_000,
            engine="fused",
            cut="top_activation",
            compile_seconds=0.0,
            epochs=tuple(epochs),
            predictions=(*kept, *self._predictions(epochs[-1], Moment.LAST, rng)),
            modes=_modes(best),
        )

    def _predictions(self, record: EpochRecord, moment: Moment, rng: np.random.Generator) -> list[PredictionRecord]:
        """Of the validation side and of the probe, with the cross-entropies of that epoch."""
        losses = {Side.VALIDATION: record.validation_cross_entropy, Side.PROBE: record.train_cross_entropy}
        found = []
        for side, labels in self._labels.items():
            skill = np.interp(-losses[side], -self._table[0], self._skills)
            spread = self._spread(rng) if side is Side.VALIDATION else rng.standard_normal(len(labels))
            margins = skill + spread
            wrong = (labels + rng.integers(1, len(CLASSES), len(labels))) % len(CLASSES)
            found.append(
                PredictionRecord(
                    side=side,
                    moment=moment,
                    predicted=np.where(margins > 0, labels, wrong).astype(np.uint16),
                    cross_entropy=np.log1p(np.exp(-STEEPNESS * margins)).astype(np.float16),
                )
            )
        return found


def _modes(best: EpochRecord) -> tuple[ModeRecord, ...]:
    """E1, E2 and E3 of a head with dropout: nothing is augmented, no batch norm trains."""
    return tuple(
        ModeRecord(
            dropout=dropout,
            augmentation=augmentation,
            batch_statistics=True,
            accuracy=best.train_accuracy - 0.02 * dropout,
            cross_entropy=best.train_cross_entropy + 0.05 * dropout,
            accuracy_noise=0.001 * dropout,
            cross_entropy_noise=0.002 * dropout,
            accuracy_change_error=0.002 * dropout,
            cross_entropy_change_error=0.004 * dropout,
            draws=4 if dropout else 1,
            unchanged="" if dropout else "no augmentation" if augmentation else "no batch norm trains",
        )
        for dropout, augmentation in ((True, True), (False, True), (False, False))
    )
