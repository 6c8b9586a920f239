"""`sweep diagnose`: the verdict on a study's baseline or a trial, from what is stored; loads no TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from sweep.diagnosis.remedy import refuted
from sweep.diagnosis.verdict import Outcome, judge, latest
from sweep.errors import UsageError
from sweep.records import Cause, Finding, StudyRecord
from sweep.report.diagnosis import Diagnosis
from sweep.report.gather import Report
from sweep.store.results import Database, open_database
from sweep.studyfile.definition import StudyDefinition
from sweep.workflow.masking import masks_of, unanswered
from sweep.workflow.reading import read_report
from sweep.workflow.trial_probing import probe_choice, probe_records, trained

__all__ = ["Diagnosis", "diagnose", "diagnose_opened"]

_NOT_LOOKED = "the data were not looked at: run the study again with check.on_run = true"
_NOT_TRAINED = "it takes short trainings, which a search does for the baseline at its end"
_OF_TRAININGS = (
    Cause.CAPACITY,
    Cause.BOTTLENECK,
    Cause.IDLE_DROPOUT,
    Cause.OVER_REGULARIZED,
    Cause.LEARNING_RATE,
    Cause.NOT_TRAINING,
    Cause.DISTORTION,
)


def diagnose(database: str | Path, *, study: str | None = None, trial: int | None = None) -> Diagnosis:
    """Name the causes of a trial's gap.

    Args:
        database: with the study.
        study: which one; the newest unless named.
        trial: its number; the baseline unless named.

    Raises:
        StoreError: the database is missing, foreign or newer, or holds no such study.
        UsageError: there is no such trial, or it has no measurement.
    """
    with open_database(database) as opened:
        return diagnose_opened(opened, opened.study(study), trial=trial)


def diagnose_opened(
    opened: Database, record: StudyRecord, *, trial: int | None = None, report: Report | None = None
) -> Diagnosis:
    """The same of an open database; errors as `diagnose`.

    Args:
        opened: the database.
        record: of the study.
        trial: its number; the baseline unless named.
        report: of the study, where it was read already.
    """
    definition = StudyDefinition.model_validate(json.loads(record.definition))
    report = report or read_report(opened, record)
    images = report.images
    baseline = next((one.number for one in report.trials if one.baseline and one.measurement is not None), None)
    number = baseline if trial is None else trial
    if number is None or number not in {one.number for one in report.trials}:
        raise UsageError(
            "--trial" if trial is not None else record.name,
            received=f"trial {trial}" if trial is not None else "a study whose baseline has no result yet",
            expected="a trial that has one",
            remedy="`sweep report` lists them" if trial is not None else "finish the study, or name one with --trial",
        )
    one = trained(report, images, definition, number)
    if one is None:
        raise UsageError(
            "--trial",
            received=f"trial {number}, which has no measurement",
            expected="a trial that was trained",
            remedy="`sweep report` lists them",
        )
    choice = [probe_choice(report)] if trial is None else []
    of_data = opened.findings(record.name, trial=None)
    masks = masks_of(of_data, num_classes=one.num_classes, harm=definition.check.harm)
    rounds = [*of_data, (*probe_records(one, masks), *choice), *opened.findings(record.name, trial=number)]
    found = unanswered(latest([_missing(choice), *rounds]), masks)
    proofs = opened.proofs(record.name, trial=number)
    verdict = judge(found, num_classes=one.num_classes, harm=definition.check.harm, refuted=refuted(proofs))
    told = [one.finding for one in (*verdict.having(Outcome.FOUND), *verdict.having(Outcome.REFUTED))]
    shown = {row for finding in told for exhibit in finding.exhibits for row in exhibit.images}
    shown |= {row for finding in told for row in finding.rows}
    name = report.baseline_name if number == baseline else "the configuration"
    return Diagnosis(
        study=record.name,
        number=number,
        subject=f"{name} (trial {number})",
        verdict=verdict,
        images={row: images[row] for row in sorted(shown)},
        proofs=proofs,
        num_classes=one.num_classes,
    )


def _missing(choice: Iterable[Finding]) -> tuple[Finding, ...]:
    """What is said of a cause of which nobody says more."""
    reasons = {cause: _NOT_TRAINED if cause in _OF_TRAININGS else _NOT_LOOKED for cause in Cause}
    if not choice:
        del reasons[Cause.BEST_OF_MANY]  # of the study, not of one of its trials
    return tuple(Finding.not_measured(cause, reason) for cause, reason in reasons.items())
