"""Do the intervals cover the truth as often as they say, and is the corrected winner's score the true one?

Every setting simulates whole studies: so many configurations of known true accuracy answer the same validation images.
The truth of a study is the accuracies it was given, never what it measured. An image is as hard as its `difficulty` for
all configurations at once: where that weighs much, configurations are right on the same images (`together`: two of
80 % accuracy correlate by 0.6 in being right), else hardly (`apart`: by 0.05). True accuracies are `equal` (80 %) or
drawn anew for each study (80 %, standard deviation 2.5 points).

    python tests/benchmarks/coverage.py                      # 2,000 studies a setting
    python tests/benchmarks/coverage.py --quick              # 200 studies and few settings: does it run?
    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/coverage.py --processes 8 --output coverage.json

Ends with status 1, naming row and bound, where a bound is missed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from sweep.diagnosis.optimism import Optimism, Select, corrected_score, prediction_interval
from sweep.diagnosis.statistics import gap_interval, paired_accuracy_difference, paired_difference
from sweep.records import IndexArray, Interval

IMAGES = (100, 500, 2000)
CONFIGURATIONS = (10, 50, 200)
ACCURACY, SPREAD = 0.8, 0.025
DIFFICULTY = {"apart": 0.1, "together": 0.84}  # its share of what decides whether an image is classified correctly
STEEPNESS = 3.0  # of the logit in the margin: overconfident, as networks trained to the end are
PAIRS = 3  # pairs of configurations compared in each study
TRAIN_ACCURACY = 0.99  # any value: it is a fact, and cancels
FIXED, WINNER = (0.93, 0.97), (0.93, 1.0)

FloatArray = NDArray[np.float32]
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One kind of study, simulated many times."""

    images: int
    configurations: int
    equal: bool
    difficulty: str

    @property
    def title(self) -> str:
        """How messages call the row."""
        accuracies = "equal" if self.equal else "unequal"
        return f"{self.images} images, {self.configurations} {accuracies} configurations {self.difficulty}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Winner:
    """The selected configuration's naive and corrected scores against its true one.

    Attributes:
        coverage: of the corrected interval.
        naive_bias, corrected_bias: mean distance from the true score.
        error: mean standard error of the configurations' scores.
        width: of the corrected interval, in that of a configuration fixed beforehand.
    """

    coverage: float
    naive_bias: float
    corrected_bias: float
    error: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a setting shows: shares of intervals that cover the truth, and the winner's scores."""

    setting: Setting
    studies: int
    gap: float
    accuracy_difference: float
    cross_entropy_difference: float
    accuracy: Winner
    cross_entropy: Winner
    fresh: float
    seconds: float

    def misses(self) -> tuple[str, ...]:
        """The bounds this row does not keep, in words."""
        fixed = {
            "gap": self.gap,
            "paired accuracy difference": self.accuracy_difference,
            "paired cross-entropy difference": self.cross_entropy_difference,
        }
        winners = {
            "corrected winner's accuracy": self.accuracy.coverage,
            "corrected winner's cross-entropy": self.cross_entropy.coverage,
            "prediction of a fresh accuracy": self.fresh,
        }
        found = [_outside(name, share, FIXED) for name, share in fixed.items()]
        found += [_outside(name, share, WINNER) for name, share in winners.items()]
        for name, winner in {"accuracy": self.accuracy, "cross-entropy": self.cross_entropy}.items():
            allowed = abs(winner.naive_bias) / 4 if self.setting.equal else winner.error / 2
            if not abs(winner.corrected_bias) < allowed:
                found.append(f"corrected winner's {name} is biased by {winner.corrected_bias:.4f}, over {allowed:.4f}")
        return tuple(f"{self.setting.title}: {miss}" for miss in found if miss)


@dataclass(slots=True, kw_only=True)
class Tally:
    """Hits and biases, summed over the studies of a setting."""

    gap: list[float] = field(default_factory=list)
    accuracy_difference: list[bool] = field(default_factory=list)
    cross_entropy_difference: list[bool] = field(default_factory=list)
    accuracy: list[tuple[float, ...]] = field(default_factory=list)
    cross_entropy: list[tuple[float, ...]] = field(default_factory=list)
    fresh: list[bool] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Study:
    """Configurations with their true scores and what they do on the validation images.

    Attributes:
        accuracy, cross_entropy: the true ones, shape (n_configurations,).
        correct, losses: 0 or 1, and nats; shape (n_configurations, n_images).
    """

    accuracy: NDArray[np.float64]
    cross_entropy: NDArray[np.float64]
    correct: FloatArray
    losses: FloatArray


