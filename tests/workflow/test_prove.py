"""`sweep prove`: remedies are run once, paired, and what is refuted sends the verdict on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from sweep.diagnosis.verdict import Outcome
from sweep.errors import StoreError, UsageError
from sweep.progress import Advance, Silent
from sweep.records import Cause, Finding, Interval, ProofOutcome, Remedy, RepeatRecord, Scalar
from sweep.store.results import open_database
from sweep.workflow.diagnose import diagnose
from sweep.workflow.proof_bench import ProofBench
from sweep.workflow.prove import check_prove, prove
from sweep.workflow.repairs import Repair
from sweep.workflow.run import run_study

CRUSHED = (
    "data.image_size=32",
    "training.epochs=4",
    "training.learning_rate=0.01",
    "model.l2=30.0",  # which leaves nothing of the head
    "search.pruner=none",
    "search.repeats=0",
)


class Noting(Silent):
    """Writes down notes, and how much each stage has to do."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.stages: list[tuple[str, int | None]] = []

    def stage(self, name: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
        self.stages.append((name, total))
        return super().stage(name, total, unit)

    def note(self, text: str) -> None:
        self.notes.append(text)

    @property
    def proofs(self) -> list[int | None]:
        return [total for name, total in self.stages if name == "proof"]


@pytest.fixture(scope="module")
def crushed(noisy_photos: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished study of two easy classes, whose baseline is regularised to death."""
    root = tmp_path_factory.mktemp("prove")
    photos = noisy_photos(root / "photos", {"cat": 60, "dog": 190}, count=30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWEEP_CACHE", str(root / "cache"))
        run_study(str(photos), trials=1, sets=CRUSHED, database=root / "study.db", progress=Silent())
    return root


@pytest.fixture
def database(crushed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWEEP_CACHE", str(crushed / "cache"))
    return Path(shutil.copy(crushed / "study.db", tmp_path / "study.db"))


def found(cause: Cause, *changes: dict[str, Scalar], rows: tuple[int, ...] = ()) -> Finding:
    return Finding(
        cause=cause,
        effect=Interval(estimate=0.4, low=0.3, high=0.5),
        p=1e-6,
        summary=f"{cause.value} costs 40 points",
        remedies=tuple(Remedy(sentence="Change it.", changes=one) for one in changes),
        rows=rows,
    )


def store(database: Path, *findings: Finding) -> None:
    """What probes found, in place of what they would find."""
    with open_database(database) as opened:
        opened.save_findings("photos", findings, trial=0)


def test_a_remedy_that_helps_is_proven_and_not_run_again(database: Path) -> None:
    store(database, found(Cause.OVER_REGULARIZED, {"model.l2": 0.0}))
    first = Noting()
    diagnosis = prove(database, seeds=5, progress=first)
    (proof,) = diagnosis.proofs
    assert (proof.cause, proof.changes, proof.outcome) == (
        Cause.OVER_REGULARIZED,
        {"model.l2": 0.0},
        ProofOutcome.PROVEN,
    )
    assert (proof.repeats, proof.new_split, proof.left_out) == (5, True, 0)
    assert proof.accuracy_gained.estimate > 0.3
    assert proof.accuracy_gained.low > 0
    assert first.proofs == [5 + 5]
    assert any(line.startswith("   proven: model.l2 = 0.0: over 5 new splits") for line in diagnosis.lines)
    again = Noting()
    assert prove(database, seeds=5, progress=again).proofs == diagnosis.proofs
    assert again.stages == []
    assert diagnose(database).proofs == diagnosis.proofs


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings whose accuracy rises by 30 points without L2, and by nothing otherwise."""

    def run(_: ProofBench, repair: Repair, seeds: int) -> tuple[list[RepeatRecord], list[RepeatRecord]]:
        better = 0.3 if repair.changes.get("model.l2") == 0.0 else 0.0
        return ([_record(repeat, 0.0) for repeat in range(seeds)], [_record(repeat, better) for repeat in range(seeds)])

    monkeypatch.setattr(ProofBench, "run", run)


def _record(repeat: int, better: float) -> RepeatRecord:
    return RepeatRecord(
        number=0,
        repeat=repeat,
        new_split=True,
        train_accuracy=0.65 + better,
        train_cross_entropy=0.5,
        validation_accuracy=0.6 + better,
        validation_cross_entropy=0.6,
        train_images=4000,
        validation_images=1000,
        selected_epoch=4,
        folds=0,
        seconds=1.0,
    )


@pytest.mark.usefixtures("bench")
def test_what_is_refuted_sends_the_verdict_to_the_next_cause(database: Path) -> None:
    store(
        database,
        found(Cause.PREPROCESSING, {"training.patience": 3}),
        found(Cause.OVER_REGULARIZED, {"model.l2": 0.0}),
    )
    assert diagnose(database).sentence.startswith("our default (trial 0): preprocessing: ")
    diagnosis = prove(database, seeds=5, progress=Silent())
    assert {proof.cause: proof.outcome for proof in diagnosis.proofs} == {
        Cause.PREPROCESSING: ProofOutcome.REFUTED,
        Cause.OVER_REGULARIZED: ProofOutcome.PROVEN,
    }
    assert [one.finding.cause for one in diagnosis.verdict.having(Outcome.REFUTED)] == [Cause.PREPROCESSING]
    assert Cause.PREPROCESSING not in {finding.cause for finding in diagnosis.verdict.causes}
    assert not diagnosis.sentence.startswith("our default (trial 0): preprocessing")
    assert "found, but mending it has changed nothing:" in diagnosis.lines


@pytest.mark.usefixtures("bench")
def test_of_several_remedies_the_first_that_helps_ends_it(database: Path) -> None:
    store(database, found(Cause.OVER_REGULARIZED, {"model.l2": 9.0}, {"model.l2": 0.0}, {"model.l2": 0.001}))
    diagnosis = prove(database, seeds=5, progress=Silent())
    assert [proof.outcome for proof in diagnosis.proofs] == [ProofOutcome.REFUTED, ProofOutcome.PROVEN]
    assert Cause.OVER_REGULARIZED in {finding.cause for finding in diagnosis.verdict.causes}


@pytest.mark.usefixtures("bench")
def test_what_was_not_refuted_is_run_together_at_last(database: Path) -> None:
    store(
        database,
        found(Cause.BOTTLENECK, {"model.head_width": "none", "model.l2": 0.0}),
        found(Cause.OVER_REGULARIZED, {"model.l2": 0.0, "model.dropout": 0.0}),
    )
    *_, last = prove(database, seeds=5, progress=Silent()).proofs
    assert last.changes == {"model.head_width": "none", "model.l2": 0.0, "model.dropout": 0.0}
    assert last.outcome is ProofOutcome.PROVEN


@pytest.mark.usefixtures("bench")
def test_what_is_proven_stands_for_its_cause_when_all_are_mended(database: Path) -> None:
    store(
        database,
        found(Cause.BOTTLENECK, {"model.head_width": "none", "model.l2": 0.0}),
        found(Cause.LEARNING_RATE, {"training.learning_rate": 0.5}, {"training.learning_rate": 0.1, "model.l2": 0.0}),
    )
    *_, last = prove(database, seeds=5, progress=Silent()).proofs
    assert last.changes == {"model.head_width": "none", "model.l2": 0.0, "training.learning_rate": 0.1}


@pytest.mark.usefixtures("bench")
def test_more_seeds_ask_again_what_was_refuted(database: Path) -> None:
    store(database, found(Cause.PREPROCESSING, {"training.patience": 3}))
    assert [one.repeats for one in prove(database, seeds=2, progress=Silent()).proofs] == [2]
    assert [one.repeats for one in prove(database, seeds=5, progress=Silent()).proofs] == [5]


def test_a_remedy_that_cannot_be_run_is_said(database: Path) -> None:
    store(
        database,
        found(Cause.BURSTS, {"data.group": "^(nothing)$"}),
        found(Cause.CAPACITY, {"model.head_width": "-3"}),
    )
    progress = Noting()
    assert prove(database, progress=progress).proofs == ()
    assert len(progress.notes) == 2
    assert all(
        note.startswith(("the remedy of bursts could", "the remedy of capacity could")) for note in progress.notes
    )


def test_nothing_to_prove_needs_no_images(database: Path, crushed: Path) -> None:
    store(database, found(Cause.BOOKKEEPING, {"training.shuffle": True}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sweep.workflow.prove.same_images", lambda *_, **__: pytest.fail("nobody asks for images"))
        assert prove(database, progress=Silent()).proofs == ()


def test_other_images_are_refused(database: Path, crushed: Path) -> None:
    store(database, found(Cause.OVER_REGULARIZED, {"model.l2": 0.0}))
    moved = crushed / "photos" / "cat" / "0.png"
    away = moved.rename(crushed / "away.png")
    try:
        progress = Noting()
        assert prove(database, progress=progress).proofs == ()
        assert "received other images than it was run on" in progress.notes[0]
    finally:
        away.rename(moved)


def test_wrong_numbers_are_refused_before_anything_is_trained(database: Path) -> None:
    for seeds in (1, 51):
        with pytest.raises(UsageError, match=rf"--seeds: received {seeds}; expected 2 to 50"):
            check_prove(database, seeds=seeds)
    with pytest.raises(UsageError, match="received trial 9"):
        check_prove(database, trial=9)
    with pytest.raises(StoreError, match="received no such file"):
        check_prove(database.with_name("none.db"))
