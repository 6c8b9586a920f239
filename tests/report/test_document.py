"""The JSON document: it holds every number of the report, and nothing that JSON does not know."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sweep.records import StudyRecord, TrialRecord, UnreadableFile
from sweep.report.document import JSON_SCHEMA, JSON_VERSION, json_schema, render_json
from sweep.report.gather import Report, gather_report

StudyMaker = Callable[..., StudyRecord]


def parsed(report: Report) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render_json(report, report.rows))
    return document


def test_json_carries_the_whole_report(toy_report: Report) -> None:
    document = parsed(toy_report)
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


def test_rank_1s_score_is_corrected(toy_report: Report) -> None:
    found, written = toy_report.ranking.optimism, parsed(toy_report)["optimism"]
    assert found is not None
    assert (written["trial"], written["candidates"]) == (18, 33)
    assert written["validation_accuracy"] - written["corrected"]["estimate"] == pytest.approx(written["bias"])
    assert written["corrected"]["low"] == found.corrected.low
    assert written["sentence"].startswith("Rank 1 scores 82.3 %")


def test_waterfalls_of_both_quantities_sum_to_their_gap(full_report: Report) -> None:
    falls = parsed(full_report)["waterfalls"]
    assert [(one["trial"], one["quantity"]) for one in falls[:3]] == [
        (18, "accuracy"),
        (18, "cross_entropy"),
        (37, "accuracy"),
    ]
    for fall in falls:
        assert math.isclose(sum(term["estimate"] for term in fall["terms"]), fall["reported_gap"], abs_tol=1e-9)
    first = falls[0]
    assert first["steps"]["E4"] == full_report.rows[0].measurement.train_accuracy
    assert first["terms"][2] == {
        "name": "augmentation",
        "estimate": 0.0,
        "low": 0.0,
        "high": 0.0,
        "level": 0.95,
        "order": None,
        "unchanged": "no augmentation",
    }


def test_only_the_rows_given_have_ranking_and_waterfalls(full_report: Report) -> None:
    document = json.loads(render_json(full_report, full_report.rows[:2]))
    assert [len(document[name]) for name in ("ranking", "waterfalls", "repeats")] == [2, 4, 4]


def test_repeats_and_what_survives_of_them(full_report: Report) -> None:
    document = parsed(full_report)
    assert [one["trial"] for one in document["repeats"]] == [18, 37, 26, 0]
    assert document["repeats"][0]["gap"]["low"] == full_report.repeated[18].gap.low
    survival = document["survival"]
    assert survival["reference"] == 0
    assert [(one["from"], one["to"]) for one in survival["against"]] == [(0, 18), (0, 37), (0, 26)]
    assert [(one["from"], one["to"]) for one in survival["among"]] == [(18, 37), (18, 26), (37, 26)]
    assert all(one["p_gap_adjusted"] >= one["p_gap"] for one in survival["against"])
    assert survival["sentence"].startswith("Over 5 repetitions")


def test_curves_and_openings(full_report: Report) -> None:
    document = parsed(full_report)
    curve = next(one for one in document["marginals"] if one["field"] == "l2")
    assert (curve["kind"], curve["log"]) == ("number", True)
    assert sum(one["trials"] for one in curve["bins"]) == 32, "complete trials but the baseline, which is outside"
    first, second = document["openings"]
    assert (first["opened"], first["seen_before"], second["seen_before"]) == ("2026-11-23T08:15:00+00:00", 0, 300)
    assert [score["trial"] for score in first["scores"]] == [18, 37, 26, 0]
    assert first["scores"][0]["inside"] is True
    assert first["scores"][1]["predicted"] is None
    assert first["comparisons"][0]["p_adjusted"] == full_report.openings[0].result.comparisons[0].p_adjusted


# ---- the schema ----------------------------------------------------------------------------------------------------


def closed(schema: object) -> object:
    """The schema with every object closed, so that a field that it does not describe is an error."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(one) for name, one in schema.items()}
    return {**inner, "additionalProperties": False} if "properties" in schema and schema.get("type") else inner


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(json_schema())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(closed(schema))


def test_the_schema_describes_every_field(
    diagnosed_report: Report, study_record: StudyMaker, validator: Draft202012Validator
) -> None:
    for report in (diagnosed_report, gather_report(study_record(), [])):
        assert [f"{one.json_path}: {one.message}" for one in validator.iter_errors(parsed(report))] == []


def test_the_schema_refuses_what_is_not_such_a_report(full_report: Report, validator: Draft202012Validator) -> None:
    document = parsed(full_report)
    assert not validator.is_valid({**document, "version": 2})
    assert not validator.is_valid({**document, "leader": "18"})
    assert not validator.is_valid({**document, "new": 1}), "closed for this test alone"
    assert Draft202012Validator(json.loads(json_schema())).is_valid({**document, "new": 1})
    del document["ranking"][0]["gap"]
    assert not validator.is_valid(document)


def test_every_trial_is_listed_in_whatever_state(toy_report: Report) -> None:
    trials = parsed(toy_report)["trials"]
    assert [one["trial"] for one in trials] == list(range(40))
    assert trials[11]["failure"]["kind"] == "nan"
    assert trials[30]["duplicate_of"] == 4
    assert trials[0]["configuration"] == dict(toy_report.trials[0].configuration)


def test_what_is_not_known_is_null_or_empty(study_record: StudyMaker) -> None:
    document = parsed(gather_report(study_record(), []))
    nothing = ("comparison", "leader", "optimism", "survival")
    assert [document[name] for name in nothing] == [None] * 4
    empty = ("ranking", "waterfalls", "repeats", "marginals", "openings", "failures")
    assert [document[name] for name in empty] == [[]] * 6


def test_infinity_becomes_null_since_json_knows_none(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], full_report: Report
) -> None:
    trial = toy_trials[1]
    assert trial.measurement is not None
    blind = replace(trial.measurement, validation_cross_entropy_error=float("nan"), logged_train_loss=float("inf"))
    once = [record for record in full_report.repetitions if record.repeat == 1]
    report = gather_report(study_record(), [toy_trials[0], replace(trial, measurement=blind)], {}, repeats=once)
    text = render_json(report, report.rows)
    assert "NaN" not in text
    assert "Infinity" not in text
    document = json.loads(text)
    row = next(one for one in document["ranking"] if one["trial"] == 1)
    assert row["gap_cross_entropy"]["low"] is None
    assert row["logged_train_loss"] is None
    assert document["repeats"][0]["gap"]["low"] is None, "one repetition has no bounds"


def test_a_file_name_that_is_no_unicode_survives(study_record: StudyMaker) -> None:
    broken = UnreadableFile(path="caf\udce9.jpg", reason="truncated")
    text = render_json(gather_report(study_record(unreadable=[broken]), []), [])
    assert text.encode("utf-8")
    assert json.loads(text)["data"]["unreadable"][0]["path"] == "caf\udce9.jpg"


def test_the_verdict_comes_with_its_plain_values(toy_report: Report, diagnosed_report: Report) -> None:
    assert json.loads(render_json(toy_report, []))["verdict"] is None
    verdict = json.loads(render_json(diagnosed_report, []))["verdict"]
    assert (verdict["status"], verdict["trial"]) == ("causes", 0)
    assert verdict["causes"][0]["cause"] == "leak"
    assert verdict["causes"][0]["exhibits"][0]["images"] == [600, 3]
    assert verdict["paths"]["600"] == "0.jpg"
    assert [one["outcome"] for one in verdict["proofs"]] == ["proven", "not shown", "refuted"]
