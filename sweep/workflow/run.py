"""`sweep run`: from a study to finished trials in the database."""

from __future__ import annotations

import datetime
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sweep.progress import Progress, Silent
from sweep.records import DataSummary, StageRecord, StudyRecord
from sweep.search.runner import SearchOutcome, run_search
from sweep.search.schedule import check_schedule
from sweep.search.workers import Workers
from sweep.store.results import Database, open_database
from sweep.studyfile.difference import difference
from sweep.workflow.beside import NEEDS, check_workers, search_beside, share_cores
from sweep.workflow.conclude import conclude_study
from sweep.workflow.databases import check_kept
from sweep.workflow.hypermodel import Training, check_models, make_training
from sweep.workflow.opened import OpenedStudy, open_study
from sweep.workflow.prepare import PreparedData, prepare_data
from sweep.workflow.resolve import Overrides, ResolvedStudy, Study, resolve_study
from sweep.workflow.saving import FrozenPasses
from sweep.workflow.stages import TimedProgress
from sweep.workflow.trust import check_trust
from sweep.workflow.verdicts import look_before

__all__ = ["RunOutcome", "run_resolved", "run_study", "study_record"]

_RECORDED_PACKAGES = ("gapsweep", "keras", "keras-tuner", "numpy", "openvino", "optuna", "pillow", "tensorflow")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What one `sweep run` did; `lines` is what the terminal shows at its end.

    Attributes:
        database: where the results are, for showing.
        search: how the search ended.
        repeated: how many repetitions of the finalists there are, or "" where none was asked for.
        stages: wall time by stage.
        saved: what running the frozen part once has saved, as lines.
        verdict: on the baseline, in a sentence, or "" where none was asked for.
    """

    study: str
    database: str
    search: SearchOutcome
    repeated: str
    stages: tuple[StageRecord, ...]
    saved: tuple[str, ...]
    verdict: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The counts, where the time went, and what to type next."""
        found = self.search
        counts = f"{found.finished} finished ({found.pruned} of them pruned), {found.failed} failed"
        times = " · ".join(f"{stage.name} {stage.seconds:.1f} s" for stage in self.stages)
        return (
            f"study {self.study}: {counts}; {found.stopped_because}",
            *([self.repeated] if self.repeated else []),
            f"time: {times}",
            *self.saved,
            *([f"verdict: {self.verdict}"] if self.verdict else []),
            f"next: sweep report {shlex.quote(self.database)}",
        )


def run_study(  # noqa: PLR0913 - mirrors the options of the command line
    study: Study,
    *,
    trials: int | None = None,
    database: str | Path = "study.db",
    name: str | None = None,
    sets: Sequence[str] = (),
    spaces: Sequence[str] = (),
    seed: int | None = None,
    timeout: float | None = None,
    workers: int = 1,
    trust: bool = False,
    progress: Progress | None = None,
) -> OpenedStudy:
    """Search a study's space, or go on with it, and open the result.

    Args:
        study: a bundled study's name, a .toml file, a folder with one sub-folder per class, what a study file says as a
            mapping (`{"name": "mine", "data": {"source": "my-photos"}}`), or a checked definition.
        trials: the study's total, not one more batch; the study file's number by default.
        database: where the results land: a SQLite file, or the URL of a database on a server.
        name: another name for the study in the database.
        sets: overrides such as `"training.epochs=5"`.
        spaces: swept fields such as `"dropout=0.0:0.9"`.
        seed: of the search; the split has its own.
        timeout: seconds after which no further trial is started.
        workers: processes that search side by side. They import the script that calls this, which must therefore be
            guarded by `if __name__ == "__main__"`, as Python's `multiprocessing` asks for.
        trust: whether a hypermodel's code may be run; naming a .toml file of one's own implies it.
        progress: where to show the progress; nowhere by default.

    Raises:
        SweepError: the branch tells what is wrong, `errors.py`.
    """
    shown = progress or Silent()
    overrides = Overrides(sets=sets, spaces=spaces, trials=trials, seed=seed, name=name)
    resolved = resolve_study(study, overrides, shown)
    check_workers(workers)
    share_cores(workers)
    timed = TimedProgress(shown)
    run_resolved(resolved, database, timeout=timeout, workers=workers, trust=trust, progress=timed)
    return open_study(database, study=resolved.definition.name)


def run_resolved(
    resolved: ResolvedStudy,
    database: str | Path,
    *,
    timeout: float | None,
    progress: TimedProgress,
    workers: int = 1,
    trust: bool = False,
) -> RunOutcome:
    """Run a resolved study to its total of trials; arguments and errors are those of `run_study`.

    The progress keeps the times that are stored; it may have timed something before.
    """
    definition = resolved.definition
    check_workers(workers)
    check_trust(definition.model.hypermodel, trusted=trust or resolved.own_file, bundled=True)
    check_models(definition, resolved.base)
    check_schedule(definition)
    check_kept(database)
    with open_database(database, create=True) as opened:
        opened.check_definition(definition.name, definition.digest, definition.canonical_json(), difference)
        work = partial(search_beside, resolved, opened.location)
        with Workers(workers - 1, work, needs=NEEDS) as others:
            data, training = _prepare(resolved, opened, progress)
            look_before(resolved, data, training, opened, progress=progress)
            deadline = None if timeout is None else time.monotonic() + timeout
            passes = FrozenPasses(progress, training.wholly_frozen)
            progress.workers = workers
            search = run_search(
                definition=definition,
                database=opened,
                trainer=training.trainer,
                progress=others.begin(timeout, passes),
                timeout=timeout,
                candidates=training.candidates,
            )
        conclusion = conclude_study(
            resolved, data, training, opened, complete=search.complete, deadline=deadline, progress=progress
        )
        opened.save_stages(definition.name, progress.records)
    return RunOutcome(
        study=definition.name,
        database=opened.place,
        search=search,
        repeated=conclusion.repeated,
        stages=progress.records,
        saved=passes.lines(progress.records),
        verdict=conclusion.verdict,
    )


def _prepare(resolved: ResolvedStudy, opened: Database, progress: Progress) -> tuple[PreparedData, Training]:
    """Add the study to the database, and compute what all of its trials share."""
    data = prepare_data(resolved.definition, base=resolved.base, progress=progress)
    for note in data.summary.notes:
        progress.note(note)
    opened.add_study(study_record(resolved, data.summary), data.index, data.split)
    with progress.stage("loading", None, "model"):
        training = make_training(resolved.definition, data, base=resolved.base, progress=progress)
        for line in training.lines:
            progress.note(line)
    training.prepare()
    return data, training


def study_record(resolved: ResolvedStudy, summary: DataSummary) -> StudyRecord:
    """What a database keeps of a study that begins now."""
    definition = resolved.definition
    return StudyRecord(
        name=definition.name,
        definition=definition.canonical_json(),
        digest=definition.digest,
        data=summary,
        versions=_versions(),
        created=datetime.datetime.now(datetime.UTC),
        default_baseline=resolved.default_baseline,
        base=str(resolved.base.resolve()),
    )


def _versions() -> dict[str, str]:
    """Versions of what takes part in the numbers; a package that is not installed is left out."""
    found = {}
    for package in _RECORDED_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
