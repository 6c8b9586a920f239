"""The choice of rank 1, repeated on resampled images: it must be the ranking's own rule, to the trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.comparison import Evidence, evidence_of
from sweep.diagnosis.reselection import make_selection
from sweep.diagnosis.tiers import BaseRate, place
from sweep.records import IndexArray, TrialRecord
from sweep.search.objective import balanced

TrialMaker = Callable[..., TrialRecord]
CLASSES = 3


@dataclass(frozen=True)
class Candidate:
    """What a trial does on every validation image, and what it did on the training side."""

    correct: NDArray[np.bool_]
    nats: NDArray[np.float64]
    train: float
    train_nats: float
    parameters: int


def study(rng: np.random.Generator, images: int, trials: int) -> list[Candidate]:
    """Trials of different worth on images of different difficulty, some of them alike in everything or in part."""
    difficulty = rng.random(images)
    found: list[Candidate] = []
    for _ in range(trials):
        accuracy = rng.uniform(0.4, 0.7)
        correct = difficulty + rng.normal(0, 0.1, images) < accuracy
        nats = (rng.gamma(2.0, (1.2 - accuracy) / 2, images) + 0.3 * difficulty).astype(np.float16).astype(np.float64)
        if found and rng.random() < 0.2:
            correct, nats = found[-1].correct, found[-1].nats
        train = round(rng.uniform(0.5, 1.0), 1)
        found.append(Candidate(correct, nats, train, rng.uniform(0.0, 0.5), int(rng.choice([10, 20]))))
    return found


def trained(
    make: TrialMaker, candidates: Sequence[Candidate], images: IndexArray, groups: IndexArray | None, weight: float
) -> list[Evidence]:
    """Evidence of every candidate on the given images, as if these had been the validation side."""
    labels = np.arange(len(images)) % CLASSES
    found = []
    for number, one in enumerate(candidates):
        details = {
            "correct": one.correct[images],
            "cross_entropy": one.nats[images],
            "train": one.train,
            "train_cross_entropy": one.train_nats,
            "trainable_parameters": one.parameters,
            "classes": CLASSES,
        }
        measurement = make(number, **details).measurement
        assert measurement is not None
        trial = make(number, objective=balanced(measurement, weight), **details)
        assert trial.measurement is not None
        stored = trial.measurement.predictions[0]
        found.append(evidence_of(trial, trial.measurement, stored, labels=labels, groups=groups))
    return found


def rank_1(evidence: Sequence[Evidence], base_rate: BaseRate) -> int:
    return place(evidence, base_rate, 0.95)[0][0].evidence.trial.number


def repeated(counts: NDArray[np.int64], units: IndexArray) -> tuple[IndexArray, IndexArray]:
    """The images of a resample written out, and which copy of which source each belongs to."""
    drawn = [np.flatnonzero(units == unit) for unit, times in enumerate(counts) for _ in range(times)]
    copies = [np.full(len(images), copy) for copy, images in enumerate(drawn)]
    return np.concatenate(drawn), np.concatenate(copies).astype(np.int64)


def base_rate_of(images: int) -> BaseRate:
    return BaseRate.of(np.bincount(np.arange(images) % CLASSES).tolist())


def studies(number: int) -> Iterator[tuple[np.random.Generator, list[Candidate], IndexArray | None]]:
    """Random studies, every other one with about 20 sources."""
    for seed in range(number):
        rng = np.random.default_rng(seed)
        images = int(rng.integers(30, 200))
        sources = np.unique(rng.integers(0, 20, images), return_inverse=True)[1].astype(np.int64)
        yield rng, study(rng, images, int(rng.integers(1, 15))), sources if seed % 2 else None


def test_all_images_once_give_the_rankings_rank_1(trial_record: TrialMaker) -> None:
    for rng, candidates, groups in studies(80):
        images = len(candidates[0].correct)
        evidence = trained(trial_record, candidates, np.arange(images), groups, weight=0.25)
        shuffled = [evidence[position] for position in rng.permutation(len(evidence))]
        select = make_selection(shuffled, base_rate_of(images), 0.25, 0.95)
        found = shuffled[select(np.ones((1, images)))[0]].trial.number
        assert found == rank_1(evidence, base_rate_of(images))


def test_a_resample_gives_what_the_ranking_says_of_the_images_drawn(trial_record: TrialMaker) -> None:
    chosen = set()
    for rng, candidates, groups in studies(20):
        images, weight = len(candidates[0].correct), float(rng.choice([0.0, 0.25, 0.5]))
        evidence = trained(trial_record, candidates, np.arange(images), groups, weight)
        select = make_selection(evidence, base_rate_of(images), weight, 0.95)
        units = np.arange(images) if groups is None else groups
        number = int(units.max()) + 1
        counts = rng.multinomial(number, np.full(number, 1 / number), size=10)
        found = select(counts[:, units].astype(np.float64))
        for draw, position in zip(counts, found, strict=True):
            drawn, copies = repeated(draw, units)
            written_out = trained(trial_record, candidates, drawn, None if groups is None else copies, weight)
            assert position == rank_1(written_out, base_rate_of(images))
            chosen.add((images, int(position)))
    assert len(chosen) > 30  # twenty studies whose draws differ in what they choose


def test_predictions_of_one_image_are_drawn_together(trial_record: TrialMaker) -> None:
    # Sixty images, each predicted three times over other folds.
    rng = np.random.default_rng(0)
    candidates = study(rng, 180, 8)
    groups = np.tile(np.arange(60, dtype=np.int64), 3)
    evidence = trained(trial_record, candidates, np.arange(180), groups, weight=0.25)
    select = make_selection(evidence, base_rate_of(180), 0.25, 0.95)
    assert evidence[select(np.ones((1, 180)))[0]].trial.number == rank_1(evidence, base_rate_of(180))
    counts = rng.multinomial(60, np.full(60, 1 / 60))
    drawn, copies = repeated(counts, groups)
    written_out = trained(trial_record, candidates, drawn, copies, weight=0.25)
    assert select(counts[groups][None].astype(np.float64))[0] == rank_1(written_out, base_rate_of(180))


def test_where_nobody_is_eligible_the_highest_j_is_chosen(trial_record: TrialMaker) -> None:
    correct = np.arange(90) < 30
    trials = [trial_record(number, correct=correct, cross_entropy=1.2 - 0.01 * number, classes=3) for number in (0, 1)]
    labels = np.arange(90) % 3
    evidence = [
        evidence_of(one, one.measurement, one.measurement.predictions[0], labels=labels)
        for one in trials
        if one.measurement
    ]
    select = make_selection(evidence, base_rate_of(90), 0.25, 0.95)
    assert select(np.ones((4, 90))).tolist() == [1, 1, 1, 1]


def test_of_very_many_trials_rank_1_is_still_the_rankings(trial_record: TrialMaker) -> None:
    # Seven hundred trials, most of them not worse than the leader, so most of tier 1 does not take part.
    rng = np.random.default_rng(3)
    candidates = [
        Candidate(rng.random(60) < 0.75, rng.gamma(2.0, 0.3, 60).astype(np.float16).astype(float), train, 0.1, 10)
        for train in rng.uniform(0.8, 1.0, 700)
    ]
    evidence = trained(trial_record, candidates, np.arange(60), None, weight=0.25)
    select = make_selection(evidence, base_rate_of(60), 0.25, 0.95)
    assert select(np.ones((2, 60))).tolist() == [rank_1(evidence, base_rate_of(60))] * 2
    counts = rng.multinomial(60, np.full(60, 1 / 60), size=300).astype(np.float64)
    assert len(set(select(counts).tolist())) > 20


def test_no_resamples_choose_nothing(trial_record: TrialMaker) -> None:
    evidence = trained(trial_record, study(np.random.default_rng(0), 30, 2), np.arange(30), None, 0.25)
    assert make_selection(evidence, base_rate_of(30), 0.25, 0.95)(np.ones((0, 30))).shape == (0,)


def test_trials_without_predictions_cannot_take_part(trial_record: TrialMaker) -> None:
    blind = trial_record(7, correct=np.arange(30) < 20)
    assert blind.measurement is not None
    evidence = [evidence_of(blind, blind.measurement, None, labels=None)]
    with pytest.raises(ValueError, match="every trial's predictions, and trial 7 has none"):
        make_selection(evidence, base_rate_of(30), 0.25, 0.95)
    with pytest.raises(ValueError, match="needs at least one trial"):
        make_selection([], base_rate_of(30), 0.25, 0.95)
