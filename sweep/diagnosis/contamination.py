"""How many labels are wrong whatever the features say, told apart from classes that overlap.

The model: an image's true class follows from its features through opinions whose weights are fitted, and its label is
then wrong with a probability that does not depend on the features. Overlap makes labels uncertain near a boundary and
certain away from it; wrong labels put a floor under the errors everywhere. So both are fitted together, by maximum
likelihood, and what counts as wrong is what lies far from any boundary.

Sources: the lapse rate of psychometric functions, F. A. Wichmann and N. J. Hill, The psychometric function: I. Fitting,
sampling, and goodness of fit, Percept. Psychophys. 63 (2001), doi:10.3758/BF03194544; for classifiers J. Bootkrajang
and A. Kabán, Label-noise robust logistic regression and its applications, ECML PKDD 2012,
doi:10.1007/978-3-642-33460-3_15; the profile likelihood with dependent images, R. E. Chandler and S. Bate, Inference
for clustered data using the independence loglikelihood, Biometrika 94 (2007), doi:10.1093/biomet/asm015.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import ndtr

from sweep.diagnosis.quantiles import normal_quantile
from sweep.records import IndexArray, Interval

__all__ = ["Contamination", "Views", "fit_contamination", "profile_interval", "rate_above"]

FloatArray = NDArray[np.float64]

_STARTS = (0.01, 0.2)  # rates from which the best fit is looked for
_LEAST = 1e-6  # rate, for 0: there a label that the features rule out would have no likelihood at all
_MOST = 0.85  # of the rate at which labels would say nothing
_BIAS, _WEIGHT = 1.0, 2.0  # standard deviations of weak priors, which keep weights finite where no image is in doubt
_LOG_WEIGHTS, _BIASES = (-5.0, 4.0), (-6.0, 6.0)
_FINE = 2e-4  # of a rate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Views:
    """What is known of the true classes without the image's own label, and the labels.

    Attributes:
        log_prior: of the classes, shape (num_classes,).
        opinions: logarithms of likelihoods of the classes, up to a factor and a summand; each of the shape (n_images,
            num_classes).
        change: of the probability of the label that the image has, by true class, for each unit of the rate, shape
            (n_images, num_classes): above 0 for other classes, whose images may have been given it wrongly, below 0 for
            its own.
        labels: int, shape (n_images,).
    """

    log_prior: FloatArray
    opinions: tuple[FloatArray, ...]
    change: FloatArray
    labels: IndexArray

    @property
    def most(self) -> float:
        """The highest rate that is considered."""
        return _MOST * (1 - 1 / len(self.log_prior)) / max(1.0, -float(self.change.min()))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contamination:
    """A fit.

    Attributes:
        rate: share of wrong labels.
        cost: negative logarithm of the likelihood, with the priors.
        parameters: of the fit, to start others from.
        classes: probability of each true class, without the label, shape (n_images, num_classes).
        wrong: probability that the label is wrong, shape (n_images,).
    """

    rate: float
    cost: float
    parameters: FloatArray
    classes: FloatArray
    wrong: FloatArray

    def raised(self, by: float, most: float) -> Contamination:
        """The same, to start from where more labels are wrong."""
        rate = min(most, self.rate + by)
        return replace(self, rate=rate, parameters=np.append(self.parameters[:-1], rate))


def fit_contamination(views: Views, *, rate: float | None = None, start: Contamination | None = None) -> Contamination:
    """Fit the model.

    Args:
        views: the images.
        rate: of wrong labels, where it is given and not fitted.
        start: a fit of the same or of slightly other labels; else fits start from a low and from a high rate.
    """
    bounds = [
        *[_LOG_WEIGHTS] * len(views.opinions),
        *[_BIASES] * len(views.log_prior),
        (_LEAST, views.most) if rate is None else (max(_LEAST, rate),) * 2,
    ]
    if start is None:
        neutral = np.zeros(len(bounds))
        starts = [np.append(neutral[:-1], min(one, views.most)) for one in _STARTS[: None if rate is None else 1]]
    else:
        starts = [start.parameters]

    def objective(parameters: FloatArray) -> tuple[float, FloatArray]:
        return _cost(parameters, views)[:2]

    fits = [minimize(objective, one, jac=True, method="L-BFGS-B", bounds=bounds) for one in starts]
    best = min(fits, key=lambda fit: float(fit.fun))
    _, _, classes, likelihood = _cost(best.x, views)
    rows = np.arange(len(views.labels))
    right = classes[rows, views.labels] * (1 + best.x[-1] * views.change[rows, views.labels])
    return Contamination(
        rate=float(best.x[-1]),
        cost=float(best.fun),
        parameters=np.asarray(best.x, dtype=np.float64),
        classes=classes,
        wrong=1 - right / likelihood,
    )


def profile_interval(views: Views, best: Contamination, *, design_effect: float = 1.0, level: float = 0.95) -> Interval:
    """Interval of the rate: every one that is not much less likely than the best.

    Unlike a bootstrap's it has a width where no label looks wrong at all.

    Args:
        views: the images.
        best: their fit.
        design_effect: by which images of one source are worth less than single ones.
        level: of the interval.
    """
    reach = design_effect * normal_quantile(level) ** 2
    excess = _profile(views, best, reach)
    low, high = 0.0, views.most
    if excess(_LEAST) > 0:
        low = float(brentq(excess, _LEAST, best.rate, xtol=_FINE))
    if excess(high) > 0:
        high = float(brentq(excess, best.rate, high, xtol=_FINE))
    return Interval(estimate=best.rate, low=low, high=high, level=level)


def rate_above(views: Views, best: Contamination, least: float, *, design_effect: float = 1.0) -> float:
    """One-sided p that no more labels are wrong than a least rate, by the root of the likelihood ratio.

    1.0 where the estimate is no higher than that: zero is the least it can be, and says no more than the rate itself.
    """
    if best.rate <= least:
        return 1.0
    ratio = max(0.0, _profile(views, best, 0.0)(least)) / design_effect
    return float(ndtr(-math.sqrt(ratio)))


def _profile(views: Views, best: Contamination, reach: float) -> Callable[[float], float]:
    """By rate twice the logarithm of the likelihood ratio of the best one to it, less so much."""
    nearest = {best.rate: best}

    def excess(rate: float) -> float:
        if rate not in nearest:
            start = nearest[min(nearest, key=lambda other: abs(other - rate))]
            nearest[rate] = fit_contamination(views, rate=rate, start=start)
        return 2 * (nearest[rate].cost - best.cost) - reach

    return excess


def _cost(parameters: FloatArray, views: Views) -> tuple[float, FloatArray, FloatArray, FloatArray]:
    """Cost and its gradient, the classes' probabilities, and the likelihood of each label.

    Parameters are the logarithms of the opinions' weights, the classes' biases, and the rate.
    """
    count, rate = len(views.opinions), parameters[-1]
    weights, biases = np.exp(parameters[:count]), parameters[count:-1]
    logits = views.log_prior + biases
    for weight, opinion in zip(weights, views.opinions, strict=True):
        logits = logits + weight * opinion
    classes = np.exp(logits - logits.max(axis=1, keepdims=True))
    classes /= classes.sum(axis=1, keepdims=True)
    rows = np.arange(len(views.labels))
    given = rate * views.change  # probability of the label, by true class
    given[rows, views.labels] += 1
    likelihood = np.einsum("nk,nk->n", classes, given)
    slopes = classes * (given / likelihood[:, np.newaxis] - 1)
    change = np.einsum("nk,nk->n", classes, views.change)
    gradient = np.concatenate(
        [
            [-weight * float(np.sum(slopes * one)) for weight, one in zip(weights, views.opinions, strict=True)],
            -slopes.sum(axis=0),
            [-float(np.sum(change / likelihood))],
        ]
    )
    prior = np.concatenate([parameters[:count] / _WEIGHT, biases / _BIAS, [0.0]])
    gradient[:-1] += prior[:-1] / np.concatenate([np.full(count, _WEIGHT), np.full(len(biases), _BIAS)])
    cost = -float(np.log(likelihood).sum()) + float(prior @ prior) / 2
    return cost, gradient, classes, likelihood
