"""Which classes a trial takes for which others, on the validation side: a matrix of few classes, pairs of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sweep.diagnosis.ranking import RankedTrial
from sweep.diagnosis.statistics import wilson
from sweep.records import IndexArray, Interval
from sweep.report.gather import Report
from sweep.report.sentences import row_name
from sweep.report.wording import percent, plain

__all__ = ["MOST_CLASSES", "ClassScore", "Confusions", "Pair", "confusions_caption", "gather_confusions"]

MOST_CLASSES = 12
"""More of them are no matrix that can be read: then the most frequent pairs are listed instead."""
_PAIRS_SHOWN = 12
_NAME_LENGTH = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """How one class fares: its images, how many are right, the share of them, and what it is taken for most often."""

    name: str
    images: int
    right: int
    recall: Interval
    taken_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """How many images of one class are taken for another."""

    label: str
    predicted: str
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusions:
    """One trial's predictions of the validation side, counted.

    Attributes:
        name: of the trial, in words.
        number: of the trial.
        class_names: in the order of labels, fit to be shown.
        counts: images by label and predicted class; empty where there are more than `MOST_CLASSES` classes.
        scores: of every class that has images, in the order of labels.
        pairs: the most frequent mistakes, the most frequent one first.
    """

    name: str
    number: int
    class_names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    scores: tuple[ClassScore, ...]
    pairs: tuple[Pair, ...]


def gather_confusions(report: Report) -> tuple[Confusions, ...]:
    """Of the baseline and of rank 1, as far as labels and predictions are stored."""
    ranking, side = report.ranking, report.validation
    rows = [row for row in dict.fromkeys((ranking.baseline, ranking.best)) if row is not None]
    return tuple(
        _of(report, row, side.labels) for row in rows if side is not None and _stored(report, row, side.labels)
    )


def confusions_caption(found: Sequence[Confusions]) -> str:
    """The most frequent mistake of the first trial; "" where nothing is known."""
    if not found:
        return ""
    first = found[0]
    if not first.pairs:
        return f"{_capital(first.name)} makes no mistake on the validation images."
    pair = first.pairs[0]
    mistakes = sum(score.images - score.right for score in first.scores)
    images = "1 mistake" if mistakes == 1 else f"{mistakes:,} mistakes"
    return (
        f"{_capital(first.name)} makes {images}; the most frequent is {pair.label} taken for {pair.predicted}, "
        f"{percent(pair.images / mistakes)} of them."
    )


def _stored(report: Report, row: RankedTrial, labels: IndexArray) -> bool:
    prediction = report.predictions.get(row.number)
    return prediction is not None and len(prediction.predicted) == len(labels)


def _of(report: Report, row: RankedTrial, labels: IndexArray) -> Confusions:
    names = tuple(plain(name, _NAME_LENGTH) for name in report.study.data.class_names)
    predicted = report.predictions[row.number].predicted.astype(np.int64)
    flat = np.bincount(labels * len(names) + predicted, minlength=len(names) ** 2)
    counts = flat.reshape(len(names), len(names))
    return Confusions(
        name=row_name(report, row),
        number=row.number,
        class_names=names,
        counts=tuple(tuple(map(int, line)) for line in counts) if len(names) <= MOST_CLASSES else (),
        scores=tuple(_score(names, label, counts[label]) for label in range(len(names)) if counts[label].any()),
        pairs=_pairs(names, counts),
    )


def _score(names: Sequence[str], label: int, line: IndexArray) -> ClassScore:
    images, right = int(line.sum()), int(line[label])
    others = line.copy()
    others[label] = 0
    return ClassScore(
        name=names[label],
        images=images,
        right=right,
        recall=wilson(right, images),
        taken_for=names[int(others.argmax())] if others.any() else "",
    )


def _pairs(names: Sequence[str], counts: IndexArray) -> tuple[Pair, ...]:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_PAIRS_SHOWN]
    places = [divmod(int(place), len(names)) for place in order]
    return tuple(
        Pair(label=names[label], predicted=names[taken], images=int(wrong[label, taken]))
        for label, taken in places
        if wrong[label, taken]
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
