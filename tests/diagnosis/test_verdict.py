"""The decision rule: what is found, what is excluded, what stays open, and in which order it is said."""

from __future__ import annotations

import pytest

from sweep.diagnosis.verdict import ORDER, Outcome, Status, judge, latest, verdict_sentence
from sweep.records import Cause, Finding, Interval, Unit


def made(
    cause: Cause,
    estimate: float = 0.1,
    low: float = 0.05,
    high: float = 0.15,
    *,
    p: float = 1e-5,
    exact: bool = False,
    images: int = 100,
    unit: Unit = Unit.ACCURACY,
    repaired: tuple[Cause, ...] = (),
) -> Finding:
    return Finding(
        cause=cause,
        effect=Interval(estimate=estimate, low=low, high=high),
        unit=unit,
        p=p,
        exact=exact,
        images=images,
        summary=f"{cause.value} it is.",
        repaired=repaired,
    )


NOTHING = {"estimate": 0.0, "low": -0.01, "high": 0.01, "p": 0.5}


def outcome_of(finding: Finding, *others: Finding, num_classes: int = 4) -> Outcome:
    verdict = judge([finding, *others], num_classes=num_classes)
    return next(one.outcome for one in verdict.judged if one.finding is finding)


def test_every_cause_has_its_place_in_the_order() -> None:
    assert sorted(ORDER) == sorted(Cause)


def test_a_cause_is_found_where_p_size_and_interval_agree() -> None:
    assert outcome_of(made(Cause.LEAK)) is Outcome.FOUND


@pytest.mark.parametrize(
    "changed",
    [{"p": 0.011}, {"estimate": 0.019, "low": 0.005}, {"low": -0.001}],
    ids=["p", "smaller than the margin", "an interval with 0"],
)
def test_and_stays_open_where_one_of_them_does_not(changed: dict[str, float]) -> None:
    assert outcome_of(made(Cause.LEAK, **changed)) is Outcome.UNDETERMINED  # type: ignore[arg-type]


def test_p_is_adjusted_for_the_tests_but_not_for_facts_of_arithmetic() -> None:
    """0.004 of three tests is 0.012 by Holm; of two tests and a fact it is 0.008."""
    found = made(Cause.LEAK, p=0.004)
    test, fact = made(Cause.SHIFT, p=0.5), made(Cause.BURSTS, p=0.6)
    assert outcome_of(found, test, fact) is Outcome.UNDETERMINED
    exact = made(Cause.BURSTS, p=1.0, exact=True)
    assert outcome_of(found, test, exact) is Outcome.FOUND


def test_a_fact_needs_no_adjusting() -> None:
    assert outcome_of(made(Cause.BOOKKEEPING, p=0.0, exact=True)) is Outcome.FOUND


def test_an_effect_below_the_margin_is_excluded_however_surely_it_is_there() -> None:
    assert outcome_of(made(Cause.LEAK, 0.01, 0.005, 0.0199)) is Outcome.EXCLUDED
    assert outcome_of(made(Cause.LEAK, 0.01, 0.005, 0.0201)) is Outcome.UNDETERMINED


def test_nats_are_held_against_what_the_margin_costs() -> None:
    """2 % of the images at ln 10 each: 0.046 nats."""
    finding = made(Cause.LAST_EPOCH, 0.04, 0.03, 0.045, unit=Unit.CROSS_ENTROPY)
    assert outcome_of(finding, num_classes=10) is Outcome.EXCLUDED
    assert outcome_of(finding, num_classes=4) is Outcome.FOUND


def test_the_verdict_lists_causes_in_the_order_to_mend_them() -> None:
    verdict = judge([made(Cause.FEW_IMAGES), made(Cause.LEAK), made(Cause.NOT_TRAINING)], num_classes=2)
    assert verdict.status is Status.CAUSES
    assert [one.cause for one in verdict.causes] == [Cause.NOT_TRAINING, Cause.LEAK, Cause.FEW_IMAGES]
    assert verdict_sentence(verdict) == "not-training: not-training it is. Then: leak, few-images."


def test_healthy_is_said_only_where_everything_is_excluded() -> None:
    excluded = [made(Cause.LEAK, **NOTHING), Finding.impossible(Cause.BURSTS, "every image is a source of its own")]
    verdict = judge(excluded, num_classes=2)
    assert verdict.status is Status.HEALTHY
    assert verdict_sentence(verdict).startswith("healthy: all 2 causes")
    for spoiling in (made(Cause.SHIFT, p=0.02), Finding.not_measured(Cause.SHIFT, "no features")):
        verdict = judge([*excluded, spoiling], num_classes=2)
        assert verdict.status is Status.UNDETERMINED
        assert "shift" in verdict_sentence(verdict)


def test_what_would_settle_it_is_the_number_of_images_that_narrows_the_interval_enough() -> None:
    # 0.03 ± 0.06 lies above 0 once its half is 0.03: four times the images.
    (open_,) = judge([made(Cause.LEAK, 0.03, -0.03, 0.09, p=0.2, images=100)], num_classes=2).judged
    assert open_.images_needed == 400
    # 0 ± 0.06 lies below 0.02 once its half is 0.02: nine times.
    (open_,) = judge([made(Cause.LEAK, 0.0, -0.06, 0.06, p=0.5, images=100)], num_classes=2).judged
    assert open_.images_needed == 900
    (open_,) = judge([made(Cause.LEAK, 0.03, -0.03, 0.09, p=0.2, images=0)], num_classes=2).judged
    assert open_.images_needed is None


def test_a_later_round_replaces_what_an_earlier_one_said_but_for_what_was_repaired() -> None:
    first = [made(Cause.LEAK), made(Cause.FEW_IMAGES, **NOTHING)]
    second = [
        made(Cause.LEAK, **NOTHING, repaired=(Cause.LEAK,)),
        made(Cause.FEW_IMAGES, repaired=(Cause.LEAK,)),
    ]
    found = {finding.cause: finding for finding in latest([first, second])}
    assert found[Cause.LEAK] is first[0]
    assert found[Cause.FEW_IMAGES] is second[1]


def test_two_findings_of_one_cause_are_refused() -> None:
    with pytest.raises(ValueError, match="one finding a cause"):
        judge([made(Cause.LEAK), made(Cause.LEAK)], num_classes=2)
