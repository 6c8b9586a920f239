"""The verdict in the terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sweep.diagnosis.verdict import Judged, Outcome, Verdict, verdict_sentence
from sweep.diagnosis.wording import p_text, size
from sweep.records import Exhibit, Finding, Scalar, Unit

__all__ = ["exhibit_lines", "verdict_json", "verdict_lines"]

_SHOWN = 12


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    """The verdict's sentence; each cause with effect, p and remedies; then what is open, then the rest."""
    yield f"verdict: {verdict_sentence(verdict)}"
    for place, one in enumerate(verdict.having(Outcome.FOUND), start=1):
        yield ""
        yield from _cause(place, one)
    for outcome, heading in ((Outcome.UNDETERMINED, "undetermined"), (Outcome.NOT_MEASURED, "not measured")):
        if judged := verdict.having(outcome):
            yield ""
            yield f"{heading}:"
            yield from (f"  {one.finding.cause.value}: {_open(one)}" for one in judged)
    if excluded := verdict.having(Outcome.EXCLUDED):
        yield ""
        yield "excluded: " + ", ".join(one.finding.cause.value for one in excluded)


def exhibit_lines(exhibit: Exhibit, paths: Mapping[int, str]) -> Iterator[str]:
    """What pictures show, and their files."""
    yield ""
    yield f"{exhibit.caption}:"
    yield from (f"  {paths[row]}" for row in exhibit.images[:_SHOWN])


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as plain values: shares as fractions, keys as in the records."""
    return {
        "status": verdict.status.value,
        "sentence": verdict_sentence(verdict),
        "harm": verdict.harm,
        "causes": [_plain(one) for one in verdict.judged],
    }


def _cause(place: int, one: Judged) -> Iterator[str]:
    finding = one.finding
    yield f"{place}. {finding.cause.value}: {finding.summary}"
    yield f"   effect {_effect(finding)}" + (f", {p_text(one.p)}" if one.p is not None and not finding.exact else "")
    for remedy in finding.remedies:
        changes = ", ".join(f"{field} = {_toml(value)}" for field, value in remedy.changes.items())
        yield f"   remedy: {remedy.sentence}" + (f" ({changes})" if changes else "")
    yield f"   more: sweep explain {finding.cause.value}"


def _toml(value: Scalar) -> str:
    """A value as a study file has it; tables stand in the notation of the database already as TOML."""
    return value if isinstance(value, str) and value.startswith("{") else json.dumps(value, ensure_ascii=False)


def _open(one: Judged) -> str:
    finding = one.finding
    if finding.effect is None:
        return finding.missing
    needed = f"; about {one.images_needed:,} images would settle it" if one.images_needed else ""
    return f"{finding.summary} Effect {_effect(finding)}{needed}"


def _effect(finding: Finding) -> str:
    effect = finding.effect
    assert effect is not None
    if finding.unit is Unit.ACCURACY:
        return size(effect)
    return f"{effect.estimate:.3f} nats [{effect.low:.3f}, {effect.high:.3f}]"


def _plain(one: Judged) -> dict[str, Any]:
    finding, effect = one.finding, one.finding.effect
    return {
        "cause": finding.cause.value,
        "outcome": one.outcome.value,
        "summary": finding.summary,
        "effect": None if effect is None else [effect.estimate, effect.low, effect.high],
        "unit": finding.unit.value,
        "p": finding.p,
        "p_adjusted": one.p,
        "images_needed": one.images_needed,
        "evidence": dict(finding.evidence),
        "remedies": [{"sentence": one.sentence, "changes": dict(one.changes)} for one in finding.remedies],
        "exhibits": [{"caption": one.caption, "images": list(one.images)} for one in finding.exhibits],
        "repaired": [cause.value for cause in finding.repaired],
        "source": finding.source,
        "missing": finding.missing,
    }
