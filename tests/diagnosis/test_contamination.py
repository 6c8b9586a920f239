"""The rate of wrong labels where the classes' probabilities are known: what is fitted, and how surely."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from sweep.diagnosis.contamination import Views, fit_contamination, profile_interval, rate_above

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.int64]


def change_of(labels: IndexArray, num_classes: int) -> FloatArray:
    """Of labels that are wrong equally often in every class, and go to every other one equally often."""
    own = np.arange(num_classes) == labels[:, np.newaxis]
    return np.where(own, -1.0, 1 / (num_classes - 1))


def world(images: int, *, spread: float, rate: float, num_classes: int = 2, seed: int = 0) -> tuple[Views, IndexArray]:
    """One opinion that gives the true logits, whose standard deviation is `spread`, and labels with so many wrong."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=spread, size=(images, num_classes))
    true = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    wrong = np.sort(rng.permutation(images)[: round(rate * images)])
    labels = true.copy()
    labels[wrong] = (labels[wrong] + rng.integers(1, num_classes, size=len(wrong))) % num_classes
    prior = np.full(num_classes, -math.log(num_classes))
    return Views(log_prior=prior, opinions=(logits,), change=change_of(labels, num_classes), labels=labels), wrong


def certain(right: int, wrong: int) -> Views:
    """Images far from any boundary, so many of them labelled rightly and wrongly."""
    true = np.arange(right + wrong) % 2
    labels = np.where(np.arange(right + wrong) < right, true, 1 - true)
    opinion = np.where(np.arange(2) == true[:, np.newaxis], 60.0, -60.0)
    return Views(log_prior=np.log([0.5, 0.5]), opinions=(opinion,), change=change_of(labels, 2), labels=labels)


@pytest.mark.parametrize("right", [190, 170, 140])
def test_where_nothing_overlaps_the_rate_is_the_share_that_is_wrong(right: int) -> None:
    fit = fit_contamination(certain(right, 200 - right))
    assert fit.rate == pytest.approx(1 - right / 200, abs=1e-3)
    np.testing.assert_allclose(fit.wrong, np.arange(200) >= right, atol=1e-6)


def test_where_nothing_overlaps_the_interval_is_that_of_a_share() -> None:
    views = certain(180, 20)
    interval = profile_interval(views, fit_contamination(views))
    # 2 · (log-likelihood of 20 in 200 at .1, less that at a bound) = 1.96².
    best = 20 * math.log(0.1) + 180 * math.log(0.9)
    for bound in (interval.low, interval.high):
        other = 20 * math.log(bound) + 180 * math.log(1 - bound)
        assert 2 * (best - other) == pytest.approx(1.959964**2, abs=0.05)
    assert interval.low < 0.1 < interval.high


def test_no_wrong_label_leaves_an_interval_with_a_width() -> None:
    views = certain(200, 0)
    interval = profile_interval(views, fit_contamination(views))
    assert interval.low == 0.0
    assert interval.estimate < 1e-3
    # (1 - bound)^200 = exp(-1.96² / 2)
    assert interval.high == pytest.approx(-math.expm1(-(1.959964**2) / 400), abs=1e-3)


def test_p_is_of_the_root_of_the_likelihood_ratio() -> None:
    views = certain(196, 4)
    fit = fit_contamination(views)
    at_least, at_best = (4 * math.log(rate) + 196 * math.log(1 - rate) for rate in (0.005, 0.02))
    normal = math.erfc(math.sqrt(at_best - at_least)) / 2  # P(Z > z) with z² = 2 · the difference
    assert rate_above(views, fit, 0.005) == pytest.approx(normal, rel=0.05)
    assert rate_above(views, fit, 0.03) == 1.0


def test_images_that_hang_together_widen_the_interval_and_raise_p() -> None:
    views = certain(180, 20)
    fit = fit_contamination(views)
    single, clustered = (profile_interval(views, fit, design_effect=effect) for effect in (1.0, 4.0))
    assert clustered.high - clustered.low == pytest.approx(2 * (single.high - single.low), rel=0.1)
    assert rate_above(views, fit, 0.005, design_effect=4.0) > rate_above(views, fit, 0.005)


@pytest.mark.parametrize("spread", [0.7, 1.5])
def test_overlap_alone_is_not_taken_for_wrong_labels(spread: float) -> None:
    views, _ = world(2_000, spread=spread, rate=0.0)
    mistaken = np.mean(views.opinions[0].argmax(axis=1) != views.labels)
    assert mistaken > 0.2  # as many errors as wrong labels would make
    fit = fit_contamination(views)
    assert profile_interval(views, fit).low == 0.0
    assert rate_above(views, fit, 0.005) > 0.05
    assert np.mean(fit.wrong > 0.5) < 0.01


