"""A study that is submitted is recorded, with what workers need to find and check its images, and not trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.errors import BackboneError, DataError, DefinitionError, StoreError, UsageError
from sweep.progress import Silent
from sweep.records import Split
from sweep.store.results import open_database
from sweep.workflow.resolve import Overrides, ResolvedStudy, resolve_study
from sweep.workflow.submit import submit_study


@pytest.fixture
def folder(photo_folder: Callable[..., Path]) -> Path:
    return photo_folder({"cat": 20, "dog": 20})


def resolved(folder: Path, *sets: str, trials: int = 5) -> ResolvedStudy:
    overrides = Overrides(sets=("data.image_size=32", *sets), trials=trials)
    return resolve_study(str(folder), overrides, Silent())


def test_a_study_is_recorded_with_its_images(folder: Path, tmp_path: Path) -> None:
    lines = submit_study(resolved(folder), tmp_path / "study.db")
    with open_database(tmp_path / "study.db") as opened:
        record = opened.study()
        assert opened.trials("photos") == ()
        assert len(opened.images("photos")) == 40
        assert opened.optuna_storage().get_all_studies() == []
    assert record.data.images(Split.TRAIN) == 24
    assert lines[0].startswith(f"study photos: 5 trials wanted, on 40 images of {folder} (content ")
    assert record.data.fingerprint[:12] in lines[0]
    assert Path(record.base) == folder.parent
    assert lines[1] == f"next: sweep worker photos --storage {tmp_path / 'study.db'}"


def test_a_total_may_grow_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    submit_study(resolved(folder), tmp_path / "study.db")
    assert submit_study(resolved(folder, trials=9), tmp_path / "study.db")[0].startswith("study photos: 9 trials")
    with pytest.raises(StoreError, match=r"another definition \(differs in model\.dropout\)"):
        submit_study(resolved(folder, "model.dropout=0.3"), tmp_path / "study.db")
    (folder / "cat" / "cat_000.png").unlink()
    with pytest.raises(StoreError, match="other images"):
        submit_study(resolved(folder), tmp_path / "study.db")


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ("model.backbone=mobilnet", BackboneError, "mobilenet"),
        ("data.exclude=['nothing.png']", DataError, r"nothing\.png"),
    ],
)
def test_what_no_worker_could_run_is_refused(
    folder: Path, tmp_path: Path, changed: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        submit_study(resolved(folder, changed), tmp_path / "study.db")


def test_code_that_an_option_names_is_not_loaded_without_trust(tmp_path: Path) -> None:
    named = resolve_study("hypermodel", Overrides(sets=("model.hypermodel=submit_absent:build",)), Silent())
    with pytest.raises(UsageError, match=r"submit_absent:build: received code that would be run.*add --trust"):
        submit_study(named, tmp_path / "study.db")
    with pytest.raises(DefinitionError, match="No module named 'submit_absent'"):
        submit_study(named, tmp_path / "study.db", trust=True)


def test_memory_is_no_shared_database(folder: Path) -> None:
    with pytest.raises(UsageError, match="a database in memory"):
        submit_study(resolved(folder), "sqlite://")
