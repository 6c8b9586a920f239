"""`sweep compare`: two trials, or two studies' first ones, side by side; loads no TensorFlow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep.diagnosis.ranking import RankedTrial
from sweep.errors import UsageError
from sweep.records import Scalar, StudyRecord
from sweep.report.gather import Report
from sweep.report.notebook import preformatted
from sweep.report.pair import Pair, Setting, gather_pair
from sweep.report.pair_document import pair_values
from sweep.report.pair_text import pair_lines, pair_sentence
from sweep.report.wording import plain
from sweep.store.results import Database, open_database
from sweep.studyfile.difference import difference
from sweep.workflow.reading import read_report

__all__ = ["Compared", "compare", "compare_within"]

_APART = ("data.", "space.", "search.")  # a trial's own configuration says what [model] and [training] are


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Compared:
    """Two trials side by side; a notebook shows what the terminal does."""

    pair: Pair

    def __repr__(self) -> str:
        return f"Compared({self.pair.first.name!r}, {self.pair.second.name!r})"

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        return preformatted(self.lines)

    @property
    def sentence(self) -> str:
        """Which is better on validation, which has the smaller gap, and whether that is shown."""
        return pair_sentence(self.pair)

    @property
    def lines(self) -> tuple[str, ...]:
        """What the terminal shows."""
        return tuple(pair_lines(self.pair))

    @property
    def plain(self) -> dict[str, Any]:
        """The same as plain values."""
        return pair_values(self.pair)


def compare(database: str | Path, first: str | int, second: str | int, *, study: str | None = None) -> Compared:
    """Compare two trials of a study, or the rank 1 of two studies.

    Args:
        database: with the study or the studies.
        first: a trial's number, "best", "baseline", or the name of a study, which stands for its rank 1.
        second: likewise; positive changes are better for it.
        study: whose trials numbers, "best" and "baseline" are; the newest unless named.

    Raises:
        StoreError: the database is missing, foreign or newer, or holds no such study.
        UsageError: there is no such trial or study, it has no result, or both are the same trial.
    """
    with open_database(database) as opened:
        own, names = opened.study(study), {record.name for record in opened.studies()}
        records = [_record_of(opened, one, own, names) for one in (first, second)]
        reports = {record.name: read_report(opened, record) for record in {one.name: one for one in records}.values()}
    one, other = (
        (reports[record.name], _row(reports[record.name], reference if _is_trial(reference) else "best"))
        for record, reference in zip(records, (first, second), strict=True)
    )
    return _compared(one, other)


def compare_within(report: Report, first: str | int, second: str | int) -> Compared:
    """Compare two trials of a report: numbers, "best" or "baseline"; errors as `compare`."""
    return _compared((report, _row(report, first)), (report, _row(report, second)))


def _compared(first: tuple[Report, RankedTrial], second: tuple[Report, RankedTrial]) -> Compared:
    if first[0] is second[0] and first[1] is second[1]:
        raise UsageError(
            first[0].study.name,
            received=f"trial {first[1].number} twice",
            expected="two trials that differ",
            remedy="name another one; `sweep report` lists them",
        )
    definitions = (first[0].study.definition, second[0].study.definition)
    settings = () if first[0] is second[0] else _study_settings(*definitions)
    return Compared(pair=gather_pair(first, second, settings))


# ---- what A and B name ---------------------------------------------------------------------------------------------


def _is_trial(reference: str | int) -> bool:
    return isinstance(reference, int) or reference in ("best", "baseline") or reference.isdecimal()


def _record_of(opened: Database, reference: str | int, own: StudyRecord, names: set[str]) -> StudyRecord:
    """The study that a reference is about; numbers, "best" and "baseline" win over studies of such names."""
    if _is_trial(reference):
        return own
    if reference not in names:
        known = ", ".join(sorted(plain(name, 40) for name in names))
        raise UsageError(
            plain(str(reference), 60),
            received="neither a trial nor a study",
            expected=f"a trial's number, best, baseline, or one of the studies {known}",
            remedy="`sweep report` lists the trials",
        )
    return opened.study(str(reference))


def _row(report: Report, reference: str | int) -> RankedTrial:
    """The row of the ranking; a trial that repeats another one has that one's."""
    ranking = report.ranking
    if reference == "best":
        row = ranking.best
    elif reference == "baseline":
        row = ranking.baseline
    else:
        rows = {number: row for row in ranking.rows for number in (row.number, *row.duplicates)}
        row = rows.get(int(reference)) if _is_trial(reference) else None
    if row is None:
        name = f"trial {reference}" if _is_trial(reference) and str(reference).isdecimal() else str(reference)
        raise UsageError(
            plain(report.study.name, 60),
            received=f"{plain(name, 60)}, which has no result",
            expected="a trial that was trained",
            remedy="`sweep report` lists them",
        )
    return row


def _study_settings(first: str, second: str) -> tuple[Setting, ...]:
    """Where two definitions differ outside the configuration, with their values."""
    documents = [json.loads(definition) for definition in (first, second)]
    found = []
    for name in difference(first, second):
        if name.startswith(_APART):
            table, field = name.split(".", 1)
            values = (_scalar(document.get(table, {}).get(field)) for document in documents)
            found.append(Setting(field=name, first=next(values), second=next(values)))
    return tuple(found)


def _scalar(value: object) -> Scalar | None:
    """A value of a definition; lists and tables as JSON."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else json.dumps(value)