@pytest.mark.parametrize(("rate", "num_classes"), [(0.05, 2), (0.15, 3), (0.3, 5)])
def test_wrong_labels_are_told_apart_from_overlap(rate: float, num_classes: int) -> None:
    views, wrong = world(2_000, spread=4.0, rate=rate, num_classes=num_classes)
    fit = fit_contamination(views)
    interval = profile_interval(views, fit)
    assert interval.low <= rate <= interval.high
    assert interval.high - interval.low < 0.08
    assert rate_above(views, fit, 0.005) < 1e-6
    # A probability is right if as many are wrong as it says.
    assert fit.wrong.sum() == pytest.approx(len(wrong), rel=0.25)
    assert fit.wrong[wrong].mean() > 0.6
    assert np.delete(fit.wrong, wrong).mean() < 0.1


def test_an_opinion_in_another_unit_gets_another_weight() -> None:
    views, _ = world(1_500, spread=3.0, rate=0.1)
    shouted = replace(views, opinions=(views.opinions[0] * 3,))
    quiet, loud = fit_contamination(views), fit_contamination(shouted)
    assert loud.rate == pytest.approx(quiet.rate, abs=0.003)
    assert quiet.parameters[0] - loud.parameters[0] == pytest.approx(math.log(3), abs=0.02)


def test_an_opinion_that_says_nothing_changes_nothing() -> None:
    views, _ = world(1_500, spread=3.0, rate=0.1)
    said = np.random.default_rng(1).normal(size=views.opinions[0].shape)
    both = fit_contamination(replace(views, opinions=(*views.opinions, said)))
    assert both.rate == pytest.approx(fit_contamination(views).rate, abs=0.01)
    assert math.exp(both.parameters[1]) < 0.15 * math.exp(both.parameters[0])


def test_a_given_rate_is_kept_and_costs_more() -> None:
    views, _ = world(800, spread=3.0, rate=0.1)
    best = fit_contamination(views)
    for rate in (0.02, 0.3):
        other = fit_contamination(views, rate=rate)
        assert other.rate == rate
        assert other.cost > best.cost
        again = fit_contamination(views, rate=rate, start=best)
        assert again.cost == pytest.approx(other.cost, abs=0.01)


def test_the_probability_that_a_label_is_wrong_is_bayes() -> None:
    views = Views(
        log_prior=np.log([0.5, 0.5]),
        opinions=(np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]),),
        change=change_of(np.zeros(3, np.int64), 2),
        labels=np.zeros(3, np.int64),
    )
    fit = fit_contamination(views, rate=0.2)
    weight, (first, second) = math.exp(fit.parameters[0]), fit.parameters[1:3]
    own = expit(weight * np.array([2.0, -2.0, 0.0]) + first - second)
    np.testing.assert_allclose(fit.classes[:, 0], own)
    np.testing.assert_allclose(fit.wrong, 0.2 * (1 - own) / (0.8 * own + 0.2 * (1 - own)))


def test_labels_that_go_one_way_are_counted_as_they_go() -> None:
    # Every wrong label is of class 0 and says class 1: its rate among them is twice that of all.
    true = np.arange(400) % 2
    labels = true.copy()
    labels[np.arange(0, 80, 2)] = 1
    change = np.where(labels[:, np.newaxis] == 1, [2.0, 0.0], [-2.0, 0.0])
    opinion = np.where(np.arange(2) == true[:, np.newaxis], 60.0, -60.0)
    views = Views(log_prior=np.log([0.5, 0.5]), opinions=(opinion,), change=change, labels=labels)
    fit = fit_contamination(views)
    assert fit.rate == pytest.approx(0.1, abs=2e-3)
    assert np.flatnonzero(fit.wrong > 0.5).tolist() == list(range(0, 80, 2))


def test_a_start_from_more_wrong_labels_ends_at_the_same_fit() -> None:
    views, _ = world(1_500, spread=3.0, rate=0.1)
    best = fit_contamination(views)
    raised = best.raised(0.05, views.most)
    assert raised.rate == raised.parameters[-1] == pytest.approx(best.rate + 0.05)
    assert fit_contamination(views, start=raised).rate == pytest.approx(best.rate, abs=2e-3)
    assert best.raised(1.0, views.most).rate == views.most == pytest.approx(0.85 / 2)
