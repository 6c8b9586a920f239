"""What each side of a proof is trained on, told by a trainer that only writes it down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweep.diagnosis.remedy import Promise
from sweep.errors import DefinitionError
from sweep.progress import Silent
from sweep.records import Cause, Measurement, Scalar, SplitIndices
from sweep.studyfile.definition import Configuration, StudyDefinition
from sweep.workflow import proof_bench
from sweep.workflow.hypermodel import Training
from sweep.workflow.prepare import PreparedData, prepare_data
from sweep.workflow.proof_bench import ProofBench
from sweep.workflow.repairs import Repair
from sweep.workflow.resolve import Overrides, resolve_study


class Writing:
    """Trains nothing."""

    def __init__(self, measurement: Measurement) -> None:
        self.calls: list[tuple[Configuration, tuple[int, ...], SplitIndices]] = []
        self._measurement = measurement

    def train(
        self, configuration: Configuration, *, seed: tuple[int, ...], split: SplitIndices, reporter: object
    ) -> Measurement:
        self.calls.append((configuration, seed, split))
        predicted = (split.validation % 3 == 0).astype(np.uint16)
        kept = replace(
            self._measurement.predictions[0],
            predicted=predicted,
            cross_entropy=np.full(len(predicted), 0.5, np.float16),
            logits=None,
        )
        images = len(predicted)
        return replace(self._measurement, predictions=(kept,), validation_images=images)


@pytest.fixture
def study(noisy_photos: Callable[..., Path], tmp_path: Path) -> tuple[StudyDefinition, PreparedData]:
    photos = noisy_photos(tmp_path / "photos", {"cat": 60, "dog": 190}, count=20)
    definition = resolve_study(str(photos), Overrides(sets=["data.image_size=32"]), Silent()).definition
    return definition, prepare_data(definition, base=tmp_path, progress=Silent())


@pytest.fixture
def trainer(trial_record: Callable[..., Any]) -> Writing:
    return Writing(trial_record(0, correct=np.arange(12) < 9).measurement)


def bench(study: tuple[StudyDefinition, PreparedData], trainer: Writing, base: Path) -> ProofBench:
    definition, data = study
    theirs: Any = trainer
    training = Training(
        trainer=theirs, candidates=None, lines=(), prepare=lambda: None, wholly_frozen=lambda _: True, single=theirs
    )
    return ProofBench(
        definition=definition,
        base=base,
        data=data,
        training=training,
        number=3,
        configuration=definition.baseline,
        stored=(),
        progress=Silent(),
    )


def repair(
    changes: Mapping[str, Scalar], left_out: tuple[int, ...] = (), *, doubted: bool = False, own: bool = False
) -> Repair:
    return Repair(
        causes=(Cause.LABEL_NOISE,),
        promise=Promise.ACCURACY,
        changes=dict(changes),
        left_out=left_out,
        compared_without=doubted,
        own_split=own,
    )


def test_both_sides_have_the_same_seeds_and_splits(
    study: tuple[StudyDefinition, PreparedData], trainer: Writing, tmp_path: Path
) -> None:
    tested = bench(study, trainer, tmp_path)
    before, after = tested.run(repair({"model.l2": 0.25}), 3)
    assert [one.repeat for one in before] == [one.repeat for one in after] == [1, 2, 3]
    assert [seed for _, seed, _ in trainer.calls] == 2 * [(0, 3, 1), (0, 3, 2), (0, 3, 3)]
    assert [one.model.l2 for one, _, _ in trainer.calls] == 3 * [study[0].model.l2] + 3 * [0.25]
    splits = [split for _, _, split in trainer.calls]
    for mine, theirs in zip(splits[:3], splits[3:], strict=True):
        assert np.array_equal(mine.train, theirs.train)
        assert np.array_equal(mine.validation, theirs.validation)
    assert not np.array_equal(splits[0].validation, splits[1].validation)
    assert all(one.new_split for one in before)
    # A second remedy is held against the same trainings, and what a search has left is not trained again.
    tested.run(repair({"model.l2": 0.5}), 3)
    assert len(trainer.calls) == 9


@pytest.mark.parametrize("doubted", [False, True])
def test_images_are_left_out_of_both_sides(
    study: tuple[StudyDefinition, PreparedData], trainer: Writing, tmp_path: Path, doubted: bool
) -> None:
    out = np.arange(0, 40, 2)
    before, after = bench(study, trainer, tmp_path).run(repair({}, tuple(out.tolist()), doubted=doubted), 2)
    (_, _, whole), _, (_, _, left), _ = trainer.calls
    assert np.array_equal(left.train, np.setdiff1d(whole.train, out))
    assert np.array_equal(left.validation, np.setdiff1d(whole.validation, out))
    assert len(left.validation) < len(whole.validation)
    assert np.array_equal(left.test, whole.test)
    assert (after[0].validation_images == before[0].validation_images) is doubted


def test_what_is_configured_is_judged_without_doubted_images(
    study: tuple[StudyDefinition, PreparedData], trainer: Writing, tmp_path: Path
) -> None:
    tested = bench(study, trainer, tmp_path)
    out = tuple(range(0, 40, 2))
    (before, _), _ = tested.run(repair({}, out, doubted=True), 2)
    _, _, split = trainer.calls[0]
    kept = ~np.isin(split.validation, out)
    right = (split.validation % 3 == 0) == study[1].index.labels[split.validation]
    assert before.validation_accuracy == pytest.approx(right[kept].mean())
    assert before.validation_images == kept.sum() < len(split.validation)
    # The trainings themselves are shared with remedies that are judged on all images.
    (whole, _), _ = tested.run(repair({"model.l2": 0.5}), 2)
    assert len(trainer.calls) == 2 + 2 + 2
    assert whole.validation_accuracy != before.validation_accuracy


def test_remedies_of_rare_classes_are_judged_by_balanced_accuracy(
    study: tuple[StudyDefinition, PreparedData], trainer: Writing, tmp_path: Path
) -> None:
    weighted = replace(repair({"training.class_weight": "balanced"}), promise=Promise.BALANCED)
    (before, _), (after, _) = bench(study, trainer, tmp_path).run(weighted, 2)
    _, _, split = trainer.calls[0]
    labels = study[1].index.labels[split.validation]
    right = (split.validation % 3 == 0) == labels
    assert before.validation_accuracy == pytest.approx((right[labels == 0].mean() + right[labels == 1].mean()) / 2)
    assert after.validation_accuracy == before.validation_accuracy


def test_changed_data_are_prepared_anew(
    study: tuple[StudyDefinition, PreparedData], trainer: Writing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Writing(trainer.train(study[0].baseline, seed=(0,), split=study[1].split, reporter=None))
    trainer.calls.clear()
    theirs: Any = other

    def made(definition: StudyDefinition, data: PreparedData, **_: object) -> Training:
        assert definition.data.image_size == 48
        assert data.pixels.shape[1] == 48
        return Training(trainer=theirs, candidates=None, lines=(), prepare=lambda: None, wholly_frozen=lambda _: True)

    monkeypatch.setattr(proof_bench, "make_training", made)
    bench(study, trainer, tmp_path).run(repair({"data.image_size": 48, "model.l2": 0.5}), 2)
    assert (len(trainer.calls), len(other.calls)) == (2, 2)
    assert {one.model.l2 for one, _, _ in other.calls} == {0.5}
    for (_, _, mine), (_, _, changed) in zip(trainer.calls, other.calls, strict=True):
        assert np.array_equal(mine.validation, changed.validation)


def test_with_folds_images_are_left_out_of_the_first_training(
    noisy_photos: Callable[..., Path], trainer: Writing, tmp_path: Path
) -> None:
    photos = noisy_photos(tmp_path / "photos", {"cat": 60, "dog": 190}, count=20)
    sets = ["data.image_size=32", "data.validation={folds = 4}"]
    definition = resolve_study(str(photos), Overrides(sets=sets), Silent()).definition
    data = prepare_data(definition, base=tmp_path, progress=Silent())
    bench((definition, data), trainer, tmp_path).run(repair({}, (0, 1)), 2)
    assert all(not split.folds and len(split.validation) for _, _, split in trainer.calls)
    assert not set(trainer.calls[-1][2].train.tolist()) & {0, 1}


@pytest.mark.parametrize("changes", [{"data.image_size": 3}, {"model.l2": -1.0}])
def test_a_change_that_does_not_fit_is_told(
    study: tuple[StudyDefinition, PreparedData], trainer: Writing, tmp_path: Path, changes: dict[str, Scalar]
) -> None:
    with pytest.raises(DefinitionError, match=next(iter(changes)).partition(".")[2]):
        bench(study, trainer, tmp_path).run(repair(changes), 2)
    assert trainer.calls == []


def test_copies_are_left_out_of_the_studys_own_split(
    study: tuple[StudyDefinition, PreparedData], trainer: Writing, tmp_path: Path
) -> None:
    tested = bench(study, trainer, tmp_path)
    own = study[1].split
    before, _ = tested.run(repair({}, tuple(own.validation[:2].tolist()), own=True), 2)
    splits = [split for _, _, split in trainer.calls]
    assert all(np.array_equal(split.validation, own.validation) for split in splits[:2])
    assert all(np.array_equal(split.validation, own.validation[2:]) for split in splits[2:])
    assert all(np.array_equal(split.train, own.train) for split in splits)
    assert not any(one.new_split for one in before)
    # Other remedies are held against other trainings.
    tested.run(repair({"model.l2": 0.5}), 2)
    assert len(trainer.calls) == 8


def test_sealed_images_stay_unseen_whatever_changes(
    study: tuple[StudyDefinition, PreparedData], trainer: Writing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs: Any = trainer

    def made(*_: object, **__: object) -> Training:
        return Training(trainer=theirs, candidates=None, lines=(), prepare=lambda: None, wholly_frozen=lambda _: True)

    monkeypatch.setattr(proof_bench, "make_training", made)
    bench(study, trainer, tmp_path).run(repair({"data.split_seed": 9}), 3)
    sealed = set(study[1].split.test.tolist())
    assert sealed
    for _, _, split in trainer.calls:
        assert not sealed & {*split.train.tolist(), *split.validation.tolist()}
    assert set(trainer.calls[-1][2].test.tolist()) != sealed, "another seed seals other images"
