"""Bars that start where the one above ended, and end at the reported gap."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sweep.records import StudyRecord, TrialRecord
from sweep.report.gather import Report, gather_report
from sweep.report.waterfall_figure import WaterfallPanel, gather_waterfall

StudyMaker = Callable[..., StudyRecord]
TrialMaker = Callable[..., TrialRecord]


def drawn(panel: WaterfallPanel, trial: int) -> list[tuple[float, float]]:
    steps = [line.steps[trial] for line in panel.lines[1:]]
    return [(step.start, step.end) for step in steps if step.start is not None and step.end is not None]


@pytest.mark.parametrize("quantity", ["accuracy", "cross_entropy"])
def test_bars_form_a_chain_from_zero_to_the_reported_gap(full_report: Report, quantity: str) -> None:
    rows = (full_report.ranking.rows[0], full_report.ranking.rows[-1])
    panel = gather_waterfall(full_report, rows, "accuracy" if quantity == "accuracy" else "cross_entropy")
    for trial in range(2):
        chain = drawn(panel, trial)
        assert chain[0][0] == panel.zero
        assert [start for start, _ in chain[1:]] == [end for _, end in chain[:-1]]
        assert chain[-1][1] == pytest.approx(panel.goals[trial], abs=0.02)
        assert panel.lines[0].steps[trial].end == panel.goals[trial]
    assert all(0 <= end <= 100 for pair in drawn(panel, 0) for end in pair)


def test_numbers_are_signed_and_the_reported_gap_comes_first(
    study_record: StudyMaker, trial_record: TrialMaker
) -> None:
    # Logged train accuracy is 2 points below the clean 90 %, validation 70 %: 18 = -2 + 20.
    trial = trial_record(0, correct=np.arange(600) < 420, train=0.9, baseline=True)
    report = gather_report(study_record(), [trial])
    panel = gather_waterfall(report, report.ranking.rows, "accuracy")
    assert [line.label for line in panel.lines] == ["reported gap", "training mode", "clean gap"]
    assert [line.steps[0].value for line in panel.lines] == ["18.0", "−2.0", "+20.0"]
    assert panel.lines[1].steps[0].interval == ""  # exact
    assert panel.lines[1].note == "its parts were not measured"
    assert panel.lines[2].steps[0].interval.startswith("[16.")
    assert panel.unchanged == ("validation is logged on the same clean images",)
    assert panel.trials == ("your configuration",)
    assert ("0", panel.zero) in panel.marks


def test_what_does_nothing_in_one_trial_only_keeps_its_line(full_report: Report) -> None:
    # Batch norm trains where layers are unfrozen, and only there.
    rows = [
        next(row for row in full_report.ranking.rows if row.trial.parameters["unfrozen_layers"] == layers)
        for layers in (10, 0)
    ]
    panel = gather_waterfall(full_report, rows, "accuracy")
    line = next(line for line in panel.lines if line.name == "batch_norm")
    assert [step.drawn for step in line.steps] == [True, False]
    assert [step.reason for step in line.steps] == ["", "no batch norm that trains"]
    assert line.note == ""
    assert "no augmentation" in panel.unchanged


def test_the_range_over_orders_stands_under_its_bar(full_report: Report) -> None:
    row = next(row for row in full_report.ranking.rows if row.trial.parameters["unfrozen_layers"] == 10)
    modes = row.measurement.modes
    corner = replace(modes[0], batch_statistics=False, accuracy=modes[0].accuracy + 0.02)
    other = replace(row, measurement=replace(row.measurement, modes=(*modes, corner)))
    panel = gather_waterfall(full_report, [other], "accuracy")
    dropout = next(line for line in panel.lines if line.name == "dropout").steps[0]
    assert panel.has_orders
    assert panel.orders[0].startswith(f"Trial {row.number}, switched off in another order: dropout ")
    assert dropout.order is not None
    assert dropout.end is not None
    assert dropout.order[0] <= dropout.end <= dropout.order[1]
    assert not gather_waterfall(full_report, [row], "accuracy").has_orders


def test_numbers_that_are_not_finite_are_not_drawn(full_report: Report) -> None:
    row = full_report.ranking.rows[0]
    broken = replace(row, measurement=replace(row.measurement, logged_train_accuracy=math.nan))
    panel = gather_waterfall(full_report, [broken], "accuracy")
    reported = panel.lines[0].steps[0]
    assert (reported.drawn, reported.end, panel.goals) == (False, None, (None,))
