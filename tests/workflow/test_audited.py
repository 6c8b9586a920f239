"""A model's numbers: how its pixels are found out, its order of classes, and modes that a sample is enough for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from sweep.errors import DataError
from sweep.progress import Silent
from sweep.records import ModeRecord, SplitIndices
from sweep.training.evaluation import evaluate
from sweep.training.foreign import ForeignModel, Said
from sweep.training.modes import ModelModes
from sweep.training.reading_off import ReadOff
from sweep.workflow import audited
from sweep.workflow.audited import best_way, take_numbers
from sweep.workflow.prepare import PreparedData

IMAGES = 60
LABELS = np.arange(IMAGES, dtype=np.int64) % 3
NOTHING = np.arange(0)


def data() -> PreparedData:
    """40 training images and 20 of validation."""
    split = SplitIndices(train=np.arange(40), validation=np.arange(40, IMAGES), test=NOTHING)
    index = SimpleNamespace(labels=LABELS, class_names=("a", "b", "c"), root="photos")
    return cast("PreparedData", SimpleNamespace(pixels=np.zeros((IMAGES, 4, 4, 3), np.uint8), split=split, index=index))


class Scripted:
    """A model that gets some images right, by the way that it is given them."""

    def __init__(self, wrong: dict[str, int], *, rescales: bool = False, order: tuple[int, ...] = (0, 1, 2)) -> None:
        self.wrong = wrong
        self.rescales = rescales
        self.order = np.array(order)
        self.file = SimpleNamespace(name="mine.keras")

    def say(self, pixels: object, rows: np.ndarray[tuple[int], np.dtype[np.int64]], way: str, advance: object) -> Said:
        answers = self.order[LABELS[rows]]
        answers[: self.wrong.get(way, 20)] += 1
        logits = (4 * np.eye(3)[answers % 3]).astype(np.float32)
        if way == "caffe":
            logits[:] = np.nan
        return Said(logits=logits, frozen=None, last=None)

    def modes(
        self, pixels: object, labels: np.ndarray[tuple[int], np.dtype[np.int64]], *_: object, **__: object
    ) -> ModelModes:
        """On the sample one image is wrong in inference, and all are right in training."""
        answers = labels.copy()
        answers[0] += 1
        clean = evaluate((4 * np.eye(3)[answers % 3]).astype(np.float32), labels)
        mode = ModeRecord(
            dropout=False,
            augmentation=False,
            batch_statistics=True,
            accuracy=1.0,
            cross_entropy=clean.cross_entropy - 0.25,
            accuracy_noise=0.0,
            cross_entropy_noise=0.0,
            accuracy_change_error=0.0,
            cross_entropy_change_error=0.0,
            draws=1,
        )
        return ModelModes(clean=clean, modes=(mode,), reason="")

    def recalibrated(self, *_: object, **__: object) -> None:
        """No batch norm learns."""


def found_way(model: Scripted, asked: str = "auto") -> tuple[str, dict[str, float]]:
    return best_way(cast("ForeignModel", model), ReadOff(), data(), asked, Silent())


def test_the_way_that_gets_most_right_is_taken() -> None:
    way, tried = found_way(Scripted({"torch": 4, "-1..1": 8, "none": 10}))
    assert way == "torch"
    assert tried == {"none": 0.75, "0..1": 0.5, "-1..1": 0.8, "caffe": pytest.approx(0.35), "torch": 0.9}


def test_of_equal_ways_the_models_own_scaling_decides() -> None:
    equal = {"none": 4, "-1..1": 4, "torch": 4, "0..1": 4}
    assert found_way(Scripted(equal, rescales=True))[0] == "none"
    assert found_way(Scripted({**equal, "0..1": 3}, rescales=True))[0] == "0..1", "more right is more"


def test_a_way_that_is_asked_for_is_not_tried() -> None:
    assert found_way(Scripted({}), "caffe") == ("caffe", {})


def test_modes_of_a_sample_stand_beside_the_number_of_the_whole_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """36 of 40 are right; on a sample of 10 the mode adds one image of ten and takes a quarter of a nat."""
    monkeypatch.setattr(audited, "_MODES_ON", 10)
    one = take_numbers(
        cast("ForeignModel", Scripted({"none": 4})), ReadOff(), data(), "none", seed=0, progress=Silent()
    )
    (mode,) = one.measurement.modes
    assert (one.sampled, one.train.accuracy) == (10, 0.9)
    assert mode.accuracy == pytest.approx(0.9 + 0.1)
    assert mode.cross_entropy == pytest.approx(one.train.cross_entropy - 0.25)
    assert one.measurement.train_accuracy == 0.9
    assert one.recalibrated is None


@pytest.mark.parametrize("order", [(1, 2, 0), (1, 0, 2)])
def test_another_order_of_classes_is_named_by_output(order: tuple[int, ...]) -> None:
    model = cast("ForeignModel", Scripted({"none": 0}, order=order))
    named = ",".join("abc"[order.index(output)] for output in range(3))
    with pytest.raises(DataError, match=rf"which seems to be {named} \(100\.0 %\); add --classes {named}$"):
        take_numbers(model, ReadOff(), data(), "none", seed=0, progress=Silent())


@pytest.mark.parametrize("order", [(0, 0, 0), (1, 1, 0)])
def test_a_model_that_is_merely_bad_is_measured(order: tuple[int, ...]) -> None:
    model = cast("ForeignModel", Scripted({"none": 0}, order=order))
    assert take_numbers(model, ReadOff(), data(), "none", seed=0, progress=Silent()).train.accuracy < 0.4
