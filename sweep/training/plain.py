"""Ordinary Keras `fit` over the whole network: the judge of the fast path."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone
from sweep.records import IndexArray, Measurement, SplitIndices
from sweep.studyfile.definition import Configuration
from sweep.training.course import Reporter
from sweep.training.epochs import follow
from sweep.training.fused import translated
from sweep.training.measurement import Cost, measure
from sweep.training.plain_run import PlainRun
from sweep.training.precision import check_precision
from sweep.training.seeds import TrialSeeds
from sweep.training.task import Task

__all__ = ["PlainTrainer"]

Pixels: TypeAlias = NDArray[np.uint8]


class PlainTrainer:
    """Trains like `Trainer`, but takes every image through the whole network in every epoch.

    Args:
        backbone: of every configuration that is trained.
        pixels: uint8, shape (n_images, image_size, image_size, 3), in the order of the index.
        labels: int64, shape (n_images,).
        split: the sides; the test side is never read.
        num_classes: width of the output.
        views: the images that are not sealed, augmented, uint8, shape (n_views, n_developed, image_size, image_size,
            3), or None.
    """

    def __init__(
        self,
        *,
        backbone: Backbone,
        pixels: Pixels,
        labels: IndexArray,
        split: SplitIndices,
        num_classes: int,
        views: Pixels | None = None,
    ) -> None:
        self._backbone = backbone
        self._pixels = pixels
        self._task = Task.of(labels, split, num_classes)
        self._views = views

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
        """Train one configuration; arguments and errors are those of `Trainer.train`."""
        start = time.perf_counter()
        check_precision(configuration.training.mixed_precision)
        seeds, task = TrialSeeds.of(seed), self._task.on(split)
        run = PlainRun(self._backbone, configuration, task, seeds, self._pixels, self._views)
        compile_seconds = time.perf_counter() - start
        views = 0 if self._views is None else len(self._views)
        course = follow(run, task, configuration.training, views=views, seeds=seeds, reporter=reporter)
        cost = Cost(parameters=run.parameters, cut=run.cut.key, start=start, compile_seconds=compile_seconds)
        return measure(
            run, task, course, batch_size=configuration.training.batch_size, seeds=seeds, cost=cost, thorough=thorough
        )
