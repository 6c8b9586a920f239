"""A stored study made ready to train again, on the images that it was run on and no others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sweep.errors import StoreError
from sweep.progress import Progress
from sweep.records import StudyRecord
from sweep.studyfile.definition import StudyDefinition

if TYPE_CHECKING:
    from sweep.workflow.hypermodel import Training  # which loads TensorFlow
    from sweep.workflow.prepare import PreparedData

__all__ = ["check_base", "made_ready", "same_images"]


def check_base(record: StudyRecord) -> None:
    """Databases of version 1 do not say where relative paths of a study start.

    Raises:
        StoreError: this one does not.
    """
    if not record.base:
        raise StoreError(
            f"study {record.name!r}",
            received="no folder that its images lie in",
            expected="one noted by its last run",
            remedy="type the same sweep run command once more, which notes it",
        )


def same_images(record: StudyRecord, definition: StudyDefinition, *, progress: Progress) -> PreparedData:
    """The images of a study, decoded and split.

    Raises:
        StoreError: they are not those that it was run on.
    """
    # Imported here: what is refused must not wait for TensorFlow.
    from sweep.workflow.prepare import prepare_data  # noqa: PLC0415

    data = prepare_data(definition, base=Path(record.base), progress=progress)
    if data.summary.fingerprint != record.data.fingerprint:
        raise StoreError(
            f"study {record.name!r}",
            received="other images than it was run on",
            expected="the same files with the same bytes",
            remedy="restore the images; nothing was trained or opened",
        )
    return data


def made_ready(record: StudyRecord, definition: StudyDefinition, data: PreparedData, *, progress: Progress) -> Training:
    """Who trains a study's models, with the frozen part run."""
    from sweep.workflow.hypermodel import make_training  # noqa: PLC0415

    training = make_training(definition, data, base=Path(record.base), progress=progress)
    training.prepare()
    return training
