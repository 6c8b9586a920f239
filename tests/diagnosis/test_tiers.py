"""Who is eligible, who leads, and who stands behind."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from sweep.diagnosis.comparison import Evidence, evidence_of
from sweep.diagnosis.tiers import BaseRate, Tier, place
from sweep.records import IndexArray, TrialRecord, TrialState

TrialMaker = Callable[..., TrialRecord]
N = 500
LABELS: IndexArray = np.arange(N, dtype=np.int64) % 5
BASE_RATE = BaseRate.of([100] * 5)


def evidence(*trials: TrialRecord) -> list[Evidence]:
    measured = [(one, one.measurement) for one in trials if one.measurement]
    return [evidence_of(one, found, found.predictions[0], labels=LABELS) for one, found in measured]


def test_the_base_rate_is_the_largest_class_and_the_entropy() -> None:
    assert BaseRate.of([30, 10, 0]).accuracy == 0.75
    assert BaseRate.of([30, 10, 0]).cross_entropy == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert BaseRate.of([50, 50]).cross_entropy == pytest.approx(math.log(2))
    with pytest.raises(ValueError, match=r"needs validation images, got counts \[0, 0\]"):
        BaseRate.of([0, 0])


def test_a_constant_predictor_is_not_eligible_however_small_its_gap(trial_record: TrialMaker) -> None:
    constant = trial_record(1, correct=np.arange(N) < 100, train=0.2, cross_entropy=1.609)
    placed, leader = place(evidence(constant), BASE_RATE, 0.95)
    assert leader is None
    assert placed[0].tier is Tier.NOT_TRAINED
    assert "naming the most frequent class gives 20.0 %" in placed[0].reason


def test_accurate_but_worse_than_the_frequencies_in_cross_entropy_is_not_eligible(trial_record: TrialMaker) -> None:
    overconfident = trial_record(1, correct=np.arange(N) < 300, cross_entropy=4.0)
    placed, _ = place(evidence(overconfident), BASE_RATE, 0.95)
    assert placed[0].tier is Tier.NOT_TRAINED
    assert placed[0].reason == "cross-entropy 4.000 is not below 1.609, which the class frequencies give"


def test_an_accuracy_whose_interval_holds_the_base_rate_is_not_enough(trial_record: TrialMaker) -> None:
    lucky = trial_record(1, correct=np.arange(N) < 110, cross_entropy=1.5)  # 22 % [18.6, 25.8] against 20 %
    assert place(evidence(lucky), BASE_RATE, 0.95)[0][0].tier is Tier.NOT_TRAINED


def test_the_leader_has_the_highest_j_and_the_rest_its_tier(trial_record: TrialMaker) -> None:
    leader = trial_record(1, correct=np.arange(N) < 400, cross_entropy=0.5)
    equal = trial_record(2, correct=np.arange(N) < 399, cross_entropy=0.5, objective=-0.6, train=0.85)
    behind = trial_record(3, correct=np.arange(N) < 350, cross_entropy=0.8)
    pruned = trial_record(4, correct=np.arange(N) < 450, cross_entropy=0.3, state=TrialState.PRUNED, epochs=6)
    placed, found = place(evidence(pruned, behind, equal, leader), BASE_RATE, 0.95)
    assert found is not None
    assert found.trial.number == 1
    assert [(one.evidence.trial.number, one.tier) for one in placed] == [
        (2, Tier.LEADING),
        (1, Tier.LEADING),
        (3, Tier.BEHIND),
        (4, Tier.PRUNED),
    ]
    assert placed[0].reason == "not significantly worse than trial 1 (p = 1.00)"
    assert placed[1].reason == "the leader: highest J"
    assert placed[2].reason == "significantly worse than trial 1 in cross-entropy (p < 0.001)"
    assert placed[3].reason == "stopped early after epoch 6"


def test_holm_forgives_what_many_comparisons_make_likely(trial_record: TrialMaker) -> None:
    # Eight images lost: p = 1/128 alone, but among twelve such rivals 12/128.
    leader = trial_record(0, correct=np.arange(N) < 400, cross_entropy=0.5, objective=0.0)
    rivals = [trial_record(number, correct=np.arange(N) < 392, cross_entropy=0.5) for number in range(1, 13)]
    alone, _ = place(evidence(leader, rivals[0]), BASE_RATE, 0.95)
    among, _ = place(evidence(leader, *rivals), BASE_RATE, 0.95)
    assert alone[1].tier is Tier.BEHIND
    assert {one.tier for one in among} == {Tier.LEADING}
    assert among[1].p_worse == pytest.approx(12 / 128)


def test_equal_gaps_go_to_fewer_parameters_then_to_less_time(trial_record: TrialMaker) -> None:
    correct = np.arange(N) < 400
    large = trial_record(1, correct=correct, cross_entropy=0.5, objective=0.0, trainable_parameters=900)
    slow = trial_record(2, correct=correct, cross_entropy=0.5, trainable_parameters=100, seconds=9.0)
    quick = trial_record(3, correct=correct, cross_entropy=0.5, trainable_parameters=100, seconds=3.0)
    placed, _ = place(evidence(large, slow, quick), BASE_RATE, 0.95)
    assert [one.evidence.trial.number for one in placed] == [3, 2, 1]


def test_a_trial_without_j_is_never_the_leader(trial_record: TrialMaker) -> None:
    correct = np.arange(N) < 400
    unknown = trial_record(1, correct=correct, cross_entropy=0.5, objective=math.nan)
    known = trial_record(2, correct=correct, cross_entropy=0.5)
    leader = place(evidence(unknown, known), BASE_RATE, 0.95)[1]
    assert leader is not None
    assert leader.trial.number == 2


def test_every_tier_says_what_it_means() -> None:
    assert [int(tier) for tier in Tier] == [1, 2, 3, 4]
    assert all(tier.meaning for tier in Tier)
