"""The verdict in the terminal and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sweep.diagnosis.remedy import mended_by
from sweep.diagnosis.verdict import Judged, Outcome, Verdict, verdict_sentence
from sweep.diagnosis.wording import p_text, size
from sweep.records import Exhibit, Finding, Interval, ProofRecord, Scalar, Unit
from sweep.report.wording import plain

__all__ = [
    "chance_text",
    "changed_fields",
    "effect_text",
    "exhibit_lines",
    "needed_text",
    "proof_line",
    "proven_changes",
    "toml_value",
    "verdict_json",
    "verdict_lines",
]

_SHOWN = 12


def verdict_lines(verdict: Verdict, proofs: Sequence[ProofRecord] = ()) -> Iterator[str]:
    """The verdict's sentence; each cause with effect, p and remedies; then what is open, then the rest.

    Args:
        verdict: to be shown.
        proofs: remedies that were run.
    """
    yield plain(f"verdict: {verdict_sentence(verdict)}")
    for place, one in enumerate(verdict.having(Outcome.FOUND), start=1):
        yield ""
        yield from _cause(place, one, proofs)
    if judged := verdict.having(Outcome.REFUTED):
        yield ""
        yield "found, but mending it has changed nothing:"
        for one in judged:
            yield f"  {one.finding.cause.value}: {plain(one.finding.summary)}"
            yield from (f"    {proof_line(proof, proofs)}" for proof in proofs if proof.cause is one.finding.cause)
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
    yield f"{plain(exhibit.caption)}:"
    yield from (f"  {plain(paths[row])}" for row in exhibit.images[:_SHOWN])


def verdict_json(verdict: Verdict, proofs: Sequence[ProofRecord] = ()) -> dict[str, Any]:
    """The verdict and what was run of its remedies as plain values: shares as fractions, keys as in the records.

    JSON knows no infinity: a bound that is nowhere is None.
    """
    return {
        "status": verdict.status.value,
        "sentence": verdict_sentence(verdict),
        "harm": verdict.harm,
        "causes": [_plain(one) for one in verdict.judged],
        "proofs": [_plain_proof(proof) for proof in proofs],
    }


def proof_line(proof: ProofRecord, proofs: Sequence[ProofRecord]) -> str:
    """A remedy that was run, one of these, and what came out."""
    return f"{proof.outcome.value}: {plain(proven_changes(proof, proofs))}: {plain(proof.sentence)}"


def proven_changes(proof: ProofRecord, proofs: Sequence[ProofRecord]) -> str:
    """What a proof has changed, and whom it mends where that is several at once."""
    what = changed_fields(proof.changes) or f"without {proof.left_out:,} images"
    _, *others = mended_by(proof, proofs)
    return f"{what} (together with {' and '.join(cause.value for cause in others)})" if others else what


def changed_fields(changes: Mapping[str, Scalar]) -> str:
    """Fields as they stand in a study file: "model.dropout = 0.5, data.deduplicate = true"."""
    return ", ".join(f"{field} = {toml_value(value)}" for field, value in changes.items())


def _cause(place: int, one: Judged, proofs: Sequence[ProofRecord]) -> Iterator[str]:
    finding = one.finding
    yield f"{place}. {finding.cause.value}: {plain(finding.summary)}"
    yield f"   effect {effect_text(finding)}" + (f", {chance}" if (chance := chance_text(one)) else "")
    for remedy in finding.remedies:
        changes = changed_fields(remedy.changes)
        yield f"   remedy: {plain(remedy.sentence)}" + (f" ({plain(changes)})" if changes else "")
    yield from (f"   {proof_line(proof, proofs)}" for proof in proofs if proof.cause is finding.cause)
    yield f"   more: sweep explain {finding.cause.value}"


def toml_value(value: Scalar) -> str:
    """A value as a study file has it; tables stand in the notation of the database already as TOML."""
    return value if isinstance(value, str) and value.startswith("{") else json.dumps(value, ensure_ascii=False)


def _open(one: Judged) -> str:
    finding = one.finding
    if finding.effect is None:
        return plain(finding.missing)
    needed = f"; {needed_text(one)}" if one.images_needed else ""
    return f"{plain(finding.summary)} Effect {effect_text(finding)}{needed}"


def needed_text(one: Judged) -> str:
    """How many images would settle an undetermined cause; "" where more of them would not."""
    return f"about {one.images_needed:,} images would settle it" if one.images_needed else ""


def chance_text(one: Judged) -> str:
    """The adjusted p; "" for facts of arithmetic."""
    return "" if one.p is None or one.finding.exact else p_text(one.p)


def effect_text(finding: Finding) -> str:
    """A measured effect with its interval, in points or nats."""
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
        "effect": None if effect is None else _bounds(effect),
        "unit": finding.unit.value,
        "p": finding.p,
        "p_adjusted": one.p,
        "images_needed": one.images_needed,
        "evidence": {name: _finite(value) for name, value in finding.evidence.items()},
        "remedies": [{"sentence": one.sentence, "changes": dict(one.changes)} for one in finding.remedies],
        "rows": list(finding.rows),
        "exhibits": [{"caption": one.caption, "images": list(one.images)} for one in finding.exhibits],
        "repaired": [cause.value for cause in finding.repaired],
        "source": finding.source,
        "missing": finding.missing,
    }


def _plain_proof(proof: ProofRecord) -> dict[str, Any]:
    changes = ("gap_narrowed", "accuracy_gained", "cross_entropy_saved")
    return {
        "cause": proof.cause.value,
        "outcome": proof.outcome.value,
        "changes": dict(proof.changes),
        "left_out": proof.left_out,
        "repeats": proof.repeats,
        "new_split": proof.new_split,
        **{name: _bounds(getattr(proof, name)) for name in changes},
        "p": proof.p,
        "sentence": proof.sentence,
    }


def _bounds(interval: Interval) -> list[Scalar | None]:
    return [_finite(value) for value in (interval.estimate, interval.low, interval.high)]


def _finite(value: Scalar) -> Scalar | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value
