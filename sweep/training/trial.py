"""One trial: a configuration in, its measurement out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone
from sweep.backbones.cut import Cut, cut_for, cut_shape, tail_key, tail_model
from sweep.features.extract import Features
from sweep.records import IndexArray, Measurement, Moment, PredictionRecord, Side, SplitIndices
from sweep.studyfile.definition import Configuration, ModelSettings
from sweep.training.course import Reporter, Unpruned
from sweep.training.epochs import follow
from sweep.training.evaluation import Evaluation, evaluate
from sweep.training.fused import CompiledStructure, translated
from sweep.training.fused_run import FusedRun
from sweep.training.measurement import Cost, measure
from sweep.training.model import whole_parameters
from sweep.training.precision import check_precision
from sweep.training.recent import RecentlyUsed, physical_memory
from sweep.training.seeds import TrialSeeds
from sweep.training.sizes import ModelDescription, check_memory, describe_model
from sweep.training.stream import mixed
from sweep.training.structure import Structure
from sweep.training.task import Task, draw_batches

__all__ = ["Fitted", "Library", "Reporter", "Tested", "Trainer"]

# Share of the memory for the variables of structures. Their number has no bound of its own: TensorFlow keeps compiled
# code to the end of the process, 10 MB a structure, so forgetting a small one would free little and cost a compile.
_SHARE_OF_MEMORY = 8
_MEASURED_SECONDS = 0.5
_MEASURED_STEPS = 16


class Library(Protocol):
    """Where backbones and cached features come from."""

    def backbone(self, model: ModelSettings) -> Backbone:
        """The backbone of a configuration."""
        ...

    def features(self, configuration: Configuration) -> Features:
        """What the frozen part says of every image."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tested:
    """A configuration trained once more, and what its weights say of the sealed test side, clean.

    Attributes:
        measurement: of the training, the sealed side not in it.
        prediction: of every sealed image; with folds the class that most of the models name.
        share_right: of the models that are right, float16, shape (n_images,); of a single model 0 or 1.
    """

    measurement: Measurement
    prediction: PredictionRecord
    share_right: NDArray[np.float16]
    accuracy: float
    cross_entropy: float
    balanced_accuracy: float

    @classmethod
    def of(cls, measurement: Measurement, sealed: Evaluation) -> Tested:
        """Of a single model; `sealed` is what it says of the test side."""
        return cls(
            measurement=measurement,
            share_right=sealed.correct.astype(np.float16),
            prediction=sealed.record(Side.TEST, Moment.SELECTED, with_logits=True),
            accuracy=sealed.accuracy,
            cross_entropy=sealed.cross_entropy,
            balanced_accuracy=sealed.balanced_accuracy,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """A configuration trained once more, for its weights.

    Attributes:
        measurement: of the training.
        validation: what the weights say of the validation side, clean.
        weights: of what follows the cut, tail and head, in Keras' order.
    """

    measurement: Measurement
    validation: Evaluation
    weights: tuple[NDArray[Any], ...]


class Trainer:
    """Trains configurations on cached features; what one trial compiled, later ones of its structure use again.

    Args:
        library: gives backbones and features.
        labels: int64, shape (n_images,), of every image of the index.
        split: the sides; the test side is read by `holdout` alone.
        num_classes: width of the output.
    """

    def __init__(self, *, library: Library, labels: IndexArray, split: SplitIndices, num_classes: int) -> None:
        self._library = library
        self._task = Task.of(labels, split, num_classes)
        self._sealed = split.test
        self._structures: RecentlyUsed[Structure, CompiledStructure] = RecentlyUsed(
            physical_memory() / _SHARE_OF_MEMORY, lambda compiled: compiled.size
        )

    @translated()
    def train(
        self,
        configuration: Configuration,
        *,
        seed: Sequence[int],
        reporter: Reporter,
        thorough: bool = False,
        split: SplitIndices | None = None,
    ) -> Measurement:
        """Train one configuration.

        Args:
            configuration: of the trial.
            seed: usually (study seed, trial number): the same numbers give the same measurement, bit for bit, on the
                same machine.
            reporter: hears of every epoch and may end the trial, which is then measured at its best epoch so far.
            thorough: whether logits are kept, and modes that cost much are measured too.
            split: other sides of the images that are not sealed, for this training alone; its test side is not read.

        Raises:
            TrialError: the loss is no longer a number, the model does not fit into memory (where that can be told
                from its size, nothing was allocated), the feature map is smaller than the head's window, or mixed
                precision is asked for without a GPU.
        """
        _, measurement = self._train(configuration, self._task.on(split), seed, reporter, thorough=thorough)
        return measurement

    @translated()
    def holdout(
        self, configuration: Configuration, *, seed: Sequence[int], split: SplitIndices | None = None
    ) -> Tested:
        """Train one configuration, as `train` does where nobody prunes, and evaluate it on the sealed test side.

        Nothing else ever reads that side. Arguments and errors are those of `train`.
        """
        run, measurement = self._train(configuration, self._task.on(split), seed, Unpruned(), thorough=False)
        return Tested.of(measurement, evaluate(run.logits(self._sealed), self._task.labels[self._sealed]))

    @translated()
    def fit(
        self,
        configuration: Configuration,
        *,
        seed: Sequence[int],
        reporter: Reporter,
        split: SplitIndices | None = None,
    ) -> Fitted:
        """Train one configuration, as `train` does, and keep its weights. Arguments and errors are those of `train`."""
        task = self._task.on(split)
        run, measurement = self._train(configuration, task, seed, reporter, thorough=False)
        return Fitted(
            measurement=measurement,
            validation=evaluate(run.logits(task.validation), task.labels[task.validation]),
            weights=tuple(run.weights()),
        )

    @translated()
    def describe(self, configuration: Configuration) -> ModelDescription:
        """Sizes and layers of a configuration's model; needs no features, and allocates none of its weights.

        Raises:
            TrialError: the feature map is smaller than the head's window.
        """
        return describe_model(self._library.backbone(configuration.model), configuration, self._task.num_classes)

    @translated()
    def measure_step(self, configuration: Configuration, *, head_only: bool = False) -> float:
        """Seconds of one training step, of the head alone if asked for, measured on random features: needs no image.

        Raises:
            TrialError: as `train`.
        """
        check_precision(configuration.training.mixed_precision)
        check_memory(self.describe(configuration), physical_memory())
        backbone = self._library.backbone(configuration.model)
        cut, size = cut_for(backbone, configuration.model), configuration.training.batch_size
        shape = cut_shape(backbone, cut)
        compiled = self._compiled(configuration, backbone, cut, shape)
        compiled.begin(configuration, TrialSeeds.of((0,)))
        generator = np.random.default_rng(0)
        run = FusedRun(compiled, clean=generator.random((size, *shape), np.float32), views=None)
        run.begin_phase(head_only=head_only)
        rows = np.resize(np.arange(size), size * _MEASURED_STEPS)
        batches = draw_batches(rows, np.zeros_like(rows), size, generator, rates=0.0)
        batches = mixed(batches, configuration.training.mixup, generator)
        run.compile(configuration.training, len(rows))
        run.run_epoch(batches)
        start, steps = time.perf_counter(), 0
        while time.perf_counter() - start < _MEASURED_SECONDS:
            run.run_epoch(batches)
            steps += _MEASURED_STEPS
        return (time.perf_counter() - start) / steps

    def _train(
        self, configuration: Configuration, task: Task, seed: Sequence[int], reporter: Reporter, *, thorough: bool
    ) -> tuple[FusedRun, Measurement]:
        """The run is left with the weights that the measurement is about."""
        start = time.perf_counter()
        check_precision(configuration.training.mixed_precision)
        check_memory(self.describe(configuration), physical_memory())
        settings, seeds = configuration.training, TrialSeeds.of(seed)
        features = self._library.features(configuration)
        backbone = self._library.backbone(configuration.model)
        ready = time.perf_counter()
        compiled = self._compiled(configuration, backbone, features.cut, features.clean.shape[1:])
        build_seconds = time.perf_counter() - ready
        compiled.begin(configuration, seeds, task.class_weights(settings))
        run = FusedRun(compiled, clean=features.clean, views=features.views)
        cost = Cost(
            parameters=whole_parameters(backbone, configuration.model, compiled.model, compiled.tail),
            cut=features.cut.key,
            start=start,
            compile_seconds=build_seconds + run.compile(settings, len(task.train)),
        )
        views = 0 if features.views is None else len(features.views)
        course = follow(run, task, settings, views=views, seeds=seeds, reporter=reporter)
        measurement = measure(
            run, task, course, batch_size=settings.batch_size, seeds=seeds, cost=cost, thorough=thorough
        )
        return run, measurement

    def _compiled(
        self, configuration: Configuration, backbone: Backbone, cut: Cut, shape: tuple[int, ...]
    ) -> CompiledStructure:
        model = configuration.model
        tail = tail_key(backbone, cut, model)
        structure = Structure.of(configuration, input_shape=shape, num_classes=self._task.num_classes, tail=tail)
        return self._structures.get(
            structure,
            lambda: CompiledStructure(structure, model, tail_model(backbone, cut, model) if tail else None),
        )
