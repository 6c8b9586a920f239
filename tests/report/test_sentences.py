"""The sentences of a report, from numbers set by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sweep.diagnosis.marginals import Bin, Marginal
from sweep.diagnosis.optimism import Optimism
from sweep.diagnosis.waterfall import Quantity, Term, Waterfall
from sweep.records import DataSummary, Interval, StudyRecord, TrialRecord
from sweep.report.gather import Report, gather_report
from sweep.report.sentences import (
    EXPLANATIONS,
    TERM_LABELS,
    amount,
    curve_sentence,
    explained,
    is_nothing,
    opening_sentence,
    optimism_sentence,
    order_sentence,
    repeats_sentence,
    reported_gap_sentence,
    retrained_sentence,
    rivals_sentence,
    seen_sentence,
    split_sentence,
    trial_name,
    unchanged_sentence,
)

StudyMaker = Callable[..., StudyRecord]


def interval(estimate: float, low: float, high: float) -> Interval:
    return Interval(estimate=estimate, low=low, high=high)


def exactly(value: float) -> Interval:
    return interval(value, value, value)


def a_waterfall(*terms: Term, quantity: Quantity = "accuracy") -> Waterfall:
    return Waterfall(quantity=quantity, reported_train=0.9, reported_validation=0.79, terms=terms, steps={})


CLEAN_GAP = Term(name="clean_gap", interval=interval(0.163, 0.13, 0.2))
NO_DROPOUT = Term(name="dropout", interval=exactly(0.0), unchanged="no dropout")
SAME_IMAGES = Term(name="validation_pipeline", interval=exactly(5e-17), unchanged="validation is logged clean")


# ---- rank 1's score ------------------------------------------------------------------------------------------------


def corrected(report: Report, chosen: Sequence[float]) -> Report:
    """The report as if rank 1 were chosen in `chosen[0]` of the resamples, rank 2 in `chosen[1]`, and so on."""
    found = Optimism(corrected=interval(0.861, 0.832, 0.887), naive=0.873, bias=0.012, chosen=tuple(chosen))
    shares = [*chosen, *[None] * len(report.ranking.rows)]
    rows = tuple(replace(row, chosen=share) for row, share in zip(report.ranking.rows, shares, strict=False))
    return replace(report, ranking=replace(report.ranking, optimism=found, rows=rows))


def test_rank_1s_score_is_told_with_what_is_left_of_it(toy_report: Report) -> None:
    assert optimism_sentence(corrected(toy_report, [0.4] + [0.6 / 33] * 33)) == (
        "Rank 1 scores 87.3 % on validation; corrected for having been chosen among 34 trials on the same 600 images: "
        "86.1 % [83.2, 88.7]."
    )


def test_a_single_candidate_was_not_chosen(toy_report: Report, study_record: StudyMaker) -> None:
    assert optimism_sentence(corrected(toy_report, [1.0])) == ""
    assert optimism_sentence(gather_report(study_record(), [])) == ""


def test_rivals_are_named_by_how_often_they_would_be_chosen(toy_report: Report) -> None:
    # Ranks 1, 2, 3, … are trials 18, 37, 26, …
    assert rivals_sentence(corrected(toy_report, [0.2, 0.5, 0.1, 0.1, 0.1])) == (
        "On resampled validation images rank 1 would have been trial 37 in 50 %, trial 18 in 20 %, trial 26 in 10 % "
        "and others in 20 % of the cases."
    )
    assert rivals_sentence(corrected(toy_report, [0.9, 0.1])) == (
        "On resampled validation images rank 1 would have been trial 18 in 90 % and trial 37 in 10 % of the cases."
    )


def test_rank_1_is_among_those_named_however_rarely_it_is_chosen(toy_report: Report) -> None:
    said = rivals_sentence(corrected(toy_report, [0.01, 0.3, 0.3, 0.39]))
    assert "trial 18 in 1 % and others in 30 %" in said


def test_a_choice_that_other_images_would_repeat_has_no_rivals(
    toy_report: Report, study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    assert rivals_sentence(corrected(toy_report, [0.996, 0.004])) == ""
    assert rivals_sentence(gather_report(study_record(), toy_trials)) == ""


# ---- the split -----------------------------------------------------------------------------------------------------


def folded(study: StudyRecord, validation: Mapping[str, int], **summary: object) -> StudyRecord:
    definition = json.loads(study.definition)
    definition["data"]["validation"] = validation
    counts = {"train": (0, 0), "validation": (617, 617), "test": (50, 50)}
    fields: dict[str, Any] = {"counts": counts, "fold_repeats": 1, **summary}
    data: DataSummary = replace(study.data, **fields)
    return replace(study, definition=json.dumps(definition), data=data)


def test_one_split_has_sides(toy_report: Report) -> None:
    assert split_sentence(toy_report) == "2,400 train · 600 validation · 300 test (sealed)"
    data = replace(toy_report.study.data, counts={"train": (90,), "validation": (10,), "test": ()}, groups=12)
    unsealed = replace(toy_report, study=replace(toy_report.study, data=data))
    assert split_sentence(unsealed) == "90 train · 10 validation, 12 sources kept whole"


def test_folds_validate_every_image_that_is_not_sealed(study_record: StudyMaker) -> None:
    once = gather_report(folded(study_record(), {"folds": 5}), [])
    assert split_sentence(once) == "1,234 in 5 folds (each image validated once) · 100 test (sealed)"
    counts = {"train": (3, 4), "validation": (40, 40), "test": ()}
    often = folded(study_record(), {"folds": 4, "repeats": 3}, counts=counts, fold_repeats=3)
    assert split_sentence(gather_report(often, [])) == (
        "80 in 4 folds (each image validated 3 times, over folds drawn anew) · 7 trained on only"
    )


# ---- the waterfall -------------------------------------------------------------------------------------------------


def test_the_reported_gap_is_set_against_the_clean_one() -> None:
    assert reported_gap_sentence(a_waterfall(CLEAN_GAP), "your configuration") == (
        "Of your configuration Keras would have reported 90.0 % on train and 79.0 % on validation, a gap of 11.0 "
        "points; measured clean it is 16.3."
    )
    nats = Waterfall(
        quantity="cross_entropy", reported_train=0.3, reported_validation=0.7, terms=(CLEAN_GAP,), steps={}
    )
    assert reported_gap_sentence(nats, "trial 3") == (
        "Of trial 3 Keras would have reported 0.300 on train and 0.700 on validation, a gap of 0.400 nats; measured "
        "clean it is 0.163."
    )


def test_terms_that_are_nothing_are_told_together() -> None:
    fall = a_waterfall(NO_DROPOUT, CLEAN_GAP, SAME_IMAGES)
    assert unchanged_sentence(fall) == "unchanged: no dropout · validation is logged clean"
    assert unchanged_sentence(a_waterfall(CLEAN_GAP)) == ""


def test_only_what_is_nothing_in_every_waterfall_is_told() -> None:
    dropped = replace(NO_DROPOUT, interval=interval(-0.04, -0.05, -0.03), unchanged="")
    both = (a_waterfall(NO_DROPOUT, CLEAN_GAP, SAME_IMAGES), a_waterfall(dropped, CLEAN_GAP, SAME_IMAGES))
    assert unchanged_sentence(*both) == "unchanged: validation is logged clean"


def test_a_reason_beside_a_number_is_not_nothing() -> None:
    mixed = Term(name="training_mode", interval=exactly(-0.03), unchanged="its parts were not measured")
    assert not is_nothing(a_waterfall(mixed), mixed)
    assert is_nothing(a_waterfall(SAME_IMAGES), SAME_IMAGES)


def test_the_order_of_switching_is_told_where_it_matters_more_than_noise() -> None:
    dropout = Term(name="dropout", interval=interval(-0.04, -0.05, -0.03), order=(-0.08, -0.04))
    augmentation = Term(name="augmentation", interval=interval(-0.01, -0.03, 0.01), order=(-0.02, 0.0))
    assert order_sentence(a_waterfall(dropout, augmentation)) == (
        "Switched off in another order: dropout −8.0 to −4.0."
    )
    assert order_sentence(a_waterfall(augmentation)) == ""


def test_amounts_are_points_or_nats() -> None:
    assert amount(a_waterfall(), 0.1234) == "12.3"
    assert amount(a_waterfall(quantity="cross_entropy"), 0.1234) == "0.123"


# ---- finalists, the test side, influence ---------------------------------------------------------------------------


def test_the_baseline_has_a_name_and_trials_have_numbers(toy_report: Report) -> None:
    assert trial_name(toy_report, 0) == "your configuration"
    assert trial_name(toy_report, 18) == "trial 18"
    assert trial_name(toy_report, 11) == "trial 11", "it failed, so it is not in the ranking"


def test_what_survives_is_told_of_the_baseline(full_report: Report, toy_report: Report) -> None:
    said = repeats_sentence(full_report)
    assert said.startswith("Over 5 repetitions on new splits trial 18 has a smaller gap (9.")
    assert "than your configuration" in said
    assert repeats_sentence(toy_report) == ""


def test_an_opening_is_dated_and_a_second_one_is_no_clean_test(full_report: Report) -> None:
    first, second = full_report.openings
    said = opening_sentence(full_report, first)
    assert said.startswith("Opened on 2026-11-23. On 300 sealed test images trial 18 scores 82.3 % [")
    assert said.endswith(").")
    assert opening_sentence(full_report, second).endswith(
        "All of these images had been looked at before: a choice may have followed that, so this is no clean test any "
        "more."
    )
    assert seen_sentence(first.result) == ""
    assert seen_sentence(replace(second.result, seen_before=12)).startswith("12 of these images had been looked at")


def a_bin(label: str, gap: float, validation: float) -> Bin:
    numbers = {"gap": exactly(gap), "validation": exactly(validation)}
    return Bin(label=label, low=0.0, high=1.0, centre=0.5, trials=5, **numbers)


def test_a_curve_is_told_by_its_ends_and_choices_by_their_extremes() -> None:
    bins = (a_bin("0 – 0.1", 0.12, 0.8), a_bin("0.2 – 0.5", 0.14, 0.82), a_bin("0.6 – 0.9", 0.05, 0.79))
    assert curve_sentence(Marginal(name="dropout", kind="number", log=False, bins=bins)) == (
        "From dropout 0 – 0.1 to 0.6 – 0.9 the mean gap goes from 12.0 to 5.0 points and mean validation accuracy from "
        "80.0 % to 79.0 %."
    )
    said = curve_sentence(Marginal(name="dropout", kind="choice", log=False, bins=bins))
    assert said.startswith("From dropout 0.2 – 0.5 to 0.6 – 0.9 the mean gap goes from 14.0 to 5.0 points")


def test_every_number_is_explained_in_whole_sentences() -> None:
    assert all(text[0].isupper() and text.endswith(".") for text in EXPLANATIONS.values())
    assert explained("predicted", "predicted").startswith("predicted: where the accuracy was expected")
    assert "epoch_lag" in TERM_LABELS


def test_weights_that_are_not_the_trials_are_said(full_report: Report) -> None:
    opening = full_report.openings[0]
    assert retrained_sentence(full_report, opening) == ""
    first, *rest = opening.record.results
    moved = replace(first, validation_accuracy=first.validation_accuracy - 0.02)
    changed = replace(opening, record=replace(opening.record, results=(moved, *rest)))
    was, now = (f"{100 * one.validation_accuracy:.1f} %" for one in (first, moved))
    said = retrained_sentence(full_report, changed)
    assert said.endswith(
        f"scores {now} on validation and not {was}: another machine or version has given other weights."
    )
    assert said in opening_sentence(full_report, changed)
