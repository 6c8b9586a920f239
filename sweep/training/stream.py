"""What chance and schedules decide about one epoch after the other: batches, rates, mixtures, validation views."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sweep.records import IndexArray
from sweep.studyfile.definition import TrainingSettings
from sweep.training.learning_rate import learning_rates
from sweep.training.seeds import TrialSeeds
from sweep.training.task import Batches, Mixing, Task, draw_batches, steps_per_epoch

__all__ = ["Stream", "mixed"]


class Stream:
    """The epochs of a trial, to be asked for in their order.

    An epoch of few steps goes on where the last one ended, as Keras keeps its iterator: all images are seen before one
    comes again, then in another order, if they are shuffled, and with other views.

    Args:
        task: what is to be learnt.
        settings: of the configuration.
        views: augmented views of each image in the table of training features; 0: the table is that of clean images.
        seeds: of the trial.
    """

    def __init__(self, task: Task, settings: TrainingSettings, *, views: int, seeds: TrialSeeds) -> None:
        self._task = task
        self._train = task.train if settings.shuffle else np.sort(task.train)
        self._settings = settings
        self._views = views
        self._steps = steps_per_epoch(settings, len(task.train))
        self._rates = iter(learning_rates(settings, self._steps))
        self._order = np.random.default_rng(seeds.order) if settings.shuffle else None
        self._drawn = np.random.default_rng(seeds.views)
        self._drawn_validation = np.random.default_rng(seeds.validation_views)
        self._mixtures = np.random.default_rng(seeds.mixup)
        self._endless = self._passes()

    def batches(self) -> Batches:
        """Of the next epoch."""
        taken = itertools.islice(self._endless, self._steps)
        rows, labels, counts = (np.array(each) for each in zip(*taken, strict=True))
        batches = Batches(rows=rows, labels=labels, counts=counts, rates=next(self._rates))
        return mixed(batches, self._settings.mixup, self._mixtures)

    def _passes(self) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32], np.int32]]:
        """Rows, labels and count of one batch after the other, over all images again and again."""
        labels, size = self._task.labels[self._train], self._settings.batch_size
        while True:
            rows = self._task.draw_views(self._train, self._views, self._drawn) if self._views else self._train
            drawn = draw_batches(rows, labels, size, self._order, rates=0.0)
            yield from zip(drawn.rows, drawn.labels, drawn.counts, strict=True)

    def validation_views(self) -> IndexArray | None:
        """Rows of the table of views for the whole validation side, or None where validation is not augmented."""
        if not self._settings.augment_validation or not self._views:
            return None
        return self._task.draw_views(self._task.validation, self._views, self._drawn_validation)


def mixed(batches: Batches, strength: float, generator: np.random.Generator) -> Batches:
    """MixUp: in each batch a permutation and one share from Beta(strength, strength); strength 0: as they are.

    As Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond empirical risk minimization", ICLR 2018,
    https://arxiv.org/abs/1710.09412; mixed at features instead of pixels it is the manifold mixup of Verma et al.,
    ICML 2019, https://arxiv.org/abs/1806.05236.
    """
    if not strength:
        return batches
    steps, size = batches.rows.shape
    partners = np.tile(np.arange(size, dtype=np.int32), (steps, 1))
    for row, count in zip(partners, batches.counts, strict=True):
        row[:count] = generator.permutation(count)
    shares = np.asarray(generator.beta(strength, strength, steps), np.float32)
    return replace(batches, mixing=Mixing(partners=partners, shares=shares))
