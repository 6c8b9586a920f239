"""Which images a folder holds, with their labels: one sub-folder a class, or such folders below train/, val/, test/."""

from __future__ import annotations

import importlib.util
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sweep.data.wording import counted
from sweep.errors import DataError
from sweep.records import Split

__all__ = ["FoundFile", "Listing", "list_folder", "pictures_in"]

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
_HEIF_SUFFIXES = frozenset({".heic", ".heif"})
_LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_SIDES = {
    "train": Split.TRAIN,
    "training": Split.TRAIN,
    "val": Split.VALIDATION,
    "valid": Split.VALIDATION,
    "validation": Split.VALIDATION,
    "dev": Split.VALIDATION,
    "test": Split.TEST,
    "testing": Split.TEST,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """An image file that a source names.

    Attributes:
        path: relative to the listing's root, with forward slashes.
        group: as a CSV's column says, else "".
        side: the side whose folder it lies in, or None.
    """

    path: str
    label: str
    group: str = ""
    side: Split | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files of a source, by path, and sentences for the user about what was passed over.

    Attributes:
        levels: how many leading folders of each path are side and class: 0 for a CSV, 1 or 2.
    """

    root: Path
    files: tuple[FoundFile, ...]
    levels: int
    notes: tuple[str, ...] = ()


def list_folder(root: Path, place: str) -> Listing:
    """Find the images of a folder with one sub-folder a class, or with such folders below train/, val/ and test/.

    Files further down in a class folder belong to that class. Hidden files and what systems leave behind are ignored.

    Args:
        root: an existing folder.
        place: the folder as the user wrote it.

    Raises:
        DataError: no sub-folders, a single class, a class without images, or sides with different classes.
    """
    sides = _side_folders(root)
    walk = _Walk(root)
    if not sides:
        files = _labelled(root, place, walk, None)
    else:
        by_side = {name: _labelled(root / name, f"{place}/{name}", walk, side) for name, side in sides.items()}
        _check_agreement(by_side, place)
        files = [file for found in by_side.values() for file in found]
        walk.folders = sorted({path.name for path in _folders(root)} - set(sides))
    paths = {file.path: file for file in files}
    return Listing(
        root=root, files=tuple(paths[path] for path in sorted(paths)), levels=2 if sides else 1, notes=walk.notes()
    )


def pictures_in(folder: Path) -> tuple[Path, ...]:
    """Every image in and below a folder, by path, whatever it shows; raises `DataError` for a name that is no text."""
    return tuple(sorted(_images(folder, _Walk(folder.resolve().parent))))


def _side_folders(root: Path) -> dict[str, Split]:
    """Folder name -> side where the folders are a split: one for training and at least another one."""
    sides = {path.name: _SIDES[path.name.lower()] for path in _folders(root) if path.name.lower() in _SIDES}
    return sides if Split.TRAIN in sides.values() and len(set(sides.values())) > 1 else {}


def _labelled(folder: Path, place: str, walk: _Walk, side: Split | None) -> list[FoundFile]:
    """The images below each class folder of `folder`."""
    classes = _folders(folder)
    lying = [path.name for path in _visible(folder) if path.is_file() and path.suffix.lower() in walk.suffixes]
    if not classes:
        raise DataError(
            place,
            received=f"{counted(len(lying), 'image')} directly in the folder"
            if lying
            else "a folder without sub-folders",
            expected="one sub-folder per class, such as cat/ and dog/",
            remedy="put the images of each class into a sub-folder with its name",
        )
    if len(classes) == 1:
        raise DataError(
            place,
            received=f"one class, {classes[0].name!r}",
            expected="at least two sub-folders, one per class",
            remedy="add a folder with images of another class, or name the folder above it",
        )
    walk.lying += lying
    files = []
    for path in classes:
        found = [image.relative_to(walk.root).as_posix() for image in _images(path, walk)]
        if not found:
            raise DataError(
                f"{place}/{path.name}",
                received="no image in this class folder",
                expected="at least one file such as .jpg or .png",
                remedy="add images or remove the folder",
            )
        files += [FoundFile(path=name, label=path.name, side=side) for name in found]
    return files


def _check_agreement(by_side: dict[str, list[FoundFile]], place: str) -> None:
    classes = {name: {file.label for file in files} for name, files in by_side.items()}
    everywhere = set.intersection(*classes.values())
    for name, labels in classes.items():
        for odd in sorted(labels - everywhere):
            lacking = next(other for other, present in classes.items() if odd not in present)
            raise DataError(
                f"{place}/{name}",
                received=f"the class {odd!r}, which {lacking}/ lacks",
                expected="the same class folders on every side",
                remedy=f"add {lacking}/{odd} or remove {name}/{odd}",
            )


def _images(folder: Path, walk: _Walk) -> Iterator[Path]:
    """Images in and below a class folder; links are followed, but never up or twice."""
    seen = {_identity(path) for path in (walk.root, *walk.root.resolve().parents)}
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        if _identity(current) in seen:
            continue
        seen.add(_identity(current))
        for path in _visible(current):
            if path.is_dir():
                waiting.append(path)
            elif path.is_file() and path.suffix.lower() in walk.suffixes:
                yield path
            else:
                walk.others[path.suffix.lower() or "no suffix"] += 1


def _visible(folder: Path) -> list[Path]:
    """What a person means to have there, by name."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        if not _is_unicode(name):
            raise DataError(
                str(folder),
                received=f"the file name {name!r}",
                expected="file names in UTF-8",
                remedy="rename it",
            )
    return [folder / name for name in sorted(names) if not name.startswith(".") and name.lower() not in _LITTER]


def _is_unicode(name: str) -> bool:
    """Whether the name's bytes were text: others carry lone surrogates, which no database stores."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _folders(folder: Path) -> list[Path]:
    return [path for path in _visible(folder) if path.is_dir()]


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


class _Walk:
    """A walk through `root`: which files it takes, and what it has passed over."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.suffixes = _SUFFIXES | _HEIF_SUFFIXES if importlib.util.find_spec("pillow_heif") else _SUFFIXES
        self.others: Counter[str] = Counter()
        self.lying: list[str] = []
        self.folders: list[str] = []

    def notes(self) -> tuple[str, ...]:
        """One sentence for each kind."""
        notes = []
        if self.others:
            kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in sorted(self.others.items()))
            notes.append(f"passed over {counted(self.others.total(), 'file')} of other kinds ({kinds})")
        if _HEIF_SUFFIXES & self.others.keys():
            notes.append("HEIC photos are read after `pip install 'gapsweep[images]'`")
        if self.lying:
            named = ", ".join(self.lying[:3])
            notes.append(f"passed over {counted(len(self.lying), 'image')} outside the class folders, such as {named}")
        if self.folders:
            named = ", ".join(self.folders)
            notes.append(f"passed over what lies beside the sides of the split: {named}")
        return tuple(notes)
