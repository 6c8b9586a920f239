"""Confusions counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sweep.records import Moment, PredictionRecord, Side, StudyRecord, TrialRecord
from sweep.report.confusions import MOST_CLASSES, confusions_caption, gather_confusions
from sweep.report.gather import Report, gather_report
from sweep.report.sides import LabelledSide

StudyMaker = Callable[..., StudyRecord]


@pytest.fixture(scope="module")
def single(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]) -> Callable[..., Report]:
    """A report of the baseline alone that takes images of some labels for some classes."""

    def make(labels: list[int], predicted: list[int], names: tuple[str, ...] = ("cat", "dog", "<b>")) -> Report:
        report = gather_report(study_record(class_names=names), toy_trials[:1])
        prediction = PredictionRecord(
            side=Side.VALIDATION,
            moment=Moment.SELECTED,
            predicted=np.array(predicted, np.uint16),
            cross_entropy=np.zeros(len(predicted), np.float16),
        )
        side = LabelledSide(labels=np.array(labels, np.int64), groups=None)
        return replace(report, predictions={0: prediction}, validation=side)

    return make


def test_images_are_counted_by_label_and_prediction(single: Callable[..., Report]) -> None:
    (found,) = gather_confusions(single([0, 0, 0, 1, 1, 2], [0, 1, 1, 1, 2, 2]))
    assert (found.number, found.name) == (0, "your configuration")
    assert found.counts == ((1, 2, 0), (0, 1, 1), (0, 0, 1))
    assert [(score.name, score.images, score.right, score.taken_for) for score in found.scores] == [
        ("cat", 3, 1, "dog"), ("dog", 2, 1, "<b>"), ("<b>", 1, 1, "")
    ]  # fmt: skip
    assert [(pair.label, pair.predicted, pair.images) for pair in found.pairs] == [("cat", "dog", 2), ("dog", "<b>", 1)]
    assert found.scores[2].recall.low < found.scores[2].recall.estimate == 1.0


def test_the_caption_names_the_most_frequent_mistake(single: Callable[..., Report]) -> None:
    found = gather_confusions(single([0, 0, 0, 1, 1, 2], [0, 1, 1, 1, 2, 2]))
    assert confusions_caption(found) == (
        "Your configuration makes 3 mistakes; the most frequent is cat taken for dog, 66.7 % of them."
    )
    assert "makes no mistake" in confusions_caption(gather_confusions(single([0, 1, 2], [0, 1, 2])))
    assert "makes 1 mistake;" in confusions_caption(gather_confusions(single([0, 1, 2], [0, 1, 0])))
    assert confusions_caption([]) == ""


def test_a_class_without_images_has_no_score(single: Callable[..., Report]) -> None:
    (found,) = gather_confusions(single([0, 0], [0, 2]))
    assert [score.name for score in found.scores] == ["cat"]


def test_many_classes_are_pairs_and_no_matrix(single: Callable[..., Report]) -> None:
    names = tuple(f"class {number}" for number in range(MOST_CLASSES + 1))
    (found,) = gather_confusions(single([12, 12, 3], [4, 4, 3], names))
    assert found.counts == ()
    assert [(pair.label, pair.predicted, pair.images) for pair in found.pairs] == [("class 12", "class 4", 2)]


def test_without_labels_or_predictions_there_is_nothing(single: Callable[..., Report]) -> None:
    report = single([0, 1], [0, 1])
    assert gather_confusions(replace(report, validation=None)) == ()
    assert gather_confusions(replace(report, predictions={})) == ()


def test_the_baseline_and_rank_1_are_counted(toy_report: Report) -> None:
    assert [one.number for one in gather_confusions(toy_report)] == [0, 18]
