"""The one change that a page proposes in its first lines, and whether it is proven."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.diagnosis.verdict import Outcome, Status
from sweep.records import Finding, ProofOutcome, ProofRecord, Remedy
from sweep.report.gather import Report
from sweep.report.proof_figure import PROOF_MARKS
from sweep.report.verdict import changed_fields
from sweep.report.wording import plain

__all__ = ["Proposal", "propose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What to change first.

    Attributes:
        sentence: in the imperative, or that there is nothing to change.
        fields: of the study file, "data.deduplicate = true", as they were run where there is a proof; "" where none
            does it.
        mark, outcome, kind: of the proof, as a shape, in words and as the name of a style; "" without one.
        evidence: what the proof has shown, or how to get one, with commands in backticks.
    """

    sentence: str
    fields: str = ""
    mark: str = ""
    outcome: str = ""
    kind: str = ""
    evidence: str = ""


def propose(report: Report) -> Proposal | None:
    """The first remedy of the first cause that has one, a proven one before others; None without a verdict."""
    if report.diagnosis is None:
        return None
    verdict = report.diagnosis.verdict
    for finding in verdict.causes:
        proof = _best([one for one in report.diagnosis.proofs if one.cause is finding.cause])
        remedy = _remedy(finding, proof)
        if remedy is not None:
            return _proposal(report, remedy, proof, able=bool(remedy.changes or finding.rows))
    if verdict.status is Status.HEALTHY:
        return Proposal(sentence="Nothing has to be changed.")
    needed = [one.images_needed for one in verdict.having(Outcome.UNDETERMINED) if one.images_needed]
    if needed:
        return Proposal(sentence=f"Change nothing yet: about {min(needed):,} validation images would settle a cause.")
    return Proposal(sentence="No change is known that would help.")


def _best(proofs: list[ProofRecord]) -> ProofRecord | None:
    """A proven one before the others, else the first."""
    return next((one for one in proofs if one.outcome is ProofOutcome.PROVEN), next(iter(proofs), None))


def _remedy(finding: Finding, proof: ProofRecord | None) -> Remedy | None:
    """The remedy that the proof is of, else the best candidate that can be run, else the best one."""
    ran = (one for one in finding.remedies if proof is not None and one.changes and dict(one.changes) == proof.changes)
    able = (one for one in finding.remedies if one.changes or finding.rows)
    return next(ran, next(able, next(iter(finding.remedies), None)))


def _proposal(report: Report, remedy: Remedy, proof: ProofRecord | None, *, able: bool) -> Proposal:
    if proof is None:
        command = f"`sweep prove {plain(report.arguments or 'DB')}`"
        return Proposal(
            sentence=plain(remedy.sentence),
            fields=plain(changed_fields(remedy.changes)),
            mark="○",
            outcome="not run yet",
            kind="not-shown",
            evidence=f"{command} trains it against {report.baseline_name}."
            if able
            else "No field of the study file does it, so it cannot be run here.",
        )
    return Proposal(
        sentence=plain(remedy.sentence),
        fields=plain(changed_fields(proof.changes)) or f"without {proof.left_out:,} images",
        mark=PROOF_MARKS[proof.outcome],
        outcome=proof.outcome.value,
        kind=proof.outcome.value.replace(" ", "-"),
        evidence=plain(proof.sentence),
    )
