"""Trials of somebody's own model: built and fitted by its own code, measured like ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from sweep.backbones.graph import INPUT
from sweep.errors import TrialError
from sweep.progress import Progress
from sweep.records import IndexArray, Measurement, SplitIndices
from sweep.studyfile.definition import Configuration
from sweep.training.course import Keeper, Reporter, Unpruned
from sweep.training.evaluation import Evaluation, evaluate
from sweep.training.fused import translated
from sweep.training.hyper_cut import CutModel, cut_model
from sweep.training.hyper_fit import Candidate, HyperFit, blamed
from sweep.training.hyper_frozen import FrozenOutputs
from sweep.training.hyper_reading import Reading, reading_of
from sweep.training.hyper_run import HyperRun, parameters_of
from sweep.training.measurement import Cost, measure
from sweep.training.seeds import TrialSeeds
from sweep.training.sizes import ModelDescription
from sweep.training.task import Task
from sweep.training.trial import Tested

__all__ = ["Candidate", "FittedModel", "HyperTrainer"]

_BYTES = 4  # float32
_MOST_GATHERED = 2
"""Numbers that an optimizer keeps of each trainable parameter; Adam's, which keeps most of the usual ones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedModel:
    """A hypermodel trained once more, for its model.

    Attributes:
        measurement: of the training.
        validation: what the model says of the validation side, clean.
        model: with the weights that were kept; takes RGB pixels from 0 to 255.
        reading: how its outputs are read.
    """

    measurement: Measurement
    validation: Evaluation
    model: keras.Model
    reading: Reading


