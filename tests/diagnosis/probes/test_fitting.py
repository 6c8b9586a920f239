"""Learning rates, budgets and fine-tuning that short trainings show to be wrong, and those that they do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from sweep.diagnosis.probes.fitting import distortion, learning_rate
from sweep.diagnosis.verdict import Outcome, judge
from sweep.records import Finding, FitRecord, Scalar, Unit

Floats = NDArray[np.float64]

LABELS = np.repeat(np.arange(4), 100)


def shares(*runs: tuple[int, float]) -> Floats:
    return np.concatenate([np.full(count, value) for count, value in runs])


def fit(
    name: str,
    correct: Floats,
    *,
    changes: Mapping[str, Scalar] | None = None,
    cross_entropy: Floats | None = None,
    curves: tuple[Floats, Floats] = (np.empty(0), np.empty(0)),
    seeds: int = 3,
) -> FitRecord:
    return FitRecord(
        name=name,
        changes=changes or {},
        seeds=seeds,
        train_accuracy=0.9,
        train_cross_entropy=0.1,
        correct=correct,
        cross_entropy=np.ones(len(correct)) if cross_entropy is None else cross_entropy,
        trainable_parameters=1000,
        train_curve=curves[0],
        validation_curve=curves[1],
    )


def outcome(finding: Finding) -> Outcome:
    return judge([finding], num_classes=4).judged[0].outcome


def course(baseline: FitRecord, *, longer: FitRecord | None = None, **others: FitRecord) -> Finding:
    rates = {word: (others[word],) if word in others else () for word in ("lower", "higher")}
    given: dict[str, Any] = {word: fit for word, fit in others.items() if word not in rates}
    return learning_rate(baseline, labels=LABELS, longer=longer, **rates, **given)


FALLING = np.linspace(1.4, 0.5, 10)
JUMPING = np.array([1.4, 0.9, 1.2, 0.8, 1.3, 0.9, 1.2, 1.0, 1.3, 0.9])
BASELINE = fit("baseline", shares((300, 1.0), (100, 0.0)), curves=(FALLING, JUMPING))
LOWER = fit("lower", shares((340, 1.0), (60, 0.0)), changes={"training.learning_rate": 1e-4})
LONGER = fit("longer", shares((304, 1.0), (96, 0.0)), changes={"training.epochs": 30})
SAME = fit("higher", shares((299, 1.0), (1, 0.0), (1, 1.0), (99, 0.0)), changes={"training.learning_rate": 1e-2})


def test_a_learning_rate_that_is_too_high_is_found_by_a_lower_one() -> None:
    found = course(BASELINE, lower=LOWER, higher=SAME, longer=LONGER)
    assert outcome(found) is Outcome.FOUND
    assert found.unit is Unit.ACCURACY
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(0.1)
    error = np.sqrt((42 / 402 - (40 / 402) ** 2) / 402)
    # Three fits, each by accuracy and by cross-entropy.
    assert found.p == pytest.approx(6 * student.sf(40 / 402 / error, 399))
    assert found.effect.low == pytest.approx(40 / 402 - student.ppf(1 - 0.025 / 6, 399) * error)
    assert found.evidence["last_train_slope"] == pytest.approx(-0.1)
    assert found.evidence["last_train_slope_high"] == pytest.approx(-0.1)
    assert found.evidence["validation_turns"] == 1.0
    assert found.evidence["longer gains"] == pytest.approx(0.01)
    assert found.summary.endswith("the learning rate is too high.")
    assert "With learning_rate = 0.0001 validation accuracy is higher by 10.0 points" in found.summary
    assert [dict(remedy.changes) for remedy in found.remedies] == [
        {"training.learning_rate": 1e-4},
        {"training.schedule": "cosine"},
        {"training.epochs": 30},
    ]


@pytest.mark.parametrize(
    ("word", "reading"), [("higher", "the learning rate is too low"), ("longer", "training is too short")]
)
def test_what_is_wrong_follows_from_what_is_better(word: str, reading: str) -> None:
    found = course(BASELINE, **{word: LOWER})
    assert found.summary.endswith(f"{reading}.")
    assert found.remedies[0].changes == LOWER.changes
    assert len(found.remedies) == 1


def test_courses_that_are_as_good_exclude_it() -> None:
    large = fit("baseline", shares((3000, 1.0), (1000, 0.0)))
    others = {
        word: fit(word, shares((2990, 1.0), (10, 0.0), (12, 1.0), (988, 0.0))) for word in ("lower", "higher", "longer")
    }
    found = learning_rate(
        large, lower=[others["lower"]], higher=[others["higher"]], longer=others["longer"], labels=np.arange(4000) % 4
    )
    assert outcome(found) is Outcome.EXCLUDED
    assert "too" not in found.summary


def test_at_chance_the_cross_entropy_decides() -> None:
    rng = np.random.default_rng(8)
    noise = rng.normal(0.0, 0.05, 400)
    stuck = fit("baseline", shares((100, 1.0), (300, 0.0)), cross_entropy=1.386 + noise)
    moving = fit("higher", stuck.correct, cross_entropy=1.286 + noise + rng.normal(0.0, 0.05, 400))
    found = course(stuck, higher=moving)
    assert found.unit is Unit.CROSS_ENTROPY
    assert outcome(found) is Outcome.FOUND
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(0.1, abs=0.01)
    assert "validation cross-entropy is lower by 0.099 nats [0.0" in found.summary
    # One fit above chance, and accuracy speaks for all.
    assert course(stuck, higher=LOWER).unit is Unit.ACCURACY
    broken = fit("higher", stuck.correct, cross_entropy=np.full(400, np.nan))
    assert course(stuck, higher=broken).unit is Unit.ACCURACY


def unsure(name: str, scale: float, *, seed: int, correct: Floats = BASELINE.correct) -> FitRecord:
    """As often right as the baseline; what is wrong is wrong by so many nats, and more or less so by luck."""
    rng = np.random.default_rng(seed)
    wrong = np.where(BASELINE.correct > 0, 0.02, scale * np.linspace(0.5, 1.5, 400))
    return fit(name, correct, cross_entropy=wrong * np.exp(rng.normal(0.0, 0.1, 400)))


def test_a_rate_that_is_far_too_high_is_found_by_its_nats() -> None:
    """Accuracy gains a quarter of a point, cross-entropy 1.375 times 8 nats on a quarter of the images."""
    baseline, again = unsure("baseline", 10.0, seed=1), unsure("again", 10.0, seed=2)
    better = unsure("lower", 2.0, seed=3, correct=shares((301, 1.0), (99, 0.0)))
    found = course(baseline, lower=better, higher=unsure("higher", 20.0, seed=4), again=again)
    assert found.unit is Unit.CROSS_ENTROPY
    assert outcome(found) is Outcome.FOUND
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(2.75, abs=0.05)
    assert found.summary.endswith("the learning rate is too high.")
    # Without a repetition all the scatter may be the luck of the trainings, and no nats are known.
    assert course(baseline, lower=better).unit is Unit.ACCURACY
    # Nor do they count where the best epoch's weights have saved them already.
    kept = unsure("best", 2.0, seed=5)
    last = course(baseline, lower=better, again=again, best=kept)
    assert last.unit is Unit.ACCURACY
    assert outcome(last) is Outcome.EXCLUDED


def test_where_accuracy_gains_nats_need_not() -> None:
    baseline, again = unsure("baseline", 10.0, seed=1), unsure("again", 10.0, seed=2)
    better = unsure("lower", 2.0, seed=3, correct=LOWER.correct)
    assert course(baseline, lower=better, again=again).unit is Unit.ACCURACY


def test_a_training_that_ends_where_the_baseline_did_is_no_try() -> None:
    once_more = fit("longer", BASELINE.correct, changes={"training.epochs": 30})
    assert course(BASELINE, lower=LOWER, longer=once_more).p == course(BASELINE, lower=LOWER).p
    assert outcome(course(BASELINE, longer=once_more)) is not Outcome.NOT_MEASURED


def test_of_several_rates_the_surest_comes_first() -> None:
    further = fit("lower, far", shares((360, 1.0), (40, 0.0)), changes={"training.learning_rate": 2e-5})
    found = learning_rate(BASELINE, lower=[LOWER, further], higher=[], longer=None, labels=LABELS)
    assert [dict(remedy.changes) for remedy in found.remedies] == [
        {"training.learning_rate": 2e-5},
        {"training.schedule": "cosine"},
        {"training.learning_rate": 1e-4},
    ]
    assert found.evidence["lower gains"] == pytest.approx(0.1)
    assert found.evidence["lower, far gains"] == pytest.approx(0.15)


def test_without_another_course_nothing_is_measured() -> None:
    assert outcome(course(BASELINE)) is Outcome.NOT_MEASURED


def test_curves_too_short_for_a_slope_leave_it_out() -> None:
    short = fit("baseline", BASELINE.correct, curves=(FALLING[:3], FALLING[:2]))
    evidence = course(short, lower=LOWER).evidence
    assert "last_train_slope" not in evidence
    assert "validation_turns" not in evidence
    assert evidence["validation_not_falling_p"] == 0.5


FINE_TUNED = fit("baseline", BASELINE.correct, curves=(FALLING, FALLING))


def distorted(probe: FitRecord | NDArray[np.bool_] | None, *, unfrozen: int = 20, head_epochs: int = 0) -> Finding:
    return distortion(FINE_TUNED, probe, unfrozen_layers=unfrozen, learning_rate=1e-3, head_epochs=head_epochs)


def test_a_linear_head_that_beats_fine_tuning_shows_distortion() -> None:
    found = distorted(LOWER)
    assert outcome(found) is Outcome.FOUND
    assert found.effect is not None
    assert found.effect.estimate == pytest.approx(0.1)
    error = np.sqrt((42 / 402 - (40 / 402) ** 2) / 402)
    assert found.p == pytest.approx(student.sf(40 / 402 / error, 399))
    assert found.evidence["validation_accuracy_frozen"] == pytest.approx(0.85)
    assert [dict(remedy.changes) for remedy in found.remedies] == [
        {"training.head_epochs": 5},
        {"training.learning_rate": 1e-4},
        {"model.unfrozen_layers": 10},
    ]
    assert "With 20 layers unfrozen validation accuracy is 75.0 %" in found.summary
    assert distorted(LOWER.correct > 0.5).p == pytest.approx(found.p)


def test_where_the_head_already_trains_alone_first_smaller_steps_are_left() -> None:
    assert [list(one.changes) for one in distorted(LOWER, head_epochs=3).remedies] == [
        ["training.learning_rate"],
        ["model.unfrozen_layers"],
    ]


def test_fine_tuning_that_gains_is_no_distortion() -> None:
    worse = fit("linear", shares((260, 1.0), (140, 0.0)))
    assert outcome(distorted(worse)) is Outcome.EXCLUDED
    assert "worse by 10.0 points" in distorted(worse).summary


def test_frozen_features_cannot_be_distorted() -> None:
    assert outcome(distorted(LOWER, unfrozen=0)) is Outcome.EXCLUDED
    assert outcome(distorted(None)) is Outcome.NOT_MEASURED
