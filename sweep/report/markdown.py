"""Markdown in which every name stays text, for notes that a browser shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sweep.report.wording import plain

__all__ = ["markdown_table", "markdown_text"]

_MARKS = re.compile(r"[\\`*_\[\]()<>|~&!#{}$]")
_LIST = re.compile(r"^(\d*)([-+=.])(?=\s|$|[-=])")
# GitHub's flavour links addresses that nobody marked as links, escaped or not. A word joiner, which takes no room,
# keeps them from being any.
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)
_WORD_JOINER = "\u2060"
_BLANK = "\u00a0"  # at which no line ends; a page may set columns without room between them


def markdown_text(text: str, limit: int | None = None) -> str:
    """Untrusted text as Markdown that shows it letter by letter, on one line, at most `limit` characters of it.

    No heading, list, emphasis, code, element, link, image or cell of a table begins in it.
    """
    escaped = _MARKS.sub(r"\\\g<0>", plain(text, limit))
    return _ADDRESS.sub(_WORD_JOINER, _LIST.sub(r"\1\\\2", escaped))


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> str:
    """A table of untrusted text; the columns of these positions are aligned to the right and not broken into lines."""
    numbers = frozenset(right)
    marks = ["--:" if position in numbers else ":--" for position in range(len(header))]
    first, *others = (
        _joined(_cell(text, wraps=place not in numbers) for place, text in enumerate(row)) for row in (header, *rows)
    )
    return "\n".join([first, _joined(marks), *others])


def _cell(text: str, *, wraps: bool) -> str:
    escaped = markdown_text(text)
    return escaped + _BLANK if wraps else f"{_BLANK}{escaped.replace(' ', _BLANK)}{_BLANK}"


def _joined(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
