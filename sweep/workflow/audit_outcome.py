"""What `sweep audit` has found, as text and as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sweep.diagnosis.verdict import Verdict
from sweep.diagnosis.waterfall import Term, Waterfall
from sweep.diagnosis.wording import bounds, percent, points, size
from sweep.report.rows import interval_values
from sweep.report.sentences import TERM_LABELS
from sweep.report.verdict import exhibit_lines, verdict_json, verdict_lines
from sweep.report.wording import plain

__all__ = ["AuditOutcome"]

_TERMS = ("dropout", "augmentation", "batch_norm", "clean_gap")
_STEPS = ("E1", "E2", "E3", "E4", "E5")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOutcome:
    """What an audit has found.

    Attributes:
        study: name of the folder's study.
        model: the file, as it was named.
        images: on the training and on the validation side.
        accuracies: clean, training and validation.
        falls: the waterfalls, of accuracy and of cross-entropy.
        notes: sentences on how it was measured.
        paths: of the pictures that findings show, by position in the folder's index.
    """

    study: str
    model: str
    images: tuple[int, int]
    accuracies: tuple[float, float]
    falls: tuple[Waterfall, ...]
    notes: tuple[str, ...]
    verdict: Verdict
    paths: dict[int, str]

    @property
    def lines(self) -> tuple[str, ...]:
        """What the terminal shows."""
        shown = (exhibit for finding in self.verdict.causes for exhibit in finding.exhibits)
        return (
            plain(f"model {self.model} on {self.study}"),
            *_numbers(self),
            *(plain(f"note: {note}") for note in self.notes),
            "",
            *verdict_lines(self.verdict),
            *(line for exhibit in shown for line in exhibit_lines(exhibit, self.paths)),
        )

    @property
    def plain(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "study": self.study,
            "trial": None,
            **verdict_json(self.verdict),
            "paths": {str(row): path for row, path in self.paths.items()},
            "waterfall": [_plain(fall) for fall in self.falls],
            "notes": list(self.notes),
        }


def _numbers(outcome: AuditOutcome) -> Iterator[str]:
    """Clean numbers, and what training switches on, in points of accuracy."""
    fall = outcome.falls[0]
    terms = _terms(fall)
    (train, validation), (trained_on, validated_on) = outcome.accuracies, outcome.images
    yield (
        f"clean: right on {percent(train)} of {trained_on:,} training and {percent(validation)} of {validated_on:,} "
        f"validation images, a gap of {size(terms['clean_gap'].interval)}"
    )
    if "E1" not in fall.steps:
        yield f"what training switches on could not be measured: {fall.terms[0].unchanged}"
        return
    changes = [terms[name] for name in _TERMS[:-1] if not terms[name].unchanged]
    if not changes:
        yield "in the mode of training it does the same: no dropout, no augmentation, no batch norm that trains"
        return
    said = ", ".join(_change(term) for term in changes)
    yield f"in the mode of training: right on {percent(fall.steps['E1'])} of the training images; to clean {said}"


def _change(term: Term) -> str:
    interval = term.interval
    # Terms are positive where they widen the gap that is reported: here they are told as what switching off brings.
    value, low, high = -interval.estimate, -interval.high, -interval.low
    return f"{TERM_LABELS[term.name]} {'+' if value >= 0 else ''}{points(value)} points {bounds(low, high)}"


def _terms(fall: Waterfall) -> dict[str, Term]:
    """From E1 on: what Keras logged is not in a model's file."""
    return {term.name: term for term in fall.terms if term.name in _TERMS}


def _plain(fall: Waterfall) -> dict[str, Any]:
    return {
        "quantity": fall.quantity,
        "steps": {name: fall.steps[name] for name in _STEPS if name in fall.steps},
        "terms": [
            {"name": name, **interval_values(term.interval), "unchanged": term.unchanged}
            for name, term in _terms(fall).items()
        ],
    }
