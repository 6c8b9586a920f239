"""The verdict as the page tells it: a card for each cause that was found; what is open, not measured, excluded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from sweep.diagnosis.causes import TEXTS
from sweep.diagnosis.verdict import Judged, Outcome, Verdict
from sweep.diagnosis.wording import class_text
from sweep.records import Finding, ProofRecord, Scalar
from sweep.report.diagnosis import Diagnosis
from sweep.report.proof_figure import PROOF_MARKS
from sweep.report.verdict import chance_text, effect_text, needed_text, proven_changes, toml_value
from sweep.report.wording import plain

__all__ = [
    "MOST_PICTURES",
    "Card",
    "Cards",
    "Line",
    "Picture",
    "ShownExhibit",
    "ShownProof",
    "ShownRemedy",
    "gather_cards",
    "shown_images",
]

MOST_PICTURES = 12
"""Of a cause: more are no more evidence, and a page is to be sent by mail."""

_CLASS_NUMBERS = ("class", "class_taken_from", "most_flagged_class", "suggested_class")
_RECALL = re.compile(r"recall_(\d+)(_low|_high)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One image of an exhibit.

    Attributes:
        path: in the source.
        side: on which it stands, or "".
        address: of its thumbnail, "data:…"; "" where there is none.
        gone: whether its file is not there any more, or has changed.
        seen: what is seen, for who cannot see it.
    """

    path: str
    side: str
    address: str
    gone: bool
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownExhibit:
    """Pictures under one caption, such as the two of a pair in each of its sets."""

    caption: str
    sets: tuple[tuple[Picture, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRemedy:
    """What to change, in words and as lines of the study file."""

    sentence: str
    lines: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownProof:
    """A remedy that was run.

    Attributes:
        outcome: in words.
        mark: the same as a shape.
        kind: the outcome as the name of a style.
        what: was changed.
        sentence: what came out.
    """

    outcome: str
    mark: str
    kind: str
    what: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One cause that was found, or found and refuted.

    Attributes:
        slug: of the cause; `title` says it in words.
        effect: with its interval.
        chance: the adjusted p; "" for facts of arithmetic.
        evidence: names and numbers.
        parts: of the text of `sweep explain`, headings and paragraphs with code in backticks.
        sources: of that text.
    """

    slug: str
    title: str
    summary: str
    effect: str
    chance: str
    remedies: tuple[ShownRemedy, ...]
    proofs: tuple[ShownProof, ...]
    exhibits: tuple[ShownExhibit, ...]
    evidence: tuple[tuple[str, str], ...]
    source: str
    parts: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A cause without a card: what is said of it in a sentence, the effect, and what would settle it."""

    slug: str
    title: str
    sentence: str
    effect: str
    needed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """What the page's first section shows, each in the order of the verdict."""

    found: tuple[Card, ...]
    refuted: tuple[Card, ...]
    undetermined: tuple[Line, ...]
    not_measured: tuple[Line, ...]
    excluded: tuple[Line, ...]


def gather_cards(diagnosis: Diagnosis, class_names: Sequence[str], thumbnails: Mapping[int, str]) -> Cards:
    """Collect what the page says of a verdict.

    Args:
        diagnosis: of the study's baseline.
        class_names: in the order of labels.
        thumbnails: `data:` addresses by position in the study's index, "" for files that are not there any more; files
            that are not in it are named and not shown.
    """

    def cards(outcome: Outcome) -> tuple[Card, ...]:
        return tuple(_card(one, diagnosis, class_names, thumbnails) for one in diagnosis.verdict.having(outcome))

    def lines(outcome: Outcome) -> tuple[Line, ...]:
        return tuple(map(_line, diagnosis.verdict.having(outcome)))

    return Cards(
        found=cards(Outcome.FOUND),
        refuted=cards(Outcome.REFUTED),
        undetermined=lines(Outcome.UNDETERMINED),
        not_measured=lines(Outcome.NOT_MEASURED),
        excluded=lines(Outcome.EXCLUDED),
    )


def shown_images(verdict: Verdict) -> tuple[int, ...]:
    """Positions in the study's index of the images that cards show, ascending."""
    judged = (*verdict.having(Outcome.FOUND), *verdict.having(Outcome.REFUTED))
    return tuple(
        sorted({row for one in judged for _, sets in _exhibited(one.finding) for rows in sets for row in rows})
    )


def _exhibited(finding: Finding) -> Iterator[tuple[str, tuple[tuple[int, ...], ...]]]:
    """Captions with the images that are shown; exhibits under one caption stand together."""
    left = MOST_PICTURES
    for caption, alike in groupby(finding.exhibits, key=lambda exhibit: exhibit.caption):
        sets = []
        for exhibit in alike:
            sets.append(exhibit.images[:left])
            left -= len(sets[-1])
        if shown := tuple(filter(None, sets)):
            yield caption, shown


def _card(one: Judged, diagnosis: Diagnosis, class_names: Sequence[str], thumbnails: Mapping[int, str]) -> Card:
    finding, text = one.finding, TEXTS[one.finding.cause]
    return Card(
        slug=finding.cause.value,
        title=text.title,
        summary=finding.summary,
        effect=effect_text(finding),
        chance=chance_text(one),
        remedies=tuple(
            ShownRemedy(sentence=remedy.sentence, lines=_study_file(remedy.changes)) for remedy in finding.remedies
        ),
        proofs=tuple(_proof(proof, diagnosis.proofs) for proof in diagnosis.proofs if proof.cause is finding.cause),
        exhibits=tuple(
            ShownExhibit(
                caption=caption,
                sets=tuple(
                    tuple(_picture(row, caption, diagnosis, class_names, thumbnails) for row in rows) for rows in sets
                ),
            )
            for caption, sets in _exhibited(finding)
        ),
        evidence=tuple(_evidence(name, value, class_names) for name, value in finding.evidence.items()),
        source=finding.source,
        parts=text.parts,
        sources=tuple(map(str, text.sources)),
    )


def _line(one: Judged) -> Line:
    finding = one.finding
    return Line(
        slug=finding.cause.value,
        title=TEXTS[finding.cause].title,
        sentence=finding.missing or finding.summary,
        effect="" if finding.effect is None else effect_text(finding),
        needed=needed_text(one),
    )


def _picture(
    row: int, caption: str, diagnosis: Diagnosis, class_names: Sequence[str], thumbnails: Mapping[int, str]
) -> Picture:
    image, side = diagnosis.images[row]
    address = thumbnails.get(row)
    of_side = f" from {side}" if side else ""
    return Picture(
        path=image.path,
        side=side or "",
        address=address or "",
        gone=address == "",
        seen=f"An image of class {class_text(image.label, class_names)}{of_side}: {caption}.",
    )


def _study_file(changes: Mapping[str, Scalar]) -> str:
    """Changed fields as a study file has them, each under its table."""
    tables = groupby(sorted(changes.items()), key=lambda change: change[0].rpartition(".")[0])
    lines = (
        [f"[{table}]", *(f"{field.rpartition('.')[2]} = {toml_value(value)}" for field, value in fields)]
        for table, fields in tables
    )
    return "\n\n".join("\n".join(map(plain, each)) for each in lines)


def _proof(proof: ProofRecord, proofs: Sequence[ProofRecord]) -> ShownProof:
    return ShownProof(
        outcome=proof.outcome.value,
        mark=PROOF_MARKS[proof.outcome],
        kind=proof.outcome.value.replace(" ", "-"),
        what=proven_changes(proof, proofs),
        sentence=proof.sentence,
    )


def _evidence(name: str, value: Scalar, class_names: Sequence[str]) -> tuple[str, str]:
    """The name of a number in words, and the number; classes by their names."""
    recall = _RECALL.fullmatch(name)
    if recall is not None:
        bound = {"_low": ", lower bound", "_high": ", upper bound"}.get(recall[2] or "", "")
        return f"recall of class {class_text(int(recall[1]), class_names)}{bound}", _number(value)
    if name in _CLASS_NUMBERS and isinstance(value, int):
        return name.replace("_", " "), class_text(value, class_names)
    if name == "classes" and isinstance(value, str):
        return name, re.sub(r"\d+", lambda label: class_text(int(label[0]), class_names), value)
    return name.replace("_", " "), _number(value)


def _number(value: Scalar) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}".replace("-", "−") if isinstance(value, float) else value
