"""What `sweep export` is asked for, checked before TensorFlow is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sweep.diagnosis.ranking import RankedTrial
from sweep.errors import UsageError
from sweep.records import PredictionRecord, StudyRecord
from sweep.report.diagnosis import Diagnosis
from sweep.report.gather import Report
from sweep.store.results import Database, open_database
from sweep.studyfile.definition import Configuration, StudyDefinition
from sweep.workflow.again import check_base
from sweep.workflow.diagnose import diagnose_opened
from sweep.workflow.export_files import check_target, files_of
from sweep.workflow.reading import read_report
from sweep.workflow.trust import check_trust

__all__ = ["BEST", "ExportKind", "ExportRequest", "check_export"]

BEST = "best"


class ExportKind(StrEnum):
    """What is written."""

    KERAS = "keras"
    SAVED_MODEL = "savedmodel"
    TFLITE = "tflite"
    STUDY = "study"
    CODE = "code"

    @property
    def trained(self) -> bool:
        """Whether it holds weights."""
        return self not in (ExportKind.STUDY, ExportKind.CODE)


_OF_SUFFIX: Mapping[str, ExportKind] = {
    ".keras": ExportKind.KERAS,
    ".tflite": ExportKind.TFLITE,
    ".toml": ExportKind.STUDY,
    ".py": ExportKind.CODE,
}
_BESIDE: Mapping[ExportKind, tuple[str, ...]] = {
    ExportKind.STUDY: (),
    ExportKind.CODE: (".files.csv", ".backbone.keras"),
}
_BESIDE_MODEL = (".labels.txt", ".card.md")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExportRequest:
    """An export that can begin.

    Attributes:
        record, definition: of the study.
        report: of the study.
        row: of the trial in the ranking.
        stored: what the trial's weights said of the validation side; None where that was not stored.
        diagnosis: of the trial.
        kind: what is written.
        files: where to: the model, study file or code first, then what may lie beside it.
        all_data: whether it is trained on the validation side too.
    """

    record: StudyRecord
    definition: StudyDefinition
    report: Report
    row: RankedTrial
    stored: PredictionRecord | None
    diagnosis: Diagnosis
    kind: ExportKind
    files: tuple[Path, ...]
    all_data: bool

    @property
    def target(self) -> Path:
        """The model, study file or code."""
        return self.files[0]

    @property
    def configuration(self) -> Configuration:
        """Of the trial."""
        return self.definition.configuration(self.row.trial.parameters)

    @property
    def base(self) -> Path:
        """The folder that relative paths of the study start from."""
        return Path(self.record.base)


def check_export(
    database: str | Path,
    output: str | Path,
    *,
    study: str | None = None,
    trial: str = BEST,
    all_data: bool = False,
    form: str | None = None,
    force: bool = False,
    trust: bool = False,
) -> ExportRequest:
    """Find what can be found wrong without TensorFlow.

    Args:
        database: with the study.
        output: what to write; its suffix says what: .keras, .tflite, .toml or .py.
        study: which one; the newest unless named.
        trial: "best", which is rank 1, or a number.
        all_data: whether to train on the validation side too.
        form: "keras", "savedmodel" or "tflite"; what the suffix says unless given.
        force: whether files that are there are overwritten.
        trust: whether a hypermodel's code may be run because the database names it.

    Raises:
        UsageError: the output cannot be what is asked for or is there already, there is no such trial, the study's code
            is not trusted, or it has folds and thus no one model.
        StoreError: the database is missing, foreign or newer, or does not know where the study's images lie.
    """
    kind = _kind(Path(output), form)
    files = files_of(Path(output), _BESIDE.get(kind, _BESIDE_MODEL))
    check_target(files, force=force, folder=kind is ExportKind.SAVED_MODEL)
    with open_database(database) as opened:
        return _request(opened, opened.study(study), trial, kind, files, all_data=all_data, trust=trust)


def _request(
    opened: Database,
    record: StudyRecord,
    trial: str,
    kind: ExportKind,
    files: tuple[Path, ...],
    *,
    all_data: bool,
    trust: bool,
) -> ExportRequest:
    check_base(record)
    definition = StudyDefinition.model_validate(json.loads(record.definition))
    report = read_report(opened, record)
    _check_kind(kind, definition, report, all_data=all_data)
    if kind.trained:
        check_trust(definition.model.hypermodel, trusted=trust)
    row = _chosen(report, trial)
    return ExportRequest(
        record=record,
        definition=definition,
        report=report,
        row=row,
        stored=report.predictions.get(row.number),
        diagnosis=diagnose_opened(opened, record, trial=row.number, report=report),
        kind=kind,
        files=files,
        all_data=all_data,
    )


def _kind(output: Path, form: str | None) -> ExportKind:
    known = _OF_SUFFIX.get(output.suffix.lower())
    if form is None:
        if known is None:
            raise UsageError(
                "--output",
                received=f"{str(output)!r}, whose suffix says nothing",
                expected="a name that ends in .keras, .tflite, .toml or .py",
                remedy="write --output model.keras, or add --format savedmodel for a folder",
            )
        return known
    asked = ExportKind(form)
    if known is None and asked is not ExportKind.SAVED_MODEL:
        remedy = f"write --output {output.name}.{asked.value}"
    elif known in (None, asked):
        return asked
    else:
        remedy = "leave --format out, or give the output another name"
    raise UsageError(
        "--format",
        received=f"{asked.value} for {str(output)!r}",
        expected="a format and a name that fit each other",
        remedy=remedy,
    )


def _check_kind(kind: ExportKind, definition: StudyDefinition, report: Report, *, all_data: bool) -> None:
    place = f"study {report.study.name!r}"
    if all_data and not kind.trained:
        raise UsageError(
            "--all-data",
            received="it together with a file that holds no weights",
            expected="a model to be trained",
            remedy="leave it out, or write --output model.keras",
        )
    if not kind.trained and definition.model.hypermodel:
        raise UsageError(
            place,
            received=f"the hypermodel {definition.model.hypermodel}, whose configuration stands in its own code",
            expected="a study of settings, which can be written down",
            remedy="write --output model.keras, which trains it",
        )
    if report.folds and kind is not ExportKind.STUDY and not all_data:
        code = kind is ExportKind.CODE
        raise UsageError(
            place,
            received=f"{report.folds} folds, each of which trained a model of its own",
            expected="one training" if code else "one model",
            remedy="write --output study.toml" if code else "add --all-data: it is trained on every image not sealed",
        )


def _chosen(report: Report, trial: str) -> RankedTrial:
    """The row of a trial; that of the trial that it repeats where it is a duplicate."""
    rows = report.ranking.rows
    if trial == BEST:
        if report.ranking.leader is None:
            raise UsageError(
                f"study {report.study.name!r}",
                received="no configuration that is shown to beat the class frequencies",
                expected="one that deserves to be used",
                remedy="search on, or name a trial with --trial N" if rows else "run the study first",
            )
        return rows[0]
    for row in rows:
        if trial in map(str, (row.number, *row.duplicates)):
            return row
    raise UsageError(
        "--trial",
        received=repr(trial),
        expected=f"{BEST}, or the number of a trial that has a result",
        remedy="`sweep report` lists them",
    )
