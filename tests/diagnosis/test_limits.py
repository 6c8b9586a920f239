"""What limits a ranking is said aloud, and counted: missing predictions, common sources, folds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.ranking import Ranking, rank
from sweep.diagnosis.tiers import Tier
from sweep.records import IndexArray, PredictionRecord, TrialRecord

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


def test_missing_predictions_are_said_aloud(trial_record: TrialMaker) -> None:
    stored = trial_record(1, correct=share(400), cross_entropy=0.5)
    blind = trial_record(2, correct=share(396), cross_entropy=0.5, train=0.9)
    ranking = rank([stored, blind], predictions([stored]), class_counts=COUNTS, labels=LABELS)
    assert [row.tier for row in ranking.rows] == [Tier.LEADING, Tier.LEADING]
    assert "No predictions are stored for 1 of 2 trials (2)" in ranking.notes[0]
    assert ranking.best is not None
    assert (ranking.best.number, ranking.optimism) == (2, None)
    assert ranking.notes[0].endswith("Rank 1 is one of them, so its score is not corrected for the choice.")
    without_labels = rank([stored, blind], predictions([stored, blind]), class_counts=COUNTS)
    assert "for 2 of 2 trials (1, 2)" in without_labels.notes[0]
    wide = trial_record(2, correct=share(396), cross_entropy=0.5, train=1.0)
    first = rank([stored, wide], predictions([stored]), class_counts=COUNTS, labels=LABELS)
    assert first.optimism is not None
    assert [row.chosen for row in first.rows] == [1.0, None]
    assert first.notes[0].endswith("The correction of rank 1's score for the choice leaves them out.")


def test_sources_are_counted_and_widen_every_interval(trial_record: TrialMaker) -> None:
    trial = trial_record(1, correct=share(400))
    groups = [f"burst {position // 20}" for position in range(N)]
    grouped, plain = ranked(trial, groups=groups), ranked(trial)
    assert "500 validation images come from 25 sources" in grouped.notes[0]
    assert grouped.rows[0].validation.low < plain.rows[0].validation.low
    assert grouped.rows[0].gap.high > plain.rows[0].gap.high


def folded(trial: TrialRecord, repeats: int) -> TrialRecord:
    """The trial as five folds see it, `repeats` times alike: no fold holds more than a fifth of the images."""
    assert trial.measurement is not None
    stored = trial.measurement.predictions[0]
    tiled = replace(
        stored,
        predicted=np.tile(stored.predicted, repeats),
        cross_entropy=np.tile(stored.cross_entropy, repeats),
    )
    measurement = replace(trial.measurement, folds=5 * repeats, validation_images=N // 5, predictions=(tiled,))
    return replace(trial, measurement=measurement)


def test_folds_count_every_image_once_however_often_it_is_predicted(trial_record: TrialMaker) -> None:
    rng = np.random.default_rng(0)
    single = [
        trial_record(i, correct=rng.random(N) < 0.7 + 0.02 * i, cross_entropy=rng.gamma(2.0, 0.35, N), train=0.95)
        for i in range(4)
    ]
    plain = ranked(*single)
    once = [folded(trial, 1) for trial in single]
    folds = rank(once, predictions(once), class_counts=COUNTS, labels=LABELS)
    assert [row.validation for row in folds.rows] == [row.validation for row in plain.rows]
    assert folds.optimism == plain.optimism
    assert "share most of their images" in folds.notes[-1]

    thrice = [folded(trial, 3) for trial in single]
    images = [f"image {position}" for position in range(N)] * 3
    repeated = rank(thrice, predictions(thrice), class_counts=COUNTS, labels=np.tile(LABELS, 3), groups=images)
    assert [row.number for row in repeated.rows] == [row.number for row in plain.rows]
    for row, other in zip(repeated.rows, plain.rows, strict=True):
        assert (row.validation.low, row.gap.high) == pytest.approx((other.validation.low, other.gap.high), abs=1e-4)
        assert row.gap_cross_entropy.high == pytest.approx(other.gap_cross_entropy.high, abs=1e-4)
    assert repeated.optimism is not None
    assert plain.optimism is not None
    assert repeated.optimism.bias == pytest.approx(plain.optimism.bias, abs=0.005)
    assert repeated.notes[0].startswith("Each of the 500 validation images is predicted 3 times")


def test_repeated_images_of_common_sources_stand_for_their_sources(trial_record: TrialMaker) -> None:
    trial = folded(trial_record(1, correct=share(400)), 2)
    sources = [f"burst {position // 20}" for position in range(N)] * 2
    ranking = rank([trial], predictions([trial]), class_counts=COUNTS, labels=np.tile(LABELS, 2), groups=sources)
    plain = ranked(trial_record(1, correct=share(400)), groups=sources[:N])
    assert ranking.rows[0].validation.low == pytest.approx(plain.rows[0].validation.low, abs=1e-3)
    assert "The 500 validation images, each predicted 2 times, come from 25 sources" in ranking.notes[0]


def test_folds_without_predictions_are_worth_all_images_and_no_more(trial_record: TrialMaker) -> None:
    plain = rank([trial_record(1, correct=share(400))], {}, class_counts=COUNTS).rows[0]
    for repeats in (1, 3):
        blind = rank([folded(trial_record(1, correct=share(400)), repeats)], {}, class_counts=COUNTS).rows[0]
        assert blind.validation == plain.validation
