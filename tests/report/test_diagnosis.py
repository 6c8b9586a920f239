"""A verdict and whom it is about."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from sweep.report.diagnosis import Diagnosis
from sweep.report.gather import Report

Renamed = Callable[[Report, str], Report]


def diagnosis_of(report: Report) -> Diagnosis:
    assert report.diagnosis is not None
    return report.diagnosis


def test_the_sentence_says_whom_it_is_about_and_names_the_other_causes(diagnosed_report: Report) -> None:
    assert diagnosis_of(diagnosed_report).sentence == (
        "your configuration (trial 0): leak: 30 of 600 validation images have a copy in training. Then: class-bias."
    )


def test_pictures_are_listed_by_their_files(diagnosed_report: Report) -> None:
    lines = diagnosis_of(diagnosed_report).lines
    assert lines[0] == "study toys, your configuration (trial 0)"
    at = lines.index("equal pixels: in validation, in training:")
    assert lines[at + 1 : at + 3] == ("  0.jpg", "  3.jpg")
    assert diagnosis_of(diagnosed_report).paths[607] == "7.jpg"


def test_names_cannot_command_the_terminal(diagnosed_report: Report, with_summary: Renamed) -> None:
    evil = "\x1b[31mred\u202egnp\n2. leak: forged"
    told = replace(diagnosis_of(with_summary(diagnosed_report, evil)), study=evil)
    everything = [told.sentence, *told.lines]
    assert not [line for line in everything if "\x1b" in line or "\u202e" in line or "\n" in line]
    assert "1. leak: �[31mred�gnp 2. leak: forged" in told.lines
    assert told.plain["causes"][0]["summary"] == evil, "JSON keeps what was said"


def test_plain_values_are_json_and_carry_paths(diagnosed_report: Report) -> None:
    plain = json.loads(json.dumps(diagnosis_of(diagnosed_report).plain))
    assert (plain["study"], plain["trial"], plain["status"]) == ("toys", 0, "causes")
    assert plain["paths"]["600"] == "0.jpg"
