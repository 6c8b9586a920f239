"""A plausible finished study, made of records alone."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.records import (
    DataSummary,
    FailureRecord,
    ImageRecord,
    Split,
    StageRecord,
    StudyRecord,
    TrialRecord,
    TrialState,
    UnreadableFile,
)
from sweep.report.gather import Report, gather_report

TrialMaker = Callable[..., TrialRecord]
StudyMaker = Callable[..., StudyRecord]
VALIDATION = 600
TOYS = ("ball", "bear", "car", "duck", "negative")
SPACE: dict[str, Any] = {
    "batch_size": {"choices": [16, 32, 64]},
    "dropout": {"low": 0.0, "high": 0.9},
    "head_width": {"choices": ["none", 64, "512-256"]},
    "l2": {"low": 1e-6, "high": 1e-1, "log": True},
    "unfrozen_layers": {"choices": [0, 10]},
}


@pytest.fixture(scope="session")
def study_record() -> StudyMaker:
    """Make a study: `study_record(class_names=…, name=…, question=…)`."""
    return make_study


def make_study(
    *,
    name: str = "toys",
    question: str = "Four look-alike toys: does dropout before or after the convolution close the gap?",
    class_names: Sequence[str] = TOYS,
    trials: int = 40,
    unreadable: Sequence[UnreadableFile] = (),
    notes: Sequence[str] = (),
    space: dict[str, Any] | None = None,
) -> StudyRecord:
    per_class = VALIDATION // len(class_names)
    definition = {
        "schema": 1,
        "name": name,
        "question": question,
        "data": {"source": "toys", "image_size": 160, "validation": 0.2, "test": 0.15, "split_seed": 0},
        "search": {"trials": trials, "objective": "balanced", "gap_weight": 0.25, "seed": 0},
        "space": SPACE if space is None else space,
    }
    return StudyRecord(
        name=name,
        definition=json.dumps(definition, sort_keys=True),
        digest="0123456789abcdef" * 4,
        data=DataSummary(
            source="toys",
            fingerprint="fedcba9876543210" * 4,
            class_names=tuple(class_names),
            counts={
                "train": (4 * per_class,) * len(class_names),
                "validation": (per_class,) * len(class_names),
                "test": (per_class // 2,) * len(class_names),
            },
            groups=0,
            unreadable=tuple(unreadable),
            notes=tuple(notes),
        ),
        versions={"sweep": "0.1.0", "keras": "3.15.1", "tensorflow": "2.21.0", "optuna": "5.0.0"},
        created=datetime.datetime(2026, 11, 22, 9, 30),
        stages=(
            StageRecord(name="rendering toys", seconds=48.2, units=3750, unit="images"),
            StageRecord(name="backbone pass", seconds=31.5, units=3750, unit="images"),
            StageRecord(name="trials", seconds=412.0, units=40, unit="trials"),
        ),
    )


@pytest.fixture(scope="session")
def toy_trials(trial_record: TrialMaker) -> tuple[TrialRecord, ...]:
    """Forty trials: a baseline with a wide gap, honest ones, some that learnt nothing, pruned, failed, copied."""
    return make_trials(trial_record)


def make_trials(trial_record: TrialMaker, number: int = 40) -> tuple[TrialRecord, ...]:
    rng = np.random.default_rng(7)
    difficulty = rng.random(VALIDATION)
    trials = [_trial(trial_record, 0, 0.5, difficulty, rng, baseline=True)]
    trials += [
        _trial(trial_record, position, float(rng.uniform(0, 0.9)), difficulty, rng) for position in range(1, number)
    ]
    failure = FailureRecord(kind="nan", reason="the loss became NaN; try a lower learning_rate", epoch=3)
    for position in (11, 23):
        trials[position] = replace(
            trials[position], state=TrialState.FAILED, measurement=None, objective=None, failure=failure
        )
    trials[30] = replace(trials[30], duplicate_of=4, parameters=trials[4].parameters)
    return tuple(trials)


def _trial(
    trial_record: TrialMaker,
    number: int,
    dropout: float,
    difficulty: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    baseline: bool = False,
) -> TrialRecord:
    l2 = 0.0 if baseline else float(10 ** rng.uniform(-6, -1))
    width = "none" if baseline else ("none", 64, "512-256")[int(rng.integers(3))]
    strength = min(1.0, dropout * 0.5 + max(0.0, np.log10(l2 + 1e-9) + 5) / 8)
    accuracy = 0.76 + 0.05 * np.sin(3 * strength) - 0.75 * max(0.0, strength - 0.72)
    train = max(accuracy + 0.005, 0.995 - 0.16 * strength - 0.9 * max(0.0, strength - 0.7))
    nats = rng.gamma(2.0, (1.15 - accuracy) * (1 + 0.4 * (1 - strength)), VALIDATION)
    pruned = not baseline and number % 6 == 5
    parameters = {
        "batch_size": 32 if baseline else (16, 32, 64)[int(rng.integers(3))],
        "dropout": dropout,
        "head_width": width,
        "l2": l2,
        "unfrozen_layers": 0 if baseline else 10 * int(rng.integers(2)),
    }
    return trial_record(
        number,
        correct=difficulty + rng.normal(0, 0.05, VALIDATION) < accuracy,
        train=float(train),
        cross_entropy=nats,
        train_cross_entropy=float(1 - train + 0.02),
        parameters=parameters,
        state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
        epochs=6 if pruned else 10 + number % 7,
        trainable_parameters=6_405 if width == "none" else 82_309 if width == 64 else 789_000,
        seconds=2.0 + number % 5,
        baseline=baseline,
    )


@pytest.fixture(scope="session")
def labelled_images() -> tuple[tuple[ImageRecord, Split], ...]:
    return make_images()


def make_images() -> tuple[tuple[ImageRecord, Split], ...]:
    return tuple(
        (ImageRecord(path=f"{position}.jpg", label=position % 5, group="", content_hash=f"{position:x}"), side)
        for side in (Split.TRAIN, Split.VALIDATION)
        for position in range(VALIDATION)
    )


IMPORTANCES = {
    "gap": {"dropout": 0.52, "l2": 0.31, "unfrozen_layers": 0.11, "head_width": 0.05, "batch_size": 0.01},
    "validation": {"l2": 0.44, "head_width": 0.29, "dropout": 0.14, "unfrozen_layers": 0.1, "batch_size": 0.03},
}


@pytest.fixture(scope="session")
def toy_report(toy_trials: tuple[TrialRecord, ...]) -> Report:
    return gather_report(make_study(), toy_trials, images=make_images(), importances=IMPORTANCES)
