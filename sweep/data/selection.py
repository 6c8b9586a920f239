"""What `[data]` says about single files: which are excluded, and which source each comes from."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from sweep.data.listing import FoundFile
from sweep.data.wording import counted
from sweep.errors import DataError

__all__ = ["grouped", "without_excluded"]


def without_excluded(
    files: tuple[FoundFile, ...], patterns: Sequence[str]
) -> tuple[tuple[FoundFile, ...], tuple[str, ...]]:
    """Leave out files named by path, by folder or by glob (`*` crosses folders), and say how many.

    Raises:
        DataError: a pattern matches nothing.
    """
    if not patterns:
        return files, ()
    paths = [file.path for file in files]
    present, excluded = set(paths), set[str]()
    for pattern in patterns:
        if pattern in present:
            excluded.add(pattern)
            continue
        matches = re.compile(f"{fnmatch.translate(pattern)}|{re.escape(pattern.rstrip('/'))}/").match
        matched = {path for path in paths if matches(path)}
        if not matched:
            raise _nothing_excluded(pattern, paths)
        excluded |= matched
    return tuple(file for file in files if file.path not in excluded), (
        f"left out {counted(len(excluded), 'file')} by data.exclude",
    )


def _nothing_excluded(pattern: str, paths: Sequence[str]) -> DataError:
    near = difflib.get_close_matches(pattern, paths, n=3, cutoff=0.5)
    return DataError(
        "data.exclude",
        received=f"{pattern!r}, which matches no file",
        expected="a path or glob relative to the source, such as "
        + ", ".join(repr(path) for path in near or paths[:1]),
        remedy="correct it or take it out",
    )


def grouped(files: tuple[FoundFile, ...], group: str, levels: int) -> tuple[FoundFile, ...]:
    """Files with their group as `group` says; where it says none, those of a CSV's column stand.

    Args:
        files: as listed.
        group: none, folder, or a regular expression whose first group names the source.
        levels: how many leading folders of each path are side and class.

    Raises:
        DataError: the setting does not fit the files.
    """
    if group == "none":
        return files
    if group == "folder":
        return _grouped_by_folder(files, levels)
    return _grouped_by_name(files, group)


def _grouped_by_folder(files: tuple[FoundFile, ...], levels: int) -> tuple[FoundFile, ...]:
    """The folder that a file lies in is its group, if it lies inside the class folder; right in it, a file has none."""
    found = []
    for file in files:
        parent = PurePosixPath(file.path).parent
        found.append(replace(file, group=str(parent) if len(parent.parts) > levels else ""))
    if not any(file.group for file in found):
        raise DataError(
            "data.group",
            received="'folder', but every image lies directly in its class folder",
            expected="a sub-folder per source inside the class folders",
            remedy="set data.group = 'none', or to a regular expression on file names",
        )
    return tuple(found)


def _grouped_by_name(files: tuple[FoundFile, ...], pattern: str) -> tuple[FoundFile, ...]:
    """What the first group of `pattern` finds in the file's name is its group, across classes."""
    search = _compiled(pattern).search
    found, unmatched = [], []
    for file in files:
        match = search(PurePosixPath(file.path).name)
        if match and match[1]:
            found.append(replace(file, group=match[1]))
        else:
            unmatched.append(file.path)
    if unmatched:
        raise DataError(
            "data.group",
            received=f"{pattern!r}, which {len(unmatched):,} of {len(files):,} file names do not match, such as "
            + ", ".join(unmatched[:3]),
            expected="a regular expression whose first group is found in every file name",
            remedy="widen it, or exclude those files",
        )
    return tuple(found)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        fault = f"no regular expression: {error}"
    else:
        if compiled.groups:
            return compiled
        fault = "no group in it"
    raise DataError(
        "data.group",
        received=f"{pattern!r} ({fault})",
        expected="none, folder, or a regular expression with a group in parentheses",
        remedy=r"write for example data.group = '^(.+)_\d+'",
    )
