"""The terminal report: 80 columns, no colour when piped, and nothing in a name that the terminal obeys."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.cells import cell_len

from sweep.records import FailureRecord, ImageRecord, Split, StudyRecord, TrialRecord, UnreadableFile
from sweep.report.gather import Report, gather_report
from sweep.report.text import print_opening, print_text

StudyMaker = Callable[..., StudyRecord]
Images = tuple[tuple[ImageRecord, Split], ...]


def printed(report: Report, *, top: int | None = None, width: int = 80) -> str:
    file = io.StringIO()
    print_text(report, top=top, file=file, width=width)
    return file.getvalue()


def test_it_fits_eighty_columns(toy_report: Report) -> None:
    assert max(cell_len(line) for line in printed(toy_report, top=40).splitlines()) <= 80


def test_it_tells_data_split_baseline_ranking_and_sentence(toy_report: Report) -> None:
    text = printed(toy_report)
    flat = " ".join(text.split())
    assert toy_report.sentence in flat
    assert "toys: 3,300 images of 5 classes (ball, bear, car, duck, negative)" in flat
    assert "2,400 train · 600 validation · 300 test (sealed)" in flat
    assert "your configuration, trial 0, rank 26: train 95.5 %, validation 79.2 % [75.7, 82.2]" in flat
    assert "Tier 1: not significantly worse on validation than trial 18" in flat
    assert "Failed (2): the loss became NaN; try a lower learning_rate (trials 11, 23)" in flat


def test_a_row_shows_its_numbers_and_what_it_changes(toy_report: Report) -> None:
    lines = printed(toy_report).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(" 1="))
    assert " ".join(lines[at].split()) == "1= 18◇ 89.1 82.3 [79.1, 85.2] 6.7 [3.9, 10.0] −0.760 14/14 5.0 s"
    assert lines[at + 1].strip() == "dropout 0.636 · head_width 64 · l2 0.0047"


def test_rows_are_shown_up_to_a_limit_that_is_told(toy_report: Report) -> None:
    assert "22 more rows: --top 37 shows them" in printed(toy_report)
    everything = printed(toy_report, top=37)
    assert "more rows" not in everything
    assert "Tier 4: stopped early by the pruner" in everything
    assert "(also trials 30)" in everything


def test_another_order_has_no_tiers_but_a_warning(
    study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    text = printed(gather_report(study_record(), toy_trials, images=labelled_images, sort="gap"))
    assert "Tier 1" not in text
    assert "which misleads" in text


def test_no_colour_when_piped(toy_report: Report) -> None:
    assert "\x1b" not in printed(toy_report)


def test_no_color_is_honoured_in_a_terminal(toy_report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, plain = Terminal(), Terminal()
    print_text(toy_report, file=coloured, width=80)
    monkeypatch.setenv("NO_COLOR", "1")
    print_text(toy_report, file=plain, width=80)
    assert "\x1b[1;32m" in coloured.getvalue()
    assert "32m" not in plain.getvalue()


def test_hostile_names_stay_text(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]) -> None:
    names = ("[bold red]b[/bold red]", "\x1b]0;owned\x07", "\u202egnp.exe", "🧸👩‍👩‍👧", "x" * 200)
    failed = replace(
        toy_trials[11], failure=FailureRecord(kind="nan", reason="[link=file:///etc]\x1b[2Jbad[/link]", epoch=1)
    )
    study = study_record(
        name="[red]s[/red]",
        question=":smile: \x9b31m",
        class_names=names,
        unreadable=[UnreadableFile(path=name, reason=name) for name in names],
        notes=names,
    )
    text = printed(gather_report(study, [*toy_trials[:11], failed]))
    assert "[red]s[/red]" in text
    assert ":smile:" in text
    assert "[bold red]b[/bold red]" in text
    assert "[link=file:///etc]" in text
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)
    assert "x" * 60 in text


def test_an_unfinished_study_says_how_far_it_is(study_record: StudyMaker, toy_trials: tuple[TrialRecord, ...]) -> None:
    text = printed(gather_report(study_record(), toy_trials[:5]))
    assert "5 of 40 trials finished (5 complete)" in text


def test_a_study_without_a_result_is_no_error(study_record: StudyMaker) -> None:
    text = printed(gather_report(study_record(), []))
    assert "No trial has been measured yet." in text
    assert "your configuration has no result yet" in text
    assert "rank" not in text


def test_everything_at_once_fits_eighty_columns(full_report: Report) -> None:
    text = printed(full_report, top=40)
    assert max(cell_len(line) for line in text.splitlines()) <= 80
    assert text.index("Tier 1") < text.index("Rank 1's score") < text.index("Sealed test side") < text.index("Failed")


def test_columns_give_way_where_there_is_no_room(toy_report: Report) -> None:
    narrow = printed(toy_report, width=72)
    assert max(cell_len(line) for line in narrow.splitlines()) <= 72
    header = next(line for line in narrow.splitlines() if line.lstrip().startswith("#"))
    assert header.split()[-2:] == ["J", "epoch"], "the time is on the page"


def test_the_pareto_front_is_marked_and_explained(toy_report: Report) -> None:
    text = printed(toy_report, top=40)
    assert len(re.findall(r"\d◇", text)) == sum(row.pareto for row in toy_report.rows) > 0
    assert "◇: no eligible trial has both" in " ".join(text.split())


def test_balanced_accuracy_stands_in_the_row_where_classes_are_unequal(
    toy_report: Report, toy_trials: tuple[TrialRecord, ...], labelled_images: Images
) -> None:
    counts = {**toy_report.study.data.counts, "validation": (200, 100, 100, 100, 100)}
    study = replace(toy_report.study, data=replace(toy_report.study.data, counts=counts))
    text = printed(gather_report(study, toy_trials, images=labelled_images))
    # The labels are equally many of each class after all, so the mean of the classes is the mean of the images.
    assert "balanced 82.3 [" in text
    assert "balanced: mean of the classes' own validation accuracies" in " ".join(text.split())
    assert "balanced" not in printed(toy_report)


def test_an_opening_can_be_printed_alone(full_report: Report) -> None:
    file = io.StringIO()
    print_opening(full_report, full_report.openings[0], file=file, width=80)
    assert file.getvalue().startswith("Sealed test side, opened on 2026-11-23: 300 images\n")
    assert "Rank 1's score" not in file.getvalue()


def test_it_begins_with_the_verdict_and_where_there_is_more(
    toy_report: Report, diagnosed_report: Report, study_record: StudyMaker
) -> None:
    verdict, more, blank, *rest = printed(diagnosed_report, width=200).splitlines()
    assert verdict == (
        "Verdict on your configuration (trial 0): leak: 30 of 600 validation images have a copy in training. "
        "Then: class-bias."
    )
    assert (more, blank) == ("more: sweep diagnose study.db", "")
    assert rest[0].startswith("toys · 37 of 40 trials finished")
    assert max(cell_len(line) for line in printed(diagnosed_report).splitlines()) <= 80
    assert printed(toy_report).startswith("No verdict: the causes of the gap were not looked for.\n`sweep diagnose` ")
    assert printed(gather_report(study_record(), [])).startswith("No verdict yet: your configuration has no result.\n")


def test_a_name_in_the_verdict_is_no_command_to_the_terminal(
    diagnosed_report: Report, with_summary: Callable[[Report, str], Report]
) -> None:
    text = printed(with_summary(diagnosed_report, "[red]x[/red]\x1b[31m\u202eabc"), width=200)
    assert "leak: [red]x[/red]�[31m�abc. Then: class-bias." in text
