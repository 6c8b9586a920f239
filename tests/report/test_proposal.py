"""The one change that the first lines propose."""

from __future__ import annotations

from dataclasses import replace

from sweep.diagnosis.verdict import Outcome, Status
from sweep.records import Cause, ProofOutcome, ProofRecord, Remedy
from sweep.report.gather import Report
from sweep.report.proposal import propose


def with_proofs(report: Report, *proofs: ProofRecord) -> Report:
    assert report.diagnosis is not None
    return replace(report, diagnosis=replace(report.diagnosis, proofs=proofs))


def leak_proof(report: Report) -> ProofRecord:
    assert report.diagnosis is not None
    return next(one for one in report.diagnosis.proofs if one.cause is Cause.LEAK)


def test_it_is_the_first_remedy_of_the_first_cause_with_its_proof(diagnosed_report: Report) -> None:
    found = propose(diagnosed_report)
    assert found is not None
    assert (found.sentence, found.mark, found.outcome) == ("Drop the copies.", "✓", "proven")
    assert found.fields == "data.deduplicate = true", "what was run, and not all that the remedy names"
    assert found.evidence == "the gap narrows by 4.0 points [1.0, 7.0]"


def test_the_remedy_that_was_run_is_the_one_proposed(diagnosed_report: Report) -> None:
    diagnosis = diagnosed_report.diagnosis
    assert diagnosis is not None
    proof = replace(leak_proof(diagnosed_report), changes={"model.dropout": 0.5})
    remedies = (Remedy(sentence="First."), Remedy(sentence="Second.", changes={"model.dropout": 0.5}))
    judged = tuple(
        replace(one, finding=replace(one.finding, remedies=remedies)) if one.finding.cause is Cause.LEAK else one
        for one in diagnosis.verdict.judged
    )
    changed = replace(diagnosis, verdict=replace(diagnosis.verdict, judged=judged), proofs=(proof,))
    found = propose(replace(diagnosed_report, diagnosis=changed))
    assert found is not None
    assert (found.sentence, found.fields) == ("Second.", "model.dropout = 0.5")


def test_images_that_the_proof_left_out_are_counted(diagnosed_report: Report) -> None:
    found = propose(with_proofs(diagnosed_report, replace(leak_proof(diagnosed_report), changes={}, left_out=1024)))
    assert found is not None
    assert found.fields == "without 1,024 images"


def test_a_proven_remedy_comes_before_others(diagnosed_report: Report) -> None:
    proof = leak_proof(diagnosed_report)
    failed = replace(proof, outcome=ProofOutcome.NOT_SHOWN)
    found = propose(with_proofs(diagnosed_report, failed, proof))
    assert found is not None
    assert found.outcome == "proven"


def test_what_was_not_run_says_how_to_run_it(diagnosed_report: Report) -> None:
    found = propose(with_proofs(diagnosed_report))
    assert found is not None
    assert (found.outcome, found.kind) == ("not run yet", "not-shown")
    assert found.evidence == "`sweep prove study.db` trains it against your configuration."


def test_a_remedy_that_can_be_run_comes_before_one_that_cannot(diagnosed_report: Report) -> None:
    diagnosis = diagnosed_report.diagnosis
    assert diagnosis is not None
    leak = next(one for one in diagnosis.verdict.judged if one.finding.cause is Cause.LEAK)

    def proposed(*remedies: Remedy) -> tuple[str, str]:
        only = replace(leak, finding=replace(leak.finding, rows=(), remedies=remedies))
        changed = replace(diagnosis, verdict=replace(diagnosis.verdict, judged=(only,)), proofs=())
        found = propose(replace(diagnosed_report, diagnosis=changed))
        assert found is not None
        return found.sentence, found.evidence

    able = Remedy(sentence="Set it.", changes={"model.dropout": 0.5})
    assert proposed(Remedy(sentence="Collect."), able)[0] == "Set it."
    sentence, evidence = proposed(Remedy(sentence="Collect."))
    assert sentence == "Collect."
    assert evidence == "No field of the study file does it, so it cannot be run here."


def test_without_a_cause_nothing_is_to_be_changed(diagnosed_report: Report) -> None:
    diagnosis = diagnosed_report.diagnosis
    assert diagnosis is not None
    open_ = tuple(one for one in diagnosis.verdict.judged if one.outcome is Outcome.UNDETERMINED)
    undetermined = replace(diagnosis.verdict, judged=open_, status=Status.UNDETERMINED)
    found = propose(replace(diagnosed_report, diagnosis=replace(diagnosis, verdict=undetermined)))
    assert found is not None
    assert found.sentence == "Change nothing yet: about 144 validation images would settle a cause."
    healthy = replace(diagnosis.verdict, judged=(), status=Status.HEALTHY)
    found = propose(replace(diagnosed_report, diagnosis=replace(diagnosis, verdict=healthy)))
    assert found is not None
    assert (found.sentence, found.outcome) == ("Nothing has to be changed.", "")


def test_without_a_verdict_there_is_no_proposal(toy_report: Report) -> None:
    assert propose(toy_report) is None
