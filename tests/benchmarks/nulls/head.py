"""Data sets on which a head and its regularisers do no harm, for the probes that compare short trainings.

An image is classified correctly with a probability of its own; the trainings of one configuration share it, and the
images of one training share some luck, as those of one source do where images come from sources. Boundary nulls lie
where harm begins: a smaller head that loses just the harm margin, dropout that does just as much as counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sweep.diagnosis.probes.head import bottleneck, capacity
from sweep.diagnosis.probes.masks import HiddenLayers
from sweep.diagnosis.probes.regularizers import IDLE_SHARE, idle_dropout, over_regularized
from sweep.diagnosis.verdict import HARM
from sweep.records import Finding, FitRecord

FloatArray = NDArray[np.float64]

LABELS = np.arange(300, dtype=np.int64) % 4
NARROW = HiddenLayers(widths=(4,), rates=(0.5,), classes=4)

SEEDS = 3
TRAIN_IMAGES = 800
MIDDLE, SPREAD, ACCURACY = 7.0, 8.0, 0.8033  # of the images' logits, and what follows from both
LUCK = 0.15  # of one training, shared by its images
SOURCE_LUCK = 1.0  # of one training with one source


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Validation images: the logit of a training's getting each right, and where it comes from.

    `known` is whether fits tell the accuracy of each of their trainings.
    """

    rng: np.random.Generator
    logits: FloatArray
    sources: NDArray[np.int64]
    luck: float = LUCK
    known: bool = False

    def trained(self, name: str, *, train: float = 0.97, kept: float = 1.0, seeds: int = SEEDS) -> FitRecord:
        """A fit that gets each image right with its probability times `kept`."""
        luck = self.rng.normal(0.0, self.luck, (seeds, 1))
        grouped = len(np.unique(self.sources)) < len(self.sources)
        own = self.rng.normal(0.0, SOURCE_LUCK * grouped, (seeds, self.sources.max() + 1))[:, self.sources]
        right = self.rng.random((seeds, len(self.logits))) < kept * expit(self.logits + luck + own)
        fitted = self.rng.binomial(TRAIN_IMAGES, expit(np.log(train / (1 - train)) + luck)) / TRAIN_IMAGES
        return FitRecord(
            name=name,
            seeds=seeds,
            train_accuracy=float(fitted.mean()),
            train_cross_entropy=0.1,
            correct=right.mean(axis=0),
            cross_entropy=np.ones(len(self.logits)),
            trainable_parameters=1000,
            train_curve=np.empty(0),
            validation_curve=np.empty(0),
            accuracies=tuple(zip(fitted.ravel(), right.mean(axis=1), strict=True)) if self.known else (),
        )


