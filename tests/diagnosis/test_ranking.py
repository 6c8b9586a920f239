"""The ranking that a statistician would sign: planted constant predictors, copies, missing predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

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


@pytest.mark.parametrize(("images", "classes"), [(60, 2), (500, 5), (2000, 10)])
def test_no_shape_of_learning_nothing_reaches_tier_1_beside_a_real_leader(
    trial_record: TrialMaker, images: int, classes: int
) -> None:
    rng = np.random.default_rng(images)
    labels: IndexArray = np.arange(images, dtype=np.int64) % classes
    prior, entropy = 1 / classes, float(np.log(classes))

    def planted(number: int, accuracy: float, nats: float, gap: float) -> TrialRecord:
        right = np.arange(images) < round(accuracy * images)
        return trial_record(
            number,
            correct=rng.permutation(right),
            train=accuracy + gap,
            cross_entropy=nats + rng.normal(0, 0.01, images),
            train_cross_entropy=nats,
            trainable_parameters=classes,
            classes=classes,
        )

    leader = trial_record(
        0, correct=rng.random(images) < 0.85, train=0.99, cross_entropy=rng.gamma(2.0, 0.2, images), classes=classes
    )
    constant = [planted(1 + i, prior, entropy + 0.01 * i, 0.0) for i in range(4)]
    regularised = [planted(5 + i, prior + 0.01 * (1 + i), 0.99 * entropy, 0.001) for i in range(6)]
    near_the_entropy = [planted(11 + i, prior + 0.1, entropy - 0.02 * i, -0.01) for i in range(4)]
    ranking = rank(
        [*constant, *regularised, leader, *near_the_entropy],
        predictions([*constant, *regularised, leader, *near_the_entropy]),
        class_counts=[images // classes] * classes,
        labels=labels,
    )
    assert [row.number for row in ranking.rows if row.tier is Tier.LEADING] == [0]
    assert {row.number for row in ranking.rows if row.tier is Tier.NOT_TRAINED} >= {1, 2, 3, 4}
    best = ranking.rows[0]
    assert best.chosen is not None
    assert best.chosen > 0.95


def test_where_every_trial_is_such_a_one_nobody_leads(trial_record: TrialMaker) -> None:
    constant = [trial_record(i, correct=share(100), train=0.2, cross_entropy=1.61 + 0.1 * i) for i in range(4)]
    near_chance = [trial_record(4 + i, correct=share(105 + i), train=0.21, cross_entropy=1.59) for i in range(6)]
    no_wiser = [trial_record(10 + i, correct=share(150), train=0.3, cross_entropy=1.61) for i in range(3)]
    ranking = ranked(*constant, *near_chance, *no_wiser)
    assert {row.tier for row in ranking.rows} == {Tier.NOT_TRAINED}
    assert ranking.leader is None
    assert not any(row.pareto or row.tied for row in ranking.rows)
    assert "there is no leader" in ranking.notes[0]


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
    assert (ranking.optimism, ranking.optimism_of) == (None, None)
    assert ranking.rows[0].chosen is None
    assert ranking.notes == (
        "No trial that ran to its end is shown to be better than knowing the class frequencies alone: there is no "
        "leader, and no score to correct for the choice.",
    )


def test_rank_1_is_told_what_its_score_owes_to_the_choice(trial_record: TrialMaker) -> None:
    rng = np.random.default_rng(0)
    equals = [
        trial_record(i, correct=rng.random(N) < 0.75, train=0.95, cross_entropy=rng.gamma(2.0, 0.35, N))
        for i in range(20)
    ]
    ranking = ranked(*equals)
    assert ranking.optimism is not None
    assert ranking.best is not None
    assert ranking.optimism_of == ranking.best.number
    assert ranking.optimism.naive == pytest.approx(ranking.best.validation.estimate)
    assert ranking.optimism.bias > 0.01  # the best of twenty that are equally good
    assert sum(row.chosen or 0.0 for row in ranking.rows) == pytest.approx(1.0)
    assert ranked(*equals, seed=0).optimism == ranking.optimism
    assert ranked(*equals, seed=1).optimism != ranking.optimism


def test_the_weight_of_the_gap_counts_in_every_resample(trial_record: TrialMaker) -> None:
    # Both err on the same images, trial 2 by an eighth of a nat less, and both have the same J. In a resample, J of
    # trial 1, without a gap, moves with the cross-entropy; J of trial 2, with a wide gap, (1 + weight) times as far.
    # So at weight 0 trial 1 leads always (equal J); else trial 2 does wherever easy images were drawn, and trial 1 is
    # then significantly worse.
    noise = np.random.default_rng(0).integers(-16, 17, N) / 64  # exact in float16
    narrow = trial_record(
        1, correct=share(400), train=0.84, cross_entropy=0.625 + noise, train_cross_entropy=0.75, objective=-0.7
    )
    wide = trial_record(2, correct=share(400), train=0.99, cross_entropy=0.5 + noise, objective=-0.7)
    shares = {weight: ranked(narrow, wide, gap_weight=weight).rows[0].chosen for weight in (0.0, 0.5)}
    assert shares[0.0] == 1.0
    assert shares[0.5] == pytest.approx(0.5, abs=0.1)


def unequal(trial: TrialRecord, correct: NDArray[np.bool_], labels: IndexArray) -> TrialRecord:
    """The trial with predictions of two classes of other sizes."""
    assert trial.measurement is not None
    stored = trial.measurement.predictions[0]
    stored = replace(stored, predicted=np.where(correct, labels, 1 - labels).astype(np.uint16))
    return replace(trial, measurement=replace(trial.measurement, predictions=(stored,)))


def test_balanced_accuracy_stands_beside_accuracy_where_classes_are_unequal(trial_record: TrialMaker) -> None:
    labels: IndexArray = (np.arange(N) >= 400).astype(np.int64)  # 400 of class 0, 100 of class 1
    correct = np.where(labels == 0, np.arange(N) < 380, np.arange(N) < 450)  # 95 % and 50 %
    known = unequal(trial_record(1, correct=correct, cross_entropy=0.3), correct, labels)
    assert known.measurement is not None
    known = replace(known, measurement=replace(known.measurement, train_balanced_accuracy=0.9))
    assert known.measurement is not None
    old = replace(known, number=2, measurement=replace(known.measurement, train_balanced_accuracy=float("nan")))
    blind = trial_record(3, correct=correct, cross_entropy=0.3)
    trials = [known, old, blind]
    ranking = rank(trials, predictions(trials[:2]), class_counts=[400, 100], labels=labels)
    rows = {row.number: row for row in ranking.rows}
    assert rows[1].balanced is not None
    assert rows[1].validation.estimate == pytest.approx(0.86)
    assert rows[1].balanced.estimate == pytest.approx((0.95 + 0.5) / 2)
    assert rows[1].balanced.low < 0.725 < rows[1].balanced.high
    assert rows[1].train_balanced == 0.9
    assert rows[2].balanced == rows[1].balanced
    assert rows[2].train_balanced is None
    assert (rows[3].balanced, rows[3].train_balanced) == (None, None)


def test_balanced_accuracy_says_nothing_new_where_classes_are_equal(trial_record: TrialMaker) -> None:
    row = ranked(trial_record(1, correct=share(400))).rows[0]
    assert (row.balanced, row.train_balanced) == (None, None)


def test_the_pareto_front_holds_who_is_beaten_by_no_eligible_trial(trial_record: TrialMaker) -> None:
    lowest = trial_record(1, correct=share(400), cross_entropy=0.5, train_cross_entropy=0.1)
    narrow = trial_record(2, correct=share(400), cross_entropy=0.6, train_cross_entropy=0.5)
    beaten = trial_record(3, correct=share(400), cross_entropy=0.6, train_cross_entropy=0.3)
    negative = trial_record(4, correct=share(300), cross_entropy=0.9, train_cross_entropy=1.0)
    more_negative = trial_record(5, correct=share(300), cross_entropy=1.0, train_cross_entropy=1.4)
    constant = trial_record(6, correct=share(100), cross_entropy=1.61, train_cross_entropy=1.61)
    pruned = trial_record(7, correct=share(450), cross_entropy=0.3, state=TrialState.PRUNED)
    ranking = ranked(lowest, narrow, beaten, negative, more_negative, constant, pruned)
    # A gap below 0 is as good as none: so trial 5, worse on validation, is beaten by trial 4.
    assert {row.number for row in ranking.rows if row.pareto} == {1, 2, 4}


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