class HyperTrainer:
    """Trains hypermodels as `Trainer` trains configurations of ours.

    Args:
        candidates: the hypermodel with the values of a configuration.
        pixels: uint8, shape (n_images, image_size, image_size, 3), in the order of the index.
        labels: int64, shape (n_images,), of every image of the index.
        split: the sides; the test side is read by `holdout` alone.
        num_classes: of the data.
        progress: hears once of each place at which models are cut.
    """

    def __init__(
        self,
        *,
        candidates: Callable[[Configuration], Candidate],
        pixels: NDArray[np.uint8],
        labels: IndexArray,
        split: SplitIndices,
        num_classes: int,
        progress: Progress,
    ) -> None:
        self._candidates = candidates
        self._pixels = pixels
        self._task = Task.of(labels, split, num_classes)
        self._sealed = split.test
        self._frozen = FrozenOutputs(pixels, split.developed, progress)
        self._progress = progress
        self._said: set[str] = set()
        self._images: dict[bytes, NDArray[np.float32]] = {}

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
        """Train once; arguments as for `Trainer.train`.

        Raises:
            TrialError: the hypermodel's code fails, its model does not fit the data, or the loss is no longer a number.
            DefinitionError: a hyperparameter is of a kind that cannot be searched here.
        """
        _, measurement = self._train(configuration, self._task.on(split), seed, reporter, thorough=thorough)
        return measurement

    @translated()
    def holdout(
        self, configuration: Configuration, *, seed: Sequence[int], split: SplitIndices | None = None
    ) -> Tested:
        """Train again as the trial of that seed was trained, and measure the sealed side; errors as for `train`."""
        run, measurement = self._train(configuration, self._task.on(split), seed, Unpruned(), thorough=False)
        return Tested.of(measurement, evaluate(run.whole_logits(self._sealed), self._task.labels[self._sealed]))

    @translated()
    def fit(
        self,
        configuration: Configuration,
        *,
        seed: Sequence[int],
        reporter: Reporter,
        split: SplitIndices | None = None,
    ) -> FittedModel:
        """Train one configuration, as `train` does, and keep its model; arguments and errors as for `train`."""
        task = self._task.on(split)
        run, measurement = self._train(configuration, task, seed, reporter, thorough=False)
        return FittedModel(
            measurement=measurement,
            validation=run.evaluate(task.validation),
            model=run.model,
            reading=self._read(run.model, configuration),
        )

    @translated()
    def describe(self, configuration: Configuration) -> ModelDescription:
        """Sizes of a model; errors as for `train`. What follows the frozen part counts as the head."""
        candidate = self._candidates(configuration)
        model = self._build(candidate, TrialSeeds.of((0,)))
        self._read(model, configuration)
        found, parameters = cut_model(model), parameters_of(model)
        gathered = _MOST_GATHERED * parameters.trainable
        return ModelDescription(
            trainable_parameters=parameters.trainable,
            total_parameters=parameters.total,
            head_parameters=found.rest.count_params() if isinstance(found, CutModel) else parameters.total,
            unfrozen_parameters=0,
            unfrozen_trainable_parameters=0,
            file_bytes=_BYTES * parameters.total,
            full_file_bytes=_BYTES * (parameters.total + gathered),
            training_bytes=_BYTES * (parameters.total + 2 * parameters.trainable + gathered),
            optimizer=type(model.optimizer).__name__.lower(),
            unfrozen_layers=(),
            cut=found.layer if isinstance(found, CutModel) else INPUT,
        )

    def _train(
        self, configuration: Configuration, task: Task, seed: Sequence[int], reporter: Reporter, *, thorough: bool
    ) -> tuple[HyperRun, Measurement]:
        """The run is left with the weights that the measurement is about."""
        start = time.perf_counter()
        settings, seeds = configuration.training, TrialSeeds.of(seed)
        candidate = self._candidates(configuration)
        model = self._build(candidate, seeds)
        reading = self._read(model, configuration)
        run = HyperRun(model, reading, pixels=self._pixels, labels=task.labels, frozen=self._frozen)
        build_seconds = time.perf_counter() - start
        keeper = Keeper(run, settings, reporter)
        fit = HyperFit(run, reading, task, settings, keeper)
        fit.train(candidate, self._given(task.train), self._given(task.validation))
        self._say(run)
        cost = Cost(parameters=parameters_of(model), cut=run.cut, start=start, compile_seconds=build_seconds)
        measurement = measure(
            run,
            task,
            keeper.finish(),
            batch_size=fit.batch_size,
            seeds=seeds,
            cost=cost,
            thorough=thorough,
            unswitchable=fit.unswitchable,
        )
        return run, measurement

    def _build(self, candidate: Candidate, seeds: TrialSeeds) -> keras.Model:
        keras.backend.clear_session()
        # Initializers, dropout, augmentation and the order of the images draw from Keras' and NumPy's global streams.
        keras.utils.set_random_seed(int(seeds.weights.generate_state(1)[0]))
        with blamed(candidate, "build"):
            model = candidate.build()
            shape = self._pixels.shape[1:]
            if isinstance(model, keras.Model) and not model.built:
                model(np.zeros((1, *shape), np.float32))
        _check_model(model, candidate.name, shape)
        return model

    def _read(self, model: keras.Model, configuration: Configuration) -> Reading:
        classes, labels = self._task.num_classes, configuration.training.labels
        return reading_of(model, self._pixels.shape[1:], classes, labels=labels)

    def _given(self, images: IndexArray) -> NDArray[np.float32]:
        """RGB pixels from 0 to 255; kept for the next trial, so nobody may write into them."""
        key = images.tobytes()
        if key not in self._images:
            if len(self._images) > 1:  # the two sides of another split
                self._images.clear()
            self._images[key] = self._pixels[images].astype(np.float32)
            self._images[key].setflags(write=False)
        return self._images[key]

    def _say(self, run: HyperRun) -> None:
        """Where the model was cut, once for each place."""
        if run.trained is run.model:
            text = f"nothing of the model is computed ahead: {run.why_cut}"
        else:
            text = f'the model up to "{run.cut}" is frozen and computed once; from there on it trains: {run.why_cut}'
        if run.cut not in self._said:
            self._said.add(run.cut)
            self._progress.note(text)


def _check_model(model: object, name: str, shape: tuple[int, ...]) -> None:
    """Refuse what cannot be trained on images of that shape, with the reason."""
    place = f"{name}, build"
    if not isinstance(model, keras.Model) or not model.compiled:
        given = "a model that is not compiled" if isinstance(model, keras.Model) else f"a {type(model).__name__}"
        raise TrialError(
            place, received=given, expected="a compiled keras.Model", remedy="call model.compile and return the model"
        )
    inputs = getattr(model, "inputs", None)
    if inputs is None:
        return
    wanted = tuple(inputs[0].shape[1:])
    fits = len(wanted) == len(shape) and all(side in (None, there) for side, there in zip(wanted, shape, strict=True))
    if len(inputs) != 1 or not fits:
        raise TrialError(
            place,
            received=f"a model for {len(inputs)} inputs, the first of shape {wanted}",
            expected=f"one input of shape {shape}: RGB pixels from 0 to 255",
            remedy=f"build it for that shape, or set data.image_size = {wanted[0] if wanted else shape[0]}",
        )
