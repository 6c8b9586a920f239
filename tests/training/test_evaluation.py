"""Clean numbers, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sweep.records import Moment, Side
from sweep.training.evaluation import evaluate, standard_error

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
    assert found.cross_entropy_error == pytest.approx(math.log(2) / 2, rel=1e-6)


def test_a_single_value_says_nothing_of_the_others() -> None:
    assert standard_error(np.array([1.0])) == math.inf


def test_balanced_accuracy_is_the_mean_over_the_classes_that_are_there() -> None:
    # Class 0: two of three right; class 2: one of one; class 1 has no image.
    logits = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    found = evaluate(logits, np.array([0, 0, 0, 2]))
    assert found.accuracy == 3 / 4
    assert found.balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)


def test_logits_too_large_for_exp_are_no_overflow() -> None:
    found = evaluate(np.array([[1e6, -1e6]], np.float32), np.array([1]))
    assert found.cross_entropies.tolist() == [2e6]
    record = found.record(Side.PROBE, Moment.LAST, with_logits=True)
    assert record.cross_entropy.tolist() == [65504.0]  # the largest float16
    assert record.logits is not None
    assert record.logits.tolist() == [[65504.0, -65504.0]]


def test_the_record_has_the_types_that_are_stored() -> None:
    found = evaluate(np.zeros((2, 3), np.float32), np.array([0, 2]))
    record = found.record(Side.VALIDATION, Moment.SELECTED)
    assert (record.side, record.moment, record.logits) == (Side.VALIDATION, Moment.SELECTED, None)
    assert (record.predicted.dtype.name, record.cross_entropy.dtype.name) == ("uint16", "float16")
    logits = found.record(Side.VALIDATION, Moment.SELECTED, with_logits=True).logits
    assert logits is not None
    assert (logits.dtype.name, logits.shape) == ("float16", (2, 3))
