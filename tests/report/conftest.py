"""A plausible finished study, made of records alone."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.verdict import judge
from sweep.records import (
    Cause,
    DataSummary,
    Exhibit,
    FailureRecord,
    Finding,
    HoldoutRecord,
    HoldoutResult,
    ImageRecord,
    Interval,
    ModeRecord,
    Moment,
    PredictionRecord,
    ProofOutcome,
    ProofRecord,
    Remedy,
    RepeatRecord,
    Side,
    Split,
    StageRecord,
    StudyRecord,
    TrialRecord,
    TrialState,
    Unit,
    UnreadableFile,
)
from sweep.report.diagnosis import Diagnosis
from sweep.report.gather import Report, gather_report

TrialMaker = Callable[..., TrialRecord]
StudyMaker = Callable[..., StudyRecord]
VALIDATION = 600
TEST = 300
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
        for side, number in ((Split.TRAIN, VALIDATION), (Split.VALIDATION, VALIDATION), (Split.TEST, TEST))
        for position in range(number)
    )


IMPORTANCES = {
    "gap": {"dropout": 0.52, "l2": 0.31, "unfrozen_layers": 0.11, "head_width": 0.05, "batch_size": 0.01},
    "validation": {"l2": 0.44, "head_width": 0.29, "dropout": 0.14, "unfrozen_layers": 0.1, "batch_size": 0.03},
}


@pytest.fixture(scope="session")
def toy_report(toy_trials: tuple[TrialRecord, ...]) -> Report:
    return gather_report(make_study(), toy_trials, images=make_images(), importances=IMPORTANCES)


# ---- a report that has everything ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def full_report(toy_trials: tuple[TrialRecord, ...]) -> Report:
    """The toys with training modes, four repeated configurations, and a test side that was opened twice."""
    report = gather_report(make_study(), toy_trials, images=make_images())
    finalists = [report.ranking.rows[place].trial for place in range(3)] + [toy_trials[0]]
    first = make_opening(finalists, report)
    again = replace(first, opened=first.opened + datetime.timedelta(days=3), seen_before=TEST)
    return gather_report(
        make_study(),
        [with_modes(trial) for trial in toy_trials],
        images=make_images(),
        repeats=[record for trial in finalists for record in make_repeats(trial)],
        holdouts=[first, again],
        importances=IMPORTANCES,
    )


def with_modes(trial: TrialRecord) -> TrialRecord:
    """Dropout costs 8 points of training accuracy, training batch norm gives half a point, epoch lag costs 1.2."""
    if trial.measurement is None:
        return trial
    one, trains = trial.measurement, trial.parameters["unfrozen_layers"] == 10
    clean, nats, dropout = one.train_accuracy, one.train_cross_entropy, 0.08 * float(trial.parameters["dropout"])
    batch_norm, frozen = (0.005, "") if trains else (0.0, "no batch norm that trains")
    modes = tuple(
        ModeRecord(
            dropout=place == 1,
            augmentation=place < 3,
            batch_statistics=True,
            accuracy=clean + batch_norm - dropout * (place == 1),
            cross_entropy=nats - batch_norm + 4 * dropout * (place == 1),
            accuracy_noise=0.001,
            cross_entropy_noise=0.002,
            accuracy_change_error=0.002 * (place != 2),
            cross_entropy_change_error=0.004 * (place != 2),
            draws=4 if place == 1 else 1,
            unchanged=("", "no augmentation", frozen)[place - 1],
        )
        for place in (1, 2, 3)
    )
    logged = replace(
        one,
        logged_train_accuracy=modes[0].accuracy - 0.012,
        logged_train_loss=modes[0].cross_entropy + 0.03,
        modes=modes,
    )
    return replace(trial, measurement=logged)


def make_repeats(trial: TrialRecord, repeats: int = 5) -> list[RepeatRecord]:
    """Splits move all trials alike, seeds each by itself."""
    one = trial.measurement
    assert one is not None
    rng = np.random.default_rng(trial.number)
    records = []
    for repeat in range(1, repeats + 1):
        moved = 0.008 * (repeat - 3) + float(rng.normal(0, 0.003))
        records.append(
            RepeatRecord(
                number=trial.number,
                repeat=repeat,
                new_split=True,
                train_accuracy=one.train_accuracy + float(rng.normal(0, 0.003)),
                train_cross_entropy=one.train_cross_entropy,
                validation_accuracy=one.validation_accuracy + moved,
                validation_cross_entropy=one.validation_cross_entropy - moved,
                train_images=4 * VALIDATION,
                validation_images=VALIDATION,
                selected_epoch=one.selected_epoch,
                folds=0,
                seconds=3.0,
            )
        )
    return records


def make_opening(trials: Sequence[TrialRecord], report: Report) -> HoldoutRecord:
    """Every trial is right on the test side as often as on validation, the harder images wrong first."""
    labels = np.arange(TEST) % 5
    places = {row.number: row.rank for row in report.ranking.rows}
    results = []
    for trial in trials:
        one = trial.measurement
        assert one is not None
        right = np.random.default_rng(3).permutation(TEST) < round(one.validation_accuracy * TEST)
        known = trial.baseline or places[trial.number] == 1
        results.append(
            HoldoutResult(
                number=trial.number,
                rank=places[trial.number],
                baseline=trial.baseline,
                accuracy=float(right.mean()),
                cross_entropy=one.validation_cross_entropy,
                balanced_accuracy=float(right.mean()),
                validation_accuracy=one.validation_accuracy,
                predicted_low=one.validation_accuracy - 0.05 if known else math.nan,
                predicted_high=one.validation_accuracy + 0.05 if known else math.nan,
                prediction=PredictionRecord(
                    side=Side.TEST,
                    moment=Moment.SELECTED,
                    predicted=np.where(right, labels, (labels + 1) % 5).astype(np.uint16),
                    cross_entropy=np.full(TEST, one.validation_cross_entropy, np.float16),
                ),
                share_right=right.astype(np.float16),
            )
        )
    opened = datetime.datetime(2026, 11, 23, 8, 15, tzinfo=datetime.UTC)
    hashes = tuple(f"{number:064x}" for number in range(TEST))
    return HoldoutRecord(study="toys", opened=opened, seen_before=0, content_hashes=hashes, results=tuple(results))


# ---- a verdict -----------------------------------------------------------------------------------------------------

PAIRS = ((600, 3), (607, 12), (613, 44))
LEAK = Finding(
    cause=Cause.LEAK,
    effect=Interval(estimate=0.05, low=0.034, high=0.071),
    p=1e-9,
    images=600,
    summary="30 of 600 validation images have a copy in training",
    evidence={"matched": 30, "unmatched": 570, "accuracy_matched": 1.0, "confirmed": True},
    remedies=(
        Remedy(sentence="Drop the copies.", changes={"data.deduplicate": True, "model.head_width": "512-256"}),
        Remedy(sentence="Collect other images."),
    ),
    source="Barz and Denzler, J. Imaging 6 (2020)",
    exhibits=tuple(Exhibit(caption="equal pixels: in validation, in training", images=pair) for pair in PAIRS),
    rows=(600, 607, 613),
)
BIAS = Finding(
    cause=Cause.CLASS_BIAS,
    effect=Interval(estimate=0.06, low=0.03, high=0.09),
    p=1e-5,
    summary='class "duck" is 26.0 % of the predictions.',
    evidence={"class": 3, "taken": 36, "recall_3": 0.98, "recall_3_low": 0.91, "classes": "0, 1 and 4"},
    exhibits=(Exhibit(caption='taken for class "duck" and of another', images=tuple(range(620, 640))),),
)
NOISE = Finding(
    cause=Cause.LABEL_NOISE,
    effect=Interval(estimate=0.04, low=0.02, high=0.06),
    p=1e-4,
    images=600,
    summary="4.0 % of the labels contradict the features",
)
LAST = Finding(
    cause=Cause.LAST_EPOCH,
    effect=Interval(estimate=0.05, low=-0.01, high=0.11),
    unit=Unit.CROSS_ENTROPY,
    p=0.06,
    images=100,
    summary="The last epoch is worse.",
)


@pytest.fixture(scope="session")
def diagnosed_report(full_report: Report) -> Report:
    """Of the full report: a leak whose remedy is proven, a bias, refuted label noise, and what is open."""
    return replace(full_report, diagnosis=make_diagnosis(full_report), arguments="study.db")


def make_diagnosis(report: Report) -> Diagnosis:
    excluded = Finding.impossible(Cause.BURSTS, "every image is a source of its own")
    findings = [LEAK, BIAS, NOISE, LAST, excluded, Finding.not_measured(Cause.SHIFT, "no features")]
    proofs = (
        make_proof(Cause.LEAK, ProofOutcome.PROVEN, {"data.deduplicate": True}),
        make_proof(Cause.CLASS_BIAS, ProofOutcome.NOT_SHOWN, {"training.class_weight": "balanced"}),
        make_proof(Cause.LABEL_NOISE, ProofOutcome.REFUTED, {}),
    )
    shown = {row for finding in findings for exhibit in finding.exhibits for row in exhibit.images}
    return Diagnosis(
        study="toys",
        number=0,
        subject="your configuration (trial 0)",
        verdict=judge(findings, num_classes=5, refuted=[Cause.LABEL_NOISE]),
        images={row: report.images[row] for row in sorted(shown)},
        proofs=proofs,
        num_classes=5,
    )


def make_proof(cause: Cause, outcome: ProofOutcome, changes: dict[str, Any]) -> ProofRecord:
    change = Interval(estimate=0.04, low=0.01, high=0.07)
    return ProofRecord(
        trial=0,
        cause=cause,
        changes=changes,
        left_out=0 if changes else 24,
        repeats=5,
        new_split=True,
        gap_narrowed=change,
        accuracy_gained=change,
        cross_entropy_saved=change,
        p=0.001,
        outcome=outcome,
        sentence="the gap narrows by 4.0 points [1.0, 7.0]",
    )


@pytest.fixture(scope="session")
def with_summary() -> Callable[[Report, str], Report]:
    """Make a report whose leak is summarised, captioned and remedied in other words: `with_summary(report, words)`."""
    return resummarised


def resummarised(report: Report, words: str) -> Report:
    assert report.diagnosis is not None
    exhibits = tuple(replace(one, caption=words) for one in LEAK.exhibits)
    remedies = (Remedy(sentence=words, changes={"model.weights": words}),)
    leak = replace(LEAK, summary=words, exhibits=exhibits, remedies=remedies, evidence={"name": words}, source=words)
    judged = report.diagnosis.verdict.judged
    changed = tuple(replace(one, finding=leak) if one.finding.cause is Cause.LEAK else one for one in judged)
    images = {row: (replace(image, path=words), side) for row, (image, side) in report.diagnosis.images.items()}
    verdict = replace(report.diagnosis.verdict, judged=changed)
    return replace(report, diagnosis=replace(report.diagnosis, verdict=verdict, images=images))
