"""Promises of remedies, kept and broken, with numbers on either side of each bar."""

from __future__ import annotations

import math

import pytest

from sweep.diagnosis.remedy import Promise, judge_remedy, mended_by, promise_of, refuted
from sweep.diagnosis.repeats import RepeatComparison
from sweep.records import Cause, Finding, Interval, ProofOutcome, ProofRecord, Scalar, Unit

NOTHING = Interval(estimate=0.0, low=-0.01, high=0.01)


def change(
    *,
    gained: tuple[float, float, float] = (0.0, -0.01, 0.01),
    narrowed: tuple[float, float, float] = (0.0, -0.01, 0.01),
    saved: tuple[float, float, float] = (0.0, -0.01, 0.01),
    p: float = 0.004,
) -> RepeatComparison:
    """Of five repetitions; every p is the same, two-sided."""

    def interval(bounds: tuple[float, float, float]) -> Interval:
        return Interval(estimate=bounds[0], low=bounds[1], high=bounds[2])

    return RepeatComparison(
        first=0,
        second=0,
        repeats=5,
        new_split=True,
        gap_narrowed=interval(narrowed),
        accuracy_gained=interval(gained),
        cross_entropy_saved=interval(saved),
        p_gap=p,
        p_accuracy=p,
        p_cross_entropy=p,
    )


def outcome(promise: Promise, found: RepeatComparison) -> ProofOutcome:
    return judge_remedy(promise, found, harm=0.02, num_classes=4).outcome


@pytest.mark.parametrize(
    ("gained", "p", "expected"),
    [
        ((0.05, 0.01, 0.09), 0.004, ProofOutcome.PROVEN),
        ((0.05, 0.01, 0.09), 0.03, ProofOutcome.NOT_SHOWN),  # one-sided 0.015
        ((0.015, 0.005, 0.025), 0.004, ProofOutcome.NOT_SHOWN),  # real, but below the margin
        ((0.005, -0.005, 0.015), 0.2, ProofOutcome.REFUTED),
        ((-0.05, -0.09, -0.01), 0.004, ProofOutcome.REFUTED),
        ((0.005, -0.03, 0.04), 0.6, ProofOutcome.NOT_SHOWN),
    ],
)
def test_more_images_right(gained: tuple[float, float, float], p: float, expected: ProofOutcome) -> None:
    assert outcome(Promise.ACCURACY, change(gained=gained, p=p)) is expected


def test_p_is_of_the_promised_direction() -> None:
    better, worse = (change(gained=(one, one - 0.04, one + 0.04), p=0.01) for one in (0.05, -0.05))
    assert judge_remedy(Promise.ACCURACY, better, harm=0.02, num_classes=4).p == pytest.approx(0.005)
    assert judge_remedy(Promise.ACCURACY, worse, harm=0.02, num_classes=4).p == pytest.approx(0.995)
    assert judge_remedy(Promise.HONESTY, worse, harm=0.02, num_classes=4).p == pytest.approx(0.005)


def test_a_promise_for_every_class_speaks_of_balanced_accuracy() -> None:
    found = change(gained=(0.06, 0.03, 0.09))
    assert outcome(Promise.BALANCED, found) is ProofOutcome.PROVEN
    sentence = judge_remedy(Promise.BALANCED, found, harm=0.02, num_classes=4).sentence
    assert "balanced validation accuracy rises by 6.0 points [3.0, 9.0]" in sentence


def test_an_honest_number_is_a_lower_one() -> None:
    assert outcome(Promise.HONESTY, change(gained=(-0.08, -0.12, -0.04))) is ProofOutcome.PROVEN
    assert outcome(Promise.HONESTY, change(gained=(0.08, 0.04, 0.12))) is ProofOutcome.REFUTED


def test_a_narrower_gap_must_not_cost_validation() -> None:
    narrow = (0.10, 0.06, 0.14)
    assert outcome(Promise.GAP, change(narrowed=narrow)) is ProofOutcome.PROVEN
    assert outcome(Promise.GAP, change(narrowed=narrow, gained=(-0.05, -0.08, -0.02))) is ProofOutcome.REFUTED
    assert outcome(Promise.GAP, change(narrowed=narrow, gained=(-0.01, -0.04, 0.02))) is ProofOutcome.NOT_SHOWN
    assert outcome(Promise.GAP, change(narrowed=(0.0, -0.01, 0.01), gained=(0.05, 0.02, 0.08))) is ProofOutcome.REFUTED


