"""The ranking for machines: JSON with its schema, CSV, Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from sweep.records import ImageRecord, Split, StudyRecord, TrialRecord, TrialState
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
    assert [row["rank"] for row in rows] == [*map(str, range(1, 38)), "", "", ""]
    assert float(rows[0]["validation_accuracy_low"]) == toy_report.rows[0].validation.low
    assert float(rows[0]["dropout"]) == toy_report.rows[0].trial.parameters["dropout"]


def test_csv_tells_of_trials_without_a_place_too(toy_report: Report) -> None:
    running = replace(toy_report.trials[5], number=40, state=TrialState.RUNNING, measurement=None, objective=None)
    report = replace(toy_report, trials=(*toy_report.trials, running))
    rows = list(csv.DictReader(io.StringIO(render_table(report, "csv"))))[37:]
    assert [(row["trial"], row["state"]) for row in rows] == [
        ("11", "failed"),
        ("23", "failed"),
        ("30", "complete"),
        ("40", "running"),
    ]
    assert rows[0]["reason"] == "the loss became NaN; try a lower learning_rate"
    assert rows[2]["reason"] == "repeats trial 4"
    assert float(rows[3]["dropout"]) == running.parameters["dropout"]
    assert (rows[3]["gap"], rows[3]["gap_low"]) == ("", "")


def test_csv_of_a_study_whose_trials_all_run_has_its_columns(study_record: StudyMaker, toy_report: Report) -> None:
    running = replace(toy_report.trials[5], state=TrialState.RUNNING, measurement=None, objective=None)
    report = gather_report(study_record(), [running])
    (row,) = csv.DictReader(io.StringIO(render_table(report, "csv")))
    assert (row["trial"], row["state"]) == ("5", "running")
    assert "running" in render_table(report, "json")
    assert "No trial has been measured yet." in render_table(report, "markdown")


def test_csv_has_the_fields_that_were_not_swept_at_the_right(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    whole = [replace(one, configuration={**one.configuration, "pooling": "avg"}) for one in toy_trials]
    table = csv.DictReader(io.StringIO(render_table(gather_report(study_record(), whole), "csv")))
    assert (table.fieldnames or ())[-1] == "configuration.pooling"
    assert {row["configuration.pooling"] for row in table} == {"avg"}


def test_csv_holds_no_formula(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "plain"]
    hostile = [
        replace(trial, configuration={**trial.configuration, "weights": name, "=field": 1})
        for trial, name in zip(toy_trials, names, strict=False)
    ]
    study = study_record(space={"weights": {"choices": names}})
    text = render_table(gather_report(study, hostile), "csv")
    table = csv.DictReader(io.StringIO(text))
    assert "'configuration.=field" not in (table.fieldnames or ())
    assert {row["weights"] for row in table} == {*(f"'{name}" for name in names[:5]), "plain"}
    assert '"-' not in text
    assert all(float(row["objective"]) < 0 for row in csv.DictReader(io.StringIO(text))), "a number stays a number"


def test_csv_of_a_hyperparameter_named_like_a_column(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    named = [replace(one, configuration={"gap": 7, "gap_low": 8}) for one in toy_trials[:3]]
    report = gather_report(study_record(space={"gap": {"choices": [7]}, "gap_low": {"choices": [8]}}), named)
    first = next(csv.DictReader(io.StringIO(render_table(report, "csv"))))
    assert (first["parameters.gap"], first["parameters.gap_low"]) == ("7", "8")
    assert float(first["gap"]) == report.rows[0].gap.estimate


def test_csv_of_a_file_name_that_is_no_unicode_can_be_printed(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    broken = replace(toy_trials[0], configuration={"weights": "caf\udce9.h5"})
    text = render_table(gather_report(study_record(space={}), [broken]), "csv")
    assert "caf\\udce9.h5" in text
    assert text.encode("utf-8")


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
    ranked = [row for row in rows if row["rank"]]
    assert [row["gap_narrowed"] == "" for row in ranked] == [row["baseline"] == "True" for row in ranked]
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
