"""Every error that a user can meet, with the exit code of its branch.

    SweepError                 1   root of the tree
    ├── UsageError             2   the command line asks for something that does not exist
    ├── DefinitionError        3   the study file, an override or a range is wrong
    ├── DataError              4   the images, their labels, their groups or their split
    ├── BackboneError          5   a backbone, its weights or its smallest image size
    ├── StoreError             6   the database: locked, foreign, newer, of another definition
    ├── CacheError             7   the cache folder: full, read-only, damaged beyond rebuilding
    ├── SearchError            8   the search cannot go on (the first trials all fail alike)
    └── TrialError             9   one trial failed; the search records it and goes on

A message says where it happened, what came, what was expected and what to do, on one line.
"""

from __future__ import annotations

__all__ = [
    "BackboneError",
    "CacheError",
    "DataError",
    "DefinitionError",
    "SearchError",
    "StoreError",
    "SweepError",
    "TrialError",
    "UsageError",
]


class SweepError(Exception):
    """Something the user can mend, told in one line.

    Args:
        place: the file, field, folder or table concerned, as the user wrote it.
        received: what was found there.
        expected: what would have been right.
        remedy: what to type or change, in the imperative.
    """

    exit_code = 1

    def __init__(self, place: str, *, received: str, expected: str, remedy: str) -> None:
        self.place = place
        self.received = received
        self.expected = expected
        self.remedy = remedy
        super().__init__(f"{place}: received {received}; expected {expected}; {remedy}")

    def __str__(self) -> str:
        return " ".join(str(self.args[0]).split())

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _rebuild, (type(self), self.place, self.received, self.expected, self.remedy)


def _rebuild(kind: type[SweepError], place: str, received: str, expected: str, remedy: str) -> SweepError:
    """Make the error again in another process: keyword-only arguments do not pickle by themselves."""
    return kind(place, received=received, expected=expected, remedy=remedy)


class UsageError(SweepError):
    """The command line names something that does not exist."""

    exit_code = 2


class DefinitionError(SweepError):
    """The study file, an override or a range is wrong."""

    exit_code = 3


class DataError(SweepError):
    """The images, their labels, their groups or their split are unusable."""

    exit_code = 4


class BackboneError(SweepError):
    """A backbone, its weights or its smallest image size."""

    exit_code = 5


class StoreError(SweepError):
    """The database cannot be used as asked."""

    exit_code = 6


class CacheError(SweepError):
    """The cache folder cannot be written or read."""

    exit_code = 7


class SearchError(SweepError):
    """The search cannot go on."""

    exit_code = 8


class TrialError(SweepError):
    """One trial failed; the search records the reason and goes on."""

    exit_code = 9
