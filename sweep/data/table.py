"""Which images a CSV names, with their labels and groups."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from sweep.data.listing import FoundFile, Listing
from sweep.data.wording import counted
from sweep.errors import DataError

__all__ = ["list_csv"]


def list_csv(path: Path, place: str) -> Listing:
    """Read a CSV with the columns file, label and, if groups are known, group; files are relative to its folder.

    Raises:
        DataError: a column, a label or a file is missing, a file is named twice, or there is a single class.
    """
    files: dict[str, FoundFile] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            _check_columns([name.strip().lower() for name in reader.fieldnames or ()], place)
            for row in _rows(reader):
                _check_row(row, f"{place}, line {reader.line_num}", files)
                name = Path(row["file"]).as_posix()
                files[name] = FoundFile(path=name, label=row["label"], group=row.get("group", ""))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            place, received=f"no CSV ({error})", expected="comma-separated text in UTF-8", remedy="save it as such"
        ) from error
    _check_files(path.parent, files, place)
    return Listing(root=path.parent, files=tuple(files[name] for name in sorted(files)), levels=0)


def _rows(reader: csv.DictReader[str]) -> Iterator[dict[str, str]]:
    for row in reader:
        # Cells beyond the header stand under None, missing ones are None.
        yield {key.strip().lower(): (value or "").strip() for key, value in row.items() if isinstance(key, str)}


def _check_columns(columns: Sequence[str], place: str) -> None:
    missing = [name for name in ("file", "label") if name not in columns]
    if missing:
        raise DataError(
            place,
            received=f"the columns {', '.join(columns) or 'none'}",
            expected="a first line naming the columns: file,label or file,label,group",
            remedy=f"add {' and '.join(repr(name) for name in missing)} to the first line",
        )


def _check_row(row: dict[str, str], place: str, files: dict[str, FoundFile]) -> None:
    if not row["file"] or not row["label"]:
        raise DataError(
            place, received="an empty cell", expected="a file and its label", remedy="fill it in or remove the line"
        )
    if Path(row["file"]).as_posix() in files:
        raise DataError(
            place,
            received=f"{row['file']!r} a second time",
            expected="each file once",
            remedy="remove one of the two lines",
        )


def _check_files(folder: Path, files: dict[str, FoundFile], place: str) -> None:
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        raise DataError(
            place,
            received=f"{counted(len(missing), 'missing file')}, such as {', '.join(missing[:3])}",
            expected=f"paths relative to {folder}",
            remedy="correct the column 'file'",
        )
    labels = {file.label for file in files.values()}
    if len(labels) < 2:
        raise DataError(
            place,
            received=f"one class, {labels.pop()!r}" if labels else "no lines below the header",
            expected="at least two classes",
            remedy="add lines with another label",
        )
