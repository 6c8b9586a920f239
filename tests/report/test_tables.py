"""The ranking for machines: JSON with its schema, CSV, Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from sweep.records import ImageRecord, Split, StudyRecord, TrialRecord
from sweep.report.gather import Report, gather_report
from sweep.report.tables import render_table

StudyMaker = Callable[..., StudyRecord]
Images = tuple[tuple[ImageRecord, Split], ...]


def test_top_shortens_every_format(toy_report: Report) -> None:
    assert len(json.loads(render_table(toy_report, "json", top=3))["ranking"]) == 3
    assert len(list(csv.reader(io.StringIO(render_table(toy_report, "csv", top=3))))) == 4
    assert sum(line.startswith("| ") for line in render_table(toy_report, "markdown", top=3).splitlines()) == 4


def test_csv_has_one_line_a_trial_and_full_precision(toy_report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(render_table(toy_report, "csv"))))
    assert [int(row["rank"]) for row in rows] == list(range(1, 38))
    assert float(rows[0]["validation_accuracy_low"]) == toy_report.rows[0].validation.low
    assert float(rows[0]["dropout"]) == toy_report.rows[0].trial.parameters["dropout"]


def test_csv_of_an_empty_study_has_a_header(study_record: StudyMaker) -> None:
    assert render_table(gather_report(study_record(), []), "csv") == "rank\n"


def test_csv_tells_the_logged_numbers_beside_the_clean_ones(toy_report: Report) -> None:
    row = next(csv.DictReader(io.StringIO(render_table(toy_report, "csv"))))
    measured = toy_report.rows[0].measurement
    assert float(row["logged_train_accuracy"]) == measured.logged_train_accuracy
    assert float(row["chosen"]) == toy_report.rows[0].chosen
    assert (row["pareto"], row["validation_balanced_accuracy"]) == (str(toy_report.rows[0].pareto), "")


def test_every_row_but_the_baseline_s_says_what_it_changed(toy_report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(render_table(toy_report, "csv"))))
    change = toy_report.ranking.changes[int(rows[0]["trial"])]
    assert float(rows[0]["gap_narrowed_low"]) == change.gap_narrowed.low
    assert float(rows[0]["validation_gained"]) == change.accuracy_gained.estimate
    assert [row["gap_narrowed"] == "" for row in rows] == [row["baseline"] == "True" for row in rows]
    table = [line for line in render_table(toy_report, "markdown").splitlines() if line.startswith("| ")]
    assert "| gap narrowed | validation gained |" in table[0]
    assert "| – | – |" in next(line for line in table if "(baseline)" in line)


def test_markdown_keeps_the_sentences(full_report: Report) -> None:
    text = render_table(full_report, "markdown", top=1)
    verdict, _, *said = text.split("\n\n")
    assert verdict == "No verdict: the causes of the gap were not looked for. (`sweep diagnose` names them)"
    assert said[0] == full_report.sentence
    assert said[1].startswith("Rank 1 scores 82.3 % on validation; corrected")
    assert said[2].startswith("Over 5 repetitions on new splits")
    assert said[3].startswith("Opened on 2026-11-23.")
    assert "◇ On the Pareto front" in text


def test_markdown_has_balanced_accuracy_where_classes_are_unequal(full_report: Report) -> None:
    counts = {**full_report.study.data.counts, "validation": (200, 100, 100, 100, 100)}
    study = replace(full_report.study, data=replace(full_report.study.data, counts=counts))
    report = gather_report(study, full_report.trials, images=[])
    assert "| balanced |" in render_table(report, "markdown")
    assert "balanced: mean of the classes' own" in render_table(report, "markdown")
    assert "| balanced |" not in render_table(full_report, "markdown")


def test_markdown_escapes_what_would_break_a_table(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    hostile = [
        replace(trial, configuration={**trial.configuration, "weights": "a|b<script>\\"}) for trial in toy_trials
    ]
    study = study_record(space={"weights": {"choices": ["imagenet", "a|b<script>\\"]}})
    text = render_table(gather_report(study, hostile, images=labelled_images), "markdown", top=1)
    assert "a\\|b&lt;script>\\\\" in text
    header, rule, row = text.splitlines()[2:5]
    assert rule.count("|") == header.count("|")
    assert row.replace("\\|", "").count("|") == header.count("|")


def test_the_verdict_stands_above_the_table_and_no_name_in_it_is_markup(
    diagnosed_report: Report, with_summary: Callable[[Report, str], Report]
) -> None:
    verdict = render_table(diagnosed_report, "markdown", top=1).split("\n\n")[0]
    assert verdict.startswith("Verdict on your configuration (trial 0): leak: 30 of 600 validation images")
    assert verdict.endswith(" (more: sweep diagnose study.db)")
    named = render_table(with_summary(diagnosed_report, '[win](http://x) "<script>|'), "markdown", top=1)
    assert 'leak: [win]\\(http://x) "&lt;script>\\|. Then: class-bias.' in named.split("\n\n")[0]


def test_another_order_brings_its_warning(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    report = gather_report(study_record(), toy_trials, images=labelled_images, sort="gap")
    assert "a model that has learnt nothing has no gap either" in render_table(report, "markdown")
    assert json.loads(render_table(report, "json"))["sort"] == "gap"


def test_an_unknown_format_is_refused(toy_report: Report) -> None:
    with pytest.raises(ValueError, match="no such format: 'xml'"):
        render_table(toy_report, "xml")  # type: ignore[arg-type]
