"""The verdict in the terminal and as JSON."""

from __future__ import annotations

import json
import math

from sweep.diagnosis.verdict import judge
from sweep.records import Cause, Exhibit, Finding, Interval, Remedy, Unit
from sweep.report.verdict import exhibit_lines, verdict_json, verdict_lines

FOUND = Finding(
    cause=Cause.SMALL_VALIDATION,
    effect=Interval(estimate=0.099, low=0.084, high=0.1),
    p=0.0,
    exact=True,
    images=16,
    summary="16 validation images say little.",
    remedies=(
        Remedy(sentence="Validate in folds.", changes={"data.validation": "{folds = 5}"}),
        Remedy(sentence="Collect more."),
        Remedy(sentence="Widen it.", changes={"model.head_width": "none", "model.head_batch_norm": True}),
    ),
)
IN_NATS = Finding(
    cause=Cause.LAST_EPOCH,
    effect=Interval(estimate=0.05, low=-0.01, high=0.11),
    unit=Unit.CROSS_ENTROPY,
    p=0.06,
    images=100,
    summary="The last epoch is worse.",
)
EXCLUDED = Finding.impossible(Cause.BURSTS, "every image is a source of its own")
MISSING = Finding.not_measured(Cause.SHIFT, "no features")


def test_causes_come_first_then_what_is_open_then_the_rest() -> None:
    verdict = judge([EXCLUDED, MISSING, IN_NATS, FOUND], num_classes=2)
    assert list(verdict_lines(verdict)) == [
        "verdict: small-validation: 16 validation images say little.",
        "",
        "1. small-validation: 16 validation images say little.",
        "   effect 9.9 points [8.4, 10.0]",
        "   remedy: Validate in folds. (data.validation = {folds = 5})",
        "   remedy: Collect more.",
        '   remedy: Widen it. (model.head_width = "none", model.head_batch_norm = true)',
        "   more: sweep explain small-validation",
        "",
        "undetermined:",
        "  last-epoch: The last epoch is worse. Effect 0.050 nats [-0.010, 0.110]; about 144 images would settle it",
        "",
        "not measured:",
        "  shift: no features",
        "",
        "excluded: bursts",
    ]


def test_json_holds_what_the_terminal_says_and_the_numbers_behind_it() -> None:
    verdict = judge([EXCLUDED, MISSING, IN_NATS, FOUND], num_classes=2)
    told = json.loads(json.dumps(verdict_json(verdict)))
    assert told["status"] == "causes"
    by_cause = {one["cause"]: one for one in told["causes"]}
    assert by_cause["small-validation"]["outcome"] == "found"
    assert by_cause["last-epoch"] | {"unit": "cross_entropy", "p": 0.06, "images_needed": 144} == by_cause["last-epoch"]
    assert by_cause["shift"]["effect"] is None
    assert by_cause["shift"]["missing"] == "no features"


def test_pictures_are_named_by_their_files() -> None:
    exhibit = Exhibit(caption="a pair", images=(5, 2))
    assert list(exhibit_lines(exhibit, {2: "train/a.png", 5: "val/b.png"})) == [
        "",
        "a pair:",
        "  val/b.png",
        "  train/a.png",
    ]


def test_a_bound_that_is_nowhere_is_no_number_in_json() -> None:
    endless = Interval(estimate=0.01, low=-math.inf, high=math.inf)
    finding = Finding(cause=Cause.BEST_OF_MANY, effect=endless, p=1.0, summary="x", evidence={"ratio": math.inf})
    (told,) = verdict_json(judge([finding], num_classes=2))["causes"]
    assert told["effect"] == [0.01, None, None]
    assert told["evidence"] == {"ratio": None}
    assert json.dumps(told, allow_nan=False)
