"""Files that are whole or not there: written into a folder beside their place, then renamed."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sweep.errors import DataError, UsageError

__all__ = ["check_target", "files_of", "labels_text", "read_labels", "staged"]

_MODELS = (".keras", ".tflite", ".toml", ".py")
_SAVED_MODEL = "saved_model.pb"


def files_of(target: Path, endings: Sequence[str]) -> tuple[Path, ...]:
    """The target, and what lies beside it: `model.labels.txt` beside `model.keras`."""
    stem = target.stem if target.suffix.lower() in _MODELS else target.name
    return (target, *(target.with_name(stem + ending) for ending in endings))


def check_target(files: Sequence[Path], *, force: bool, folder: bool = False) -> None:
    """Refuse places that cannot be written, or that hold something.

    Args:
        files: the target first.
        force: whether what is there may be overwritten: files, and a folder that holds a SavedModel.
        folder: whether the target is one.

    Raises:
        UsageError: there is no such folder, or something is there.
    """
    target = files[0]
    if not target.resolve().parent.is_dir():
        raise UsageError(
            str(target),
            received="a place in a folder that does not exist",
            expected="the name of a new file",
            remedy="make the folder, or name another place with --output",
        )
    for path in files:
        saved_model = folder and path == target and (path / _SAVED_MODEL).is_file()
        if path.is_dir() and not (saved_model and force):
            received, remedy = "a folder that exists", "name another place with --output"
            if saved_model:
                remedy += ", or overwrite it with --force"
        elif path.exists() and not force:
            received, remedy = "a file that exists", "name another with --output, or overwrite it with --force"
        elif path == target and folder and path.exists() and not path.is_dir():
            received, remedy = "a file where a folder is to be", "name another place with --output"
        else:
            continue
        raise UsageError(str(path), received=received, expected="the name of a new file", remedy=remedy)


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A folder beside the target; what lies in it at the end takes the places beside the target, the target last.

    Where anything is raised, nothing takes its place.

    Raises:
        UsageError: it cannot be written there, or the disk is full.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.resolve().parent))
    except OSError as error:
        raise _unwritable(target, error) from error
    try:
        yield folder
        # The target last: it alone is what the others are about.
        for path in sorted(folder.iterdir(), key=lambda path: path.name == target.name):
            _take_place(path, target.with_name(path.name), folder)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def labels_text(names: Sequence[str]) -> str:
    """The names of the classes, one a line; those that no plain line can hold as JSON, in quotes."""
    return "".join(f"{_line(name)}\n" for name in names)


def read_labels(path: Path) -> tuple[str, ...]:
    """The names in a file of `labels_text`.

    Raises:
        UsageError: the file cannot be read.
        DataError: it is no such file.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        return tuple(_name(line) for line in (lines[:-1] if lines[-1] == "" else lines))
    except OSError as error:
        raise UsageError(
            str(path),
            received=(error.strerror or str(error)).lower(),
            expected="a file with the name of a class on each line",
            remedy="name it with --labels",
        ) from error
    except ValueError as error:
        raise DataError(
            str(path),
            received=" ".join(str(error).split()),
            expected="the name of a class on each line, in UTF-8",
            remedy="take the file that `sweep export` has written beside the model",
        ) from error


def _line(name: str) -> str:
    return name if name.isprintable() and not name.startswith('"') else json.dumps(name)


def _name(line: str) -> str:
    return str(json.loads(line)) if line.startswith('"') else line.removesuffix("\r")


def _take_place(path: Path, place: Path, folder: Path) -> None:
    if path.is_dir() and place.is_dir():
        place.rename(folder / f"{place.name}.before")
    path.replace(place)


def _unwritable(target: Path, error: OSError) -> UsageError:
    return UsageError(
        str(target),
        received=(error.strerror or " ".join(str(error).split())).lower(),
        expected="a place that can be written, with room for the file",
        remedy="name another place with --output",
    )
