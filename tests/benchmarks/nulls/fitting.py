"""Data sets on which another course of training gains nothing, for the probes that compare short trainings.

An image is classified correctly with a probability of its own; the trainings of one configuration share it, and the
images of one training share some luck.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sweep.diagnosis.probes.fitting import distortion, learning_rate
from sweep.diagnosis.probes.not_training import BY_HEART, SMALL_FIT, not_training
from sweep.records import Finding, FitRecord

FloatArray = NDArray[np.float64]

IMAGES, SEEDS, CLASSES = 300, 3, 4
COURSES = 5  # two lower rates, two higher ones and more epochs
LABELS = np.arange(IMAGES, dtype=np.int64) % CLASSES
LUCK = 0.15  # of one training, shared by its images, on the scale of logits
RESTLESS = 0.4  # the same of a configuration whose trainings end three points apart


def difficulties(rng: np.random.Generator) -> FloatArray:
    """Logits of being classified correctly, 80 % on average."""
    return rng.normal(7.0, 8.0, IMAGES)


def trained(
    rng: np.random.Generator,
    logits: FloatArray,
    *,
    seeds: int = SEEDS,
    luck: float = LUCK,
    scatter: float = 0.6,
    train: float = 0.9,
    known: bool = False,
) -> FitRecord:
    """A fit whose trainings differ by luck alone; cross-entropies are skewed, as those of confident networks."""
    shared = rng.normal(0.0, luck, (seeds, 1))
    noisy = logits + shared + rng.normal(0.0, scatter, (seeds, len(logits)))
    right = rng.random(noisy.shape) < expit(logits + shared)
    return FitRecord(
        name="fit",
        seeds=seeds,
        train_accuracy=train,
        train_cross_entropy=0.3,
        correct=right.mean(axis=0),
        cross_entropy=np.logaddexp(0.0, -noisy).mean(axis=0),
        trainable_parameters=1000,
        train_curve=np.linspace(1.4, 0.3, 10),
        validation_curve=np.linspace(1.4, 0.5, 10),
        accuracies=tuple((train, float(one)) for one in right.mean(axis=1)) if known else (),
    )


def no_course_is_better(rng: np.random.Generator) -> float:
    logits = difficulties(rng)
    return of_courses(trained(rng, logits), [trained(rng, logits) for _ in range(COURSES)])


def no_course_is_better_where_trainings_end_far_apart(rng: np.random.Generator) -> float:
    logits = rng.normal(3.0, 3.0, IMAGES)
    baseline, again, *others = (trained(rng, logits, luck=RESTLESS) for _ in range(2 + COURSES))
    return of_courses(baseline, others, again)


def no_course_is_better_where_trainings_tell_how_far_apart_they_end(rng: np.random.Generator) -> float:
    logits = rng.normal(3.0, 3.0, IMAGES)
    baseline, again, *others = (trained(rng, logits, luck=RESTLESS, seeds=8, known=True) for _ in range(2 + COURSES))
    return of_courses(baseline, others, again)


def no_course_is_better_for_answers_far_too_sure(rng: np.random.Generator) -> float:
    """Wrong answers cost tens of nats, so that few images and few trainings carry the mean; with a repetition."""
    logits = rng.normal(30.0, 35.0, IMAGES)
    baseline, again, *others = (trained(rng, logits, luck=RESTLESS, scatter=6.0) for _ in range(2 + COURSES))
    return of_courses(baseline, others, again)


def no_rate_is_better_than_the_best_epoch(rng: np.random.Generator) -> float:
    """The last epoch's answers are three times as sure as those of its best one, and of lower rates."""
    logits = rng.normal(3.0, 3.0, IMAGES)
    best, again, *others = (trained(rng, logits) for _ in range(2 + COURSES))
    last = replace(best, cross_entropy=3 * best.cross_entropy)
    return of_courses(last, others, again, best)


def no_course_is_better_at_chance(rng: np.random.Generator) -> float:
    logits = rng.normal(-2.0, 1.5, IMAGES)
    return of_courses(trained(rng, logits), [trained(rng, logits) for _ in range(COURSES)])


def a_probe_of_frozen_features_is_as_good(rng: np.random.Generator) -> float:
    logits = difficulties(rng)
    probe = rng.random(IMAGES) < expit(logits)
    return tested(distortion(trained(rng, logits), probe, unfrozen_layers=10, learning_rate=1e-3))


def a_probe_is_as_good_after_one_training(rng: np.random.Generator) -> float:
    logits = difficulties(rng)
    fine_tuned, probe = (trained(rng, logits, seeds=1) for _ in range(2))
    return tested(distortion(fine_tuned, probe, unfrozen_layers=10, learning_rate=1e-3))


def it_can_just_learn_by_heart(rng: np.random.Generator) -> float:
    """Features carry nothing, so training accuracy is chance; but the network learns what it is made to."""
    found = not_training(
        trained(rng, rng.normal(-1.1, 0.1, IMAGES), train=1 / CLASSES),
        small_fit_accuracy=rng.binomial(SMALL_FIT, BY_HEART) / SMALL_FIT,
        counts=np.full(CLASSES, 200),
        epochs=10,
    )
    return tested(found)


def of_courses(
    baseline: FitRecord, others: list[FitRecord], again: FitRecord | None = None, best: FitRecord | None = None
) -> float:
    lower, higher, longer = others[:2], others[2:4], others[4]
    return tested(
        learning_rate(baseline, lower=lower, higher=higher, longer=longer, labels=LABELS, again=again, best=best)
    )


def tested(finding: Finding) -> float:
    assert finding.p is not None
    return finding.p


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "learning rate: no change": no_course_is_better,
    "learning rate: restless, again": no_course_is_better_where_trainings_end_far_apart,
    "learning rate: ends known": no_course_is_better_where_trainings_tell_how_far_apart_they_end,
    "learning rate: at chance, in nats": no_course_is_better_at_chance,
    "learning rate: far too sure, again": no_course_is_better_for_answers_far_too_sure,
    "learning rate: beside the best epoch": no_rate_is_better_than_the_best_epoch,
    "distortion: probe as good": a_probe_of_frozen_features_is_as_good,
    "distortion: one training": a_probe_is_as_good_after_one_training,
    "not training: learns by heart": it_can_just_learn_by_heart,
}
