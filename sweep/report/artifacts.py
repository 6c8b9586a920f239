"""Pictures of one trial as SVG files, drawn without a browser: its curves, and which classes it takes for which."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.ranking import RankedTrial
from sweep.records import IndexArray, PredictionRecord
from sweep.report.bars import even_marks
from sweep.report.figures import Curve, gather_curve
from sweep.report.gather import Report
from sweep.report.sentences import row_name
from sweep.report.style import GAP, GAP_AREA, INK, TRAIN, VALIDATION
from sweep.report.wording import plain

__all__ = ["MOST_CLASSES", "confusion_matrix", "draw_confusions", "draw_curve_file", "trial_files"]

MOST_CLASSES = 20
"""Of more classes those with the most errors are drawn: smaller cells could not be read."""

_WIDTH, _HEIGHT = 760, 340
_PANEL = (300, 210)
_CELL = 44
_NAME_LENGTH = 18


def trial_files(report: Report, row: RankedTrial) -> dict[str, bytes]:
    """File name -> content of what there is to see of a trial: "curves.svg" and "confusions.svg".

    One is left out where its epochs, or its predictions, are not stored.
    """
    files = {}
    name = f"{row_name(report, row)}, rank {row.rank}"
    curve = gather_curve(report, row)
    if curve.epochs:
        files["curves.svg"] = draw_curve_file(curve, name).encode()
    prediction, side = report.predictions.get(row.number), report.validation
    if prediction is not None and side is not None:
        names = report.study.data.class_names
        matrix = confusion_matrix(prediction, side.labels, len(names))
        files["confusions.svg"] = draw_confusions(matrix, names, name).encode()
    return files


def confusion_matrix(prediction: PredictionRecord, labels: IndexArray, num_classes: int) -> NDArray[np.int64]:
    """How many images of each class (rows) were taken for each class (columns).

    Args:
        prediction: of one side.
        labels: of the same images, int64, shape (n_images,).
        num_classes: of the study.

    Returns:
        Counts, shape (num_classes, num_classes).
    """
    matrix = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(matrix, (labels, prediction.predicted.astype(np.int64)), 1)
    return matrix


# ---- curves --------------------------------------------------------------------------------------------------------


def draw_curve_file(curve: Curve, name: str) -> str:
    """Clean accuracy at the left, clean cross-entropy at the right, the gap as the area between the two lines."""
    panels = (
        (56, "accuracy, %", curve.accuracy),
        (56 + _PANEL[0] + 70, "cross-entropy, nats", curve.cross_entropy),
    )
    parts = [
        _text(16, 28, f"{name}: clean curves; the ring marks the epoch kept, {curve.kept}", size=15),
        _legend(16, 50),
        *(part for left, unit, pair in panels for part in _panel(left, unit, curve, pair)),
    ]
    return _svg(_WIDTH, _HEIGHT, parts)


def _legend(x: float, y: float) -> str:
    return (
        f'<path d="M{x} {y - 4}h24" stroke="{TRAIN}" stroke-width="2.5"/>{_text(x + 30, y, "train")}'
        f'<path d="M{x + 84} {y - 4}h24" stroke="{VALIDATION}" stroke-width="2.5" stroke-dasharray="6 4"/>'
        f"{_text(x + 114, y, 'validation')}"
    )


def _panel(left: float, unit: str, curve: Curve, pair: tuple[Sequence[float], Sequence[float]]) -> Iterator[str]:
    top, (width, height) = 88, _PANEL
    finite = [value for values in pair for value in values if math.isfinite(value)]
    if not finite:
        return
    low, high = min(finite), max(finite)
    spare = 0.05 * (high - low) or 0.5
    low, high = low - spare, high + spare
    last = max(curve.epochs[-1], curve.epochs[0] + 1)

    def place(epoch: int, value: float) -> tuple[float, float]:
        across = (epoch - curve.epochs[0]) / (last - curve.epochs[0])
        return round(left + width * across, 1), round(top + height * (high - value) / (high - low), 1)

    yield _text(left, top - 12, unit)
    for mark in even_marks(low, high, most=5):
        _, y = place(curve.epochs[0], mark)
        yield f'<path d="M{left} {y}h{width}" stroke="{GAP}" stroke-opacity="0.3"/>'
        yield _text(left - 8, y + 4, f"{mark:.6g}", anchor="end")
    for epoch in sorted({curve.epochs[0], curve.epochs[-1]}):
        yield _text(place(epoch, low)[0], top + height + 20, f"epoch {epoch}", anchor="middle")
    lines = [
        [place(*point) for point in zip(curve.epochs, values, strict=True) if math.isfinite(point[1])]
        for values in pair
    ]
    yield f'<polygon points="{_points([*lines[0], *reversed(lines[1])])}" fill="{GAP_AREA}"/>'
    for line, colour, dash in zip(lines, (TRAIN, VALIDATION), ("none", "6 4"), strict=True):
        yield (
            f'<polyline points="{_points(line)}" fill="none" stroke="{colour}" stroke-width="2.5" '
            f'stroke-dasharray="{dash}"/>'
        )
    if curve.kept in curve.epochs:
        for values, colour in zip(pair, (TRAIN, VALIDATION), strict=True):
            value = values[curve.epochs.index(curve.kept)]
            if math.isfinite(value):
                x, y = place(curve.kept, value)
                yield f'<circle cx="{x}" cy="{y}" r="5" fill="white" stroke="{colour}" stroke-width="2.5"/>'


def _points(line: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in line)


# ---- confusions ----------------------------------------------------------------------------------------------------


def draw_confusions(matrix: NDArray[np.int64], class_names: Sequence[str], name: str) -> str:
    """A confusion matrix with its counts, a cell the darker the larger its share of the row.

    Args:
        matrix: counts, shape (n_classes, n_classes), the true class in the row.
        class_names: in the order of labels.
        name: whose it is.
    """
    errors = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * np.diag(matrix)
    shown = np.sort(np.argsort(-errors, kind="stable")[:MOST_CLASSES])
    longest = max((len(plain(class_names[label], _NAME_LENGTH)) for label in shown), default=0)
    left, top, size = 32 + 8 * longest, 60 + 6 * longest, _CELL * len(shown)
    fewer = f"; the {MOST_CLASSES} of {len(matrix)} classes with the most errors" if len(shown) < len(matrix) else ""
    parts = [
        _text(16, 28, f"{name}: validation images by true class (rows) and predicted class (columns){fewer}", size=15),
        *(_named(class_names[label], left, top, place) for place, label in enumerate(shown)),
    ]
    totals = matrix.sum(axis=1)
    for down, true in enumerate(shown):
        for across, predicted in enumerate(shown):
            share = matrix[true, predicted] / max(1, totals[true])
            x, y = left + across * _CELL, top + down * _CELL
            parts.append(_cell(x, y, int(matrix[true, predicted]), float(share), right=true == predicted))
    return _svg(max(_WIDTH, left + size + 6 * longest), top + size + 24, parts)


def _named(name: str, left: int, top: int, place: int) -> str:
    """A class at its row, and slanted at its column."""
    middle = place * _CELL + _CELL / 2
    short = plain(name, _NAME_LENGTH)
    x, y = left + middle, top - 10
    return (
        _text(left - 10, top + middle + 5, short, anchor="end")
        + f'<g transform="rotate(-45 {x} {y})">{_text(x, y, short)}</g>'
    )


def _cell(x: float, y: float, count: int, share: float, *, right: bool) -> str:
    """Right answers, on the diagonal, in the colour of validation; errors in ink."""
    colour = VALIDATION if right else INK
    number = _text(
        x + _CELL / 2, y + _CELL / 2 + 5, str(count), anchor="middle", colour="white" if share > 0.55 else INK
    )
    return (
        f'<rect x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" fill="{colour}" fill-opacity="{share:.2f}" '
        f'stroke="{GAP}" stroke-opacity="0.4"/>{number if count else ""}'
    )


# ---- SVG -----------------------------------------------------------------------------------------------------------


def _svg(width: float, height: float, parts: Iterable[str]) -> str:
    """The file; on white, since the dashboard may be dark."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="system-ui, sans-serif"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n'
    )


def _text(x: float, y: float, text: str, *, size: int = 13, anchor: str = "start", colour: str = INK) -> str:
    """Untrusted text: what XML knows as markup is escaped, and what it cannot hold at all is shown as "�"."""
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(plain(text))}</text>'
    )
