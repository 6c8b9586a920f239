"""One trial on cached features and compiled epochs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from sweep.records import IndexArray
from sweep.studyfile.definition import TrainingSettings
from sweep.training.course import LoggedEpoch
from sweep.training.fused import CompiledStructure, share
from sweep.training.modes import Subject
from sweep.training.switching import CLEAN
from sweep.training.task import Batches, steps_per_epoch

__all__ = ["FusedRun"]

Float32 = NDArray[np.float32]
Tensor: TypeAlias = keras.KerasTensor

_EVALUATION_BYTES = 64 * 2**20
_MOST_EVALUATED = 512
_STEPS_COMPILED = 16


class FusedRun:
    """One trial on a compiled structure.

    Args:
        compiled: set to the start of the trial.
        clean: the features of every image of the index, float32, shape (n_images, …).
        views: those of augmented images, shape (n_views, n_developed, …); None: batches are of the clean ones.
    """

    name = "fused"

    def __init__(self, compiled: CompiledStructure, *, clean: Float32, views: Float32 | None) -> None:
        self._compiled = compiled
        self._clean = share(clean)
        self._views = 0 if views is None else len(views)
        self._training = self._clean if views is None else ops.reshape(share(views), (-1, *clean.shape[1:]))
        self._head_only = False
        row_bytes = clean.nbytes // max(1, len(clean))
        self._evaluated = max(1, min(_MOST_EVALUATED, _EVALUATION_BYTES // max(1, row_bytes)))

    def compile(self, settings: TrainingSettings, examples: int) -> float:
        """Make the compiled functions ready for epochs of so many training images; returns the seconds that took."""
        start = time.perf_counter()
        steps, size = steps_per_epoch(settings, examples), settings.batch_size
        nothing = self._padded(np.zeros((steps, size), np.int32))
        zeros = nothing[:, 0].astype(np.float32)
        mixing = (nothing, zeros) if settings.mixup else ()
        epochs = [self._compiled.epoch] if settings.head_epochs < settings.epochs else []
        for epoch in [self._compiled.head_epoch, *epochs] if settings.head_epochs else epochs:
            epoch(self._training, np.int32(0), nothing, nothing, nothing[:, 0], zeros, *mixing)
        self.logits(np.zeros(1, np.int64))
        return time.perf_counter() - start

    def begin_phase(self, *, head_only: bool) -> None:
        """From here on the head alone trains, or all that is unfrozen, by an optimizer that starts anew."""
        self._head_only = head_only
        self._compiled.forget_gradients()

    def run_epoch(self, batches: Batches) -> LoggedEpoch:
        """Train one epoch."""
        epoch = self._compiled.head_epoch if self._head_only else self._compiled.epoch
        mixing = () if batches.mixing is None else (batches.mixing.partners, batches.mixing.shares)
        arrays = (batches.rows, batches.labels, batches.counts, batches.rates, *mixing)
        sums = epoch(self._training, np.int32(len(batches.counts)), *map(self._padded, arrays))
        accuracy, loss, penalty, weighting = (float(total) / batches.examples for total in sums.numpy())
        return LoggedEpoch(accuracy=accuracy, loss=loss, penalty=penalty, weighting=weighting)

    def logits(self, images: IndexArray) -> Float32:
        """Clean logits of images of the index, float32, shape (n_images, num_classes)."""
        rows, size = images.astype(np.int32), self._evaluated
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        return np.concatenate([self._compiled.logits(self._clean, part).numpy() for part in parts])

    def view_logits(self, rows: IndexArray) -> Float32:
        """The same of rows of the table of views, shape (n_views · n_developed, …)."""
        parts = np.split(rows, range(self._evaluated, len(rows), self._evaluated))
        return np.concatenate(list(self._compiled.switched.logits(CLEAN, map(self._augmented, parts))))

    @property
    def subject(self) -> Subject:
        """What is evaluated in modes: as in the phase that is on."""
        switched = self._compiled.head_switched if self._head_only else self._compiled.switched
        return Subject(
            model=switched,
            switches=switched.switches(augmented=bool(self._views)),
            clean=lambda images: ops.take(self._clean, images, axis=0),
            augmented=self._augmented if self._views else None,
            views=self._views,
            at_once=self._evaluated,
            cheap=self._compiled.fixed_shapes,
        )

    def penalty(self) -> float:
        """The penalty on the kernels at the present weights."""
        return self._compiled.penalty()

    def weights(self) -> list[NDArray[Any]]:
        """A copy of the model's weights."""
        return list(self._compiled.model.get_weights())

    def restore(self, weights: Sequence[NDArray[Any]]) -> None:
        """Put weights back."""
        self._compiled.model.set_weights(weights)

    def _padded(self, steps: NDArray[Any]) -> NDArray[Any]:
        """With steps that are never run, so that training sides of nearly one size share a compile."""
        missing = -len(steps) % _STEPS_COMPILED if self._compiled.fixed_shapes else 0
        return np.concatenate([steps, np.zeros((missing, *steps.shape[1:]), steps.dtype)])

    def _augmented(self, rows: IndexArray) -> Tensor:
        return ops.take(self._training, rows, axis=0)
