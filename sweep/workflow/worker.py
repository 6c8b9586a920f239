"""`sweep worker`: a process that serves the studies of a shared database, on whatever machine it runs."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sweep.errors import StoreError, SweepError, UsageError
from sweep.progress import Progress
from sweep.records import Split, StudyRecord
from sweep.search.runner import HEARTBEAT_SECONDS, SearchOutcome, run_search
from sweep.search.standing import study_standing
from sweep.store.address import parse_address
from sweep.store.claims import claimed
from sweep.store.results import Database, open_database
from sweep.studyfile.definition import StudyDefinition
from sweep.workflow.again import check_base, made_ready, same_images
from sweep.workflow.conclude import conclude_study
from sweep.workflow.databases import check_kept
from sweep.workflow.hypermodel import Training, check_models
from sweep.workflow.prepare import PreparedData
from sweep.workflow.resolve import ResolvedStudy
from sweep.workflow.stages import TimedProgress
from sweep.workflow.trust import check_trust
from sweep.workflow.verdicts import look_before

__all__ = ["PAUSE_SECONDS", "Order", "serve_studies"]

PAUSE_SECONDS = 10.0
"""Between two looks at whether there is anything to do."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a worker is to do.

    Attributes:
        study: the only one that it serves; None: every one that has trials left, the oldest first.
        data: where the images of that study lie on this machine, if elsewhere than where it was submitted.
        once: end where nothing is left to do, instead of waiting for more.
        trust: whether a hypermodel's code may be run because the database names it.
    """

    study: str | None = None
    data: Path | None = None
    once: bool = False
    trust: bool = False


def serve_studies(database: str | Path, order: Order, *, progress: Progress, say: Say) -> None:
    """Run trials of studies that were submitted, then repeat their finalists and give their verdicts.

    Any number of these may work on one database. What a killed one leaves behind another one runs again. Told to end by
    SIGTERM, one puts its running trial back first; no more is lost than what that trial was trained.

    Args:
        database: a path or a URL.
        order: what to do.
        progress: where to show the progress.
        say: hears a line of each study served.

    Raises:
        StoreError: the database is missing, foreign or newer, has no such study, or the images here are not those that
            it was submitted with.
        UsageError: the order contradicts itself, or the study's code is not trusted.
        SweepError: of the first study that cannot be served, where one is named or the worker runs once; else it is
            told in a note, and the others are served.
    """
    check_kept(database)
    if order.data is not None and order.study is None:
        raise UsageError(
            "--data",
            received=f"{order.data} for no study in particular",
            expected="the study whose images lie there",
            remedy="name it: sweep worker STUDY --data FOLDER",
        )
    # Workers may start before the first study is submitted; a file of that name is a mistake rather.
    on_server = parse_address(database).path is None
    with open_database(database, create=on_server) as opened, _ended_by_sigterm(say):
        _Service(opened, order, progress, say).run()


class _EndedBySigterm(KeyboardInterrupt):
    """As Ctrl-C, but not a mistake: whoever stops a service does that."""


@contextmanager
def _ended_by_sigterm(say: Say) -> Iterator[None]:
    def end(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not disturb what the first began
        raise _EndedBySigterm

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except _EndedBySigterm:
        say("told to end; a trial that ran waits for another worker")
    finally:
        signal.signal(signal.SIGTERM, before)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ready:
    """The study served last, kept so that its next trial need not be prepared for again."""

    record: StudyRecord
    resolved: ResolvedStudy
    data: PreparedData
    training: Training


class _Service:
    """One worker."""

    def __init__(self, opened: Database, order: Order, progress: Progress, say: Say) -> None:
        self._opened = opened
        self._order = order
        self._progress = progress
        self._say = say
        self._storage = opened.optuna_storage(heartbeat_interval=HEARTBEAT_SECONDS)
        self._ready: _Ready | None = None
        # By study: the definition with which this process found nothing more to do, since a total may grow.
        self._settled: dict[str, str] = {}
        self._refused: SweepError | None = None

    def run(self) -> None:
        """Serve until there is nothing to do, or for ever; a database that does not answer is asked again."""
        self._wanted()  # a study that is not there is not waited for
        while True:
            try:
                if self._serve_next():
                    continue
            except StoreError as error:
                if self._order.once or not self._is_outage(error):
                    raise
                self._progress.note(f"{error}; asking again every {PAUSE_SECONDS:g} s")
            else:
                if self._order.once and self._is_done():
                    return
            time.sleep(PAUSE_SECONDS)

    def _serve_next(self) -> bool:
        """Serve the oldest study that there is anything to do for; whether there was one."""
        return any(self._serve(record) for record in self._wanted())

    def _is_done(self) -> bool:
        if any(self._settled.get(record.name) != record.definition for record in self._wanted()):
            return False
        if self._refused is not None:
            raise self._refused
        return True

    def _is_outage(self, error: SweepError) -> bool:
        """Whether it is about the database, and not about a study in it."""
        return isinstance(error, StoreError) and error.place == self._opened.place

    def _wanted(self) -> list[StudyRecord]:
        if self._order.study is not None:
            return [self._opened.study(self._order.study)]
        return list(reversed(self._opened.studies()))

    def _serve(self, record: StudyRecord) -> bool:
        """Do what there is to do for a study; whether there was anything."""
        if self._settled.get(record.name) == record.definition:
            return False
        definition = StudyDefinition.model_validate(json.loads(record.definition))
        standing = study_standing(definition, self._opened, self._storage, self._progress)
        if not (standing.open or standing.complete):
            return False  # other processes run the last ones, and may be killed
        if standing.complete and self._is_concluded(definition):
            self._settled[record.name] = record.definition
            return False
        if standing.complete and self._is_being_concluded(record.name):
            return False  # before anything is prepared for it here
        try:
            return self._search(record, definition)
        except SweepError as error:
            if self._order.study is not None or self._is_outage(error):
                raise
            self._progress.note(f"study {record.name} is left alone: {error}")
            self._refused = self._refused or error
            self._settled[record.name] = record.definition
            return True

    def _is_concluded(self, definition: StudyDefinition) -> bool:
        """Whether what follows the trials was done: the verdict on the baseline is its last part."""
        name = definition.name
        if not definition.check.on_run:
            return not definition.search.finalists or bool(self._opened.repeats(name))
        baseline = [one for one in self._opened.trials(name, with_epochs=False) if one.baseline and one.measurement]
        return bool(baseline and self._opened.findings(name, trial=baseline[0].number))

    def _is_being_concluded(self, name: str) -> bool:
        with claimed(self._opened.location, _conclusion(name)) as ours:
            return not ours

    def _search(self, record: StudyRecord, definition: StudyDefinition) -> bool:
        """Run its trials and what follows them; False where that is left to another process."""
        timed = TimedProgress(self._progress)
        ready = self._made_ready(record, definition, timed)
        # Its connections are given back with it, of which a search opens some anew.
        with open_database(self._opened.location) as opened:
            with claimed(opened.location, f"{record.name}: look") as ours:
                if ours:
                    look_before(ready.resolved, ready.data, ready.training, opened, progress=timed)
            search = run_search(
                definition=definition,
                database=opened,
                trainer=ready.training.trainer,
                progress=timed,
                candidates=ready.training.candidates,
            )
            self._say(_line(record.name, search))
            concluded = not search.complete or self._conclude(ready, opened, timed)
            opened.save_stages(record.name, timed.records)
        return concluded

    def _conclude(self, ready: _Ready, opened: Database, progress: Progress) -> bool:
        """What follows the trials, unless another process is at it: then this one looks again later."""
        with claimed(opened.location, _conclusion(ready.record.name)) as ours:
            if not ours:
                return False
            made = conclude_study(ready.resolved, ready.data, ready.training, opened, complete=True, progress=progress)
        self._settled[ready.record.name] = ready.record.definition
        for line in (made.repeated, made.verdict):
            if line:
                self._say(f"study {ready.record.name}: {line}")
        return True

    def _made_ready(self, record: StudyRecord, definition: StudyDefinition, progress: Progress) -> _Ready:
        if self._ready is not None and self._ready.record.definition == record.definition:
            return self._ready
        self._ready = None  # the memory of one study at a time
        check_base(record)
        check_trust(definition.model.hypermodel, trusted=self._order.trust)
        check_models(definition, Path(record.base))
        data = same_images(record, self._found(definition), progress=progress)
        _check_split(record, data, self._opened)
        resolved = ResolvedStudy(
            definition=definition, base=Path(record.base), default_baseline=record.default_baseline
        )
        training = made_ready(record, definition, data, progress=progress)
        self._ready = _Ready(record=record, resolved=resolved, data=data, training=training)
        return self._ready

    def _found(self, definition: StudyDefinition) -> StudyDefinition:
        """The definition, with the images where they lie here."""
        if self._order.data is None:
            return definition
        source = self._order.data.absolute().as_posix()
        return definition.model_copy(update={"data": definition.data.model_copy(update={"source": source})})


def _check_split(record: StudyRecord, data: PreparedData, opened: Database) -> None:
    """The same images are split alike by the same program alone."""
    here = {data.index.images[row].path: side for side in Split for row in getattr(data.split, side.value)}
    if any(here.get(image.path) is not side for image, side in opened.images(record.name)):
        raise StoreError(
            f"study {record.name!r}",
            received="another split of its images than it was begun with",
            expected="the same one, since trials on different images cannot be compared",
            remedy=f"install what it was begun with: gapsweep {record.versions.get('gapsweep', '')}",
        )


def _conclusion(study: str) -> str:
    """The name of the work that one process alone is to do at a study's end."""
    return f"{study}: conclusion"


def _line(study: str, search: SearchOutcome) -> str:
    return (
        f"study {study}: {search.finished} finished ({search.pruned} of them pruned), {search.failed} failed; "
        f"{search.stopped_because}"
    )
