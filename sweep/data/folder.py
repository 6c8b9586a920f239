"""The index of a source: every image with its label, its group, its content hash and the side it is pinned to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath

from sweep.data.copies import settle_copies
from sweep.data.groups import detect_group
from sweep.data.listing import FoundFile, Listing, list_folder
from sweep.data.places import written_path
from sweep.data.rendered import RENDERED, rendered_folder, rendered_place
from sweep.data.selection import grouped, without_excluded
from sweep.data.table import list_csv
from sweep.data.toys import TOYS
from sweep.errors import DataError
from sweep.progress import Progress
from sweep.records import DataIndex, ImageRecord, Split, UnreadableFile
from sweep.studyfile.definition import DataSettings

__all__ = ["index_source", "source_root"]

_HASHING_THREADS = 2  # hashing is faster than reading, and many readers slow a spinning disk down


def index_source(settings: DataSettings, *, progress: Progress, base: Path) -> DataIndex:
    """List and hash what `settings.source` names: a folder, a CSV, or one of the rendered sets.

    Args:
        settings: the table [data] of a study.
        progress: is told of rendering and hashing.
        base: the folder that a relative source starts from.

    Raises:
        DataError: the source cannot be used as it is.
    """
    try:
        listing = _listing(settings.source, progress, base)
        files, exclusion_notes = without_excluded(listing.files, settings.exclude)
        files = _pinned(grouped(files, settings.group, listing.levels), settings)
        class_names = _class_names(files, settings.source)
        records, unreadable = _hashed(listing.root, files, class_names, progress)
    except OSError as error:
        raise DataError(
            settings.source,
            received=f"{error.filename}: {(error.strerror or str(error)).lower()}",
            expected="files and folders that can be read",
            remedy="check their permissions",
        ) from error
    images, copies_notes = settle_copies(records, deduplicate=settings.deduplicate)
    return DataIndex(
        root=str(listing.root),
        class_names=class_names,
        images=images,
        unreadable=unreadable,
        notes=(*listing.notes, *exclusion_notes, *copies_notes, *_group_notes(images)),
    )


def source_root(source: str, *, base: Path) -> Path:
    """The folder that the paths of a source's images start from, whether it is there or not; renders nothing.

    Args:
        source: as `index_source` is given it.
        base: the folder that a relative source starts from.
    """
    if source in RENDERED:
        return rendered_place(source)
    path = (base / written_path(source)).resolve()
    return path.parent if path.suffix.lower() == ".csv" and not path.is_dir() else path


def _listing(source: str, progress: Progress, base: Path) -> Listing:
    path = base / written_path(source)
    if source in RENDERED:
        listing = list_folder(rendered_folder(source, progress=progress), source)
        return replace(listing, notes=(*listing.notes, *_shadowing_notes(source, path)))
    if path.is_dir():
        return list_folder(path.resolve(), source)
    if not path.exists():
        raise DataError(
            source,
            received="no such folder or file",
            expected=f"a folder of images, a CSV, or one of {', '.join(RENDERED)}",
            remedy=f"check the spelling; relative sources start from {base}",
        )
    if path.suffix.lower() == ".csv":
        return list_csv(path.resolve(), source)
    raise DataError(
        source,
        received="a file",
        expected="a folder with one sub-folder per class, or a .csv of file,label",
        remedy="name the folder that holds the class folders",
    )


def _shadowing_notes(source: str, path: Path) -> tuple[str, ...]:
    if not path.exists():
        return ()
    return (f"data.source = '{source}' is the rendered set; for what lies at {path} write './{source}'",)


def _class_names(files: Sequence[FoundFile], source: str) -> tuple[str, ...]:
    names = tuple(sorted({file.label for file in files}))
    if len(names) < 2:
        raise DataError(
            source,
            received="images of 1 class after data.exclude" if names else "no images after data.exclude",
            expected="at least two classes",
            remedy="exclude less",
        )
    return names


def _pinned(files: tuple[FoundFile, ...], settings: DataSettings) -> tuple[FoundFile, ...]:
    """Files whose `side` is final: what the folder fixes, less train/ where another side is still drawn from it."""
    if settings.source in TOYS:
        # Nothing shall be measured on pasted pictures.
        return tuple(replace(file, side=Split.TRAIN) if _is_composite(file) else file for file in files)
    sides = {file.side for file in files}
    drawn = Split.VALIDATION not in sides or (Split.TEST not in sides and settings.test > 0)
    return tuple(replace(file, side=None) if drawn and file.side is Split.TRAIN else file for file in files)


def _is_composite(file: FoundFile) -> bool:
    return PurePosixPath(file.path).name.startswith("composite_")


def _hashed(
    root: Path, files: Sequence[FoundFile], class_names: tuple[str, ...], progress: Progress
) -> tuple[list[ImageRecord], tuple[UnreadableFile, ...]]:
    """Records with the SHA-256 of each file, and the files that cannot be read or are empty."""
    labels = {name: label for label, name in enumerate(class_names)}
    records, unreadable = [], []
    with progress.stage("hashing", len(files), "files") as advance, ThreadPoolExecutor(_HASHING_THREADS) as threads:
        results = threads.map(lambda file: _content_hash(root / file.path), files)
        for file, (content_hash, reason) in zip(files, results, strict=True):
            if reason:
                unreadable.append(UnreadableFile(path=file.path, reason=reason))
            else:
                records.append(
                    ImageRecord(
                        path=file.path,
                        label=labels[file.label],
                        group=file.group,
                        content_hash=content_hash,
                        pinned=file.side,
                    )
                )
            advance()
    return records, tuple(unreadable)


def _content_hash(path: Path) -> tuple[str, str]:
    """The digest and "", or "" and why there is none."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return ("", "the file is empty") if file.tell() == 0 else (digest, "")
    except OSError as error:
        return "", (error.strerror or str(error)).lower()


def _group_notes(images: Sequence[ImageRecord]) -> tuple[str, ...]:
    """What the file names suggest, where nothing groups the images and a side is left to be drawn."""
    if any(image.group for image in images) or all(image.pinned for image in images):
        return ()
    guess = detect_group([image.path for image in images])
    if guess is None:
        return ()
    return (
        f"{guess.files:,} files look like {guess.sources:,} sources (names that differ only after `{guess.pattern}`): "
        "a random split would put copies of one source on both sides; "
        f"set data.group='{guess.pattern}'",
    )
