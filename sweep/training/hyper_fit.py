"""A hypermodel's own `fit`: what it leaves open is filled in, and what is frozen in its model is not computed again."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from sweep.errors import TrialError
from sweep.studyfile.definition import TrainingSettings
from sweep.training.course import Keeper
from sweep.training.hyper_epochs import EndedError, Epochs
from sweep.training.hyper_metrics import add_metrics, can_be_watched
from sweep.training.hyper_reading import Reading
from sweep.training.hyper_run import HyperRun
from sweep.training.task import Task

__all__ = ["Candidate", "HyperFit", "blamed"]

_KERAS_BATCH_SIZE = 32
_OTHER_IMAGES = "fit trains on other arrays than the images that it is given"


class Candidate(Protocol):
    """A hypermodel with the values of one trial, wherever they come from.

    Attributes:
        name: as the study file has it.
    """

    name: str

    @property
    def fault(self) -> Exception | None:
        """What went wrong while a value was asked for; that is no fault of the hypermodel's code."""
        ...

    def build(self) -> keras.Model:
        """A new compiled model."""
        ...

    def fit(self, model: keras.Model, *data: object, **options: object) -> object:
        """Train it with the arguments of KerasTuner's `search`."""
        ...

    def settle(self) -> None:
        """Called when training is about to begin, all values are known then; may raise to end the trial."""
        ...


@contextmanager
def blamed(candidate: Candidate, part: str) -> Iterator[None]:
    """What somebody's own code raises becomes an error of ours that names the code; what it prints goes to stderr.

    Raises:
        TrialError: instead of anything else.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (Exception, SystemExit) as error:
        if candidate.fault is not None:
            raise candidate.fault from error
        said = " ".join(f"{type(error).__name__}: {error}".split())
        expected, remedy = _mended(said, part)
        raise TrialError(f"{candidate.name}, {part}", received=said, expected=expected, remedy=remedy) from error


def _mended(said: str, part: str) -> tuple[str, str]:
    """What would have been right, and what to do about it."""
    missing = re.search(r"URL fetch failure on (https?://\S+/([^/\s:]+))", said)
    if missing is None:
        return f"a {part} that goes through", "mend it there"
    folder = Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"
    return f"{missing[2]} in {folder}", f"download {missing[1]} where there is a network and put it there"


class HyperFit:
    """One training by a hypermodel's `fit`.

    While it runs, this stands in the place of the model's own `fit`: there the batch size and the order of the images
    get the study's defaults, the images are replaced by what the frozen part says of them where that is the same, and
    metrics are added by which the logged numbers are taken apart. The callback that looks after the epochs is in the
    list that the hypermodel is given too, for loops of its own that call callbacks.

    Args:
        run: the model at its start.
        reading: how it is taught.
        task: what is to be learnt.
        settings: batch size, epochs and order.
        keeper: hears of every epoch.

    Attributes:
        unswitchable: why modes would not show what training did, or "".
    """

    def __init__(self, run: HyperRun, reading: Reading, task: Task, settings: TrainingSettings, keeper: Keeper) -> None:
        self.unswitchable = ""
        self._run = run
        self._reading = reading
        self._task = task
        self._settings = settings
        self._epochs = Epochs(run, task, keeper, batch_size=settings.batch_size)
        self._fit: Callable[..., Any] = run.model.fit

    @property
    def batch_size(self) -> int:
        """Of the last call of the model's `fit`."""
        return self._epochs.batch_size

    def train(self, candidate: Candidate, images: NDArray[np.float32], validation: NDArray[np.float32]) -> None:
        """Let the hypermodel train; the run is left with the weights of the last epoch.

        Args:
            candidate: whose model the run has.
            images: of the training side, float32, shape (n_images, height, width, 3), RGB from 0 to 255.
            validation: of the validation side.

        Raises:
            TrialError: its code fails, it trains nothing, or the loss is no longer a number.
        """
        epochs, labels, task = self._epochs, self._reading.labels, self._task
        given = (images, labels(task.labels[task.train]))
        held_out = (validation, labels(task.labels[task.validation]))
        try:
            with self._in_place(candidate, images, validation), blamed(candidate, "fit"):
                candidate.fit(
                    self._run.model,
                    *given,
                    validation_data=held_out,
                    epochs=self._settings.epochs,
                    callbacks=[epochs],
                    verbose=0,
                )
        except TrialError:
            if epochs.raised is None and not epochs.ended:
                raise
        if epochs.raised is not None:
            raise epochs.raised
        if not epochs.count:
            raise _trained_nothing(candidate.name)
        self._run.restore(epochs.last)  # a callback of the hypermodel's may have put back others

    @contextmanager
    def _in_place(
        self, candidate: Candidate, images: NDArray[np.float32], validation: NDArray[np.float32]
    ) -> Iterator[None]:
        """Within it, the model's `fit` is ours."""

        def fit(*args: object, **kwargs: object) -> object:
            options = dict(inspect.signature(self._fit).bind(*args, **kwargs).arguments)
            options |= options.pop("kwargs", {})
            with self._epochs.ours():
                if self._epochs.ended:
                    raise EndedError
                candidate.settle()
                self._fill_in(options)
                self._choose(options, images, validation)
            return self._run_fit(options)

        model = self._run.model
        object.__setattr__(model, "fit", fit)  # past Keras' own, which tracks what a layer holds
        try:
            yield
        finally:
            object.__delattr__(model, "fit")

    def _fill_in(self, options: dict[str, Any]) -> None:
        callbacks = list(options.get("callbacks") or ())
        options["callbacks"] = callbacks if self._epochs in callbacks else [*callbacks, self._epochs]
        options["verbose"] = 0
        options.setdefault("shuffle", self._settings.shuffle)
        if isinstance(options.get("x"), np.ndarray):
            options.setdefault("batch_size", self._settings.batch_size)
            self._epochs.batch_size = int(options["batch_size"] or _KERAS_BATCH_SIZE)

    def _choose(self, options: dict[str, Any], images: NDArray[np.float32], validation: NDArray[np.float32]) -> None:
        """Have the rest trained on what the frozen part says, if there is one and the images are those given."""
        run, held_out = self._run, options.get("validation_data")
        if options.get("x") is not images or not (held_out is None or held_out[0] is validation):
            self.unswitchable = _OTHER_IMAGES
            run.use_whole(_OTHER_IMAGES)
        elif run.use_rest():
            options["x"] = run.inputs(self._task.train)
            if held_out is not None:
                options["validation_data"] = (run.inputs(self._task.validation), *held_out[1:])
        if can_be_watched(run.model):
            add_metrics(run.trained, run.model, self._reading)

    def _run_fit(self, options: Mapping[str, Any]) -> object:
        run = self._run
        self._epochs.in_fit = True
        try:
            return (self._fit if run.trained is run.model else run.trained.fit)(**options)
        finally:
            self._epochs.in_fit = False


def _trained_nothing(name: str) -> TrialError:
    return TrialError(
        f"{name}, fit",
        received="no epoch of training",
        expected="a fit that calls model.fit, or that calls on_epoch_end of the callbacks it is given",
        remedy="hand callbacks on to model.fit, with epochs above 0",
    )
