"""What the dashboard's notes say of a study and of its finalists."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from sweep.diagnosis.tiers import Tier
from sweep.records import StudyRecord, TrialRecord, TrialState
from sweep.report.gather import Report, gather_report
from sweep.report.notes import finalists, study_note, trial_note

StudyMaker = Callable[..., StudyRecord]


def read(note: str) -> str:
    """Without the marks that keep text from being markup."""
    return re.sub(r" *\| *", " | ", note.replace("\\", "").replace("\u00a0", " "))


@pytest.fixture(scope="module")
def note(diagnosed_report: Report) -> str:
    return read(study_note(diagnosed_report, diagnosed_report.ranking.leader))


def test_the_verdict_comes_first(diagnosed_report: Report, note: str) -> None:
    assert diagnosed_report.diagnosis is not None
    assert note.startswith(f"**Verdict on {diagnosed_report.diagnosis.sentence}**")
    assert "- **leak**: 30 of 600 validation images have a copy in training. Effect 5.0 points [3.4, 7.1]" in note
    assert '  - remedy: Drop the copies. (data.deduplicate = true, model.head_width = "512-256")' in note
    assert "  - proven: data.deduplicate = true: the gap narrows by 4.0 points [1.0, 7.0]" in note


def test_every_tier_has_a_table(diagnosed_report: Report, note: str) -> None:
    tiers = {row.tier for row in diagnosed_report.ranking.rows}
    assert len(tiers) > 2
    for tier in tiers:
        assert f"**Tier {int(tier)}**: {tier.meaning}" in note
    first = diagnosed_report.ranking.rows[0]
    assert f"| {first.rank}{' =' if first.tied else ''} | {first.number} |" in note
    behind = sum(row.tier is Tier.BEHIND for row in diagnosed_report.ranking.rows)
    assert f"and {behind - 5} more" in note


def test_finalists_and_the_test_side_are_told(note: str) -> None:
    assert "### The finalists, trained again" in note
    assert "Over 5 repetitions on new splits" in note
    assert "### The sealed test side\n\nOpened on 2026-11-26." in note


def test_a_best_trial_that_both_agree_on(diagnosed_report: Report) -> None:
    best = diagnosed_report.ranking.best
    assert best is not None
    expected = f"best trial, trial {best.number}, has the highest J and is rank 1 too."
    assert expected in study_note(diagnosed_report, best.number)


def test_why_the_dashboards_best_trial_is_not_ours(diagnosed_report: Report) -> None:
    first, second = diagnosed_report.ranking.rows[:2]
    said = read(study_note(diagnosed_report, second.number))
    assert f"trial {second.number}, has the highest J; rank 1 is trial {first.number}. On these validation" in said
    assert "the one of the smallest gap comes first: " in said
    behind = next(row for row in diagnosed_report.ranking.rows if row.tier is Tier.BEHIND)
    said = read(study_note(diagnosed_report, behind.number))
    assert f"Trial {behind.number} stands in tier 2: {behind.reason}." in said


def test_a_study_without_a_finished_trial_says_so(study_record: StudyMaker) -> None:
    running = TrialRecord(
        number=0, state=TrialState.RUNNING, baseline=True, parameters={}, configuration={}, objective=None
    )
    report = gather_report(study_record(), [running])
    said = read(study_note(report, None))
    assert said.startswith("**No verdict yet: your configuration has no result.**")
    assert "No trial has been measured yet." in said
    assert "tier" not in said.lower()
    assert finalists(report) == ()


def test_finalists_are_those_that_were_trained_again(toy_report: Report, full_report: Report) -> None:
    assert {row.number for row in finalists(full_report)} == set(full_report.repeated)
    ranks = [row.rank for row in finalists(toy_report)]
    baseline = toy_report.ranking.baseline
    assert baseline is not None
    assert ranks == [1, 2, 3, baseline.rank]


def test_a_trials_note_says_where_it_stands_and_what_it_changes(full_report: Report) -> None:
    row = full_report.ranking.rows[0]
    said = read(trial_note(full_report, row, {"curves": "/artifacts/1/2/3"}))
    assert said.startswith(f"### Rank 1, tier 1: trial {row.number}\n\nTier 1: {Tier.LEADING.meaning}. Why: ")
    assert "| accuracy | 89.1 % | 82.3 % [79.1, 85.2] | 6.7 points [3.9, 10.0] |" in said
    assert "**Differs from your configuration in** dropout" in said
    assert "Against your configuration: gap narrowed by 9.6 [7.3, 11.8] points" in said
    assert "Trained again 5 times on new splits: validation " in said
    assert said.endswith("![curves](/artifacts/1/2/3)")


def test_the_baselines_note_compares_it_with_nothing(full_report: Report) -> None:
    baseline = full_report.ranking.baseline
    assert baseline is not None
    said = read(trial_note(full_report, baseline))
    assert "your configuration (trial 0)" in said
    assert "Differs" not in said
    assert "Against" not in said


def test_names_of_others_stay_text(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]) -> None:
    hostile = "<img src=x onerror=alert(1)>](javascript:alert(1)) `|"
    classes = (hostile, "bear", "car", "duck", "negative")
    trials = [replace(one, parameters={**one.parameters, "head_width": hostile}) for one in toy_trials[:8]]
    trials = [replace(one, configuration=one.parameters) for one in trials]
    report = gather_report(study_record(class_names=classes), trials)
    note = study_note(report, None) + "".join(trial_note(report, row) for row in report.ranking.rows)
    for mark in (r"<img", r"\]\(javascript", r"`\|"):
        assert not re.search(rf"(?<!\\){mark}", note)
    assert r"\<img src=x onerror=alert\(1\)\>\]\(javascript:alert\(1\)\) \`\|" in note
