"""A search that begins with a look at the data and ends with a verdict on the baseline."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sweep.diagnosis.verdict import Outcome
from sweep.errors import UsageError
from sweep.progress import Advance, Silent
from sweep.records import Cause
from sweep.store.results import open_database
from sweep.workflow.diagnose import Diagnosis, diagnose
from sweep.workflow.resolve import Overrides, resolve_study
from sweep.workflow.run import RunOutcome, run_resolved
from sweep.workflow.stages import TimedProgress

QUICK = (
    "data.image_size=32",
    "training.epochs=2",
    "training.learning_rate=0.01",
    "search.pruner=none",
    "search.finalists=0",
    "check.on_run=true",
)
COPIES = 16


class Noting(Silent):
    """Writes down notes, and the stages that were entered."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.stages: list[str] = []

    def stage(self, name: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
        self.stages.append(name)
        return super().stage(name, total, unit)

    def note(self, text: str) -> None:
        self.notes.append(text)


@dataclass(frozen=True)
class Searched:
    """A study that was run, twice."""

    database: Path
    first: RunOutcome
    notes: list[str]
    stages_again: list[str]


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of smooth pictures in train and val folders; a third of val is train, compressed again."""
    root = tmp_path_factory.mktemp("leaking") / "photos"
    rng = np.random.default_rng(0)
    for label in ("cat", "dog"):
        for side, count in (("train", 60), ("val", COPIES)):
            (root / side / label).mkdir(parents=True)
            for number in range(count):
                coarse = rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)
                picture = Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC)
                picture.save(root / side / label / f"{number}.png")
        for number in range(0, COPIES, 2):
            with Image.open(root / "train" / label / f"{number}.png") as original:
                original.save(root / "val" / label / f"copy{number}.jpg", quality=70)
    return root


@pytest.fixture(scope="module")
def searched(leaking: Path, tmp_path_factory: pytest.TempPathFactory) -> Searched:
    database = tmp_path_factory.mktemp("verdict") / "study.db"
    resolved = resolve_study(str(leaking), Overrides(sets=QUICK, trials=1), Silent())
    first, again = Noting(), Noting()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sweep.workflow.fits._SEEDS", 2)  # eight say more, and take four times as long
        patch.setenv("SWEEP_CACHE", str(database.parent / "cache"))
        patch.setattr("sweep.workflow.candidates.PREPROCESSINGS", ("auto", "none"))  # each costs a pass
        outcome = run_resolved(resolved, database, timeout=None, progress=TimedProgress(first))
        run_resolved(resolved, database, timeout=None, progress=TimedProgress(again))
    return Searched(database, outcome, first.notes, again.stages)


@pytest.fixture(scope="module")
def diagnosis(searched: Searched) -> Diagnosis:
    return diagnose(searched.database)


def test_what_is_serious_is_said_before_the_first_trial(searched: Searched) -> None:
    (said,) = [note for note in searched.notes if note.startswith("before the first trial: leak: ")]
    found = re.search(r"leak: (\d+) of the 48 validation images have a copy", said)
    assert found is not None
    assert COPIES - 4 <= int(found[1]) <= COPIES


def test_a_search_ends_with_the_verdict_in_a_sentence(searched: Searched, diagnosis: Diagnosis) -> None:
    assert searched.first.verdict == diagnosis.sentence
    assert f"verdict: {diagnosis.sentence}" in searched.first.lines


def test_neither_is_done_twice(searched: Searched) -> None:
    assert "probes" not in searched.stages_again
    assert "fits" not in searched.stages_again


def test_every_cause_is_spoken_of_once(diagnosis: Diagnosis) -> None:
    assert sorted(one.finding.cause for one in diagnosis.verdict.judged) == sorted(Cause)


def test_the_leak_is_found_with_its_pairs(diagnosis: Diagnosis) -> None:
    leak = next(one for one in diagnosis.verdict.judged if one.finding.cause is Cause.LEAK)
    assert leak.outcome is Outcome.FOUND
    effect = leak.finding.effect
    assert effect is not None
    share = COPIES / (3 * COPIES)
    assert effect.low < share < effect.high
    pairs = leak.finding.exhibits[0].images
    for validation, train in zip(pairs[::2], pairs[1::2], strict=True):
        copied, original = diagnosis.paths[validation], diagnosis.paths[train]
        assert copied.startswith("val/")
        assert original == copied.replace("val/", "train/").replace("copy", "").replace(".jpg", ".png")


def test_what_is_stored_gives_the_same_verdict(searched: Searched) -> None:
    """The data's findings and those of the short trainings; what records say is reckoned anew."""
    with open_database(searched.database) as opened:
        of_data, *without_copies = opened.findings("photos", trial=None)
        of_fits, *_ = opened.findings("photos", trial=0)
    assert {Cause.LEAK, Cause.SHIFT, Cause.PREPROCESSING} <= {one.cause for one in of_data}
    assert {Cause.CAPACITY, Cause.LEARNING_RATE} <= {one.cause for one in of_fits}
    assert not [one for one in (*of_data, *of_fits) if "Error" in one.missing]
    (again,) = without_copies
    assert {one.repaired for one in again} == {(Cause.LEAK,)}
    assert {Cause.BURSTS, Cause.SHIFT} <= {one.cause for one in again}


def test_a_trial_that_is_not_there_is_refused(searched: Searched) -> None:
    with pytest.raises(UsageError, match="--trial: received trial 7; expected a trial that has one"):
        diagnose(searched.database, trial=7)
