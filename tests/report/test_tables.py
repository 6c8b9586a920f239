"""The ranking for machines: JSON with its schema, CSV, Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from sweep.records import ImageRecord, Split, StudyRecord, TrialRecord, UnreadableFile
from sweep.report.gather import Report, gather_report
from sweep.report.tables import JSON_SCHEMA, JSON_VERSION, render_table

StudyMaker = Callable[..., StudyRecord]
Images = tuple[tuple[ImageRecord, Split], ...]


def test_json_carries_the_whole_report(toy_report: Report) -> None:
    document = json.loads(render_table(toy_report, "json"))
    assert (document["schema"], document["version"]) == (JSON_SCHEMA, JSON_VERSION) == ("sweep.report", 1)
    assert len(document["ranking"]) == 37
    first = document["ranking"][0]
    assert (first["rank"], first["trial"]) == (1, toy_report.rows[0].number)
    assert set(first["gap"]) == {"estimate", "low", "high", "level"}
    assert document["comparison"]["from"] == 0
    assert document["sentence"] == toy_report.sentence
    assert document["failures"][0]["trials"] == [11, 23]
    assert document["data"]["images"]["validation"] == [120] * 5
    assert document["importances"]["gap"]["dropout"] == 0.52


def test_top_shortens_every_format(toy_report: Report) -> None:
    assert len(json.loads(render_table(toy_report, "json", top=3))["ranking"]) == 3
    assert len(list(csv.reader(io.StringIO(render_table(toy_report, "csv", top=3))))) == 4
    assert sum(line.startswith("| ") for line in render_table(toy_report, "markdown", top=3).splitlines()) == 4


def test_csv_has_one_line_a_trial_and_full_precision(toy_report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(render_table(toy_report, "csv"))))
    assert [int(row["rank"]) for row in rows] == list(range(1, 38))
    assert float(rows[0]["validation_accuracy_low"]) == toy_report.rows[0].validation.low
    assert float(rows[0]["dropout"]) == toy_report.rows[0].trial.parameters["dropout"]


def test_json_of_an_empty_study_is_still_json(study_record: StudyMaker) -> None:
    document = json.loads(render_table(gather_report(study_record(), []), "json"))
    assert (document["ranking"], document["comparison"], document["leader"]) == ([], None, None)
    assert render_table(gather_report(study_record(), []), "csv") == "rank\n"


def test_infinity_becomes_null_since_json_knows_none(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    trial = toy_trials[1]
    assert trial.measurement is not None
    blind = replace(trial.measurement, validation_cross_entropy_error=float("nan"))
    report = gather_report(study_record(), [replace(trial, measurement=blind)], {})
    text = render_table(report, "json")
    assert "NaN" not in text
    assert "Infinity" not in text
    assert json.loads(text)["ranking"][0]["gap_cross_entropy"]["low"] is None


def test_a_file_name_that_is_no_unicode_survives(study_record: StudyMaker) -> None:
    broken = UnreadableFile(path="caf\udce9.jpg", reason="truncated")
    text = render_table(gather_report(study_record(unreadable=[broken]), []), "json")
    assert text.encode("utf-8")
    assert json.loads(text)["data"]["unreadable"][0]["path"] == "caf\udce9.jpg"


def test_markdown_escapes_what_would_break_a_table(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    hostile = [
        replace(trial, configuration={**trial.configuration, "weights": "a|b<script>\\"}) for trial in toy_trials
    ]
    study = study_record(space={"weights": {"choices": ["imagenet", "a|b<script>\\"]}})
    text = render_table(gather_report(study, hostile, images=labelled_images), "markdown", top=1)
    assert "a\\|b&lt;script>\\\\" in text
    header, rule, row = text.splitlines()[:3]
    assert rule.count("|") == header.count("|")
    assert row.replace("\\|", "").count("|") == header.count("|")


def test_another_order_brings_its_warning(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    report = gather_report(study_record(), toy_trials, images=labelled_images, sort="gap")
    assert "a model that has learnt nothing has no gap either" in render_table(report, "markdown")
    assert json.loads(render_table(report, "json"))["sort"] == "gap"


def test_an_unknown_format_is_refused(toy_report: Report) -> None:
    with pytest.raises(ValueError, match="no such format: 'xml'"):
        render_table(toy_report, "xml")  # type: ignore[arg-type]