def test_cross_entropies_are_held_against_the_margin_in_nats() -> None:
    least = 0.02 * math.log(4)
    for saved, expected in ((least + 0.001, ProofOutcome.PROVEN), (least - 0.001, ProofOutcome.NOT_SHOWN)):
        assert outcome(Promise.CROSS_ENTROPY, change(saved=(saved, 0.001, 0.06))) is expected
    assert outcome(Promise.CROSS_ENTROPY, change(saved=(0.0, -0.02, least - 0.001), p=1.0)) is ProofOutcome.REFUTED


def test_the_sentence_has_both_changes() -> None:
    found = change(gained=(-0.05, -0.08, -0.02), narrowed=(0.1, 0.06, 0.14), saved=(-0.2, -0.3, -0.1))
    assert judge_remedy(Promise.GAP, found, harm=0.02, num_classes=4).sentence == (
        "over 5 new splits the clean gap narrows by 10.0 points [6.0, 14.0] (p = 0.002); "
        "validation accuracy falls by 5.0 points [2.0, 8.0]"
    )
    assert judge_remedy(Promise.CROSS_ENTROPY, found, harm=0.02, num_classes=4).sentence.startswith(
        "over 5 new splits validation cross-entropy rises by 0.200 nats [0.100, 0.300] (p = 1.00); "
    )


def test_what_is_promised_follows_from_cause_and_unit() -> None:
    def finding(cause: Cause, unit: Unit = Unit.ACCURACY) -> Finding:
        return Finding(cause=cause, effect=NOTHING, unit=unit, p=0.5, summary="")

    assert promise_of(finding(Cause.LEAK)) is Promise.HONESTY
    assert promise_of(finding(Cause.CAPACITY)) is Promise.GAP
    assert promise_of(finding(Cause.LAST_EPOCH)) is Promise.ACCURACY
    assert promise_of(finding(Cause.LAST_EPOCH, Unit.CROSS_ENTROPY)) is Promise.CROSS_ENTROPY
    # Wrong readings are put right by reading, not by training.
    for cause in (Cause.TRAINING_MODE, Cause.BOOKKEEPING, Cause.SMALL_VALIDATION, Cause.BEST_OF_MANY):
        assert promise_of(finding(cause)) is None


def test_a_cause_is_refuted_where_nothing_helped() -> None:
    def proof(cause: Cause, outcome: ProofOutcome) -> ProofRecord:
        changes = dict.fromkeys(("gap_narrowed", "accuracy_gained", "cross_entropy_saved"), NOTHING)
        return ProofRecord(
            trial=0, cause=cause, repeats=5, new_split=True, p=0.5, outcome=outcome, sentence="", **changes
        )

    proofs = [
        proof(Cause.LEAK, ProofOutcome.REFUTED),
        proof(Cause.CAPACITY, ProofOutcome.REFUTED),
        proof(Cause.CAPACITY, ProofOutcome.PROVEN),
        proof(Cause.SHIFT, ProofOutcome.NOT_SHOWN),
    ]
    assert refuted(proofs) == {Cause.LEAK}
    assert refuted([]) == frozenset()


def proof(cause: Cause, changes: dict[str, Scalar]) -> ProofRecord:
    nothing = Interval(estimate=0.0, low=0.0, high=0.0)
    return ProofRecord(
        trial=0,
        cause=cause,
        changes=changes,
        repeats=5,
        new_split=True,
        gap_narrowed=nothing,
        accuracy_gained=nothing,
        cross_entropy_saved=nothing,
        p=0.5,
        outcome=ProofOutcome.NOT_SHOWN,
        sentence="",
    )


def test_a_proof_with_the_changes_of_others_mends_them_together() -> None:
    narrow, few = (
        proof(Cause.BOTTLENECK, {"model.dropout": 0.2}),
        proof(Cause.FEW_IMAGES, {"training.augment_views": 4}),
    )
    both = proof(Cause.BOTTLENECK, {"model.dropout": 0.2, "training.augment_views": 4})
    every = [narrow, few, both]
    assert mended_by(both, every) == (Cause.BOTTLENECK, Cause.FEW_IMAGES)
    assert mended_by(narrow, every) == (Cause.BOTTLENECK,)
    # A second remedy of one cause that happens to have another's changes in it is that cause's alone.
    assert mended_by(both, [few, both]) == (Cause.BOTTLENECK,)
