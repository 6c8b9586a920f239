"""`sweep explain`: the causes of a gap, and what one of them means; loads neither TensorFlow nor tables."""

from __future__ import annotations

import difflib
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby

from sweep.diagnosis.cause_text import CauseText
from sweep.diagnosis.causes import RULE, TERMS, TEXTS
from sweep.errors import UsageError
from sweep.records import Cause

__all__ = ["Line", "all_as_json", "as_json", "find_cause", "list_causes", "page"]

LEAST_WIDTH = 40
"""Narrower terminals break the lines themselves: below this there is no column left beside the slugs."""

_INDENT = "  "
_SLUG_WIDTH = max(map(len, Cause)) + 2
_LIKENESS = 0.55  # ours: "bias" is still taken for class-bias, and "overfitting" for nothing
_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text.

    Attributes:
        heading: whether it stands over what follows.
    """

    text: str
    heading: bool = False


def find_cause(slug: str) -> CauseText:
    """The text of a cause.

    Raises:
        UsageError: there is no such cause; the message names those of like spelling.
    """
    if slug in list(Cause):
        return TEXTS[Cause(slug)]
    near = difflib.get_close_matches(slug.lower(), list(Cause), n=3, cutoff=_LIKENESS)
    raise UsageError(
        "cause",
        received=repr(slug),
        expected=" or ".join(near) if near else "the slug of a cause, such as leak",
        remedy="`sweep explain` lists them all",
    )


def list_causes(width: int) -> Iterator[Line]:
    """Every cause with its title, by group, and how a verdict comes of them; lines at most `width` long."""
    width = max(width, LEAST_WIDTH)
    for group, texts in groupby(TEXTS.values(), key=lambda text: text.group):
        yield Line(group.value, heading=True)
        for text in texts:
            slug = f"{_INDENT}{text.cause:{_SLUG_WIDTH}}"
            yield from _wrapped(text.title, width, first=slug, rest=" " * len(slug))
        yield Line("")
    yield from _wrapped(RULE, width)
    yield Line("")
    yield from _wrapped(TERMS, width)
    yield Line("")
    yield from _wrapped("`sweep explain CAUSE` tells what one of them means and what to do about it.", width)


def page(text: CauseText, width: int) -> Iterator[Line]:
    """One cause, explained in lines at most `width` long."""
    width = max(width, LEAST_WIDTH)
    for line in _wrapped(f"{text.cause}: {text.title}", width):
        yield Line(line.text, heading=True)
    for heading, paragraph in text.parts:
        yield Line("")
        yield Line(heading, heading=True)
        yield from _wrapped(paragraph, width, first=_INDENT, rest=_INDENT)
    yield Line("")
    yield Line("Sources", heading=True)
    for source in text.sources:
        yield from _wrapped(str(source), width, first=_INDENT, rest=2 * _INDENT)


def as_json(text: CauseText) -> str:
    """One cause as a JSON object, ending with a line break; keys as in the record."""
    return _json(asdict(text))


def all_as_json() -> str:
    """Every cause as JSON, in the order of a verdict, ending with a line break."""
    return _json({"rule": RULE, "terms": TERMS, "causes": [asdict(text) for text in TEXTS.values()]})


def _json(document: dict[str, object]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _wrapped(paragraph: str, width: int, *, first: str = "", rest: str = "") -> Iterator[Line]:
    """The lines of a paragraph; code that fits on one line is not broken, nor a number from its per cent sign."""
    room = width - len(rest)
    kept = re.sub(r"(?<=\d) (?=%)", _NO_BREAK, paragraph)
    kept = re.sub(r"`[^`]+`\S*", lambda code: _joined(code[0]) if len(code[0]) <= room else code[0], kept)
    lines = textwrap.wrap(kept, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return (Line(line.replace(_NO_BREAK, " ")) for line in lines)


def _joined(code: str) -> str:
    return code.replace(" ", _NO_BREAK)
