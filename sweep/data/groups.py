"""Do file names tell which pictures come from one source: the frames of a burst, the augmented copies of one photo?

Only names are looked at. A wrong guess costs more than a missed one, so plain numbering (`cat_001.jpg`, `IMG_0001.jpg`,
`cat (3).png`, `tv_000045.jpg`) is never taken for sources.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from statistics import median

__all__ = ["GroupGuess", "detect_group"]

# Words that say by themselves that what precedes them is the source.
_WORDS = (
    "angle", "aug", "augmented", "copy", "crop", "f", "fr", "frame", "frm", "part", "patch", "pose", "rot", "rotated",
    "shot", "slice", "take", "tile", "v", "var", "variant", "ver", "version", "view",
)  # fmt: skip
_NUMBERED = re.compile(
    rf"(?P<source>.+?)(?P<mark>[_. -](?:(?P<word>{'|'.join(_WORDS)})[_. -]?)?)(?P<number>\d+)", re.IGNORECASE
)
# How Roboflow names its exports: the photo's name, then a digest for each augmented copy.
_EXPORTED = re.compile(r"(?P<source>.+)(?P<mark>\.(?P<word>rf)\.)(?P<number>)[0-9a-f]{16,}", re.IGNORECASE)

# Ours: fewer sources than these are rather subsets of a collection ("tv", "test") than sources.
_SOURCES_PER_CLASS = 2.0
_FILES_PER_SOURCE = 2.0
_LONGEST_COUNTER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupGuess:
    """What file names suggest.

    Attributes:
        pattern: a regular expression for `data.group`; its one group, searched in a file's name, names the source.
        sources: how many different ones it finds.
        files: in how many files.
    """

    pattern: str
    sources: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Name:
    """A file's name, taken apart: `burst03_07` is source "burst03", mark "_", no word, number "07"."""

    class_name: str
    source: str
    mark: str
    word: str
    number: str


def detect_group(paths: Sequence[str]) -> GroupGuess | None:
    """Guess how file names tell sources, or None where they do not.

    All names must follow one pattern, which leaves at least two sources a class and two files a source on average. A
    number without a word such as `frame` before it counts only where it starts again in every source and the source
    has a number of its own.

    Args:
        paths: of all images, with forward slashes; the folder that a file lies in is its class.
    """
    for reading in (_EXPORTED, _NUMBERED):
        names = _names(paths, reading)
        if names and _looks_grouped(names):
            sources = len({name.source for name in names})
            return GroupGuess(pattern=_pattern(names[0]), sources=sources, files=len(names))
    return None


def _names(paths: Sequence[str], reading: re.Pattern[str]) -> list[_Name]:
    """The names taken apart, none if one of them does not fit or marks its number in another way."""
    names = []
    for path in map(PurePosixPath, paths):
        match = reading.fullmatch(path.stem)
        if match is None:
            return []
        parts = {key: value or "" for key, value in match.groupdict().items()}
        names.append(_Name(class_name=path.parent.name, **parts))
    return names if len({name.mark for name in names}) == 1 else []


def _looks_grouped(names: Sequence[_Name]) -> bool:
    told = names[0].word != ""
    # Crops of one scene may show several classes; equal names without such a word may be chance in two of them.
    files = Counter(("" if told else name.class_name, name.source) for name in names)
    many = len({name.source for name in names}) >= _SOURCES_PER_CLASS * len({name.class_name for name in names})
    large = len(names) >= _FILES_PER_SOURCE * len(files) and median(files.values()) >= 2
    return many and large and (told or _restarts(names))


def _restarts(names: Sequence[_Name]) -> bool:
    """Whether bare numbers count within sources that are numbered themselves, not through a whole class."""
    counters = {(name.class_name, name.number) for name in names}
    short = all(len(name.number) <= _LONGEST_COUNTER for name in names)
    again = len(counters) * _FILES_PER_SOURCE <= len(names)
    return short and again and all(any(map(str.isdigit, name.source)) for name in names)


def _pattern(name: _Name) -> str:
    """The regular expression for names that are marked like this one."""
    mark = name.mark.replace(".", r"\.")
    return rf"^(.+){mark}\d+" if name.number else rf"^(.+){mark}"
