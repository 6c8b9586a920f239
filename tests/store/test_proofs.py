"""Proofs come back as they were given, the newest last, one for each remedy."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sweep.errors import StoreError
from sweep.records import Cause, Interval, ProofOutcome, ProofRecord
from sweep.store.results import Database

PROOF = ProofRecord(
    trial=3,
    cause=Cause.CAPACITY,
    changes={"model.head_width": "none", "model.dropout": 0.5, "data.deduplicate": True},
    left_out=2,
    repeats=5,
    new_split=True,
    gap_narrowed=Interval(estimate=0.1, low=0.05, high=0.15),
    accuracy_gained=Interval(estimate=1 / 3, low=0.25, high=0.5, level=0.99),
    cross_entropy_saved=Interval(estimate=0.5, low=-math.inf, high=math.inf),
    p=0.002,
    outcome=ProofOutcome.PROVEN,
    sentence="the gap is 10 points narrower",
)


@pytest.fixture
def measured(toys: Database) -> Database:
    """A study with trials 0 and 3, which a proof may be about."""
    for number in (0, 3):
        toys.save_duplicate("toys", number, {}, 0)
    return toys


def test_a_proof_comes_back_exactly(measured: Database) -> None:
    measured.save_proof("toys", PROOF)
    (found,) = measured.proofs("toys", trial=3)
    assert found == PROOF
    assert {name: type(value) for name, value in found.changes.items()} == {
        "model.head_width": str,
        "model.dropout": float,
        "data.deduplicate": bool,
    }


def test_the_same_remedy_again_takes_the_place_of_the_first(measured: Database) -> None:
    other = replace(PROOF, cause=Cause.LEAK, changes={}, left_out=7)
    again = replace(PROOF, p=0.5, outcome=ProofOutcome.REFUTED, changes=dict(reversed(PROOF.changes.items())))
    for proof in (PROOF, other, again):
        measured.save_proof("toys", proof)
    assert [(one.cause, one.outcome) for one in measured.proofs("toys", trial=3)] == [
        (Cause.LEAK, ProofOutcome.PROVEN),
        (Cause.CAPACITY, ProofOutcome.REFUTED),
    ]


def test_proofs_belong_to_their_trial(measured: Database) -> None:
    measured.save_proof("toys", PROOF)
    measured.save_proof("toys", replace(PROOF, trial=0))
    assert [one.trial for one in measured.proofs("toys", trial=0)] == [0]
    assert measured.proofs("another", trial=0) == ()
    with pytest.raises(StoreError, match="a study or trial that the database does not have"):
        measured.save_proof("toys", replace(PROOF, trial=4))
