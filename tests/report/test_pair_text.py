"""Two trials in words: which is better, whether that is shown, in 80 columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from sweep.records import Interval, StudyRecord, TrialRecord
from sweep.report.gather import Report, gather_report
from sweep.report.pair import Pair, Setting, gather_pair
from sweep.report.pair_text import pair_lines, pair_notes, pair_sentence

StudyMaker = Callable[..., StudyRecord]


@pytest.fixture(scope="module")
def pair(full_report: Report) -> Pair:
    """Of the baseline and rank 1."""
    return gather_pair((full_report, full_report.ranking.rows[25]), (full_report, full_report.ranking.rows[0]))


def test_the_sentence_says_who_is_better_and_by_how_much(pair: Pair) -> None:
    assert pair_sentence(pair) == (
        "Trial 18 is better on validation than your configuration: 3.2 points [0.9, 5.4] more accuracy and 0.146 nats "
        "[0.080, 0.213] less cross-entropy on the same images (p < 0.001), and its gap is smaller, by 9.6 points "
        "[7.3, 11.8]."
    )


def test_of_two_that_validation_cannot_tell_apart_the_smaller_gap_is_preferred(pair: Pair) -> None:
    comparison = replace(pair.found.comparison, gap_narrowed=Interval(estimate=-0.05, low=-0.08, high=-0.02))
    found = replace(pair.found, p_first_worse=0.4, p_second_worse=1.0, comparison=comparison)
    said = pair_sentence(replace(pair, found=found))
    assert said.startswith("Which is better on validation, your configuration or trial 18, is not shown: 3.2 points")
    assert "(p = 0.40); your configuration has the smaller gap, by 5.0 points [2.0, 8.0], which" in said
    assert said.endswith(", which makes it the one to prefer.")
    tied = replace(comparison, gap_narrowed=Interval(estimate=0.01, low=-0.02, high=0.04))
    said = pair_sentence(replace(pair, found=replace(found, comparison=tied)))
    assert said.endswith("; which of the gaps is smaller is not shown (1.0 points [−2.0, 4.0] between them).")


def test_who_is_better_may_have_the_wider_gap_and_measures_may_part(pair: Pair) -> None:
    comparison = replace(pair.found.comparison, gap_narrowed=Interval(estimate=-0.05, low=-0.08, high=-0.02))
    said = pair_sentence(replace(pair, found=replace(pair.found, comparison=comparison)))
    assert said.startswith("Trial 18 is better on validation than your configuration: ")
    assert said.endswith("; your configuration has the smaller gap, by 5.0 points [2.0, 8.0].")
    mixed = replace(pair.found, p_second_worse=0.01)
    said = pair_sentence(replace(pair, found=mixed))
    assert said.startswith(
        "Neither is better on validation: trial 18 has more accuracy, your configuration less cross-entropy; "
    )


def test_a_measure_that_points_the_other_way_is_left_out(pair: Pair) -> None:
    saved = Interval(estimate=-0.01, low=-0.1, high=0.08)
    found = replace(pair.found, comparison=replace(pair.found.comparison, cross_entropy_saved=saved))
    said = pair_sentence(replace(pair, found=replace(found, measures=("accuracy", "accuracy"))))
    assert ": 3.2 points [0.9, 5.4] more accuracy on the same images (p < 0.001), and its gap" in said


def test_its_tables_fit_80_columns(pair: Pair) -> None:
    lines = list(pair_lines(pair))
    sentences = {pair_sentence(pair), *pair_notes(pair)}
    assert sentences < set(lines)
    assert max(len(line) for line in lines if line not in sentences) <= 80
    assert lines[:2] == ["A: trial 0 (your configuration)", "B: trial 18"]
    text = "\n".join(lines)
    assert "validation, %  79.2 [75.7, 82.2]  82.3 [79.1, 85.2]          +3.2 [0.9, 5.4]" in text
    assert "Settings that differ\ndropout      0.5   0.636\nhead_width  none      64\n" in text
    assert "clean gap       16.3 [13.3, 19.8]    6.7 [3.9, 10.0]" in text
    assert "augmentation" not in text, "neither has any"
    assert "Recall by class" in text


def test_a_class_whose_change_is_shown_has_a_star(pair: Pair) -> None:
    first, *others = pair.recalls
    starred = replace(first, recall=replace(first.recall, p=0.01))
    lines = list(pair_lines(replace(pair, recalls=(starred, *others))))
    assert [line.split()[0] for line in lines if line.endswith("*")] == [first.name]
    assert "Recall by class, %; a star: the change is shown among all classes (Holm)" in lines
    untested = replace(first, recall=replace(first.recall, p=None))
    assert "Recall by class, %" in list(pair_lines(replace(pair, recalls=(untested,))))


def test_the_notes_tell_the_tests_and_who_was_chosen(pair: Pair) -> None:
    counts, chosen, _ = pair_notes(pair)
    assert counts.startswith(
        "Of 600 predictions both have 461 right, A alone 14, B alone 33, neither 92: p = 0.008 by "
    )
    assert "McNemar's exact test; cross-entropies by a paired t test: p < 0.001" in counts
    assert chosen.startswith("Trial 18 is rank 1, chosen among 33 trials by these very images")


def test_studies_are_named_and_names_stay_text(
    pair: Pair, study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]
) -> None:
    hostile = gather_report(study_record(name="a\x1b[31m\u202eb" + "x" * 200), toy_trials[:6])
    other = gather_pair(
        (pair.first.report, pair.first.row),
        (hostile, hostile.ranking.rows[0]),
        [Setting(field="data.image_size", first=160, second=96)],
    )
    lines = list(pair_lines(other))
    text = "\n".join(lines)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "Not compared image by image, since the images of one study are not stored" in text
    assert [line.split() for line in lines if line.startswith("data.")] == [["data.image_size", "160", "96"]]
    assert "your configuration of toys" in pair_sentence(other)
