"""What stands under the ranking in a terminal, as lines of text: a section a question, each only where it is answered.

Tables fit 80 columns; sentences are wrapped by whoever prints them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sweep.diagnosis.marginals import CAVEAT, Marginal
from sweep.diagnosis.ranking import RankedTrial
from sweep.diagnosis.sealed import SealedComparison, SealedScore
from sweep.diagnosis.waterfall import Term, Waterfall, meaning
from sweep.diagnosis.wording import bounds as low_high
from sweep.diagnosis.wording import p_text
from sweep.report.captions import importances_caption, waterfall_caption
from sweep.report.gather import Opening, Report
from sweep.report.sentences import (
    EXPLANATIONS,
    TERM_LABELS,
    explained,
    is_nothing,
    optimism_sentence,
    order_sentence,
    repeats_sentence,
    reported_gap_sentence,
    retrained_sentence,
    rivals_sentence,
    row_name,
    seen_sentence,
    trial_name,
    unchanged_sentence,
)
from sweep.report.wording import plain, points, signed_points, with_bounds

__all__ = ["Line", "opening_lines", "sections"]

Kind = Literal["title", "header", "table", "sentence", "aside", "blank"]

_CURVES_SHOWN = 2
_LABEL_WIDTH = 26
_READING = "What widens the gap is positive. Numbers are rounded one by one, so a sum may miss by a last digit."


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a section, or a sentence that becomes several.

    Attributes:
        text: without markup; names in it are harmless already.
        kind: how it looks: "title", "header" and "table" rows, "sentence", a dimmed "aside", or "blank".
    """

    text: str = ""
    kind: Kind = "sentence"


def sections(report: Report) -> Iterator[Line]:
    """Rank 1's corrected score, the waterfall, the finalists, what moves the gap, and the sealed test side."""
    for title, lines in (
        ("Rank 1's score, corrected", _score(report)),
        ("What the reported gap is made of, in points of accuracy", _waterfall(report)),
        ("The finalists, trained again", _finalists(report)),
        ("What moves the gap", _influence(report)),
    ):
        yield from _titled(title, lines)
    for opening in report.openings:
        yield Line(kind="blank")
        yield from opening_lines(report, opening)


def _titled(title: str, lines: Iterable[Line]) -> Iterator[Line]:
    found = list(lines)
    if found:
        yield from (Line(kind="blank"), Line(text=title, kind="title"), *found)


def _score(report: Report) -> Iterator[Line]:
    sentence = optimism_sentence(report)
    if not sentence:
        return
    yield Line(text=" ".join(filter(None, [sentence, rivals_sentence(report)])))
    yield Line(text=EXPLANATIONS["corrected"], kind="aside")


# ---- the waterfall -------------------------------------------------------------------------------------------------


def _waterfall(report: Report) -> Iterator[Line]:
    shown = _compared(report)
    if not shown:
        return
    falls = [report.waterfall(row) for row in shown]
    terms = _changing(falls)
    yield Line(text=reported_gap_sentence(falls[0], row_name(report, shown[0])))
    yield Line(text=waterfall_caption(report, shown[0]))
    header = ["", *(_column(report, row) for row in shown)]
    rows = [[TERM_LABELS[name], *(_cell(fall, name) for fall in falls)] for name in terms]
    rows.append(["= reported gap", *(points(fall.reported_gap) for fall in falls)])
    yield from _table(header, rows)
    unchanged = unchanged_sentence(*falls)
    if unchanged:
        yield Line(text=unchanged)
    yield from (Line(text=text) for text in dict.fromkeys(map(order_sentence, falls)) if text)
    yield Line(text=_READING, kind="aside")
    yield from (Line(text=_explained(name, falls), kind="aside") for name in terms)


def _compared(report: Report) -> list[RankedTrial]:
    """The baseline and rank 1, as far as there are both and they differ."""
    found = [row for row in (report.ranking.baseline, report.ranking.best) if row is not None]
    return list(dict.fromkeys(found))


def _column(report: Report, row: RankedTrial) -> str:
    return row_name(report, row) if row.baseline else f"rank {row.rank}: {row_name(report, row)}"


def _changing(falls: Sequence[Waterfall]) -> list[str]:
    """Names of the terms that are not 0 by construction everywhere, in the order of the waterfall."""
    present = {term.name for fall in falls for term in fall.terms if not is_nothing(fall, term)}
    return [name for name in TERM_LABELS if name in present]


def _found(fall: Waterfall, name: str) -> Term | None:
    return next((term for term in fall.terms if term.name == name), None)


def _cell(fall: Waterfall, name: str) -> str:
    term = _found(fall, name)
    return "" if term is None else with_bounds(term.interval)


