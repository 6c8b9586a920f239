"""The ranking for machines and documents: rows are made once and written as JSON, CSV or Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, Literal, get_args

from sweep.diagnosis.ranking import SORT_NOTES, RankedTrial
from sweep.records import Scalar, TrialRecord
from sweep.report.document import render_json
from sweep.report.gather import Report
from sweep.report.rows import flat_row, report_row, trial_row
from sweep.report.sentences import (
    EXPLANATIONS,
    diagnosis_sentences,
    explained,
    opening_sentence,
    optimism_sentence,
    repeats_sentence,
    rivals_sentence,
)
from sweep.report.wording import bounds, nats, percent, plain, setting, with_bounds

__all__ = ["TableFormat", "render_table"]

TableFormat = Literal["json", "csv", "markdown"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_table(report: Report, form: TableFormat, *, top: int | None = None) -> str:
    """The ranking as text of that format, ending with a line break.

    Args:
        report: its rows in its order.
        form: "json" carries the whole report (`report.schema.json` describes it), "markdown" the ranking, "csv" the
            ranking and under it the trials that have no place in it: those that run, failed or repeat another one.
        top: only the first rows of the ranking.

    Raises:
        ValueError: there is no such format.
    """
    if form not in get_args(TableFormat):
        raise ValueError(f"no such format: {form!r}")
    rows = report.rows[:top]
    if form == "json":
        return render_json(report, rows)
    return _csv(report, rows, ranked_only=top is not None) if form == "csv" else _markdown(report, rows)


def _csv(report: Report, rows: Sequence[RankedTrial], *, ranked_only: bool) -> str:
    """A row a trial, numbers in full; the fields that were not swept stand at the right."""
    table = [{**flat_row(report_row(report, row)), **_settings(report, row.trial)} for row in rows]
    placed = {row.number for row in report.rows}
    others = [trial for trial in report.trials if trial.number not in placed and not ranked_only]
    table += [_unranked(report, trial) for trial in others]
    columns = dict.fromkeys(name for row in table for name in row) or {"rank": None}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_no_formula, columns))
    writer.writerows([_no_formula(row.get(name)) for name in columns] for row in table)
    # A file name that is no valid UTF-8 holds lone surrogates, which cannot be printed.
    return text.getvalue().encode("utf-8", "backslashreplace").decode("utf-8")


def _unranked(report: Report, trial: TrialRecord) -> dict[str, Any]:
    """A trial that runs, failed or repeats another one, in the columns of the ranking."""
    said = trial_row(trial)
    reason = f"repeats trial {trial.duplicate_of}" if trial.duplicate_of is not None else ""
    if trial.failure is not None:
        reason = trial.failure.reason
    swept = {name: trial.configuration.get(name, trial.parameters.get(name)) for name in report.swept}
    known = {name: said[name] for name in ("trial", "baseline", "state")}
    return {**flat_row({**known, "reason": reason, "parameters": swept}), **_settings(report, trial)}


def _settings(report: Report, trial: TrialRecord) -> dict[str, Scalar]:
    return {f"configuration.{name}": value for name, value in trial.configuration.items() if name not in report.swept}


def _no_formula(value: object) -> object:
    """Spreadsheets take a text for a formula that begins like one: an apostrophe before it keeps it text.

    Source: OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _markdown(report: Report, rows: Sequence[RankedTrial]) -> str:
    balanced = ["balanced"] * report.unequal
    header = ["rank", "tier", "trial", "train", "validation", *balanced, "gap (points)", "J", "epoch", "s"]
    header += ["gap narrowed", "validation gained"] * bool(report.ranking.changes)
    header += report.swept
    lines = [_line(header), "|" + "---|" * len(header)]
    for row in rows:
        measured = row.measurement
        cells = [
            f"{row.rank}{' =' if row.tied else ''}",
            str(int(row.tier)),
            f"{row.number}{' ◇' if row.pareto else ''}{' (baseline)' if row.baseline else ''}",
            percent(measured.train_accuracy),
            f"{percent(row.validation.estimate)} {bounds(row.validation)}",
            *(["–" if row.balanced is None else with_bounds(row.balanced)] * report.unequal),
            with_bounds(row.gap),
            nats(row.trial.objective),
            f"{measured.selected_epoch}/{measured.epochs_run}",
            f"{measured.seconds:.1f}",
            *_changed(report, row),
            *(setting(value) for value in report.parameters(row).values()),
        ]
        lines.append(_line(cells))
    return "\n".join([*_verdict(report), *lines, *(f"\n{plain(note)}" for note in _notes(report) if note)]) + "\n"


def _changed(report: Report, row: RankedTrial) -> list[str]:
    """What a row did against the baseline, in points; nothing at all where no row can be compared with one."""
    changes = report.ranking.changes
    if row.number in changes:
        return [with_bounds(changes[row.number].gap_narrowed), with_bounds(changes[row.number].accuracy_gained)]
    return ["–", "–"] * bool(changes)


def _verdict(report: Report) -> Iterator[str]:
    """The verdict in a paragraph above the table, what its sentence quotes of names being no markup."""
    sentence, more = diagnosis_sentences(report)
    yield f"{_escaped(sentence)} ({_escaped(more)})"
    yield ""


def _notes(report: Report) -> Iterator[str]:
    yield report.sentence
    yield SORT_NOTES[report.sort]
    yield f"{optimism_sentence(report)} {rivals_sentence(report)}".strip()
    yield repeats_sentence(report)
    yield from (opening_sentence(report, opening) for opening in report.openings)
    yield from report.ranking.notes
    if any(row.pareto for row in report.rows):
        yield f"◇ {EXPLANATIONS['pareto']}"
    if report.unequal:
        yield explained("balanced", "balanced")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def _escaped(cell: str) -> str:
    """Names in it make neither a cell nor an element nor a link."""
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("](", "]\\(")
