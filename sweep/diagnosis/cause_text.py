"""What the text of a cause consists of, for somebody who fine-tunes an image classifier and knows no statistics."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sweep.records import Cause

__all__ = ["CauseText", "Group", "Source"]


class Group(StrEnum):
    """What a cause has to do with; the value is the heading under which it is listed."""

    NUMBER = "Is the number real?"
    MEASUREMENT = "How it was measured"
    DATA = "Data"
    FIT = "Model and optimisation"
    CHOICE = "Choice"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a method or a fact comes from.

    Attributes:
        author: surnames.
        year: of publication; None for pages that are kept up to date.
        address: that of the paper or page, complete.
    """

    author: str
    title: str
    year: int | None
    address: str

    def __str__(self) -> str:
        dated = "" if self.year is None else f", {self.year}"
        return f"{self.author}: {self.title}{dated}, {self.address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseText:
    """One cause, explained. Slugs of other causes, fields of the study file and code stand in backticks.

    Attributes:
        title: a noun phrase.
        what: what it means.
        why: what it does to the two numbers, training and validation.
        sign: how it looks in the curves, and what it is confused with.
        measured: how its probe decides.
        remedy: what to change.
        sources: of the method and the facts, the most important first.
    """

    cause: Cause
    group: Group
    title: str
    what: str
    why: str
    sign: str
    measured: str
    remedy: str
    sources: tuple[Source, ...]

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """The paragraphs in the order of reading, each after its heading."""
        return (
            ("What it is", self.what),
            ("Why it matters", self.why),
            ("How it looks", self.sign),
            ("How it is measured", self.measured),
            ("What to do", self.remedy),
        )