def _explained(name: str, falls: Iterable[Waterfall]) -> str:
    """A term, what it is, and why it may not be what its name says."""
    terms = [(fall, _found(fall, name)) for fall in falls]
    reasons = [term.unchanged for fall, term in terms if term and term.unchanged]
    return f"{TERM_LABELS[name]}: {meaning(name)}{f' ({plain(reasons[0])})' if reasons else ''}."


# ---- finalists and influence ---------------------------------------------------------------------------------------


def _finalists(report: Report) -> Iterator[Line]:
    if not report.repeated:
        return
    yield from _table(
        ["", "validation", "gap", "repetitions"],
        [
            [trial_name(report, one.number), with_bounds(one.validation), with_bounds(one.gap), str(one.repeats)]
            for one in report.repeated.values()
        ],
    )
    sentence = repeats_sentence(report)
    if sentence:
        yield Line(text=sentence)


def _influence(report: Report) -> Iterator[Line]:
    if not any(report.importances.values()):
        return
    yield Line(text=importances_caption(report))
    curves = _strongest_curves(report)
    for place, curve in enumerate(curves):
        yield from [Line(kind="blank")] * (place > 0)
        yield from _table(
            [plain(curve.name, _LABEL_WIDTH), "trials", "mean gap", "mean validation"],
            [
                [plain(one.label, _LABEL_WIDTH), str(one.trials), with_bounds(one.gap), with_bounds(one.validation)]
                for one in curve.bins
            ],
        )
    if curves:
        yield Line(text=CAVEAT, kind="aside")


def _strongest_curves(report: Report) -> list[Marginal]:
    """Of the field that moves the gap most and of the one that moves validation most."""
    shares = [report.importances.get(metric, {}) for metric in ("gap", "validation")]
    names = dict.fromkeys(max(found, key=lambda name: found[name]) for found in shares if found)
    curves = {curve.name: curve for curve in report.marginals}
    return [curves[name] for name in names if name in curves][:_CURVES_SHOWN]


# ---- the sealed test side ------------------------------------------------------------------------------------------


def opening_lines(report: Report, opening: Opening) -> Iterator[Line]:
    """One opening of the sealed test side: every configuration, then the differences between them."""
    result = opening.result
    yield Line(
        text=f"Sealed test side, opened on {opening.record.opened:%Y-%m-%d}: {result.test_images:,} images",
        kind="title",
    )
    yield from (Line(text=text) for text in (seen_sentence(result), retrained_sentence(report, opening)) if text)
    header = ["", "accuracy", *["balanced"] * report.unequal, "predicted"]
    yield from _table(header, [_opened(report, score) for score in result.scores])
    for comparison in result.comparisons:
        yield Line(text=_difference(report, comparison, len(result.comparisons)))
    yield Line(text=explained("predicted", "predicted"), kind="aside")


def _opened(report: Report, score: SealedScore) -> list[str]:
    name = report.baseline_name if score.baseline else f"trial {score.number}"
    balanced = [points(score.balanced_accuracy)] * report.unequal
    return [f"{name}, rank {score.rank}", with_bounds(score.accuracy), *balanced, _prediction(score)]


def _prediction(score: SealedScore) -> str:
    if score.predicted is None:
        return "–"
    return f"{score.place} {low_high(*score.predicted)}"


def _difference(report: Report, comparison: SealedComparison, comparisons: int) -> str:
    gained = comparison.accuracy_gained
    holm = f", Holm over {comparisons}" if comparisons > 1 else ""
    return (
        f"{trial_name(report, comparison.second)} − {trial_name(report, comparison.first)}: "
        f"{signed_points(gained.estimate)} points {low_high(gained.low, gained.high)}, {p_text(comparison.p_adjusted)}"
        f"{holm}{'' if comparison.shown else ': no difference shown'}"
    )


# ---- tables --------------------------------------------------------------------------------------------------------


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Line]:
    """Columns side by side; estimates stand under each other, and so do their brackets."""
    names, *numbers = zip(*rows, strict=True)
    columns = [names, *map(_aligned, numbers)]
    widths = [max(map(len, (name, *column))) for name, column in zip(header, columns, strict=True)]
    for kind, cells in (("header", header), *(("table", row) for row in zip(*columns, strict=True))):
        yield Line(text=_row(cells, widths), kind="header" if kind == "header" else "table")


def _aligned(column: Sequence[str]) -> list[str]:
    """Numbers to the right, what follows them to the left; texts that hold no number as they are."""
    if not all(cell[:1] in "−–0123456789" for cell in column):
        return list(column)
    split = [cell.partition(" ") for cell in column]
    width = max(len(number) for number, _, _ in split)
    return [f"{number.rjust(width)} {rest}".rstrip() for number, _, rest in split]


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
