"""How an audit is told where the modes of training say nothing."""

from __future__ import annotations

import math

from sweep.diagnosis.verdict import judge
from sweep.diagnosis.waterfall import Term, Waterfall
from sweep.records import Cause, Finding, Interval
from sweep.workflow.audit_outcome import AuditOutcome


def outcome(steps: dict[str, float], *terms: Term) -> AuditOutcome:
    gap = Term(name="clean_gap", interval=Interval(estimate=0.08, low=0.05, high=0.12))
    fall = Waterfall(
        quantity="accuracy",
        reported_train=math.nan,
        reported_validation=0.7,
        terms=(*terms, gap),
        steps={"E0": math.nan, **steps, "E4": 0.78, "E5": 0.7, "E6": 0.7},
    )
    return AuditOutcome(
        study="photos",
        model="mine.keras",
        images=(1200, 200),
        accuracies=(0.78, 0.7),
        falls=(fall,),
        notes=(),
        verdict=judge([Finding.not_measured(Cause.LEAK, "no features")], num_classes=2),
        paths={},
    )


def term(name: str, unchanged: str) -> Term:
    return Term(name=name, interval=Interval(estimate=0.0, low=0.0, high=0.0), unchanged=unchanged)


def test_a_model_that_cannot_be_switched_says_why() -> None:
    told = outcome({}, term("training_mode", "the model has a train_step of its own"))
    assert told.lines[1].startswith("clean: right on 78.0 % of 1,200 training and 70.0 % of 200 validation images")
    assert told.lines[2] == ("what training switches on could not be measured: the model has a train_step of its own")
    assert told.plain["waterfall"][0]["steps"] == {"E4": 0.78, "E5": 0.7}
    assert [one["name"] for one in told.plain["waterfall"][0]["terms"]] == ["clean_gap"]


def test_a_model_with_nothing_to_switch_says_so() -> None:
    terms = (term(name, f"no {name}") for name in ("epoch_lag", "dropout", "augmentation", "batch_norm"))
    told = outcome({"E1": 0.78, "E2": 0.78, "E3": 0.78}, *terms)
    assert told.lines[2] == (
        "in the mode of training it does the same: no dropout, no augmentation, no batch norm that trains"
    )
