"""What training starts from: one backbone pass, however many folds there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import numpy as np
import pytest

from sweep.errors import BackboneError, TrialError
from sweep.progress import Silent
from sweep.records import EpochRecord, Moment
from sweep.studyfile.definition import StudyDefinition
from sweep.training.folds import FoldTrainer
from sweep.workflow.prepare import (
    check_backbones,
    check_half_precision,
    make_library,
    make_trainer,
    prepare_data,
    with_folds,
)
from sweep.workflow.stages import TimedProgress


class ToTheEnd:
    """Lets every trial go on, and counts its folds."""

    def __init__(self) -> None:
        self.folds: list[int] = []

    def epoch(self, record: EpochRecord) -> bool:
        return True

    def fold(self, number: int, cross_entropy: float) -> bool:
        self.folds.append(number)
        return True


def definition(folder: Path, validation: object, **tables: object) -> StudyDefinition:
    return StudyDefinition.model_validate(
        {
            "name": "photos",
            "data": {"source": str(folder), "image_size": 32, "validation": validation},
            "training": {"epochs": 2, "batch_size": 8},
            **tables,
        }
    )


def passes(progress: TimedProgress) -> Iterable[int]:
    return [stage.units for stage in progress.records if stage.name == "backbone pass"]


def test_folds_share_one_backbone_pass_and_one_sealed_side(photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    study = definition(photo_folder({"cat": 20, "dog": 20}), {"folds": 3})
    progress, reporter = TimedProgress(Silent()), ToTheEnd()
    data = prepare_data(study, base=tmp_path, progress=progress)
    trainer = with_folds(make_trainer(make_library(study, data, base=tmp_path, progress=progress), data), data)
    assert isinstance(trainer, FoldTrainer)
    assert trainer.describe(study.baseline).cut == "head_relu, avg pooled"
    assert passes(progress) == [], "sizes need no features"
    found = trainer.train(study.baseline, seed=(0, 0), reporter=reporter)
    assert passes(progress) == [40]
    assert reporter.folds == [1, 2, 3]
    # 34 of 40 photos are not sealed: folds of 11 and 12 photos.
    assert (found.folds, found.train_images, found.validation_images) == (3, 23, 11)
    (selected,) = [one for one in found.predictions if one.moment is Moment.SELECTED]
    correct = selected.predicted == data.index.labels[data.split.validation]
    assert found.validation_accuracy == pytest.approx(np.mean(correct))
    tested = trainer.holdout(study.baseline, seed=(0, 0))
    assert tested.measurement.validation_cross_entropy == found.validation_cross_entropy
    assert len(tested.prediction.predicted) == len(data.split.test) == 6


@pytest.mark.parametrize(
    ("field", "choices", "message"),
    [
        ("backbone", ["mobilenet", "xception"], r"data\.image_size: received 32; expected at least 71 pixels for xcep"),
        ("weights", ["none", "mine.h5"], r'model\.weights: received "mine\.h5", and there is no such file'),
    ],
)
def test_every_backbone_of_the_space_is_checked(field: str, choices: list[str], message: str, tmp_path: Path) -> None:
    study = definition(
        tmp_path,
        0.2,
        model={"backbone": "mobilenet", "weights": "none"},
        space={field: {"choices": choices}, "preprocessing": {"choices": ["auto", "none"]}},
    )
    with pytest.raises(BackboneError, match=message):
        check_backbones(study, tmp_path)


@pytest.mark.parametrize(
    ("tables", "place"),
    [
        ({"training": {"mixed_precision": True}}, "training"),
        ({"space": {"mixed_precision": {"choices": [False, True]}}}, "space"),
    ],
)
def test_half_precision_without_a_gpu_is_refused_before_anything_is_decoded(
    tables: dict[str, object], place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = definition(tmp_path, 0.2, **tables)
    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind: [])
    with pytest.raises(TrialError, match=rf"\[{place}\] mixed_precision: received true .* no GPU"):
        check_half_precision(study)
    check_half_precision(definition(tmp_path, 0.2, space={"mixed_precision": {"choices": [False]}}))
    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind: ["gpu:0"])
    check_half_precision(study)
