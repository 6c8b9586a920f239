"""What is printed of the cases that are done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from planted_image_plants import EVERY as PLANTS
from planted_plants import SEVERITIES
from planted_scoring import FAMILIES, Result, Share, always, confusion, curve_rule, majority, mean, without

__all__ = ["lines"]

_LEAST = SEVERITIES[1]  # milder plants count in the table of power alone
_WIDTH = 62

Test = Callable[[Result], bool]


def lines(results: Sequence[Result]) -> Iterator[str]:
    """The whole table."""
    sides = [[one for one in results if one.held_out is held_out] for held_out in (False, True)]
    yield f"{len(results)} cases, {sum(one.kind == 'control' for one in results)} of them controls"
    yield f"{'':{_WIDTH}}{'to tune by':28}held out"
    yield from _scores(sides)
    for part in (_rules, _power, _confusion, _alarms, _unmeasured):
        yield ""
        yield from part(results)


def _scores(sides: Sequence[Sequence[Result]]) -> Iterator[str]:
    rows: list[tuple[str, Test, Test]] = [
        ("single causes, first one right", lambda one: _counts(one) and one.is_detectable, _right),
        ("  too small an effect for so few images", lambda one: _counts(one) and not one.is_detectable, _right),
        ("    of which undetermined", lambda one: _counts(one) and not one.is_detectable, lambda one: not one.causes),
        ("  planted, but no harm was measured: nothing else found", _harmless, lambda one: not one.false_alarms),
        ("compounds, exact set", _compound, lambda one: one.jaccard == 1.0),
        ("controls, anything found", _control, lambda one: bool(one.causes)),
        ("  and it does not hold", _control, lambda one: bool(one.false_alarms)),
    ]
    for title, chosen, test in rows:
        yield _row(title, [Share.of([one for one in side if chosen(one)], test) for side in sides])
    jaccard = (mean([one.jaccard for one in side if _compound(one)]) for side in sides)
    yield f"{'compounds, Jaccard':{_WIDTH}}" + "".join(f"{value:<28.2f}" for value in jaccard)
    proofs = ([proof for one in side for proof in one.proofs] for side in sides)
    yield _row("remedies that bring half of the effect", [Share(found=sum(each), all=len(each)) for each in proofs])


def _rules(results: Sequence[Result]) -> Iterator[str]:
    """Baselines, and ours without a family of probes, on the same single causes."""
    chosen = [one for one in results if _counts(one) and one.is_detectable]
    controls = [one for one in results if _control(one)]
    yield f"{'':{_WIDTH}}{'first cause right':28}controls, anything found"
    frequent = majority(results)
    rules: dict[str, Callable[[Result], Result]] = {"ours": lambda one: one, "logged gap above 0.1": curve_rule}
    if frequent is not None:
        rules[f"always {frequent.value}"] = lambda one: always(one, frequent)
    for title, rule in rules.items():
        yield _of_rule(title, rule, chosen, controls)
    for family, causes in FAMILIES.items():
        yield _of_rule(f"ours without {family}", lambda one, causes=causes: without(one, causes), chosen, controls)  # type: ignore[misc]


def _of_rule(
    title: str, rule: Callable[[Result], Result], singles: Sequence[Result], controls: Sequence[Result]
) -> str:
    found = Share.of(list(map(rule, controls)), lambda one: bool(one.causes))
    return _row(title, [Share.of(list(map(rule, singles)), _right), found])


def _power(results: Sequence[Result]) -> Iterator[str]:
    yield f"{'plant':39}{'severity: effect of repair, points; planted cause found anywhere':}"
    for name, plant in PLANTS.items():
        cells = []
        for severity in SEVERITIES:
            own = [one for one in results if one.plants == ((name, severity),)]
            if own:
                effect = 100 * mean([one.effects[name] for one in own])
                found = sum(any(cause in plant.causes for cause in one.causes) for one in own)
                cells.append(f"{severity:g}: {effect:5.1f} {found}/{len(own)}")
        if cells:
            yield f"{plant.code:9}{name:30}" + "".join(f"{cell:20}" for cell in cells)


def _confusion(results: Sequence[Result]) -> Iterator[str]:
    yield "single plants that do harm, what was said first"
    for code, said in confusion(results).items():
        yield f"{code:9}" + ", ".join(f"{word} {count}" for word, count in said.most_common())


def _alarms(results: Sequence[Result]) -> Iterator[str]:
    yield "false alarms, by cause: in controls, elsewhere"
    counted = [
        Counter(cause for one in results if _control(one) is control for cause in one.false_alarms)
        for control in (True, False)
    ]
    for cause in sorted(counted[0] | counted[1]):
        yield f"{cause.value:24}{counted[0][cause]:4}{counted[1][cause]:6}"


def _unmeasured(results: Sequence[Result]) -> Iterator[str]:
    yield "not measured, by cause and reason"
    counted = Counter(
        (finding["cause"], finding["missing"][:90])
        for one in results
        for findings in one.row["rounds"]
        for finding in findings
        if finding["missing"]
    )
    for (cause, reason), count in counted.most_common(12):
        yield f"{count:5} {cause:20}{reason}"


# ---- which cases count where -----------------------------------------------------------------------------------------


def _counts(one: Result) -> bool:
    return one.kind == "single" and one.severity >= _LEAST and bool(one.positives)


def _harmless(one: Result) -> bool:
    return one.kind == "single" and not one.positives


def _compound(one: Result) -> bool:
    return one.kind in ("pair", "triple") and bool(one.visible)


def _control(one: Result) -> bool:
    return one.kind == "control"


def _right(one: Result) -> bool:
    return one.is_right


def _row(title: str, shares: Sequence[Share]) -> str:
    return f"{title:{_WIDTH}}" + "".join(f"{_share(share):28}" for share in shares)


def _share(share: Share) -> str:
    if not share.all:
        return "–"
    low, high = 100 * share.interval.low, 100 * share.interval.high
    return f"{share.found}/{share.all} = {100 * share.found / share.all:.0f} % [{low:.0f}, {high:.0f}]"
