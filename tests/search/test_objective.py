"""Decision 7 with numbers worked out by hand."""

from __future__ import annotations

from types import ModuleType

import pytest

from sweep.diagnosis import reselection
from sweep.records import Measurement
from sweep.search.objective import ONE_SIDED_95, balanced, objective_value
from sweep.studyfile.definition import SearchSettings


@pytest.fixture
def measurement(scripted: ModuleType) -> Measurement:
    """CE_val 0.8, gap 0.5, SE of CE_val 0.1."""
    made: Measurement = scripted.make_measurement(
        [scripted.make_epoch(1, 0.8, gap=0.5)], validation_cross_entropy_error=0.1
    )
    return made


def test_only_the_certain_part_of_the_gap_is_charged(measurement: Measurement) -> None:
    # 0.5 − 1.645·0.1 = 0.3355; a quarter of it is 0.083875.
    assert balanced(measurement, 0.25) == pytest.approx(-0.883875)


def test_without_weight_it_is_the_validation_cross_entropy_alone(measurement: Measurement) -> None:
    assert balanced(measurement, 0.0) == pytest.approx(-0.8)


def test_a_gap_within_the_noise_costs_nothing_and_a_negative_one_earns_nothing(scripted: ModuleType) -> None:
    within = scripted.make_measurement([scripted.make_epoch(1, 0.8, gap=0.1)], validation_cross_entropy_error=0.1)
    negative = scripted.make_measurement([scripted.make_epoch(1, 0.8, gap=-0.3)], validation_cross_entropy_error=0.1)
    assert balanced(within, 0.25) == balanced(negative, 0.25) == pytest.approx(-0.8)


def test_a_model_that_learns_nothing_does_not_win(scripted: ModuleType, measurement: Measurement) -> None:
    # Five classes by chance: ln 5 = 1.609 nats on both sides, no gap at all.
    chance = scripted.make_measurement([scripted.make_epoch(1, 1.609, gap=0.0)])
    assert balanced(chance, 0.5) < balanced(measurement, 0.5)


def test_the_study_chooses_the_objective(measurement: Measurement) -> None:
    assert objective_value(measurement, SearchSettings(objective="val")) == pytest.approx(-0.8)
    assert objective_value(measurement, SearchSettings(gap_weight=0.5)) == pytest.approx(-0.96775)


def test_the_ranking_repeats_its_choice_by_the_same_j() -> None:
    # Folders that may not import each other: the constant stands in both.
    assert reselection._ONE_SIDED_95 == ONE_SIDED_95
