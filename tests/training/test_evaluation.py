"""Clean numbers, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sweep.records import Moment, Split
from sweep.training.evaluation import evaluate

LOG_3 = math.log(3.0)


def test_accuracy_and_cross_entropy_of_three_images() -> None:
    # Softmax of (ln 3, 0) is (3/4, 1/4).
    logits = np.array([[LOG_3, 0.0], [0.0, LOG_3], [0.0, 0.0]], np.float32)
    found = evaluate(logits, np.array([0, 0, 1]))
    assert found.predicted.tolist() == [0, 1, 0]  # equal logits: the first class
    assert found.accuracy == pytest.approx(1 / 3)
    np.testing.assert_allclose(found.cross_entropies, np.log([4 / 3, 4, 2]), rtol=1e-6)
    assert found.cross_entropy == pytest.approx(math.log(32 / 3) / 3, rel=1e-6)


def test_the_standard_error_is_that_of_the_mean() -> None:
    # Cross-entropies ln 2 and ln 4: their deviation is ln 2 / √2, divided by √2 images.
    found = evaluate(np.array([[0.0, 0.0], [0.0, LOG_3]], np.float32), np.array([0, 0]))
    assert found.standard_error == pytest.approx(math.log(2) / 2, rel=1e-6)


def test_a_single_image_says_nothing_of_the_others() -> None:
    assert evaluate(np.zeros((1, 2), np.float32), np.array([0])).standard_error == math.inf


def test_logits_too_large_for_exp_are_no_overflow() -> None:
    found = evaluate(np.array([[1e6, -1e6]], np.float32), np.array([1]))
    assert found.cross_entropies.tolist() == [2e6]
    assert found.record(Split.TRAIN, Moment.LAST).cross_entropy.tolist() == [65504.0]  # the largest float16


def test_the_record_has_the_types_that_are_stored() -> None:
    record = evaluate(np.zeros((2, 3), np.float32), np.array([0, 2])).record(Split.VALIDATION, Moment.SELECTED)
    assert (record.split, record.moment) == (Split.VALIDATION, Moment.SELECTED)
    assert (record.predicted.dtype.name, record.cross_entropy.dtype.name) == ("uint16", "float16")