def simulate_study(setting: Setting, rng: np.random.Generator) -> Study:
    """Draw one study: an image is classified correctly where a configuration's skill exceeds what the image demands."""
    count = setting.configurations
    accuracy = np.full(count, ACCURACY) if setting.equal else np.clip(rng.normal(ACCURACY, SPREAD, count), 0.5, 0.99)
    skill = ndtri(accuracy)
    shared = DIFFICULTY[setting.difficulty]
    margin = rng.standard_normal((count, setting.images), dtype=np.float32)
    margin *= np.float32(-math.sqrt(1 - shared))
    margin -= np.float32(math.sqrt(shared)) * rng.standard_normal(setting.images, dtype=np.float32)
    margin += skill[:, np.newaxis].astype(np.float32)
    true_losses = np.logaddexp(0, -STEEPNESS * (skill[:, np.newaxis] + _NODES)) @ _WEIGHTS / _WEIGHTS.sum()
    return Study(
        accuracy=ndtr(skill),
        cross_entropy=true_losses,
        correct=(margin > 0).astype(np.float32),
        losses=np.log1p(np.exp(np.float32(-STEEPNESS) * margin)),
    )


def run_setting(setting: Setting, studies: int, draws: int, seed: int) -> Row:
    """Simulate a setting: the same seed gives the same row, whatever other settings run beside it."""
    began = time.perf_counter()
    entropy = (seed, setting.images, setting.configurations, setting.equal, list(DIFFICULTY).index(setting.difficulty))
    rng = np.random.default_rng(np.random.SeedSequence(entropy))
    tally = Tally()
    for _ in range(studies):
        study = simulate_study(setting, rng)
        _judge_fixed(study, tally, rng, draws)
        _judge_winner(study, tally, rng, draws)
    return Row(
        setting=setting,
        studies=studies,
        gap=float(np.mean(tally.gap)),
        accuracy_difference=float(np.mean(tally.accuracy_difference)),
        cross_entropy_difference=float(np.mean(tally.cross_entropy_difference)),
        accuracy=_winner(tally.accuracy),
        cross_entropy=_winner(tally.cross_entropy),
        fresh=float(np.mean(tally.fresh)),
        seconds=round(time.perf_counter() - began, 1),
    )


def _judge_fixed(study: Study, tally: Tally, rng: np.random.Generator, draws: int) -> None:
    """Intervals of configurations fixed beforehand: each one's gap, and the first few pairs' differences."""
    right, images = study.correct.sum(axis=1).astype(int), study.correct.shape[1]
    gaps = [_gap(int(count), images) for count in right]
    truths = TRAIN_ACCURACY - study.accuracy
    tally.gap.append(float(np.mean([_covers(gap, truth) for gap, truth in zip(gaps, truths, strict=True)])))
    for a, b in zip(range(0, 2 * PAIRS, 2), range(1, 2 * PAIRS, 2), strict=True):
        difference = paired_accuracy_difference(study.correct[a], study.correct[b])
        tally.accuracy_difference.append(_covers(difference, study.accuracy[a] - study.accuracy[b]))
        losses = paired_difference(study.losses[a], study.losses[b], seed=int(rng.integers(2**31)), draws=2 * draws)
        tally.cross_entropy_difference.append(_covers(losses, study.cross_entropy[a] - study.cross_entropy[b]))


def _judge_winner(study: Study, tally: Tally, rng: np.random.Generator, draws: int) -> None:
    """The best on these images, by accuracy and by cross-entropy: corrected, against its own true score."""
    best = int(study.correct.mean(axis=1).argmax())
    found, truth = _correct(study.correct, best, rng, draws), float(study.accuracy[best])
    tally.accuracy.append(_against(found, study.correct, truth))
    images = study.correct.shape[1]
    fresh = rng.binomial(images, truth) / images
    tally.fresh.append(_covers(prediction_interval(found.corrected, images), fresh))
    scores = -study.losses
    least = int(scores.mean(axis=1).argmax())
    found = _correct(scores, least, rng, draws)
    tally.cross_entropy.append(_against(found, scores, -float(study.cross_entropy[least])))


def highest_mean(scores: ArrayLike) -> Select:
    """The simplest rule: the highest mean score, the first of equals; scores of shape (n_candidates, n_images)."""
    table = np.asarray(scores, dtype=np.float32)  # sums of 0 and 1 stay exact up to 16 million images

    def select(weights: NDArray[np.float64]) -> IndexArray:
        best: IndexArray = np.argmax(weights.astype(np.float32) @ table.T, axis=1)
        return best

    return select


