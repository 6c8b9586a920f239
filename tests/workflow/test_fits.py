"""Which short trainings are done for a configuration, and how often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweep.errors import TrialError
from sweep.progress import Silent
from sweep.records import Measurement, SplitIndices
from sweep.studyfile.definition import Configuration, ModelSettings, TrainingSettings
from sweep.workflow.fits import Fits, fit_variants, planned_fits
from sweep.workflow.prepare import PreparedData, prepare_data
from sweep.workflow.resolve import Overrides, resolve_study


def configuration(**fields: Any) -> Configuration:  # noqa: ANN401 - whatever a study file may say
    model = {name: value for name, value in fields.items() if name in ModelSettings.model_fields}
    training = {name: value for name, value in fields.items() if name not in model}
    return Configuration(model=ModelSettings(**model), training=TrainingSettings(**training))


@pytest.mark.parametrize(
    ("fields", "present", "absent"),
    [
        ({}, {"lower rate", "higher rate", "longer", "smaller, linear"}, {"linear", "undropped", "frozen", "best"}),
        ({"head_width": (64,), "dropout": 0.5}, {"linear", "undropped", "smaller, narrow"}, {"weaker, penalty"}),
        ({"l2": 0.1, "dropout": 0.5}, {"weaker, penalty", "weaker, all", "undropped"}, {"linear"}),
        ({"l2": 0.1}, {"weaker, penalty"}, {"weaker, all", "undropped"}),
        ({"head_width": (8,)}, {"linear"}, {"smaller, narrow"}),
        ({"keep": "last"}, {"best"}, set()),
        ({}, {"lower rate, far", "higher rate, far"}, set()),
        ({"unfrozen_layers": 10}, {"frozen", "lower rate"}, {"higher rate", "longer", "recalibrated"}),
        ({"unfrozen_layers": 10}, {"frozen"}, {"lower rate, far", "higher rate, far"}),
        ({"unfrozen_layers": 10, "batch_norm": "train"}, {"frozen", "recalibrated", "frozen batch norm"}, {"longer"}),
        ({"batch_norm": "legacy"}, {"frozen", "recalibrated"}, {"frozen batch norm"}),
    ],
)
def test_a_configuration_is_tried_without_what_it_has(
    fields: dict[str, Any], present: set[str], absent: set[str]
) -> None:
    plan = planned_fits(configuration(**fields))
    assert present <= set(plan)
    assert not absent & set(plan)
    stored = configuration(**fields).stored()
    assert all(stored[field] != value for changes in plan.values() for field, value in changes.items())


def test_rates_are_five_and_twenty_five_times_off() -> None:
    plan = planned_fits(configuration(learning_rate=0.01))
    rates = {name: changes["learning_rate"] for name, changes in plan.items() if "rate" in name}
    assert rates == {
        "lower rate": 0.002,
        "lower rate, far": 0.0004,
        "higher rate": 0.05,
        "higher rate, far": 0.25,
    }


class Counting:
    """Trains nothing, and fails where asked to."""

    def __init__(self, measurement: Measurement, fails: float = -1.0) -> None:
        self.seeds: list[tuple[int, ...]] = []
        self._measurement = measurement
        self._fails = fails

    def train(
        self, configuration: Configuration, *, seed: Sequence[int], reporter: object, split: SplitIndices
    ) -> Measurement:
        if configuration.training.learning_rate == self._fails:
            raise TrialError("epoch 1", received="NaN", expected="a number", remedy="lower it")
        self.seeds.append(tuple(seed))
        return self._measurement


class Noting(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def data(noisy_photos: Callable[..., Path], tmp_path: Path) -> PreparedData:
    photos = noisy_photos(tmp_path / "photos", {"cat": 60, "dog": 190}, count=20)
    definition = resolve_study(str(photos), Overrides(sets=["data.image_size=32"]), Silent()).definition
    return prepare_data(definition, base=tmp_path, progress=Silent())


def fitted(
    data: PreparedData,
    record: Callable[..., Any],
    *,
    fails: float = -1.0,
    progress: Noting | None = None,
    **given: Any,  # noqa: ANN401
) -> tuple[Fits, Counting]:
    seconds = given.pop("seconds", 0.0)
    trainer = Counting(record(0, correct=np.arange(len(data.split.validation)) % 4 > 0).measurement, fails)
    theirs: Any = trainer
    fits = fit_variants(
        theirs,
        configuration(**given),
        data,
        feature_map=(3, 3),
        seed=7,
        seconds=seconds,
        progress=progress or Noting(),
    )
    return fits, trainer


def test_every_variant_has_the_seeds_of_the_baseline(data: PreparedData, trial_record: Callable[..., Any]) -> None:
    fits, trainer = fitted(data, trial_record, dropout=0.5)
    count = fits.baseline.seeds
    assert count == 8
    assert {fit.seeds for fit in fits.variants.values()} == {count}
    assert set(trainer.seeds[:count]) == set(trainer.seeds[2 * count : 3 * count])
    assert not set(trainer.seeds[:count]) & set(trainer.seeds[count : 2 * count]), "again has other ones"
    assert list(fits.variants) == list(planned_fits(configuration(dropout=0.5)))


@pytest.mark.parametrize(
    ("fields", "seconds", "seeds"),
    [({}, 1.0, 8), ({"conv_filters": 8}, 1.0, 5), ({"unfrozen_layers": 5}, 1.0, 2), ({}, 10.0, 3), ({}, 120.0, 1)],
)
def test_long_trainings_are_done_with_fewer_seeds(
    data: PreparedData, trial_record: Callable[..., Any], fields: dict[str, Any], seconds: float, seeds: int
) -> None:
    assert fitted(data, trial_record, seconds=seconds, **fields)[0].baseline.seeds == seeds


def test_very_long_ones_are_tried_with_what_says_most(data: PreparedData, trial_record: Callable[..., Any]) -> None:
    progress = Noting()
    fits, _ = fitted(
        data, trial_record, seconds=300.0, head_width=(64,), dropout=0.5, batch_norm="legacy", progress=progress
    )
    assert set(fits.variants) == {"linear", "undropped", "recalibrated", "frozen"}
    assert fits.baseline.seeds == 1
    assert progress.notes == [
        "a training takes 300 s: for the verdict only linear, undropped, frozen, recalibrated are tried beside it"
    ]


def test_a_variant_that_fails_is_missing_and_said(data: PreparedData, trial_record: Callable[..., Any]) -> None:
    progress = Noting()
    rate = configuration().training.learning_rate / 5
    fits, _ = fitted(data, trial_record, fails=rate, progress=progress)
    assert "lower rate" not in fits.variants
    assert "higher rate" in fits.variants
    assert progress.notes[0].startswith("the fit 'lower rate' failed: ")


def test_positions_are_those_that_an_average_takes(data: PreparedData, trial_record: Callable[..., Any]) -> None:
    def positions(**fields: Any) -> int:  # noqa: ANN401
        return fitted(data, trial_record, **fields)[0].positions

    assert positions(dropout=0.5, dropout_position="before_conv") == 9
    assert positions(dropout=0.5, dropout_position="before_conv", conv_filters=4) == 9
    assert positions(dropout=0.5, dropout_position="after_conv", conv_filters=4) == 1
    assert positions(dropout=0.5, dropout_position="after_pooling") == 1
    assert positions(dropout=0.5, dropout_position="before_conv", dropout_kind="spatial") == 1
