"""The report in a terminal: readable at 80 columns, without colour when piped or where NO_COLOR is set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TextIO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from sweep.diagnosis.ranking import SORT_NOTES, RankedTrial
from sweep.diagnosis.tiers import Tier
from sweep.records import Split
from sweep.report.gather import Opening, Report
from sweep.report.sentences import diagnosis_sentences, progress_sentence, split_sentence
from sweep.report.text_sections import Line, opening_lines, sections
from sweep.report.wording import bounds, duration, nats, objective_meaning, percent, plain, points, setting, with_bounds

__all__ = ["print_opening", "print_text"]

ROWS_SHOWN = 15
_HEADER = ("#", "trial ", "train", "validation", "gap", "J", "epoch", "time")
_LEAST_COLUMNS = 6  # without epoch and time, which give way first
_PARETO = "◇"
_LABEL_WIDTH = 10
_LINE_STYLES = {"title": "bold", "header": "underline", "aside": "dim"}
_TIER_STYLES = {Tier.LEADING: "bold green", Tier.BEHIND: "bold", Tier.NOT_TRAINED: "bold magenta", Tier.PRUNED: "bold"}


def print_text(report: Report, *, top: int | None = None, file: TextIO | None = None, width: int | None = None) -> None:
    """Print the report.

    Args:
        report: what to print.
        top: rows of the ranking; the first 15 where it is None.
        file: stdout where it is None.
        width: columns; the terminal's, or 80 when piped, where it is None.
    """
    console = _console(file, width)
    ranking = (*_ranking(report, top, console.width), *_legend(report))
    for part in (*_verdict(report), *_head(report), *ranking, *map(_rendered, sections(report)), *_failures(report)):
        console.print(part)


def print_opening(report: Report, opening: Opening, *, file: TextIO | None = None, width: int | None = None) -> None:
    """Print one opening of the sealed test side; arguments as `print_text`."""
    console = _console(file, width)
    for line in opening_lines(report, opening):
        console.print(_rendered(line))


def _console(file: TextIO | None, width: int | None) -> Console:
    # Names of files and classes are untrusted: everything is printed as `Text`, so markup in them stays text.
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def _rendered(line: Line) -> RenderableType:
    return Text(line.text, style=_LINE_STYLES.get(line.kind, ""))


def _verdict(report: Report) -> Iterator[RenderableType]:
    sentence, more = diagnosis_sentences(report)
    yield Text(sentence, style="bold")
    yield Text(more, style="dim")
    yield Text()


def _head(report: Report) -> Iterator[RenderableType]:
    yield Text(plain(report.study.name), style="bold") + Text(f" · {progress_sentence(report)}")
    if report.question:
        yield Text(plain(report.question), style="italic")
    yield Text()
    yield Text(report.sentence, style="bold")
    yield Text()
    yield _labelled("Data", _data(report))
    yield _labelled("Split", split_sentence(report))
    for note in report.study.data.notes:
        yield _labelled("", plain(note))
    unreadable = report.study.data.unreadable
    if unreadable:
        files = "1 file" if len(unreadable) == 1 else f"{len(unreadable)} files"
        yield _labelled("", f"{files} could not be read, the first: {_unreadable(report)}")
    yield _labelled("Baseline", _baseline(report))
    if report.fixed:
        fixed = " · ".join(f"{name} {setting(value)}" for name, value in report.fixed.items())
        yield _labelled("Search", f"every trial but the baseline has {fixed}")


def _ranking(report: Report, top: int | None, width: int) -> Iterator[RenderableType]:
    yield Text()
    shown = report.rows[: ROWS_SHOWN if top is None else top]
    if not shown:
        return
    cells = _aligned([_cells(row) for row in shown])
    widths = _fitting([max(map(len, column)) for column in zip(_HEADER, *cells, strict=True)], width)
    yield Text(_line(_HEADER, widths), style="bold underline")
    numbered = list(zip(shown, cells, strict=True))
    if report.sort == "tier":
        for tier, members in groupby(numbered, key=lambda pair: pair[0].tier):
            yield Text(_tier_title(report, tier), style=_TIER_STYLES[tier])
            yield from _rows(report, members, widths)
    else:
        yield from _rows(report, numbered, widths)
        yield Text(SORT_NOTES[report.sort], style="italic")
    hidden = len(report.rows) - len(shown)
    if hidden:
        yield Text(f"{hidden} more rows: --top {len(report.rows)} shows them, and so does the page.", style="dim")


def _rows(
    report: Report, members: Iterable[tuple[RankedTrial, Sequence[str]]], widths: Sequence[int]
) -> Iterator[RenderableType]:
    for row, cells in members:
        yield Text(_line(cells, widths), style="bold" if row.rank == 1 else "")
        yield Padding(Text(_difference(report, row), style="dim"), (0, 0, 0, 6), expand=False)


def _legend(report: Report) -> Iterator[RenderableType]:
    if report.rows:
        yield Rule(style="dim", characters="─")
        yield Text(" ".join(_explanations(report)), style="dim")
    for note in report.ranking.notes:
        yield Text(note)


def _explanations(report: Report) -> Iterator[str]:
    yield (
        "train, validation: clean accuracy in %, at the epoch kept. gap: train − validation in points. [ ]: 95 % "
        f"interval, from the validation side alone. J: {objective_meaning(report.definition.get('search', {}))}."
    )
    if any(row.balanced for row in report.rows):
        yield "balanced: mean of the classes' own validation accuracies in %."
    if any(row.tied for row in report.rows):
        yield "=: gap not distinguishable from rank 1's."
    if any(row.pareto for row in report.rows):
        yield f"{_PARETO}: no eligible trial has both a lower validation cross-entropy and a smaller gap in it."


def _failures(report: Report) -> Iterator[RenderableType]:
    if report.failures:
        yield Text()
    for failure in report.failures:
        listed = ", ".join(map(str, failure.numbers[:10])) + (" …" if len(failure.numbers) > 10 else "")
        named = f"trial{'s' if len(failure.numbers) > 1 else ''} {listed}"
        yield Text(f"Failed ({len(failure.numbers)}): {plain(failure.reason, 200)} ({named})", style="red")


def _cells(row: RankedTrial) -> tuple[str, ...]:
    measured = row.measurement
    return (
        f"{row.rank}{'=' if row.tied else ' '}",
        f"{row.number}{_PARETO if row.pareto else ' '}",
        points(measured.train_accuracy),
        points(row.validation.estimate),
        bounds(row.validation),
        points(row.gap.estimate),
        bounds(row.gap),
        nats(row.trial.objective),
        f"{measured.selected_epoch}/{measured.epochs_run}",
        duration(measured.seconds),
    )


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Join estimates with their bounds, the estimates standing under each other."""
    validation, gap = (max(len(row[column]) for row in rows) for column in (4, 6))
    return [
        (*row[:3], f"{row[3]} {row[4].ljust(validation)}", f"{row[5]} {row[6].ljust(gap)}", *row[7:]) for row in rows
    ]