def _correct(scores: FloatArray, best: int, rng: np.random.Generator, draws: int) -> Optimism:
    return corrected_score(scores, highest_mean(scores), selected=best, seed=int(rng.integers(2**31)), draws=draws)


def _against(found: Optimism, scores: FloatArray, truth: float) -> tuple[float, ...]:
    error = float(scores.std(axis=1).mean()) / math.sqrt(scores.shape[1])
    width = (found.corrected.high - found.corrected.low) / (2 * 1.96 * error)
    bias = found.corrected.estimate - truth
    return float(_covers(found.corrected, truth)), found.naive - truth, bias, error, width


def _winner(judged: Sequence[tuple[float, ...]]) -> Winner:
    coverage, naive, corrected, error, width = (float(mean) for mean in np.mean(judged, axis=0))
    return Winner(coverage=coverage, naive_bias=naive, corrected_bias=corrected, error=error, width=width)


@cache
def _gap(right: int, images: int) -> Interval:
    return gap_interval(TRAIN_ACCURACY, right, images)


def _covers(interval: Interval, truth: float) -> bool:
    return bool(interval.low <= truth <= interval.high)


def _outside(name: str, share: float, bounds: tuple[float, float]) -> str:
    low, high = bounds
    return "" if low <= share <= high else f"{name} covers {100 * share:.2f} %, not {100 * low:.0f} to {100 * high:.0f}"


def settings(images: Iterable[int], configurations: Iterable[int]) -> tuple[Setting, ...]:
    """Every combination, the cheap ones first."""
    return tuple(
        Setting(images=n, configurations=count, equal=equal, difficulty=difficulty)
        for n, count, equal, difficulty in itertools.product(images, configurations, (True, False), DIFFICULTY)
    )


Job = tuple[Setting, int, int, int]  # the arguments of `run_setting`

HEADER = (
    "                               | cover, %: fixed       | winner, accuracy (biases in standard errors)  | "
    "winner, cross-entropy         |\n"
    "images config. true    answers |   gap  d.acc  d.c-e   |  cover  width  naive  corrected  fresh sample | "
    " cover  width  naive  corrected |"
)


def line(row: Row) -> str:
    """One row of the table."""
    setting, accuracy, losses = row.setting, row.accuracy, row.cross_entropy
    return (
        f"{setting.images:6} {setting.configurations:7} {'equal' if setting.equal else 'unequal':7} "
        f"{setting.difficulty:8}| {100 * row.gap:5.1f}  {100 * row.accuracy_difference:5.1f}  "
        f"{100 * row.cross_entropy_difference:5.1f}   |  {100 * accuracy.coverage:5.1f}  {accuracy.width:5.2f} "
        f"{accuracy.naive_bias / accuracy.error:6.2f} {accuracy.corrected_bias / accuracy.error:10.2f} "
        f"{100 * row.fresh:13.1f} |  {100 * losses.coverage:5.1f}  {losses.width:5.2f} "
        f"{losses.naive_bias / losses.error:6.2f} {losses.corrected_bias / losses.error:10.2f} |"
        f"{'  MISSED' if row.misses() else ''}"
    )


def _run(job: Job) -> Row:
    return run_setting(*job)


def _in_order(jobs: Sequence[Job], processes: int) -> Iterator[Row]:
    if processes < 2:
        yield from map(_run, jobs)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(_run, jobs)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies a setting (2,000)")
    parser.add_argument("--draws", type=int, default=200, help="resamples of a correction; differences take twice it")
    parser.add_argument("--quick", action="store_true", help="200 studies, 100 images, 10 configurations")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="write the rows as JSON")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where a bound is missed."""
    options = _options(arguments)
    chosen = settings(IMAGES[:1], CONFIGURATIONS[:1]) if options.quick else settings(IMAGES, CONFIGURATIONS)
    studies = min(200, options.studies) if options.quick else options.studies
    jobs = [(setting, studies, options.draws, options.seed) for setting in chosen]
    print(HEADER, flush=True)
    rows = []
    for row in _in_order(jobs, options.processes):
        print(line(row), flush=True)
        rows.append(row)
    missed = [miss for row in rows for miss in row.misses()]
    if options.output:
        options.output.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    print(f"{studies:,} studies a setting, {sum(row.seconds for row in rows):.0f} s of work", *missed, sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
