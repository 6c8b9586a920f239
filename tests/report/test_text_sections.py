"""The sections under the ranking: each only where there is something to say, and numbers that add up."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from sweep.records import ImageRecord, Split, StudyRecord, TrialRecord
from sweep.report.gather import Report, gather_report
from sweep.report.text_sections import opening_lines, sections

StudyMaker = Callable[..., StudyRecord]
Images = tuple[tuple[ImageRecord, Split], ...]


def texts(report: Report, *kinds: str) -> list[str]:
    return [line.text for line in sections(report) if not kinds or line.kind in kinds]


def below(report: Report, title: str) -> list[str]:
    """The lines of the section with that title."""
    lines = [*(line.text for line in sections(report)), ""]
    start = lines.index(title) + 1
    return lines[start : lines.index("", start)]


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def test_everything_has_its_section(full_report: Report) -> None:
    assert texts(full_report, "title") == [
        "Rank 1's score, corrected",
        "What the reported gap is made of, in points of accuracy",
        "The finalists, trained again",
        "What moves the gap",
        "Sealed test side, opened on 2026-11-23: 300 images",
        "Sealed test side, opened on 2026-11-26: 300 images",
    ]


def test_what_is_not_known_has_no_section(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]) -> None:
    assert texts(gather_report(study_record(), [])) == []
    blind = gather_report(study_record(), toy_trials)
    assert texts(blind, "title") == ["What the reported gap is made of, in points of accuracy"]


def test_tables_fit_eighty_columns(full_report: Report) -> None:
    assert max(map(len, texts(full_report, "header", "table", "title"))) <= 80


# ---- the waterfall -------------------------------------------------------------------------------------------------


def test_the_terms_printed_sum_to_the_gap_printed(full_report: Report) -> None:
    *terms, total = [line for line in below(full_report, WATERFALL) if line.startswith("  ") and "." in line]
    assert total.startswith("  = reported gap")
    for column in (0, 1):
        printed = [number(re.findall(NUMBER, line)[column]) for line in [*terms, total]]
        assert abs(sum(printed[:-1]) - printed[-1]) < 0.05 * len(printed) + 1e-9


WATERFALL = "What the reported gap is made of, in points of accuracy"
NUMBER = r"(?<=  )[−\d][\d.]*"  # an estimate: bounds stand behind one space or a bracket


def test_the_baseline_and_rank_1_stand_side_by_side(full_report: Report) -> None:
    lines = below(full_report, WATERFALL)
    assert lines[0].startswith("Of your configuration Keras would have reported 90.3 % on train")
    assert any(line.split() == ["your", "configuration", "rank", "1:", "trial", "18"] for line in lines)
    # Trial 0 drops half of its units, which costs 4 points by the fixture, ± 1.96 * 0.2.
    dropout = next(line for line in lines if line.startswith("  dropout"))
    assert "−4.0 [−4.4, −3.6]" in dropout
    assert "dropout: what dropout takes from the training numbers only." in lines
    assert "unchanged: no augmentation · no batch norm that trains · validation is logged on the same clean images" in (
        lines
    )


def test_a_baseline_that_is_rank_1_stands_alone(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    lines = below(gather_report(study_record(), toy_trials[:1], images=labelled_images), WATERFALL)
    assert any(line.split() == ["your", "configuration"] for line in lines)


def test_modes_that_were_not_measured_say_why(toy_report: Report) -> None:
    (said,) = [line for line in below(toy_report, WATERFALL) if line.startswith("training mode:")]
    assert said.endswith("which could not be told apart (its parts were not measured).")


# ---- finalists and influence ---------------------------------------------------------------------------------------


def test_finalists_have_a_line_each_and_a_sentence(full_report: Report) -> None:
    lines = below(full_report, "The finalists, trained again")
    assert [line[:22].strip() for line in lines[1:5]] == ["trial 18", "trial 37", "trial 26", "your configuration"]
    assert all(line.endswith("  5") for line in lines[1:5])
    assert lines[5].endswith("the order of trials 18, 37 and 26 among themselves is not shown.")


def test_a_single_repetition_shows_no_bounds(full_report: Report) -> None:
    once = {
        key: replace(one, repeats=1, gap=replace(one.gap, low=float("-inf"), high=float("inf")))
        for key, one in full_report.repeated.items()
    }
    lines = below(replace(full_report, repeated=once, survival=None), "The finalists, trained again")
    assert not any("inf" in line for line in lines)


def test_the_strongest_fields_have_their_curves(full_report: Report) -> None:
    lines = texts(full_report)
    start = lines.index("What moves the gap")
    assert lines[start + 1] == "The gap is moved most by dropout (52 %), validation most by l2 (44 %)."
    curves = {curve.name: curve for curve in full_report.marginals}
    for name in ("dropout", "l2"):
        assert any(line.split()[:2] == [name, "trials"] for line in lines[start:])
        for one in curves[name].bins:
            assert any(line.startswith(f"  {one.label} ") for line in lines[start:])
    assert not any(line.startswith("  head_width") for line in lines[start:])


def test_hostile_choices_stay_text(full_report: Report) -> None:
    curve = next(curve for curve in full_report.marginals if curve.name == "dropout")
    hostile = replace(curve, bins=(replace(curve.bins[0], label="\x1b[31m[red]" + "x" * 200),))
    lines = texts(replace(full_report, marginals=(hostile,)))
    assert not any("\x1b" in line for line in lines)
    assert any(line.startswith("  �[31m[red]xxx") and len(line) <= 80 for line in lines)


# ---- the sealed test side ------------------------------------------------------------------------------------------


def test_an_opening_has_a_line_a_configuration_and_a_line_a_difference(full_report: Report) -> None:
    lines = [line.text for line in opening_lines(full_report, full_report.openings[0])]
    assert lines[0] == "Sealed test side, opened on 2026-11-23: 300 images"
    # 247 of 300 images: 82.3 %, Wilson's interval, between 82.3 ± 5 points as the fixture foretold.
    assert lines[2].split() == ["trial", "18,", "rank", "1", "82.3", "[77.6,", "86.2]", "inside", "[77.3,", "87.3]"]
    assert lines[3].endswith("–")
    # Nine images right in one and wrong in the other, none the other way round: p = 2 / 2**9, the second smallest of
    # three and so doubled by Holm.
    assert "trial 18 − your configuration: +3.0 points [0.9, 5.1], p = 0.008, Holm over 3" in lines
    assert lines[-1].startswith("predicted: where the accuracy was expected to fall")


def test_a_score_outside_its_prediction_is_named(full_report: Report) -> None:
    first = full_report.openings[0]
    high = replace(first.result.scores[0], predicted=(0.9, 0.95))
    low = replace(first.result.scores[0], predicted=(0.7, 0.75))
    opening = replace(first, result=replace(first.result, scores=(high, low), comparisons=()))
    lines = [line.text for line in opening_lines(full_report, opening)]
    assert lines[2].endswith("below [90.0, 95.0]")
    assert lines[3].endswith("above [70.0, 75.0]")


@pytest.mark.parametrize(("shown", "end"), [(True, "p = 0.20"), (False, "p = 0.20: no difference shown")])
def test_a_lone_comparison_needs_no_holm(full_report: Report, shown: bool, end: str) -> None:
    first = full_report.openings[0]
    one = replace(first.result.comparisons[0], p_adjusted=0.2, shown=shown)
    opening = replace(first, result=replace(first.result, comparisons=(one,)))
    lines = [line.text for line in opening_lines(full_report, opening)]
    assert any(line.endswith(end) for line in lines)