def world(rng: np.random.Generator, *, images: int = 300, each: int = 1) -> World:
    """Images, so many of each source, of which trainings get `ACCURACY` right in expectation."""
    logits = rng.normal(MIDDLE, SPREAD, images // each)
    return World(rng=rng, logits=np.repeat(logits, each), sources=np.repeat(np.arange(images // each), each))


def a_smaller_head_changes_nothing(rng: np.random.Generator) -> float:
    found = world(rng)
    smaller = [found.trained(name) for name in ("pooled", "narrow", "shrunk")]
    return tested(capacity(found.trained("baseline"), smaller, LABELS, train_images=TRAIN_IMAGES))


def a_smaller_head_changes_nothing_that_trainings_tell(rng: np.random.Generator) -> float:
    """Eight trainings each, whose ends are known, and twice as many of the baseline, that end far apart."""
    found = replace(world(rng), luck=0.5, known=True)
    smaller = [found.trained(name, seeds=8) for name in ("pooled", "narrow", "shrunk")]
    baseline, again = found.trained("baseline", seeds=8), found.trained("again", seeds=8)
    return tested(capacity(baseline, smaller, LABELS, train_images=TRAIN_IMAGES, again=again))


def weaker_regularisers_gain_nothing_that_trainings_tell(rng: np.random.Generator) -> float:
    """Five trainings each, whose ends are known."""
    found = replace(world(rng), luck=0.4, known=True)
    weaker = [found.trained(name, seeds=5) for name in ("no dropout", "tenth of l2")]
    return tested(over_regularized(found.trained("baseline", seeds=5), weaker, train_images=TRAIN_IMAGES))


def a_smaller_head_changes_nothing_in_sources(rng: np.random.Generator) -> float:
    found = world(rng, each=6)
    smaller = [found.trained("pooled")]
    baseline = found.trained("baseline")
    return tested(capacity(baseline, smaller, LABELS, train_images=TRAIN_IMAGES, groups=found.sources))


def a_linear_head_is_as_good(rng: np.random.Generator) -> float:
    found = world(rng)
    baseline, linear = found.trained("baseline", train=0.8), found.trained("linear")
    return tested(bottleneck(baseline, linear, NARROW, train_images=TRAIN_IMAGES))


def a_linear_head_is_as_good_on_few_images(rng: np.random.Generator) -> float:
    found = world(rng, images=40)
    baseline, linear = found.trained("baseline", train=0.8, seeds=1), found.trained("linear", seeds=1)
    return tested(bottleneck(baseline, linear, NARROW, train_images=TRAIN_IMAGES))


def dropout_takes_a_fifth_off_a_large_gap(rng: np.random.Generator) -> float:
    found = world(rng)
    without = found.trained("without", kept=1 - IDLE_SHARE * (0.97 - ACCURACY) / ACCURACY)
    return idle(found.trained("baseline"), without)


def dropout_takes_the_margin_off_a_small_gap(rng: np.random.Generator) -> float:
    found = world(rng, images=1200)
    without = found.trained("without", train=0.85, kept=1 - HARM / ACCURACY)
    return idle(found.trained("baseline", train=0.85), without)


def weaker_regularisers_gain_nothing(rng: np.random.Generator) -> float:
    found = world(rng)
    weaker = [found.trained(name) for name in ("no dropout", "tenth of l2")]
    return tested(over_regularized(found.trained("baseline"), weaker, train_images=TRAIN_IMAGES))


def weaker_regularisers_gain_nothing_after_one_training(rng: np.random.Generator) -> float:
    found = world(rng, images=60)
    weaker = [found.trained("no dropout", seeds=1)]
    return tested(over_regularized(found.trained("baseline", seeds=1), weaker, train_images=TRAIN_IMAGES))


def weaker_regularisers_gain_nothing_in_sources(rng: np.random.Generator) -> float:
    found = world(rng, each=6)
    baseline, weaker = found.trained("baseline"), [found.trained("no dropout")]
    return tested(over_regularized(baseline, weaker, train_images=TRAIN_IMAGES, groups=found.sources))


def idle(baseline: FitRecord, without: FitRecord) -> float:
    return tested(idle_dropout(baseline, without, rate=0.5, positions=25, train_images=TRAIN_IMAGES))


def tested(finding: Finding) -> float:
    assert finding.p is not None
    return finding.p


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "capacity: no change": a_smaller_head_changes_nothing,
    "capacity: ends known": a_smaller_head_changes_nothing_that_trainings_tell,
    "capacity: sources": a_smaller_head_changes_nothing_in_sources,
    "bottleneck: linear as good": a_linear_head_is_as_good,
    "bottleneck: 40 images": a_linear_head_is_as_good_on_few_images,
    "idle dropout: a fifth of the gap": dropout_takes_a_fifth_off_a_large_gap,
    "idle dropout: the margin": dropout_takes_the_margin_off_a_small_gap,
    "over-regularized: no change": weaker_regularisers_gain_nothing,
    "over-regularized: ends known": weaker_regularisers_gain_nothing_that_trainings_tell,
    "over-regularized: one training": weaker_regularisers_gain_nothing_after_one_training,
    "over-regularized: sources": weaker_regularisers_gain_nothing_in_sources,
}
