"""How much of a best score is the luck of the choice, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.optimism import Optimism, Select
from sweep.diagnosis.quantiles import student_quantile
from sweep.diagnosis.statistics import FloatArray, Groups, mean_above_zero, standard_error
from sweep.records import Interval

__all__ = ["Luck", "expected_luck"]

BoolArray = NDArray[np.bool_]

_STREAM = 503  # of this module's random numbers
_LEVEL = 0.95
_PARTS = 20  # of the images, each left out once: enough degrees of freedom, at the cost of so many bootstraps
_DRAWS, _FEWEST_DRAWS = 400, 25
_WORK = 40_000  # draws times candidates: 400 draws of the 600 that a choice looks at would take three seconds
_PESSIMISM = 0.4  # standard errors by which the correction may be too large where candidates differ; see `optimism`


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """The expected optimism of a choice.

    Attributes:
        effect: in accuracy.
        p: that the choice has nothing to do with luck on the images, one-sided.
        sources: independent images, or sources, behind them.
    """

    effect: Interval
    p: float
    sources: int


def expected_luck(
    optimism: Optimism, scores: FloatArray, select: Select, *, groups: Groups | None = None, seed: int
) -> Luck:
    """How sure the optimism of a choice is.

    The interval is that of a jackknife: a twentieth of the images, or sources, is left out at a time, chosen among
    anew and corrected anew. Its lower bound also allows for the correction's own pessimism. Simulated with candidates
    of equal accuracy its error is 2 to 3 times too large, with unequal ones (standard deviation 2.5 to 5 points) right.
    The test sets what each part's own choice gains there against what it gains elsewhere; a part has more luck to offer
    than the whole, so that a small p may stand beside a small effect. Fewer sources than parts say nothing.

    Args:
        optimism: the correction of the choice.
        scores: 1 where a candidate is right, else 0, shape (n_candidates, n_images).
        select: the rule that chose.
        groups: source of every image.
        seed: of parts and resamples.

    Source: B. Efron, The Jackknife, the Bootstrap and Other Resampling Plans (1982), section 2.2, by groups; the test
    is ours.
    """
    images, bias = scores.shape[1], optimism.bias
    codes = np.arange(images) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    sources = int(codes.max()) + 1
    rng = np.random.default_rng(np.random.SeedSequence((seed, _STREAM)))
    if sources < _PARTS:
        return Luck(effect=Interval(estimate=bias, low=-math.inf, high=math.inf), p=1.0, sources=sources)
    parts = [np.isin(codes, part) for part in np.array_split(rng.permutation(sources), _PARTS)]
    drawn = rng.poisson(1.0, (_draws(len(scores)), sources)).astype(np.float64)[:, codes]
    without = [_optimism(scores, select, drawn, ~part) for part in parts]
    half = student_quantile(_LEVEL, _PARTS) * math.sqrt((_PARTS - 1) * float(np.var(without)))
    pessimism = _PESSIMISM * standard_error(scores[select(np.ones((1, images)))[0]], groups)[0]
    effect = Interval(estimate=bias, low=bias - half - pessimism, high=bias + half)
    return Luck(effect=effect, p=mean_above_zero(_luck_of_parts(scores, select, parts)), sources=sources)


def _draws(candidates: int) -> int:
    """How many resamples a part has.

    Fewer than 400 of more than 100 candidates, so that reports of long studies need not wait. The interval is then
    hardly wider where candidates differ, and up to twice as wide where all are equally good; never narrower.
    """
    return min(_DRAWS, max(_FEWEST_DRAWS, _WORK // candidates))


def _luck_of_parts(scores: FloatArray, select: Select, parts: Sequence[BoolArray]) -> FloatArray:
    """What each part's own choice gains over everybody's there, less what it gains on all other images.

    Its mean is 0 where the choice has nothing to do with luck on the images, whichever it is and however the candidates
    differ. The parts have no image in common.
    """
    overall = scores[select(np.ones((1, scores.shape[1])))[0]]
    chosen = [scores[select(part[np.newaxis].astype(np.float64))[0]] for part in parts]
    gains = [(own - overall, part) for own, part in zip(chosen, parts, strict=True)]
    return np.array([gain[part].mean() - gain[~part].mean() for gain, part in gains])


def _optimism(scores: FloatArray, select: Select, drawn: FloatArray, kept: BoolArray) -> float:
    """Of the choice on the kept images: what it loses, on average, on images that a resample has left out.

    Args:
        scores: shape (n_candidates, n_images).
        select: the rule.
        drawn: how often each resample holds each image, shape (draws, n_images). Poisson's counts do not depend on each
            other, so that the same resamples serve whatever is kept, and their noise cancels between blocks.
        kept: shape (n_images,).
    """
    weights = drawn * kept
    chosen = scores[select(kept[np.newaxis].astype(np.float64))[0]]
    left_out = (weights == 0) & kept
    return float(((chosen - scores[select(weights)]) * left_out).sum() / max(1, int(left_out.sum())))
