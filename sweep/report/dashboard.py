"""Notes, figures and files in Optuna's dashboard, and the dashboard itself; the one room that imports it."""

from __future__ import annotations

import hashlib
import json
import logging
import mimetypes
import re
import sys
import threading
import uuid
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import optuna_dashboard
from optuna_dashboard.artifact import get_artifact_path

from sweep.report.figure_set import Figure

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["make_application", "save_attributes", "save_figures", "save_files", "save_notes"]

OptunaStudy = Any
"""An `optuna.Study`; its library has another home."""
OptunaStorage = Any
ArtifactStore = Any

# Definitions of links that nothing refers to: Markdown shows nothing of them.
_BEGIN = "[//]: # (sweep writes anew what stands from here to its end mark; what you write above or below stays)"
_END = "[//]: # (end of what sweep writes)"
_OURS = re.compile(rf"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)

_NOTED = "sweep:noted"
_DRAWN = "sweep:drawn"
# A figure is written in pieces: whoever asks for a study waits until it is whole.
_whole = threading.Lock()
_OF_A_STUDY = "/api/studies/"
# Of a trial that has ended Optuna changes nothing. The dashboard looks for files of trials here, too.
_FILES_OF = "dashboard:artifacts:{}:"


def make_application(storage: OptunaStorage, store: ArtifactStore | None) -> WSGIApplication:
    """Optuna's dashboard, to be served.

    Args:
        storage: Optuna's.
        store: Optuna's artifact store, or None where files are neither shown nor taken.
    """
    logger = logging.getLogger(optuna_dashboard.__name__)
    logger.handlers, logger.propagate = [_OneLine()], False
    # Of the importances that it computes; it would stand on the terminal, time and again.
    warnings.filterwarnings("ignore", "Some regimes for parameter", UserWarning)
    application: WSGIApplication = optuna_dashboard.wsgi(storage, artifact_store=store)

    def answer(environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not str(environment.get("PATH_INFO", "")).startswith(_OF_A_STUDY):
            return application(environment, start_response)
        with _whole:
            return list(application(environment, start_response))

    return answer


def save_notes(study: OptunaStudy, note: str, of_trials: Mapping[int, str]) -> None:
    """Write the study's note and those of some trials, by number, where they say something else by now.

    What anybody else wrote above or below ours stays; a trial that had a note of ours and is not named loses it.
    """
    _save_note(study, note)
    noted = set(_attributes(study).get(_NOTED, ()))
    numbers = sorted(noted | of_trials.keys())
    if noted != set(numbers):
        _set(study, _NOTED, numbers)
    for number in numbers:
        _save_note(_EndedTrial.of(study, number), of_trials.get(number, ""))


def save_attributes(study: OptunaStudy, attributes: Mapping[str, str]) -> None:
    """Write what the study's first page shows of it, where it says something else by now; plain text."""
    before = study._storage.get_study_user_attrs(study._study_id)
    for name, value in attributes.items():
        if before.get(name) != value:
            study._storage.set_study_user_attr(study._study_id, name, value)


def save_figures(study: OptunaStudy, figures: Mapping[str, Figure]) -> None:
    """Write the figures that changed; a name is letters, digits and hyphens, and names once given stay."""
    before = _attributes(study).get(_DRAWN, {})
    drawn = {name: hashlib.sha256(figure.to_json().encode()).hexdigest() for name, figure in figures.items()}
    for name, figure in figures.items():
        if before.get(name) != drawn[name]:
            with _whole:
                optuna_dashboard.save_plotly_graph_object(study, figure, graph_object_id=f"sweep-{name}")
    if before != drawn:
        _set(study, _DRAWN, drawn)


def save_files(
    study: OptunaStudy, store: ArtifactStore, files: Mapping[tuple[int, str], bytes]
) -> dict[tuple[int, str], str]:
    """Put files beside trials, by number and file name, in place of those of the same name.

    Returns:
        Where the dashboard serves each of them: "/artifacts/1/19/1d5fda99-…".

    Raises:
        OSError: the store cannot be written.
    """
    kept, paths = _attributes(study), {}
    for (number, name), content in files.items():
        trial = _EndedTrial.of(study, number)
        place = _FILES_OF.format(trial._trial_id)
        told = [json.loads(value) for key, value in kept.items() if key.startswith(place)]
        # Not made from the names: whoever knows one may fetch the file from within any page of the web.
        known = next((one["artifact_id"] for one in told if one and one["filename"] == name), None) or str(uuid.uuid4())
        store.write(known, BytesIO(content))
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        about = {"artifact_id": known, "filename": name, "mimetype": kind, "encoding": None}
        if about not in told:
            _set(study, place + known, json.dumps(about))
        paths[number, name] = get_artifact_path(trial, known)
    return paths


class _OneLine(logging.Handler):
    """What the dashboard says of a request that failed, without its traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"dashboard: {next(iter(record.getMessage().splitlines()), '')}\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class _EndedTrial:
    """What the dashboard takes of a trial to keep its note with the study; Optuna's own would draw parameters anew."""

    study: OptunaStudy
    storage: OptunaStorage
    _trial_id: int

    @classmethod
    def of(cls, study: OptunaStudy, number: int) -> _EndedTrial:
        key = study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
        return cls(study=study, storage=study._storage, _trial_id=key)


def _save_note(of: OptunaStudy | _EndedTrial, text: str) -> None:
    there = optuna_dashboard.get_note(of)
    block = f"{_BEGIN}\n\n{text}\n\n{_END}" if text else ""
    if _OURS.search(there):
        wanted = _OURS.sub(lambda _: block, there, count=1).strip()
    else:
        wanted = f"{block}\n\n{there}".strip()
    # Whoever is writing a note meanwhile is told that it has changed: only where it has.
    if wanted != there.strip():
        optuna_dashboard.save_note(of, wanted)


def _attributes(study: OptunaStudy) -> dict[str, Any]:
    found: dict[str, Any] = study._storage.get_study_system_attrs(study._study_id)
    return found


def _set(study: OptunaStudy, key: str, value: object) -> None:
    study._storage.set_study_system_attr(study._study_id, key, value)
