"""The ranking that a statistician would sign: planted constant predictors, copies, missing predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.ranking import SORT_NOTES, Ranking, rank, sorted_rows
from sweep.diagnosis.tiers import Tier
from sweep.records import FailureRecord, IndexArray, PredictionRecord, TrialRecord, TrialState

TrialMaker = Callable[..., TrialRecord]
N = 500
LABELS: IndexArray = np.arange(N, dtype=np.int64) % 5
COUNTS = [100] * 5


def predictions(trials: Iterable[TrialRecord]) -> Mapping[int, PredictionRecord]:
    return {one.number: one.measurement.predictions[0] for one in trials if one.measurement}


def ranked(*trials: TrialRecord, **options: object) -> Ranking:
    return rank(trials, predictions(trials), class_counts=COUNTS, labels=LABELS, **options)  # type: ignore[arg-type]


def share(right: int) -> NDArray[np.bool_]:
    return np.arange(N) < right


def test_the_smallest_gap_wins_among_those_not_significantly_worse(trial_record: TrialMaker) -> None:
    baseline = trial_record(0, correct=share(380), train=0.99, cross_entropy=0.75, baseline=True)
    leader = trial_record(1, correct=share(402), train=0.97, cross_entropy=0.62)
    honest = trial_record(2, correct=share(400), train=0.86, cross_entropy=0.62, objective=-0.63)
    ranking = ranked(baseline, leader, honest)
    assert [(row.number, row.tier, row.rank) for row in ranking.rows] == [
        (2, Tier.LEADING, 1),
        (1, Tier.LEADING, 2),
        (0, Tier.BEHIND, 3),
    ]
    assert ranking.leader == 1
    assert ranking.best is ranking.rows[0]
    assert ranking.baseline is ranking.rows[2]
    assert ranking.comparison is not None
    assert ranking.comparison.gap_narrowed.estimate == pytest.approx(0.23 - 0.06)
    assert ranking.comparison.accuracy_gained.estimate == pytest.approx(0.04)


def test_planted_models_that_learn_nothing_never_reach_tier_1(trial_record: TrialMaker) -> None:
    rng = np.random.default_rng(0)
    good = [
        trial_record(i, correct=rng.random(N) < 0.78, train=0.97, cross_entropy=rng.gamma(2, 0.35, N))
        for i in range(20)
    ]
    constant = [
        trial_record(20 + i, correct=share(100), train=0.2, cross_entropy=1.61, trainable_parameters=5)
        for i in range(10)
    ]
    regularised = [
        trial_record(30 + i, correct=rng.random(N) < 0.6, train=0.61, cross_entropy=rng.gamma(9, 0.14, N))
        for i in range(20)
    ]
    ranking = ranked(*good, *constant, *regularised)
    first = {row.number for row in ranking.rows if row.tier is Tier.LEADING}
    assert first
    assert first <= set(range(20))
    assert {row.number for row in ranking.rows if row.tier is Tier.NOT_TRAINED} == set(range(20, 30))
    by_raw_gap = sorted_rows(ranking, "gap")
    assert by_raw_gap[0].number >= 20  # what a ranking by the raw gap would have crowned


def test_ties_are_called_ties(trial_record: TrialMaker) -> None:
    one = trial_record(1, correct=share(400), train=0.86, cross_entropy=0.6)
    near = trial_record(2, correct=share(401), train=0.865, cross_entropy=0.6)
    wide = trial_record(3, correct=share(400), train=0.99, cross_entropy=0.6)
    ranking = ranked(one, near, wide)
    assert {row.number: row.tied for row in ranking.rows} == {1: True, 2: True, 3: False}
    assert not ranked(one, wide).rows[0].tied


def test_a_copy_shares_the_row_of_its_original(trial_record: TrialMaker) -> None:
    one = trial_record(1, correct=share(400))
    copy = trial_record(5, correct=share(400), duplicate_of=1, baseline=True)
    ranking = ranked(one, copy)
    assert [row.number for row in ranking.rows] == [1]
    assert ranking.rows[0].duplicates == (5,)
    assert ranking.rows[0].baseline  # the copy was the baseline, so the row is


def test_trials_without_numbers_are_left_out(trial_record: TrialMaker) -> None:
    good = trial_record(1, correct=share(400))
    nothing: dict[str, object] = {"baseline": False, "parameters": {}, "configuration": {}, "objective": None}
    failed = TrialRecord(
        number=2,
        state=TrialState.FAILED,
        failure=FailureRecord(kind="nan", reason="loss is NaN", epoch=3),
        **nothing,  # type: ignore[arg-type]
    )
    running = TrialRecord(number=3, state=TrialState.RUNNING, **nothing)  # type: ignore[arg-type]
    broken = trial_record(4, correct=share(400), train=float("nan"))
    assert [row.number for row in ranked(good, failed, running, broken).rows] == [1]


def test_nothing_measured_gives_an_empty_ranking() -> None:
    ranking = rank([], {}, class_counts=COUNTS)
    assert ranking.rows == ()
    assert (ranking.best, ranking.baseline, ranking.comparison, ranking.leader) == (None, None, None, None)
    assert ranking.notes == ()


def test_pruned_trials_come_last_however_good_they_look(trial_record: TrialMaker) -> None:
    complete = trial_record(1, correct=share(150), train=0.3, cross_entropy=1.55)
    constant = trial_record(2, correct=share(100), train=0.2, cross_entropy=1.61)
    pruned = trial_record(3, correct=share(450), cross_entropy=0.3, state=TrialState.PRUNED, objective=-0.3)
    ranking = ranked(pruned, constant, complete)
    assert [(row.number, row.tier) for row in ranking.rows] == [
        (1, Tier.LEADING),
        (2, Tier.NOT_TRAINED),
        (3, Tier.PRUNED),
    ]


def test_where_nobody_beats_the_frequencies_nobody_leads(trial_record: TrialMaker) -> None:
    ranking = ranked(trial_record(1, correct=share(105), train=0.21, cross_entropy=1.6))
    assert ranking.leader is None
    assert ranking.notes == (
        "No trial that ran to its end is shown to be better than knowing the class frequencies alone.",
    )


def test_missing_predictions_are_said_aloud(trial_record: TrialMaker) -> None:
    stored = trial_record(1, correct=share(400), cross_entropy=0.5)
    blind = trial_record(2, correct=share(396), cross_entropy=0.5, train=0.9)
    ranking = rank([stored, blind], predictions([stored]), class_counts=COUNTS, labels=LABELS)
    assert [row.tier for row in ranking.rows] == [Tier.LEADING, Tier.LEADING]
    assert "No predictions are stored for 1 of 2 trials (2)" in ranking.notes[0]
    without_labels = rank([stored, blind], predictions([stored, blind]), class_counts=COUNTS)
    assert "for 2 of 2 trials (1, 2)" in without_labels.notes[0]


def test_sources_are_counted_and_widen_every_interval(trial_record: TrialMaker) -> None:
    trial = trial_record(1, correct=share(400))
    groups = [f"burst {position // 20}" for position in range(N)]
    grouped, plain = ranked(trial, groups=groups), ranked(trial)
    assert "500 validation images come from 25 sources" in grouped.notes[0]
    assert grouped.rows[0].validation.low < plain.rows[0].validation.low
    assert grouped.rows[0].gap.high > plain.rows[0].gap.high


def test_other_orders_keep_the_rank_and_warn(trial_record: TrialMaker) -> None:
    honest = trial_record(1, correct=share(400), train=0.86, cross_entropy=0.6)
    accurate = trial_record(2, correct=share(402), train=0.99, cross_entropy=0.6)
    constant = trial_record(3, correct=share(100), train=0.2, cross_entropy=1.61)
    ranking = ranked(honest, accurate, constant)
    assert [row.rank for row in sorted_rows(ranking)] == [1, 2, 3]
    assert [row.number for row in sorted_rows(ranking, "gap")] == [3, 1, 2]
    assert [row.number for row in sorted_rows(ranking, "validation")] == [2, 1, 3]
    assert "a model that has learnt nothing has no gap either" in SORT_NOTES["gap"]
    assert SORT_NOTES["tier"] == ""


def test_two_hundred_trials_of_a_thousand_images_keep_their_order_of_gaps(trial_record: TrialMaker) -> None:
    rng = np.random.default_rng(1)
    labels: IndexArray = np.arange(1000, dtype=np.int64) % 5
    difficulty = rng.random(1000)
    trials = [
        trial_record(
            number,
            correct=difficulty + rng.normal(0, 0.1, 1000) < 0.8,
            train=0.8 + 0.001 * number,
            cross_entropy=rng.gamma(2, 0.3, 1000),
        )
        for number in range(200)
    ]
    ranking = rank(trials, predictions(trials), class_counts=[200] * 5, labels=labels)
    leading = [row for row in ranking.rows if row.tier is Tier.LEADING]
    assert len(ranking.rows) == 200
    assert [row.gap.high for row in leading] == sorted(row.gap.high for row in leading)
