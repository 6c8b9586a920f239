"""Studies and their images: stored, found again, and held against what is there already."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest

from sweep.errors import StoreError
from sweep.records import DataIndex, ImageRecord, Split, SplitIndices, StageRecord
from sweep.store.results import Database

Run = Any
Samples = Any


def test_a_study_comes_back_as_it_was_stored(toys: Database, samples: Samples) -> None:
    assert toys.study("toys") == samples.study()
    assert toys.study("toys").created.utcoffset() == datetime.timedelta(0)


def test_times_of_other_zones_come_back_as_utc(database: Database, samples: Samples) -> None:
    summer = datetime.timezone(datetime.timedelta(hours=2))
    created = datetime.datetime(2026, 5, 1, 14, 30, tzinfo=summer)
    database.add_study(samples.study(created=created), samples.index, samples.split)
    assert database.study().created.isoformat() == "2026-05-01T12:30:00+00:00"


def test_the_newest_study_stands_first_and_is_taken_unless_one_is_named(database: Database, samples: Samples) -> None:
    for name, day in (("first", 1), ("third", 3), ("second", 2)):
        created = datetime.datetime(2026, 5, day, tzinfo=datetime.UTC)
        database.add_study(samples.study(name, created=created), samples.index, samples.split)
    assert [study.name for study in database.studies()] == ["third", "second", "first"]
    assert database.study().name == "third"
    assert database.study("first").name == "first"


def test_an_unknown_study_is_answered_with_those_there_are(toys: Database) -> None:
    with pytest.raises(StoreError, match="no study 'boats'; expected one of: toys; name one of them with --study"):
        toys.study("boats")


def test_a_database_without_a_study_says_so(database: Database) -> None:
    with pytest.raises(StoreError, match="no study at all"):
        database.study()


def test_images_come_back_in_order_with_their_sides(toys: Database, samples: Samples) -> None:
    sides = (Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST, None)
    assert toys.images("toys") == tuple(zip(samples.index.images, sides, strict=True))


def test_adding_a_study_again_takes_over_its_larger_total(toys: Database, samples: Samples) -> None:
    larger = '{"model": {"dropout": 0.5}, "search": {"trials": 80}}'
    later = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)
    toys.add_study(
        samples.study(definition=larger, versions={"keras": "4"}, created=later), samples.index, samples.split
    )
    assert toys.study() == samples.study(definition=larger, versions={"keras": "4"})
    assert len(toys.images("toys")) == 5


def test_a_study_cannot_go_on_with_other_images(toys: Database, samples: Samples) -> None:
    other = replace(samples.study().data, fingerprint="0" * 64)
    with pytest.raises(StoreError, match=r"other images.*start anew with --name toys-2"):
        toys.add_study(samples.study(data=other), samples.index, samples.split)


def test_a_study_cannot_go_on_with_another_split(toys: Database, samples: Samples) -> None:
    split = SplitIndices(train=np.array([0, 2]), validation=np.array([1]), test=np.array([3]))
    with pytest.raises(StoreError, match="another split of them"):
        toys.add_study(samples.study(), samples.index, split)


def test_a_study_cannot_go_on_with_another_definition(toys: Database, samples: Samples) -> None:
    with pytest.raises(StoreError, match="study 'toys' with another definition"):
        toys.add_study(samples.study(digest="2" * 64), samples.index, samples.split)


def test_another_definition_is_refused_with_the_fields_that_differ(toys: Database, samples: Samples) -> None:
    asked: list[tuple[str, str]] = []

    def differing(stored: str, new: str) -> list[str]:
        asked.append((stored, new))
        return ["model.dropout", "data.image_size"]

    toys.check_definition("toys", "1" * 64, "{}", differing)
    toys.check_definition("boats", "2" * 64, "{}", differing)
    assert asked == []
    with pytest.raises(
        StoreError, match=r"differs in model.dropout, data.image_size.*under another name with --name toys-2"
    ) as caught:
        toys.check_definition("toys", "2" * 64, "{}", differing)
    assert caught.value.exit_code == 6
    assert asked == [(samples.study().definition, "{}")]


def test_a_name_that_optuna_uses_for_a_study_of_its_own_is_refused(database: Database) -> None:
    optuna.create_study(storage=database.optuna_storage(), study_name="mine")
    with pytest.raises(StoreError, match=r"an Optuna study 'mine' without sweep's measurements.*--name mine-2"):
        database.check_definition("mine", "1" * 64, "{}", lambda stored, new: [])


def test_stage_times_add_up_over_runs(toys: Database) -> None:
    rendering = StageRecord(name="rendering", seconds=2.0, units=10, unit="images")
    trials = StageRecord(name="trials", seconds=30.0, units=3, unit="trials")
    toys.save_stages("toys", (rendering, trials))
    toys.save_stages("toys", (replace(trials, seconds=12.5, units=1),))
    toys.save_stages("toys", ())
    assert toys.study().stages == (rendering, replace(trials, seconds=42.5, units=4))


def test_a_file_name_that_is_no_unicode_is_refused(database: Database, samples: Samples) -> None:
    image = ImageRecord(path="cat/\udcff.png", label=0, group="", content_hash="a" * 64)
    index = DataIndex(root="/photos", class_names=("cat",), images=(image,))
    nothing = np.zeros(0, np.int64)
    split = SplitIndices(train=np.array([0]), validation=nothing, test=nothing)
    with pytest.raises(StoreError, match=r"not valid Unicode.*rename the file"):
        database.add_study(samples.study(), index, split)
    assert database.studies() == ()


def test_a_study_removed_in_the_dashboard_leaves_nothing_to_a_new_one(
    toys: Database, samples: Samples, run_trials: Run
) -> None:
    def objective(trial: optuna.Trial) -> float:
        toys.save_measurement("toys", trial.number, baseline=True, configuration={}, measurement=samples.measurement())
        return 0.0

    run_trials(toys, objective, 2)
    optuna.delete_study(study_name="toys", storage=toys.optuna_storage())
    assert toys.studies() == ()
    assert toys.trials("toys") == ()
    toys.check_definition("toys", "2" * 64, "{}", lambda stored, new: ["everything"])
    toys.add_study(samples.study(digest="2" * 64), samples.index, samples.split)
    run_trials(toys, lambda trial: 0.0, 1)
    (trial,) = toys.trials("toys")
    assert (trial.measurement, trial.baseline, trial.configuration) == (None, False, {})


def test_a_study_of_an_earlier_version_takes_over_the_definition_that_says_the_same(
    toys: Database, samples: Samples
) -> None:
    toys.check_definition("toys", "2" * 64, '{"model": {"new": 0}}', lambda stored, new: ())
    assert (toys.study().digest, toys.study().definition) == ("2" * 64, '{"model": {"new": 0}}')
    toys.add_study(samples.study(digest="2" * 64), samples.index, samples.split)
