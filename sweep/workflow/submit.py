"""`sweep submit`: a study put into a shared database, for workers to serve."""

from __future__ import annotations

import shlex
from pathlib import Path

from sweep.progress import Progress, Silent
from sweep.records import StudyRecord
from sweep.search.schedule import check_schedule
from sweep.store.results import open_database
from sweep.studyfile.difference import difference
from sweep.workflow.databases import check_kept
from sweep.workflow.hypermodel import check_models
from sweep.workflow.prepare import prepare_data
from sweep.workflow.resolve import ResolvedStudy
from sweep.workflow.run import study_record
from sweep.workflow.trust import check_trust

__all__ = ["submit_study"]


def submit_study(
    resolved: ResolvedStudy, database: str | Path, *, trust: bool = False, progress: Progress | None = None
) -> tuple[str, ...]:
    """Record a study, where its images lie and what is in them, and train nothing.

    One that is there already may be given a larger total.

    Args:
        resolved: the study.
        database: a path or a URL, made where it is missing.
        trust: whether a hypermodel's code may be run, which is loaded to see whether it can be.
        progress: where to show the reading of the images; nowhere by default.

    Returns:
        What was recorded, and what to type next.

    Raises:
        SweepError: as `run_study`, for what can be found wrong without training.
    """
    definition, shown = resolved.definition, progress or Silent()
    check_kept(database)
    check_trust(definition.model.hypermodel, trusted=trust or resolved.own_file, bundled=True)
    check_models(definition, resolved.base)
    check_schedule(definition)
    with open_database(database, create=True) as opened:
        opened.check_definition(definition.name, definition.digest, definition.canonical_json(), difference)
        data = prepare_data(definition, base=resolved.base, progress=shown)
        for note in data.summary.notes:
            shown.note(note)
        record = study_record(resolved, data.summary)
        opened.add_study(record, data.index, data.split)
        opened.optuna_storage()  # so that the workers need not all make its tables
        return _lines(record, len(data.index.images), definition.search.trials, opened.place)


def _lines(record: StudyRecord, images: int, trials: int, place: str) -> tuple[str, ...]:
    service = shlex.join(["sweep", "worker", record.name, "--storage", place])
    return (
        f"study {record.name}: {trials} trials wanted, on {images:,} images of {record.data.source} "
        f"(content {record.data.fingerprint[:12]}), whose relative paths start from {record.base}",
        f"next: {service}",
    )
