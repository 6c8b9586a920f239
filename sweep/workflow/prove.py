"""`sweep prove`: the remedies of a verdict, run: what is configured against what is mended, over seeds and splits.

A remedy's p says how sure its cause is; only running it says what it brings. Every cause that was found is mended by
itself, by the first of its remedies that keeps its promise, and at last all of them together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.diagnosis.remedy import judge_remedy
from sweep.diagnosis.repeats import compare_repeats
from sweep.diagnosis.verdict import Outcome
from sweep.errors import SweepError, UsageError
from sweep.progress import Progress, Silent
from sweep.records import Cause, ProofOutcome, ProofRecord, Scalar
from sweep.store.results import Database, open_database
from sweep.studyfile.definition import StudyDefinition
from sweep.workflow.again import check_base, made_ready, same_images
from sweep.workflow.diagnose import Diagnosis, diagnose_opened
from sweep.workflow.repairs import Repair, repairs_of, together
from sweep.workflow.trust import check_trust

if TYPE_CHECKING:
    from sweep.workflow.proof_bench import ProofBench  # which loads TensorFlow

__all__ = ["SEEDS", "check_prove", "prove"]

SEEDS = 5
_MOST_SEEDS = 50


def check_prove(
    database: str | Path, *, study: str | None = None, trial: int | None = None, seeds: int = SEEDS, trust: bool = False
) -> Diagnosis:
    """The verdict that is to be proven, with everything refused that can be without TensorFlow; errors as `prove`."""
    if not 2 <= seeds <= _MOST_SEEDS:
        raise UsageError(
            "--seeds", received=str(seeds), expected=f"2 to {_MOST_SEEDS}", remedy=f"write --seeds {SEEDS}"
        )
    with open_database(database) as opened:
        record = opened.study(study)
        check_base(record)
        check_trust(StudyDefinition.model_validate(json.loads(record.definition)).model.hypermodel, trusted=trust)
        return diagnose_opened(opened, record, trial=trial)


def prove(
    database: str | Path,
    *,
    study: str | None = None,
    trial: int | None = None,
    seeds: int = SEEDS,
    trust: bool = False,
    progress: Progress | None = None,
) -> Diagnosis:
    """Run the remedies of the causes found, and store what came out.

    What was run before with as many seeds is not run again.

    Args:
        database: with a diagnosed study.
        study: which one; the newest unless named.
        trial: its number; the baseline unless named.
        seeds: trainings on either side, each with a split of its own.
        trust: whether a hypermodel's code may be run because the database names it.
        progress: stage "proof"; nowhere by default.

    Returns:
        The verdict with its proofs.

    Raises:
        UsageError: `seeds` is out of range, there is no such trial, or the study's code is not trusted.
        StoreError: the images are not those that the study was run on.
    """
    found = check_prove(database, study=study, trial=trial, seeds=seeds, trust=trust)
    with open_database(database) as opened:
        _Proofs(opened, found, seeds, progress or Silent()).run()
        return diagnose_opened(opened, opened.study(found.study), trial=trial)


class _Proofs:
    """The proofs of one verdict.

    Args:
        database: open; takes the proofs.
        diagnosis: whose causes are mended.
        seeds: trainings on either side.
        progress: where to show the progress.
    """

    def __init__(self, database: Database, diagnosis: Diagnosis, seeds: int, progress: Progress) -> None:
        self._database = database
        self._diagnosis = diagnosis
        self._seeds = seeds
        self._progress = progress
        self._record = database.study(diagnosis.study)
        self._definition = StudyDefinition.model_validate(json.loads(self._record.definition))
        self._bench: ProofBench | None = None
        self._stored = {
            _key(proof.cause, proof.changes, proof.left_out): proof
            for proof in diagnosis.proofs
            if proof.repeats >= seeds
        }

    def run(self) -> None:
        """Mend every cause that was found by itself, then all that was not refuted of it together."""
        kept = []
        verdict = self._diagnosis.verdict
        for judged in (*verdict.having(Outcome.FOUND), *verdict.having(Outcome.REFUTED)):
            kept_open, proven = None, None
            for repair in repairs_of(judged.finding, hypermodel=bool(self._definition.model.hypermodel)):
                proof = self._proof(repair)
                if proof is not None and proof.outcome is ProofOutcome.PROVEN:
                    proven = repair
                    break
                if proof is not None and proof.outcome is ProofOutcome.NOT_SHOWN:
                    kept_open = kept_open or repair
            kept += [one for one in (proven or kept_open,) if one is not None]
        all_of_them = together(kept)
        if all_of_them is not None:
            self._proof(all_of_them)

    def _proof(self, repair: Repair) -> ProofRecord | None:
        """Run a repair unless that was done; a failure is said and left to the next run."""
        key = _key(repair.causes[0], repair.changes, len(repair.left_out))
        if key not in self._stored:
            try:
                proof = self._run(repair)
            except SweepError as error:
                self._progress.note(f"the remedy of {repair.causes[0].value} could not be run: {error}")
                return None
            self._database.save_proof(self._diagnosis.study, proof)
            self._stored[key] = proof
        return self._stored[key]

    def _run(self, repair: Repair) -> ProofRecord:
        if self._bench is None:
            self._bench = self._made_bench()
        as_it_is, mended = self._bench.run(repair, self._seeds)
        change = compare_repeats(as_it_is, mended, images=self._bench.validated)
        shown = judge_remedy(
            repair.promise, change, harm=self._diagnosis.verdict.harm, num_classes=self._diagnosis.num_classes
        )
        return ProofRecord(
            trial=self._diagnosis.number,
            cause=repair.causes[0],
            changes=repair.changes,
            left_out=len(repair.left_out),
            repeats=change.repeats,
            new_split=change.new_split,
            gap_narrowed=change.gap_narrowed,
            accuracy_gained=change.accuracy_gained,
            cross_entropy_saved=change.cross_entropy_saved,
            p=shown.p,
            outcome=shown.outcome,
            sentence=shown.sentence,
        )

    def _made_bench(self) -> ProofBench:
        # Here, since a verdict without anything to prove must not wait for TensorFlow.
        from sweep.workflow.proof_bench import ProofBench  # noqa: PLC0415

        name, number, definition = self._diagnosis.study, self._diagnosis.number, self._definition
        data = same_images(self._record, definition, progress=self._progress)
        trial = next(one for one in self._database.trials(name, with_epochs=False) if one.number == number)
        return ProofBench(
            definition=definition,
            base=Path(self._record.base),
            data=data,
            training=made_ready(self._record, definition, data, progress=self._progress),
            number=number,
            configuration=definition.configuration(trial.parameters),
            stored=[one for one in self._database.repeats(name, with_predictions=True) if one.number == number],
            progress=self._progress,
        )


def _key(cause: Cause, changes: Mapping[str, Scalar], left_out: int) -> tuple[Cause, str, int]:
    return cause, json.dumps(dict(changes), sort_keys=True), left_out
