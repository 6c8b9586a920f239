"""What the page says beside its figures, as far as this study has it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from sweep.records import StudyRecord, TrialRecord
from sweep.report.gather import Report, gather_report
from sweep.report.page_sections import columns, finalists_sentence, methods, sealed_rows

StudyMaker = Callable[..., StudyRecord]


def test_columns_are_those_that_the_study_has(
    toy_report: Report, study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    assert [one.key for one in columns(toy_report)] == [
        "train", "validation", "gap", "objective", "chosen"
    ]  # fmt: skip
    study = study_record()
    counts = {**study.data.counts, "validation": (200, 100, 100, 100, 100)}
    unequal = replace(study, data=replace(study.data, counts=counts))
    # Without labels no choice is corrected.
    assert [one.key for one in columns(gather_report(unequal, toy_trials))] == [
        "train", "validation", "balanced", "gap", "objective"
    ]  # fmt: skip
    assert all(one.meaning.endswith(".") for one in columns(toy_report))


def test_methods_are_those_that_were_used(full_report: Report, study_record: StudyMaker) -> None:
    used = [one.name for one in methods(full_report)]
    assert used == [
        "clean", "gap", "waterfall", "epoch", "J", "tiers", "corrected", "influence", "repetitions", "sealed"
    ]  # fmt: skip
    assert "Nadeau and Bengio" in next(one.source for one in methods(full_report) if one.name == "repetitions")
    assert [one.name for one in methods(gather_report(study_record(), []))] == [
        "clean", "gap", "waterfall", "epoch", "J", "tiers", "sealed"
    ]  # fmt: skip


def test_folds_are_explained_where_they_are_used(study_record: StudyMaker) -> None:
    study = study_record()
    definition = json.loads(study.definition)
    definition["data"]["validation"] = {"folds": 5}
    report = gather_report(replace(study, definition=json.dumps(definition)), [])
    assert "over 5 folds" in next(one.text for one in methods(report) if one.name == "folds")


def method(report: Report, name: str) -> tuple[str, str]:
    return next((one.text, one.source) for one in methods(report) if one.name == name)


def test_tiers_name_the_tests_that_were_used(study_record: StudyMaker) -> None:
    study = study_record()
    text, source = method(gather_report(study, []), "tiers")
    assert "exact McNemar on accuracy, paired t on cross-entropy" in text
    assert source.startswith("McNemar")
    sources = replace(study, data=replace(study.data, groups=12))
    again = replace(study, data=replace(study.data, fold_repeats=2))
    for other, unit in ((sources, "paired t over sources"), (again, "paired t over images")):
        text, source = method(gather_report(other, []), "tiers")
        assert unit in text
        assert "McNemar" not in text + source


def test_repetitions_on_one_split_speak_of_seeds(full_report: Report) -> None:
    assert "widened by the ratio" in method(full_report, "repetitions")[0]
    fixed = {number: replace(one, new_split=False) for number, one in full_report.repeated.items()}
    text, source = method(replace(full_report, repeated=fixed), "repetitions")
    assert text.startswith("The split stayed the same, so the scatter of repetitions speaks of other seeds alone.")
    assert source == ""


def test_every_opened_configuration_has_its_row(full_report: Report) -> None:
    rows = sealed_rows(full_report, full_report.openings[0])
    assert rows[0].score.place == "inside"  # predicted about its validation accuracy, and as good on the test side
    assert rows[1].score.place == ""
    assert [row.name for row in rows][-1] == "your configuration"
    assert [row.comparison is None for row in rows] == [False, False, False, True]
    assert rows[-1].p == ""
    compared = rows[0].comparison
    assert compared is not None
    assert rows[0].p == ("< 0.001" if compared.p_adjusted < 0.001 else f"{compared.p_adjusted:.3f}")


def test_a_lone_finalist_has_nobody_to_be_compared_with(full_report: Report) -> None:
    assert finalists_sentence(full_report) == ""
    number, found = next(iter(full_report.repeated.items()))
    lone = replace(full_report, survival=None, repeated={number: found})
    assert finalists_sentence(lone) == (
        f"Trial {number} was trained 5 times more; there is no other finalist to compare it with."
    )
    assert finalists_sentence(replace(lone, repeated={})) == ""
