"""`sweep report`: a stored study becomes a ranking, tables and a page; loads no TensorFlow."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from sweep.diagnosis.ranking import Sort
from sweep.errors import StoreError
from sweep.records import StudyRecord, TrialRecord, TrialState
from sweep.report.gather import Report, gather_report
from sweep.report.page import render_page
from sweep.report.tables import render_table
from sweep.report.text import print_opening, print_text
from sweep.report.thinning import shown_rows
from sweep.search.drawn import drawn_space
from sweep.search.influence import Metric, importances
from sweep.store.results import Database, open_database
from sweep.studyfile.definition import StudyDefinition
from sweep.studyfile.ranges import written
from sweep.studyfile.space import FieldRange

__all__ = ["ReportFormat", "load_report", "print_holdout", "print_report", "read_report", "write_page"]

ReportFormat = Literal["table", "json", "csv", "markdown"]


def load_report(
    database: str | Path, *, study: str | None = None, sort: Sort = "tier", every_epoch: bool = False
) -> Report:
    """Read a study (the newest unless named) and rank it.

    Args:
        database: where it is.
        study: its name.
        sort: order of the rows.
        every_epoch: whether the trials come with their epochs; else the curves do that the page shows.

    Raises:
        StoreError: the database is missing, foreign, newer or holds no such study.
    """
    with open_database(database) as opened:
        return read_report(opened, opened.study(study), sort=sort, every_epoch=every_epoch)


def read_report(opened: Database, study: StudyRecord, *, sort: Sort = "tier", every_epoch: bool = False) -> Report:
    """Rank a study of an open database; arguments and errors as `load_report`."""
    trials = opened.trials(study.name, with_epochs=every_epoch)
    definition = StudyDefinition.model_validate(json.loads(study.definition))
    space = definition.space
    if definition.model.hypermodel:
        space = {**drawn_space(opened.distributions(study.name)), **space}
        study = _with_space(study, space)
    report = gather_report(
        study,
        trials,
        opened.validation_predictions(study.name),
        images=opened.images(study.name),
        repeats=opened.repeats(study.name),
        holdouts=opened.holdouts(study.name),
        importances=_influence(trials, space),
        sort=sort,
    )
    if every_epoch:
        return report
    return replace(report, epochs=opened.epochs(study.name, [row.number for row in shown_rows(report)]))


def print_report(report: Report, form: ReportFormat, *, top: int | None = None) -> None:
    """Print the ranking on stdout; `top` keeps the first rows only."""
    if form == "table":
        print_text(report, top=top)
    else:
        sys.stdout.write(render_table(report, form, top=top))


def print_holdout(report: Report) -> None:
    """Print the latest opening of the sealed test side on stdout; nothing where it was never opened."""
    for opening in report.openings[-1:]:
        print_opening(report, opening)


def write_page(report: Report, path: Path) -> Path:
    """Write the report as one self-contained HTML file."""
    try:
        path.write_text(render_page(report), encoding="utf-8")
    except OSError as error:
        raise StoreError(
            str(path),
            received=f"{error.strerror or error}",
            expected="a file that can be written",
            remedy="name another place with `--html FILE`",
        ) from error
    return path


def _with_space(study: StudyRecord, space: Mapping[str, FieldRange]) -> StudyRecord:
    """The study as if its file had named all that is swept, which is what a report shows."""
    definition = json.loads(study.definition)
    definition["space"] = {name: written(values) for name, values in space.items()}
    return replace(study, definition=json.dumps(definition))


def _influence(
    trials: tuple[TrialRecord, ...], space: Mapping[str, FieldRange]
) -> Mapping[str, Mapping[str, float]] | str:
    """What moves the gap and what moves validation, as far as it can be told; the reason where neither can.

    Of hyperparameters that some trials do not have, nothing is told: theirs would be a share of another whole.
    """
    drawn = [trial.parameters for trial in trials if trial.state is TrialState.COMPLETE and not trial.baseline]
    common = {name: values for name, values in space.items() if all(name in parameters for parameters in drawn)}
    found = [importances(trials, common, metric) for metric in get_args(Metric)]
    return {one.metric: one.shares for one in found if one.shares} or found[0].reason
