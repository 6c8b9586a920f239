"""`sweep init`: a study file for a folder of images, its values chosen from the data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweep.data.folder import index_source
from sweep.data.sizes import sample_sizes
from sweep.data.split import split_index
from sweep.errors import UsageError
from sweep.progress import Progress
from sweep.records import DataIndex
from sweep.studyfile.definition import DataSettings
from sweep.workflow.draft import draft_study
from sweep.workflow.study_text import render_study

__all__ = ["folder_document", "init_folder", "study_text"]


def init_folder(folder: Path, output: Path, *, progress: Progress, force: bool = False) -> Path:
    """Index a folder of images and write a commented study file that fits it.

    Args:
        folder: with one sub-folder per class; or a CSV of file,label.
        output: the study file; the source in it is relative to where it lies.
        progress: is told of hashing.
        force: overwrite the output if it is there.

    Returns:
        `output`.

    Raises:
        UsageError: the output exists or cannot be written.
        DataError: the folder cannot be used, or not be split.
    """
    _check_output(output, force=force)
    index = _index(folder, progress)
    text = study_text(index, _relative_source(folder, output), sample_sizes(index))
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            str(output),
            received=(error.strerror or str(error)).lower(),
            expected="a file that can be written, in a folder that exists",
            remedy="name another place with --output",
        ) from error
    return output


def folder_document(folder: Path, *, progress: Progress) -> dict[str, Any]:
    """What the study file of a folder would hold, parsed, with the folder's full path as its source.

    Raises:
        DataError: the folder cannot be used as it is.
    """
    index = _index(folder, progress)
    return dict(draft_study(index, folder.resolve().as_posix(), sample_sizes(index)).document)


def study_text(index: DataIndex, source: str, sizes: Sequence[tuple[int, int]]) -> str:
    """A commented study file for these images, as text.

    Args:
        index: the images.
        source: as the file shall name them.
        sizes: width and height, pixels, of some of them.

    Raises:
        DataError: the images cannot be split, so that the file would not run.
    """
    draft = draft_study(index, source, sizes)
    split_index(draft.index, DataSettings.model_validate(draft.document["data"]))
    return render_study(draft.document, heading=draft.heading, remarks=draft.remarks)


def _check_output(output: Path, *, force: bool) -> None:
    """Before the images are indexed, which takes its time."""
    if output.is_dir():
        received, remedy = "a folder", f"write --output {output / 'study.toml'}"
    elif output.exists() and not force:
        received, remedy = "a file that exists", "name another with --output, or overwrite it with --force"
    else:
        return
    raise UsageError(str(output), received=received, expected="the name of a new file", remedy=remedy)


def _index(folder: Path, progress: Progress) -> DataIndex:
    path = folder.resolve()
    return index_source(DataSettings(source=path.as_posix()), progress=progress, base=path.parent)


def _relative_source(folder: Path, output: Path) -> str:
    """The folder seen from the study file; never a bare name, which may be one of the rendered data sets."""
    try:
        path = Path(os.path.relpath(folder.resolve(), output.resolve().parent)).as_posix()
    except ValueError:  # on another drive
        return folder.resolve().as_posix()
    return path if path.startswith("..") else f"./{path}"
