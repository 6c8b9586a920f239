"""Two trials with known hits and misses, compared image by image, source by source, and without predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.comparison import (
    Evidence,
    changes_from,
    compare,
    evidence_of,
    group_codes,
    same_gap,
    worse_than,
)
from sweep.records import IndexArray, TrialRecord

TrialMaker = Callable[..., TrialRecord]
N = 400
LABELS: IndexArray = np.arange(N, dtype=np.int64) % 5


def hits(right: int, *, first: int = 0) -> NDArray[np.bool_]:
    """`right` images answered correctly, from image `first` on (round the end)."""
    return np.roll(np.arange(N) < right, first)


def evidence(trial: TrialRecord, groups: IndexArray | None = None, labels: IndexArray | None = LABELS) -> Evidence:
    assert trial.measurement is not None
    stored = trial.measurement.predictions
    return evidence_of(trial, trial.measurement, stored[0] if stored else None, labels=labels, groups=groups)


def test_evidence_recomputes_accuracy_from_predictions(trial_record: TrialMaker) -> None:
    one = evidence(trial_record(3, correct=hits(300), train=0.99))
    assert one.correct is not None
    assert one.correct.sum() == 300
    assert one.validation.estimate == 0.75
    assert one.gap.estimate == pytest.approx(0.24)
    assert one.gap.low == pytest.approx(0.99 - one.validation.high)


def test_predictions_of_other_images_count_as_not_stored(trial_record: TrialMaker) -> None:
    one = evidence(trial_record(3, correct=hits(300)), labels=LABELS[:-1])
    assert one.correct is None
    assert one.validation.estimate == 0.75


def test_evidence_says_how_many_independent_images_it_is_worth(trial_record: TrialMaker) -> None:
    trial = trial_record(3, correct=hits(300))
    assert evidence(trial).images == N
    assert evidence(trial, labels=None).images == N
    # Twenty bursts of twenty frames that agree: twenty images.
    assert evidence(trial, (np.arange(N) // 20).astype(np.int64)).images == pytest.approx(20, abs=1)
    assert trial.measurement is not None
    # Two repetitions of five folds with eighty images each, and three folds of them before a trial was pruned.
    for folds, images in ((10, 400), (3, 240)):
        blind = replace(trial.measurement, folds=folds, validation_images=80)
        assert evidence_of(trial, blind, None, labels=None, images=N).images == images


def test_a_cross_entropy_beyond_float16_stays_finite(trial_record: TrialMaker) -> None:
    trial = trial_record(3, correct=hits(300))
    assert trial.measurement is not None
    nats = np.full(N, 0.5, np.float16)
    nats[0] = np.inf
    stored = replace(trial.measurement.predictions[0], cross_entropy=nats)
    one = evidence_of(trial, trial.measurement, stored, labels=LABELS)
    assert one.cross_entropy is not None
    assert one.cross_entropy.max() == 65504


def test_groups_are_dropped_where_each_image_is_its_own_source() -> None:
    assert group_codes(["a", "b", "c"]) is None
    assert group_codes(None) is None
    codes = group_codes(["b", "a", "b"])
    assert codes is not None
    assert codes.tolist() == [1, 0, 1]


def test_a_comparison_is_positive_where_the_second_is_better(trial_record: TrialMaker) -> None:
    baseline = trial_record(0, correct=hits(300), train=0.99, cross_entropy=0.9)
    better = trial_record(7, correct=hits(320), train=0.91, cross_entropy=0.6)
    change = compare(evidence(baseline), evidence(better))
    assert (change.first, change.second, change.paired) == (0, 7, True)
    assert change.accuracy_gained.estimate == pytest.approx(0.05)
    assert change.gap_narrowed.estimate == pytest.approx(0.24 - 0.11)
    # The train side is a fact, so both intervals have the same width.
    width = change.accuracy_gained.high - change.accuracy_gained.low
    assert change.gap_narrowed.high - change.gap_narrowed.low == pytest.approx(width)
    assert change.gap_narrowed.low == pytest.approx(change.accuracy_gained.low + 0.08)
    assert change.cross_entropy_saved.estimate == pytest.approx(0.3, abs=1e-3)  # float16


def test_changes_say_of_each_trial_what_a_comparison_of_the_two_says(trial_record: TrialMaker) -> None:
    baseline = evidence(trial_record(0, correct=hits(300), train=0.99))
    better = evidence(trial_record(1, correct=hits(320), train=0.90))
    worse = evidence(trial_record(2, correct=hits(280), train=0.99))
    changes = changes_from(baseline, [better, worse])
    # 0.99 - 0.75 becomes 0.90 - 0.80, and 0.99 - 0.70.
    assert changes[1].gap_narrowed.estimate == pytest.approx(0.14)
    assert changes[1].accuracy_gained.estimate == pytest.approx(0.05)
    assert changes[2].gap_narrowed.estimate == pytest.approx(-0.05)
    whole = compare(baseline, better)
    assert (changes[1].gap_narrowed, changes[1].accuracy_gained) == (whole.gap_narrowed, whole.accuracy_gained)


def test_pairing_narrows_the_interval(trial_record: TrialMaker) -> None:
    a, b = trial_record(0, correct=hits(300)), trial_record(1, correct=hits(310))
    paired = compare(evidence(a), evidence(b))
    blind = compare(evidence(a), evidence(b, labels=None))
    assert not blind.paired
    assert blind.accuracy_gained.estimate == pytest.approx(paired.accuracy_gained.estimate)
    narrow = paired.accuracy_gained.high - paired.accuracy_gained.low
    assert blind.accuracy_gained.high - blind.accuracy_gained.low > 2 * narrow


def test_the_smaller_p_of_the_two_measures_counts_twice(trial_record: TrialMaker) -> None:
    # Eight images on which the leader alone is right: McNemar one-sided 1/2**8, doubled 1/2**7.
    leader = trial_record(1, correct=hits(308), cross_entropy=0.7)
    rival = trial_record(2, correct=hits(300), cross_entropy=0.7)
    p, measure = worse_than(evidence(rival), evidence(leader))
    assert p == pytest.approx(1 / 2**7)
    assert measure == "accuracy"


def test_equal_accuracy_at_a_worse_cross_entropy_is_worse(trial_record: TrialMaker) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, N)
    leader = trial_record(1, correct=hits(300), cross_entropy=0.7 + noise)
    rival = trial_record(2, correct=hits(300), cross_entropy=0.8 + noise + noise[::-1])
    p, measure = worse_than(evidence(rival), evidence(leader))
    assert p < 1e-6
    assert measure == "cross-entropy"


def test_a_better_trial_is_never_worse(trial_record: TrialMaker) -> None:
    leader = trial_record(1, correct=hits(300), cross_entropy=0.7)
    rival = trial_record(2, correct=hits(340), cross_entropy=0.6)
    assert worse_than(evidence(rival), evidence(leader))[0] == 1.0


def test_frames_of_one_source_are_no_independent_proof(trial_record: TrialMaker) -> None:
    # The rival loses one burst of twenty frames: many images, a single source.
    groups = (np.arange(N) // 20).astype(np.int64)
    leader = trial_record(1, correct=hits(320))
    rival = trial_record(2, correct=hits(300))
    assert worse_than(evidence(rival), evidence(leader))[0] < 0.001
    assert worse_than(evidence(rival, groups), evidence(leader, groups))[0] > 0.1


def test_without_predictions_only_large_differences_are_seen(trial_record: TrialMaker) -> None:
    leader = evidence(trial_record(1, correct=hits(320), cross_entropy=np.linspace(0.2, 1.0, N)), labels=None)
    near = evidence(trial_record(2, correct=hits(310), cross_entropy=np.linspace(0.21, 1.01, N)), labels=None)
    far = evidence(trial_record(3, correct=hits(200), cross_entropy=np.linspace(0.2, 1.0, N)), labels=None)
    assert worse_than(near, leader)[0] > 0.2
    p, measure = worse_than(far, leader)
    assert p < 1e-6
    assert measure == "accuracy"


def test_gaps_are_the_same_where_their_paired_difference_may_be_0(trial_record: TrialMaker) -> None:
    first = evidence(trial_record(1, correct=hits(300), train=0.85))
    near = evidence(trial_record(2, correct=hits(302), train=0.86))
    far = evidence(trial_record(3, correct=hits(302), train=0.99))
    assert same_gap(first, [near, far]) == {2: True, 3: False}
    assert same_gap(first, []) == {}
