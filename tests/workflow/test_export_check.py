"""An exported file is held against the trial, image by image, and else within its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.diagnosis.ranking import RankedTrial, rank
from sweep.errors import TrialError
from sweep.records import PredictionRecord, TrialRecord
from sweep.training.evaluation import evaluate
from sweep.workflow.export_check import check_agreement, check_file

TrialMaker = Callable[..., TrialRecord]
LABELS = np.arange(200) % 5


def shares(right: int, sure: float) -> NDArray[np.float32]:
    """Probabilities with that one for the label of the first `right` images, and for the next label of the rest."""
    said = np.full((200, 5), (1 - sure) / 4, np.float32)
    said[np.arange(200), np.where(np.arange(200) < right, LABELS, (LABELS + 1) % 5)] = sure
    return said


@pytest.fixture
def ranked(trial_record: TrialMaker) -> tuple[RankedTrial, PredictionRecord]:
    """A trial that has 160 of 200 right and is 70 % sure of each, and what is stored of it."""
    nats = evaluate(np.log(shares(160, 0.7)), LABELS).cross_entropies
    trial = trial_record(3, correct=np.arange(200) < 160, cross_entropy=nats)
    assert trial.measurement is not None
    (stored,) = trial.measurement.predictions
    (row,) = rank([trial], {3: stored}, class_counts=[40] * 5, labels=LABELS).rows
    return row, stored


def test_the_same_numbers_are_said_to_be_the_same(ranked: tuple[RankedTrial, PredictionRecord]) -> None:
    row, stored = ranked
    agreement = check_agreement(shares(160, 0.7), LABELS, row, stored, seen=False)
    assert (agreement.same, agreement.accuracy, agreement.images) == (True, 0.8, 200)
    assert agreement.cross_entropy == pytest.approx(row.measurement.validation_cross_entropy, abs=1e-4)
    assert "200 validation images, the file scores 80.0 %, image by image what the trial scored" in agreement.sentence


def test_other_numbers_within_the_interval_are_said_to_be_others(ranked: tuple[RankedTrial, PredictionRecord]) -> None:
    row, stored = ranked
    for other in (stored, None, replace(stored, cross_entropy=stored.cross_entropy[:9])):
        agreement = check_agreement(shares(157, 0.7), LABELS, row, other, seen=False)
        assert not agreement.same
        assert "the file scores 78.5 %, within the interval of the trial: 80.0 % [73.9, 85.0]" in agreement.sentence


@pytest.mark.parametrize(
    ("right", "sure", "numbers"),
    [
        (130, 0.7, "65.0 % on validation, cross-entropy 1.13"),  # worse
        (190, 0.7, "95.0 % on validation, cross-entropy 0.468"),  # better is another model, too
        (160, 0.99, "80.0 % on validation, cross-entropy 1.20"),  # as often right, but much surer
    ],
)
def test_another_model_than_the_trials_is_refused(
    ranked: tuple[RankedTrial, PredictionRecord], right: int, sure: float, numbers: str
) -> None:
    row, stored = ranked
    with pytest.raises(TrialError, match=rf"trial 3, trained again: received {numbers}.*nothing was written"):
        check_agreement(shares(right, sure), LABELS, row, stored, seen=False)


def test_a_model_that_has_seen_the_images_may_be_better_but_not_worse(
    ranked: tuple[RankedTrial, PredictionRecord],
) -> None:
    row, stored = ranked
    agreement = check_agreement(shares(199, 0.9), LABELS, row, stored, seen=True)
    assert not agreement.same
    assert "trained on the validation images too, so nothing clean can be said of it" in agreement.sentence
    assert "99.5 %" in agreement.sentence
    with pytest.raises(TrialError, match="or better; nothing was written"):
        check_agreement(shares(130, 0.7), LABELS, row, stored, seen=True)


def test_a_file_is_the_network_that_was_trained(ranked: tuple[RankedTrial, PredictionRecord]) -> None:
    said = shares(160, 0.7)
    trained = evaluate(np.log(said) + 3, LABELS)  # logits know no height
    check_file(said, trained, half_precision=False)
    wrong = said.copy()
    wrong[8] = wrong[8, ::-1]
    with pytest.raises(TrialError, match=r"up to 0\.6\d* away.*nothing was written"):
        check_file(wrong, trained, half_precision=True)
    with pytest.raises(TrialError, match="up to nan away"):
        check_file(np.full_like(said, np.nan), trained, half_precision=False)
    rounded = said + np.float32(0.01)
    check_file(rounded, trained, half_precision=True)
    with pytest.raises(TrialError, match=r"up to 0\.01 away"):
        check_file(rounded, trained, half_precision=False)
