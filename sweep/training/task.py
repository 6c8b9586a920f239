"""What is to be learnt: labels, sides and the probe, as every trial of a study sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.records import IndexArray, SplitIndices
from sweep.studyfile.definition import TrainingSettings

__all__ = ["Batches", "Mixing", "Task", "draw_batches", "steps_per_epoch", "stratified_probe"]

_PROBE_SEED = 2001
# Enough for a curve, ± 0.04 at worst; the selected epoch is measured in full.
_MOST_PROBED = 500


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """Labels and sides.

    Attributes:
        labels: int64, shape (n_images,), of every image of the index.
        developed: the images that have augmented views, positions in the index, ascending, in the order of the views.
        probe: training images on which clean training numbers are taken each epoch, positions in the index.
    """

    labels: IndexArray
    train: IndexArray
    validation: IndexArray
    developed: IndexArray
    probe: IndexArray
    num_classes: int

    @classmethod
    def of(
        cls, labels: IndexArray, split: SplitIndices, num_classes: int, *, developed: IndexArray | None = None
    ) -> Task:
        """The task of a split; its probe has at most 500 images and at most as many as the validation side.

        Args:
            labels: of every image.
            split: the sides; the test side is left out.
            num_classes: width of the output.
            developed: as above; those of the split unless it is another than the one that views were made for.
        """
        return cls(
            labels=labels,
            train=split.train,
            validation=split.validation,
            developed=split.developed if developed is None else developed,
            probe=stratified_probe(split.train, labels, size=min(len(split.validation), _MOST_PROBED)),
            num_classes=num_classes,
        )

    def draw_views(self, images: IndexArray, views: int, generator: np.random.Generator) -> IndexArray:
        """One of the views of each image, at random: rows of the table of shape (views · n_developed, …)."""
        positions = np.searchsorted(self.developed, images)
        return generator.integers(views, size=len(images)) * len(self.developed) + positions

    def class_weights(self, settings: TrainingSettings) -> NDArray[np.float32] | None:
        """Factors on the training loss of the classes' examples, float32, shape (num_classes,); None: none asked for.

        "balanced" is n / (classes · training images of the class), and 0 for a class without any.
        """
        if settings.class_weight == "none":
            return None
        counts = np.bincount(self.labels[self.train], minlength=self.num_classes)
        balanced = len(self.train) / (self.num_classes * np.maximum(counts, 1))
        return np.where(counts > 0, balanced, 0).astype(np.float32)

    def on(self, split: SplitIndices | None) -> Task:
        """The same images on other sides; None: on these."""
        if split is None:
            return self
        return Task.of(self.labels, split, self.num_classes, developed=self.developed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mixing:
    """With whom each example is mixed: the share of the example itself, what is left of its partner.

    Attributes:
        partners: positions in the batch, int32, shape (steps, batch_size); what does not count is its own partner.
        shares: of one batch each, float32, shape (steps,).
    """

    partners: NDArray[np.int32]
    shares: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batches:
    """The batches of one epoch, in order; where images are left over one is filled up with rows that do not count.

    Attributes:
        rows: rows of the table of training features, int32, shape (steps, batch_size).
        labels: int32, shape (steps, batch_size).
        counts: how many of a batch count, int32, shape (steps,).
        rates: the learning rate of each step, float32, shape (steps,).
        mixing: who is mixed with whom, or None.
    """

    rows: NDArray[np.int32]
    labels: NDArray[np.int32]
    counts: NDArray[np.int32]
    rates: NDArray[np.float32]
    mixing: Mixing | None = None

    @property
    def examples(self) -> int:
        """How many examples the epoch has."""
        return int(self.counts.sum())


def steps_per_epoch(settings: TrainingSettings, images: int) -> int:
    """How many batches an epoch of that many training images has."""
    steps = math.ceil(images / settings.batch_size)
    return min(steps, settings.steps_per_epoch) if settings.steps_per_epoch else steps


def draw_batches(
    rows: IndexArray,
    labels: IndexArray,
    batch_size: int,
    order: np.random.Generator | None,
    *,
    rates: NDArray[np.float32] | float,
) -> Batches:
    """All rows in a random order, cut into batches as Keras' `fit` does: the last one is what is left.

    Args:
        rows: shape (n,).
        labels: of the rows.
        batch_size: of every batch but the last.
        order: draws the order; None: as the rows stand.
        rates: of each step, or of all.
    """
    ordered = np.arange(len(rows)) if order is None else order.permutation(len(rows))
    steps = math.ceil(len(rows) / batch_size)
    filled = np.resize(ordered, (steps, batch_size))
    counts = np.full(steps, batch_size, np.int32)
    counts[-1] = len(ordered) - (steps - 1) * batch_size
    return Batches(
        rows=rows[filled].astype(np.int32),
        labels=labels[filled].astype(np.int32),
        counts=counts,
        rates=np.broadcast_to(np.float32(rates), steps),
    )


def stratified_probe(train: IndexArray, labels: IndexArray, *, size: int) -> IndexArray:
    """At most `size` training images, each class with its share, ascending; the same ones for the same split."""
    if len(train) <= size:
        return train
    generator = np.random.default_rng(_PROBE_SEED)
    shuffled = generator.permutation(train)
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    # Evenly spaced picks from images sorted by class take each class with its share, to one image.
    picks = (np.arange(size) + 0.5) * len(by_class) / size
    return np.sort(by_class[picks.astype(np.int64)])
