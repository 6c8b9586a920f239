"""Pictures of one trial as SVG: what stands in them, and that names stay text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from sweep.records import Moment, PredictionRecord, Side, StudyRecord, TrialRecord
from sweep.report.artifacts import MOST_CLASSES, confusion_matrix, draw_confusions, draw_curve_file, trial_files
from sweep.report.figures import Curve
from sweep.report.gather import Report, gather_report

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</text><script>alert("1")</script>&'


def texts(drawing: str | bytes) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def test_the_matrix_counts_true_classes_in_rows_and_predicted_ones_in_columns() -> None:
    prediction = PredictionRecord(
        side=Side.VALIDATION,
        moment=Moment.SELECTED,
        predicted=np.array([0, 1, 1, 2, 0], np.uint16),
        cross_entropy=np.zeros(5, np.float16),
    )
    matrix = confusion_matrix(prediction, np.array([0, 0, 1, 1, 1]), 3)
    np.testing.assert_array_equal(matrix, [[1, 1, 0], [1, 1, 1], [0, 0, 0]])


def test_a_finalist_has_its_curves_and_confusions(full_report: Report) -> None:
    row = full_report.ranking.rows[0]
    files = trial_files(full_report, row)
    assert list(files) == ["curves.svg", "confusions.svg"]
    words = texts(files["confusions.svg"])
    assert words[0].startswith(f"trial {row.number}, rank 1: validation images by true class")
    assert words.count("bear") == 2
    counts = [int(word) for word in words if word.isdigit()]
    assert sum(counts) == 600
    curves = texts(files["curves.svg"])
    assert {"train", "validation", "accuracy, %", "cross-entropy, nats", "epoch 1"} <= set(curves)


def test_what_is_not_stored_is_left_out(
    study_record: Callable[..., StudyRecord], trial_record: Callable[..., TrialRecord]
) -> None:
    trial = trial_record(0, correct=np.ones(600, bool), stored=False, baseline=True)
    report = replace(gather_report(study_record(), [trial]), epochs={})
    assert trial_files(report, report.ranking.rows[0]) == {}


def test_many_classes_give_way_to_those_with_the_most_errors() -> None:
    classes = MOST_CLASSES + 5
    matrix = 10 * np.eye(classes, dtype=np.int64)
    matrix[3, 24] = 7
    drawing = draw_confusions(matrix, [f"class {label}" for label in range(classes)], "trial 1")
    words = texts(drawing)
    assert "the 20 of 25 classes with the most errors" in words[0]
    assert {"class 3", "class 24"} <= set(words)
    assert "class 23" not in words
    assert "7" in words


@pytest.mark.parametrize("values", [(0.5,), (0.5, 0.5), (0.5, float("nan"))])
def test_short_flat_and_broken_curves_are_drawn(values: tuple[float, ...]) -> None:
    epochs = tuple(range(1, len(values) + 1))
    curve = Curve(title="", epochs=epochs, accuracy=(values, values), cross_entropy=(values, values), kept=1)
    drawing = draw_curve_file(curve, "trial 1")
    assert "nan" not in drawing
    assert len(list(ElementTree.fromstring(drawing).iter(f"{SVG}polyline"))) == 4


def test_a_curve_without_a_number_has_no_lines() -> None:
    nothing = (float("nan"),)
    curve = Curve(title="", epochs=(1,), accuracy=(nothing, nothing), cross_entropy=(nothing, nothing), kept=1)
    assert "polyline" not in draw_curve_file(curve, "trial 1")


def test_names_stay_text() -> None:
    drawing = draw_confusions(np.ones((2, 2), np.int64), [HOSTILE, "\u202eevil\x00"], HOSTILE)
    root = ElementTree.fromstring(drawing)
    assert not list(root.iter(f"{SVG}script"))
    assert "<script" not in drawing
    assert HOSTILE[:10] in texts(drawing)[0]
