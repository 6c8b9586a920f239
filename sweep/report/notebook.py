"""What a notebook shows of a study or of a comparison: a little HTML, every name in it escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from sweep.diagnosis.ranking import RankedTrial
from sweep.report.fields import varying_fields
from sweep.report.gather import Report
from sweep.report.sentences import diagnosis_sentences, row_name
from sweep.report.wording import bounds, nats, percent, plain, setting, with_bounds

__all__ = ["preformatted", "study_html"]

_ROWS = 10


def study_html(report: Report) -> str:
    """The verdict, what the study says of the baseline and rank 1, and the first ten rows with the baseline's."""
    fields = varying_fields(report)
    header = ["", "trial", "train", "validation", "gap, points", "J", *fields]
    rows = [row for row in report.ranking.rows if row.rank <= _ROWS or row.baseline]
    table = _table(header, (_cells(report, row, fields) for row in rows)) if rows else ""
    more = len(report.ranking.rows) - len(rows)
    left_out = f"<p>{more:,} more rows: <code>.ranking()</code> has them all.</p>" if more > 0 else ""
    verdict, _ = diagnosis_sentences(report)
    heading = f"{len(report.trials):,} trials of study {plain(report.study.name, 60)}"
    said = [f"<p><b>{escape(heading)}</b></p>", f"<p>{escape(verdict)}</p>", f"<p>{escape(report.sentence)}</p>"]
    return "".join((*said, table, left_out))


def preformatted(lines: Iterable[str]) -> str:
    """Lines for a terminal as they are; long ones are folded by the browser."""
    return f'<pre style="white-space: pre-wrap">{escape(chr(10).join(lines))}</pre>'


def _cells(report: Report, row: RankedTrial, fields: Iterable[str]) -> list[str]:
    parameters = report.parameters(row)
    return [
        f"{row.rank}{' =' if row.tied else ''}",
        row_name(report, row) if row.baseline else str(row.number),
        percent(row.measurement.train_accuracy),
        f"{percent(row.validation.estimate)} {bounds(row.validation)}",
        with_bounds(row.gap),
        nats(row.trial.objective),
        *(setting(parameters[name]) for name in fields),
    ]


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(plain(cell, 40))}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
