"""What a linear probe of the training side loses on the validation side, and whether the order of classes is why."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import ndtr

from sweep.diagnosis.permutations import DRAWS, permutation_p
from sweep.diagnosis.probes.domain import Sides
from sweep.diagnosis.quantiles import student_quantile
from sweep.diagnosis.ridge import RidgeProbe, one_hot
from sweep.diagnosis.sources import source_blocks, source_codes
from sweep.diagnosis.statistics import (
    effective_counts,
    mean_above_zero,
    paired_accuracy_difference,
    unpaired_difference,
    wilson,
)
from sweep.records import IndexArray, Interval

__all__ = ["Answers", "Reordering", "Transfer", "best_reordering", "transfer"]

FloatArray = NDArray[np.float64]

_LEVEL = 0.95
_FIT_VARIES = math.sqrt(1.25)
"""One fit answers all validation images, and another sample of training images would give another one: simulated (30 to
200 sources of 1 to 10 images), losses have 1.0 to 1.1 times the standard deviation of dealing them anew."""
_FARTHEST = 8.0  # standard errors, where a normal level is 1 to 15 decimals
_REORDERED_P = 0.001
_REORDERED_SHARE = 0.75  # of the loss: a wrong order explains nearly all of it, a shift that resembles one less


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What a linear probe says of images that it did not see.

    Attributes:
        predicted: int64, shape (n_images,).
        truth: likewise.
        sources: int64, of the images; None where each is its own.
    """

    predicted: IndexArray
    truth: IndexArray
    sources: IndexArray | None

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Shape (n_images,)."""
        return np.asarray(self.predicted == self.truth)

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(self.correct.mean())

    @property
    def interval(self) -> Interval:
        """The accuracy with Wilson's interval, widened by sources and by how few they are."""
        counts = effective_counts(self.correct, self.sources)
        if self.sources is None:
            return wilson(*counts)
        units = len(np.unique(self.sources))
        reach = min(_FARTHEST, student_quantile(_LEVEL, units)) if units > 1 else _FARTHEST
        return replace(wilson(*counts, level=2 * float(ndtr(reach)) - 1), level=_LEVEL)

    @property
    def codes(self) -> IndexArray:
        """The source of each image, or the image itself, from 0."""
        return np.arange(len(self.truth)) if self.sources is None else source_codes(self.sources)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transfer:
    """A probe fitted to the training side, on both sides.

    Attributes:
        held_out: of training images, by fits without them or their sources.
        validated: of validation images, by the fit to all of training.
        loss: accuracy of the former minus that of the latter; both carry sampling error.
        p: one-sided, that nothing is lost.
    """

    held_out: Answers
    validated: Answers
    loss: Interval
    p: float


def transfer(sides: Sides, *, rng: np.random.Generator, draws: int = DRAWS) -> Transfer:
    """Hold a probe's accuracy on training images that it did not see against that on validation images.

    Both are of fits to about the same number of images. p deals the answered images, or whole sources, to the sides
    anew, as Fisher's exact test does, with the loss taken a little smaller, as far as fits vary.

    Args:
        sides: training images of two sources at least.
        rng: of the permutations.
        draws: how many.

    Source: of the interval R. G. Newcombe, Statist. Med. 17 (1998), method 10.
    """
    train, validation = np.flatnonzero(~sides.validation), np.flatnonzero(sides.validation)
    of_train, of_validation = (None if sides.sources is None else sides.sources[side] for side in (train, validation))
    probe, targets = RidgeProbe(sides.features[train]), one_hot(sides.labels[train], sides.num_classes)
    blocks = None if of_train is None else source_blocks(of_train)
    # Chosen by squared errors on the training side alone, which flatters its share of right answers hardly at all.
    penalty = probe.chosen_penalty(targets, blocks)
    held_out = Answers(
        predicted=probe.held_out(targets, penalty, blocks).argmax(axis=1),
        truth=sides.labels[train],
        sources=of_train,
    )
    validated = Answers(
        predicted=probe.predict(targets, penalty, sides.features[validation]).argmax(axis=1),
        truth=sides.labels[validation],
        sources=of_validation,
    )
    return Transfer(
        held_out=held_out,
        validated=validated,
        loss=unpaired_difference(held_out.interval, validated.interval),
        p=_nothing_lost(held_out, validated, rng, draws),
    )


def _nothing_lost(held_out: Answers, validated: Answers, rng: np.random.Generator, draws: int) -> float:
    sums = [(np.bincount(one.codes, weights=one.correct), np.bincount(one.codes)) for one in (held_out, validated)]
    right, images = (np.concatenate(both) for both in zip(*sums, strict=True))
    own = np.arange(len(images)) < len(sums[0][0])

    def losses(first: NDArray[np.bool_]) -> FloatArray:
        there, of = first @ right, first @ images
        return np.asarray(there / of - (right.sum() - there) / (images.sum() - of))

    def dealt(count: int) -> FloatArray:
        return losses(rng.permuted(np.tile(own, (count, 1)), axis=1))

    return permutation_p(float(losses(own[None])[0]) / _FIT_VARIES, dealt, draws=draws)[0]


# ---- the order of classes --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reordering:
    """What validation gains when its classes are read in another order.

    Attributes:
        order: class -> the class as which it is predicted.
        accuracy: in orders that were found on other images.
        gain: of that over the order as it is.
        p: one-sided, of no gain.
    """

    order: tuple[int, ...]
    accuracy: float
    gain: Interval
    p: float

    @property
    def moved(self) -> tuple[int, ...]:
        """The classes that are read as others."""
        return tuple(label for label, other in enumerate(self.order) if label != other)

    def explains(self, loss: Interval) -> bool:
        """Whether that, rather than other images, is what makes validation worse."""
        proven = bool(self.moved) and self.p < _REORDERED_P and self.gain.low > 0
        return proven and self.gain.estimate >= _REORDERED_SHARE * loss.estimate


def best_reordering(validated: Answers, num_classes: int, *, rng: np.random.Generator) -> Reordering:
    """The best order, found on one half of the images, or sources, and tried on the other, and the other way round.

    Args:
        validated: of validation images.
        num_classes: how many classes there are.
        rng: draws the halves.

    Source: of the assignment H. W. Kuhn, The Hungarian method for the assignment problem, Naval Res. Logist. 2 (1955).
    """
    units = int(validated.codes.max()) + 1
    first = (rng.permutation(units) < units // 2)[validated.codes]
    reordered = np.empty(len(first), np.bool_)
    for half in (first, ~first):
        order = _best_order(validated.truth[half], validated.predicted[half], num_classes)
        reordered[~half] = order[validated.truth[~half]] == validated.predicted[~half]
    return Reordering(
        order=tuple(_best_order(validated.truth, validated.predicted, num_classes).tolist()),
        accuracy=float(reordered.mean()),
        gain=paired_accuracy_difference(reordered, validated.correct, groups=validated.sources),
        p=mean_above_zero(reordered.astype(np.float64) - validated.correct, validated.sources),
    )


def _best_order(truth: IndexArray, predicted: IndexArray, num_classes: int) -> IndexArray:
    """Class -> what it is predicted as, each once, so that most are right; in doubt every class is itself."""
    confusion = 0.5 * np.eye(num_classes)
    np.add.at(confusion, (truth, predicted), 1.0)
    return np.asarray(linear_sum_assignment(confusion, maximize=True)[1], dtype=np.int64)
