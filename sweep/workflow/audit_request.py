"""What `sweep audit` is asked for, checked before TensorFlow is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweep.errors import UsageError
from sweep.studyfile.settings import PREPROCESSINGS
from sweep.training.keras_file import KerasFile, read_keras_file

__all__ = ["AuditRequest", "check_request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """An audit that can begin.

    Attributes:
        file: the model.
        folder: of images, as the user wrote it.
        preprocessing: "auto" where the way of preparing pixels is to be found out.
        classes: folders in the order of the model's outputs; () for the order of their names.
        sets: overrides of the folder's study.
        study_file: where to write one; None for nowhere.
    """

    file: KerasFile
    folder: str
    preprocessing: str
    classes: tuple[str, ...]
    sets: tuple[str, ...]
    study_file: Path | None


def check_request(
    model: str,
    folder: str,
    *,
    preprocessing: str = "auto",
    classes: Sequence[str] = (),
    sets: Sequence[str] = (),
    study_file: str = "",
) -> AuditRequest:
    """Find what can be found wrong without TensorFlow; arguments are those of `audit`.

    Raises:
        UsageError: there is no such model file or folder or way, or the study file is there already.
        BackboneError: the model file is damaged, or holds code or classes that are not Keras' own.
    """
    file = read_keras_file(model)
    if not Path(folder).is_dir():
        raise UsageError(
            folder,
            received="a file" if Path(folder).exists() else "no such folder",
            expected="a folder with train/ and val/, or with one sub-folder per class",
            remedy="check the path",
        )
    if preprocessing not in PREPROCESSINGS:
        raise UsageError(
            "--preprocessing",
            received=repr(preprocessing),
            expected=f"one of {', '.join(PREPROCESSINGS)}",
            remedy="leave it out to have the way found that the model was trained with",
        )
    target = Path(study_file) if study_file else None
    if target is not None and (target.exists() or not target.resolve().parent.is_dir()):
        raise UsageError(
            study_file,
            received="a file or folder that exists" if target.exists() else "a place in a folder that does not exist",
            expected="the name of a new file",
            remedy="name another with --study-file",
        )
    return AuditRequest(
        file=file,
        folder=folder,
        preprocessing=preprocessing,
        classes=tuple(classes),
        sets=tuple(sets),
        study_file=target,
    )