def _fitting(widths: Sequence[int], available: int) -> Sequence[int]:
    """The widths of as many columns as fit."""
    count = len(widths)
    while count > _LEAST_COLUMNS and sum(widths[:count]) + 2 * (count - 1) > available:
        count -= 1
    return widths[:count]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=False))


def _difference(report: Report, row: RankedTrial) -> str:
    """What a row changes of the baseline, and who shares it."""
    settings = " · ".join(f"{name} {setting(value)}" for name, value in report.changed(row).items())
    text = report.baseline_name if row.baseline else settings or "as the baseline"
    if row.balanced is not None:
        text = f"balanced {with_bounds(row.balanced)} · {text}"
    return text + (f" (also trials {', '.join(map(str, row.duplicates))})" if row.duplicates else "")


def _tier_title(report: Report, tier: Tier) -> str:
    leader = report.ranking.leader
    meaning = tier.meaning.replace("the leader", f"trial {leader}") if leader is not None else tier.meaning
    return f"Tier {tier}: {meaning}"


def _labelled(label: str, text: str) -> RenderableType:
    """A paragraph whose further lines start under its text, not under its label."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=_LABEL_WIDTH - 1, style="bold")
    grid.add_column(overflow="fold")
    grid.add_row(Text(label), Text(text))
    return grid


def _data(report: Report) -> str:
    data = report.study.data
    names = ", ".join(plain(name, 24) for name in data.class_names[:6])
    more = ", …" if len(data.class_names) > 6 else ""
    total = sum(data.images(side) for side in Split)
    return f"{plain(data.source)}: {total:,} images of {len(data.class_names)} classes ({names}{more})"


def _unreadable(report: Report) -> str:
    first = report.study.data.unreadable[0]
    return f"{plain(first.path, 60)} ({plain(first.reason, 60)})"


def _baseline(report: Report) -> str:
    row = report.ranking.baseline
    if row is None:
        return f"{report.baseline_name} has no result yet"
    train, validation, gap = percent(row.measurement.train_accuracy), row.validation, row.gap
    return (
        f"{report.baseline_name}, trial {row.number}, rank {row.rank}: train {train}, validation "
        f"{percent(validation.estimate)} {bounds(validation)}, gap {points(gap.estimate)} points {bounds(gap)}"
    )
