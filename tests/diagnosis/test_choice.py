"""Rank 1's score without the luck of the choice, and when there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from sweep.diagnosis.choice import choice_among, correct_choice, correctable
from sweep.diagnosis.comparison import evidence_of
from sweep.diagnosis.optimism import Optimism
from sweep.diagnosis.tiers import BaseRate, Placed, place
from sweep.records import IndexArray, TrialRecord, TrialState

TrialMaker = Callable[..., TrialRecord]
N = 300
LABELS: IndexArray = np.arange(N, dtype=np.int64) % 5
BASE_RATE = BaseRate.of([60] * 5)


def placed(*trials: TrialRecord, blind: tuple[int, ...] = ()) -> list[Placed]:
    found = [(one, one.measurement) for one in trials if one.measurement]
    evidence = [
        evidence_of(one, numbers, None if one.number in blind else numbers.predictions[0], labels=LABELS)
        for one, numbers in found
    ]
    return place(evidence, BASE_RATE, 0.95)[0]


def correction(order: list[Placed], *, seed: int) -> tuple[Optimism | None, Mapping[int, float]]:
    choice = choice_among(order, BASE_RATE, gap_weight=0.25, level=0.95)
    return correct_choice(choice, level=0.95, seed=seed)


def luck(make: TrialMaker, trials: int, seed: int) -> list[TrialRecord]:
    """Equally good trials whose hits are coin tosses of 75 %, and whose gap is the larger the fewer they hit."""
    rng = np.random.default_rng(seed)
    return [
        make(number, correct=rng.random(N) < 0.75, train=0.95, cross_entropy=rng.gamma(2.0, 0.35, N))
        for number in range(trials)
    ]


def test_the_best_of_equals_owes_its_lead_to_luck(trial_record: TrialMaker) -> None:
    # The mean over studies tells: rank 1 of thirty coin tossers looks better than 75 %, corrected it does not.
    naive, corrected = [], []
    for seed in range(8):
        optimism, _ = correction(placed(*luck(trial_record, 30, seed)), seed=seed)
        assert optimism is not None
        naive.append(optimism.naive)
        corrected.append(optimism.corrected.estimate)
    assert np.mean(naive) > 0.785
    assert np.mean(corrected) == pytest.approx(0.75, abs=0.012)  # its standard error is 0.009


def test_every_trial_is_told_how_often_it_would_be_rank_1(trial_record: TrialMaker) -> None:
    lucky = luck(trial_record, 5, 0)
    hopeless = trial_record(7, correct=np.arange(N) < 90, cross_entropy=1.5)
    pruned = trial_record(8, correct=np.arange(N) < 290, cross_entropy=0.1, state=TrialState.PRUNED)
    blind = trial_record(9, correct=np.arange(N) < 200)
    order = placed(*lucky, hopeless, pruned, blind, blind=(9,))
    optimism, chosen = correction(order, seed=0)
    assert optimism is not None
    assert sorted(chosen) == [0, 1, 2, 3, 4, 7]  # neither the pruned one nor the one without predictions
    assert chosen[7] == 0.0
    assert sum(chosen.values()) == pytest.approx(1.0)
    best = order[0].evidence
    assert best.correct is not None
    assert optimism.naive == pytest.approx(best.correct.mean())
    again, _ = correction(order, seed=0)
    assert again == optimism


def test_a_trial_without_rivals_owes_nothing_to_luck(trial_record: TrialMaker) -> None:
    alone = placed(trial_record(3, correct=np.arange(N) < 225))
    optimism, chosen = correction(alone, seed=0)
    assert optimism is not None
    assert optimism.bias == pytest.approx(0.0)
    assert chosen == {3: 1.0}


def test_there_is_nothing_to_correct_without_a_leader_or_its_predictions(trial_record: TrialMaker) -> None:
    unlearnt = placed(trial_record(1, correct=np.arange(N) < 60, cross_entropy=1.61))
    blind = placed(trial_record(1, correct=np.arange(N) < 200), blind=(1,))
    for order in ([], unlearnt, blind):
        assert not correctable(order)
        assert correction(order, seed=0) == (None, {})
