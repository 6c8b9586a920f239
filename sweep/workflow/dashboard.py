"""`sweep dashboard`: Optuna's dashboard over a study database, with our verdict, tiers and figures kept up to date."""

from __future__ import annotations

import shlex
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sweep.diagnosis.ranking import RankedTrial
from sweep.errors import StoreError, SweepError, UsageError
from sweep.records import StudyRecord
from sweep.report.artifacts import trial_files
from sweep.report.dashboard import make_application, save_attributes, save_figures, save_files, save_notes
from sweep.report.dashboard_figures import dashboard_figures
from sweep.report.gather import Report
from sweep.report.notes import finalists, study_note, trial_note
from sweep.report.sentences import diagnosis_sentences
from sweep.report.wording import plain
from sweep.store.optuna_storage import load_optuna_study, open_artifact_store
from sweep.store.results import Database, open_database
from sweep.workflow.diagnose import diagnose_opened
from sweep.workflow.reading import read_report
from sweep.workflow.serving import Server, is_loopback, open_server

__all__ = ["Keeper", "open_dashboard"]

LEAST_PAUSE_SECONDS = 10.0
"""Between two looks at whether the database has changed."""
REST = 10.0
"""How many times the processor's time that it took nothing is done after it: a search beside needs the cores."""

_LONGEST_END_SECONDS = 5.0

Say = Callable[[str], None]


@contextmanager
def open_dashboard(
    database: str, *, host: str = "127.0.0.1", port: int = 8080, artifacts: Path | None = None, say: Say
) -> Iterator[Server]:
    """Optuna's dashboard, bound to its address; it answers while its `serve_forever` runs.

    Meanwhile notes and figures of every study are written at the start, and again when the database has changed. That
    changes nothing but what Optuna keeps with a study for its dashboard, so a sweep may go on beside it.

    Args:
        database: a path or a URL.
        host: where it listens.
        port: 0 for any that is free.
        artifacts: a folder, made where it is missing, for pictures of finalists; none are made without.
        say: prints one line for the user.

    Raises:
        StoreError: the database is missing, foreign, newer or locked, or the folder cannot be made.
        UsageError: the port or the address cannot be listened on.
    """
    with open_database(database) as opened:
        storage = opened.optuna_storage()
        store = None if artifacts is None else open_artifact_store(_made(artifacts))
        with open_server(make_application(storage, store), host, port) as server:
            if not is_loopback(host):
                say(
                    f"warning: the dashboard has no login: whoever reaches {host} port {server.server_port} can read, "
                    f"rename and delete the studies of {opened.place}"
                )
            with Keeper(opened, storage, store, say):
                yield server


class Keeper:
    """Keeps notes, figures and files of all studies up to date, in a thread of its own.

    Args:
        opened: the database; closed by its owner.
        storage: Optuna's over the same database.
        store: Optuna's artifact store, or None.
        say: prints one line for the user.
    """

    def __init__(self, opened: Database, storage: Any, store: Any, say: Say) -> None:  # noqa: ANN401 - Optuna's
        self._opened = opened
        self._storage = storage
        self._store = store
        self._say = say
        self._seen: dict[str, tuple[object, ...]] = {}
        self._said: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="notes", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        # Of thousands of trials the report takes longer than anybody waits for an end. Nothing is written after it.
        self._thread.join(_LONGEST_END_SECONDS)

    def refresh(self) -> None:
        """Bring up to date what has changed since the last time; what goes wrong is said once, and tried again."""
        try:
            studies = self._opened.studies()
        except SweepError as error:
            self._say_once(str(error))
            return
        for study in studies:
            if self._stop.is_set():
                return
            try:
                with self._opened.translated():
                    self._refresh(study)
            except SweepError as error:
                self._say_stale(study, str(error))
            except KeyError:
                self._say_stale(study, "it was removed or renamed meanwhile")

    def _keep(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            start = time.thread_time()
            self.refresh()
            pause = max(LEAST_PAUSE_SECONDS, REST * (time.thread_time() - start))

    def _refresh(self, study: StudyRecord) -> None:
        mark = self._opened.mark(study.name)
        if self._seen.get(study.name) == mark:
            return
        report = self._read(study)
        if self._stop.is_set():
            return
        kept = load_optuna_study(self._storage, study.name)
        rows = finalists(report)
        pictures = self._save_pictures(kept, report, rows)
        notes = {row.number: trial_note(report, row, pictures.get(row.number)) for row in rows}
        save_notes(kept, study_note(report, self._highest(kept)), notes)
        save_attributes(kept, _attributes(report))
        if self._stop.is_set():
            return
        save_figures(kept, dashboard_figures(report))
        self._seen[study.name] = mark

    def _read(self, study: StudyRecord) -> Report:
        report = read_report(self._opened, study)
        report = replace(report, arguments=shlex.join([self._opened.place, "--study", study.name]))
        # Without a result of the baseline there is nothing to diagnose yet.
        with suppress(UsageError):
            report = replace(report, diagnosis=diagnose_opened(self._opened, study, report=report))
        return report

    def _highest(self, kept: Any) -> int | None:  # noqa: ANN401 - Optuna's
        """The trial that the dashboard itself calls its best."""
        try:
            return int(self._storage.get_best_trial(kept._study_id).number)
        except ValueError:
            return None

    def _save_pictures(
        self,
        kept: Any,  # noqa: ANN401 - Optuna's
        report: Report,
        rows: Iterable[RankedTrial],
    ) -> dict[int, dict[str, str]]:
        """Trial number -> what a picture shows -> where it is served; nothing where no folder was named for them."""
        if self._store is None:
            return {}
        files = {(row.number, name): content for row in rows for name, content in trial_files(report, row).items()}
        try:
            paths = save_files(kept, self._store, files)
        except OSError as error:
            raise StoreError(
                "--artifacts",
                received=f"a folder that cannot be written ({error.strerror or error})",
                expected="a folder for pictures of finalists",
                remedy="free some space or change its permissions; it is tried again",
            ) from error
        served: dict[int, dict[str, str]] = defaultdict(dict)
        for (number, name), path in paths.items():
            served[number][name.removesuffix(".svg")] = path
        return served

    def _say_stale(self, study: StudyRecord, reason: str) -> None:
        self._say_once(f"notes and figures of study {plain(study.name)} are not up to date: {reason}")

    def _say_once(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._say(line)


def _attributes(report: Report) -> dict[str, str]:
    """What stands on the study's first page, where its note does not."""
    sentence, _ = diagnosis_sentences(report)
    return {
        "verdict": sentence,
        "which trial to use": report.sentence,
        "more": "in the study's note, and in finalists'",
    }


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            str(folder),
            received=f"{error.strerror or error}",
            expected="a folder, or a place where one can be made",
            remedy="name another one with --artifacts",
        ) from error
    return folder
