"""Two trials side by side in the terminal: a sentence, then tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sweep.diagnosis.wording import p_text, size
from sweep.records import Interval, Scalar
from sweep.report.pair import Contender, Pair, Setting
from sweep.report.sentences import EXPLANATIONS, TERM_LABELS, is_nothing, trial_name
from sweep.report.wording import nats, plain, points, setting, signed_points, with_bounds

__all__ = ["pair_lines", "pair_notes", "pair_sentence"]

_LONGEST = 19  # of a name or a setting in a table


def pair_lines(pair: Pair) -> Iterator[str]:
    """All of it, a sentence a line; names in it are harmless."""
    yield f"A: {plain(pair.first.name)}"
    yield f"B: {plain(pair.second.name)}"
    yield ""
    yield pair_sentence(pair)
    yield ""
    yield from _table(_numbers(pair))
    yield from _titled("Settings that differ", _settings([*pair.settings, *pair.study_settings]))
    yield from _titled("What the reported gap is made of, in points of accuracy", _waterfall(pair))
    tested = any(one.recall.p is not None for one in pair.recalls)
    star = "; a star: the change is shown among all classes (Holm)" if tested else ""
    yield from _titled(f"Recall by class, %{star}", _recalls(pair))
    yield ""
    yield from pair_notes(pair)


# ---- sentences -----------------------------------------------------------------------------------------------------


def pair_sentence(pair: Pair) -> str:
    """Which of the two is better on validation and which has the smaller gap, and whether that is shown."""
    found = pair.found
    narrowed = found.comparison.gap_narrowed
    names = {"first": _short(pair, pair.first), "second": _short(pair, pair.second)}
    said = _on_validation(pair, names)
    if found.smaller_gap == "neither":
        return f"{said}; which of the gaps is smaller is not shown ({size(narrowed)} between them)."
    holder = names[found.smaller_gap]
    if found.better == found.smaller_gap:
        return f"{said}, and its gap is smaller, by {size(narrowed)}."
    end = ", which makes it the one to prefer" if found.better == "neither" else ""
    return f"{said}; {holder} has the smaller gap, by {size(narrowed)}{end}."


def _on_validation(pair: Pair, names: dict[str, str]) -> str:
    found = pair.found
    comparison = found.comparison
    gained, saved = comparison.accuracy_gained, comparison.cross_entropy_saved
    if found.better == "mixed":
        first, second = (names[key] for key in ("first", "second"))
        accurate, certain = (first, second) if gained.estimate < 0 else (second, first)
        return f"Neither is better on validation: {accurate} has more accuracy, {certain} less cross-entropy"
    if found.better == "neither":
        p = min(found.p_first_worse, found.p_second_worse)
        between = f"{size(gained)} and {_nats_between(saved)} of cross-entropy"
        either = " or ".join(names.values())
        return f"Which is better on validation, {either}, is not shown: {between} between them ({p_text(p)})"
    better, other, p, measure = names["second"], names["first"], found.p_first_worse, found.measures[0]
    if found.better == "first":
        better, other, p, measure = names["first"], names["second"], found.p_second_worse, found.measures[1]
    by = {"accuracy": f"{size(gained)} more accuracy", "cross-entropy": f"{_nats_between(saved)} less cross-entropy"}
    # What is not shown is said only where it points the same way.
    agree = (gained.estimate > 0) == (saved.estimate > 0)
    where = "" if pair.unpaired else " on the same images"
    what = " and ".join(by.values()) if agree else by[measure]
    return f"{_capital(better)} is better on validation than {other}: {what}{where} ({p_text(p)})"


def pair_notes(pair: Pair) -> Iterator[str]:
    """What limits the comparison."""
    if pair.unpaired:
        yield f"Not compared image by image, since {plain(pair.unpaired)}: intervals are those of different images."
    answers, p, p_nats = pair.found.answers, pair.found.p_accuracy, pair.found.p_cross_entropy
    if answers is not None and p is not None and p_nats is not None:
        test = "McNemar's exact test" if _single_images(pair) else "a t test over sources"
        yield (
            f"Of {answers.both + answers.only_first + answers.only_second + answers.none:,} predictions both have "
            f"{answers.both:,} right, A alone {answers.only_first:,}, B alone {answers.only_second:,}, neither "
            f"{answers.none:,}: {p_text(p)} by {test}; cross-entropies by a paired t test: {p_text(p_nats)}. The p "
            "of the first sentence asks both questions at once, as the ranking does."
        )
    for one in (pair.first, pair.second):
        choice = one.report.ranking.choice
        if one.row.rank == 1 and choice is not None and one.report.ranking.optimism is not None:
            others = len(one.report.ranking.optimism.chosen)
            if others > 1:
                yield (
                    f"{_capital(_short(pair, one))} is rank 1, chosen among {others} trials by these very images, "
                    "which flatters it: `sweep report` corrects its score."
                )
    yield EXPLANATIONS["interval"]


def _single_images(pair: Pair) -> bool:
    side = pair.first.report.validation
    return side is None or side.groups is None or len(set(side.groups)) == len(side.groups)


def _nats_between(saved: Interval) -> str:
    low, high = (saved.low, saved.high) if saved.estimate >= 0 else (-saved.high, -saved.low)
    return f"{nats(abs(saved.estimate))} nats [{nats(low)}, {nats(high)}]"


def _short(pair: Pair, one: Contender) -> str:
    """A trial in a sentence."""
    name = trial_name(one.report, one.row.number)
    return name if pair.one_study else f"{name} of {plain(one.report.study.name, 60)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# ---- tables --------------------------------------------------------------------------------------------------------

_Row = tuple[str, ...]


def _numbers(pair: Pair) -> Iterator[_Row]:
    a, b, change = pair.first.row, pair.second.row, pair.found.comparison
    one, other = a.measurement, b.measurement
    train = signed_points(other.train_accuracy - one.train_accuracy)
    yield ("", "A", "B", "B minus A")
    yield ("train, %", points(one.train_accuracy), points(other.train_accuracy), train)
    yield ("validation, %", with_bounds(a.validation), with_bounds(b.validation), _signed(change.accuracy_gained))
    if a.balanced is not None and b.balanced is not None:
        yield ("balanced, %", with_bounds(a.balanced), with_bounds(b.balanced))
    yield ("gap, points", with_bounds(a.gap), with_bounds(b.gap), _signed(_turned(change.gap_narrowed)))
    entropies = (nats(each.validation_cross_entropy) for each in (one, other))
    yield ("cross-entropy", *entropies, _signed(_turned(change.cross_entropy_saved), nats))
    yield ("J", nats(a.trial.objective), nats(b.trial.objective))
    yield ("rank, tier", f"{a.rank}, {int(a.tier)}", f"{b.rank}, {int(b.tier)}")
    yield ("parameters", *(f"{each.trainable_parameters:,}" for each in (one, other)))


def _settings(settings: Sequence[Setting]) -> Iterator[_Row]:
    for one in settings:
        yield (one.field, _value(one.first), _value(one.second))


def _waterfall(pair: Pair) -> Iterator[_Row]:
    falls = [one.report.waterfall(one.row) for one in (pair.first, pair.second)]
    for name, text in TERM_LABELS.items():
        terms = [next((term for term in fall.terms if term.name == name), None) for fall in falls]
        alike = all(term is None or is_nothing(fall, term) for fall, term in zip(falls, terms, strict=True))
        if not alike:
            yield (text, *("" if term is None else with_bounds(term.interval) for term in terms))
    yield ("= reported gap", *(points(fall.reported_gap) for fall in falls))


def _recalls(pair: Pair) -> Iterator[_Row]:
    for one in pair.recalls:
        found = one.recall
        shown = " *" if found.p is not None and found.p < 1 - found.gained.level else "  "
        yield (one.name, with_bounds(found.first), with_bounds(found.second), _signed(found.gained) + shown)


def _titled(title: str, rows: Iterator[_Row]) -> Iterator[str]:
    found = list(_table(rows))
    if found:
        yield from ("", title, *found)


def _table(rows: Iterator[_Row]) -> Iterator[str]:
    """Rows of a name and up to three numbers, which stand at the right of their columns."""
    whole = [(plain(name, _LONGEST), *cells, *[""] * (3 - len(cells))) for name, *cells in rows]
    widths = [max(len(row[place]) for row in whole) for place in range(4)] if whole else []
    for name, *cells in whole:
        numbers = (f"  {cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        yield f"{name:<{widths[0]}}{''.join(numbers)}".rstrip()


def _value(value: Scalar | None) -> str:
    return plain(setting(value), _LONGEST)


def _signed(interval: Interval, number: Callable[[float], str] = points) -> str:
    """A difference with its sign."""
    return ("+" if interval.estimate > 0 else "") + with_bounds(interval, number)


def _turned(interval: Interval) -> Interval:
    return Interval(estimate=-interval.estimate, low=-interval.high, high=-interval.low, level=interval.level)
