"""The main job: a folder of photos in, finished trials and a ranking out."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna
import pytest
from optuna.trial import FrozenTrial
from optuna_dashboard import wsgi

from sweep.errors import BackboneError, DataError, DefinitionError, StoreError, TrialError, UsageError
from sweep.progress import Advance, Silent
from sweep.records import Split, TrialRecord, TrialState
from sweep.search import marks
from sweep.workflow import run as workflow
from sweep.workflow.opened import OpenedStudy, open_study
from sweep.workflow.resolve import Overrides, resolve_study
from sweep.workflow.run import run_resolved, run_study
from sweep.workflow.stages import TimedProgress

QUICK = ("data.image_size=32", "training.epochs=1", "search.pruner=none", "search.repeats=0")


def test_a_study_made_in_python_is_run_and_opened_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(workflow, "run_resolved", lambda resolved, *_, **__: ran.append(resolved.definition))
    monkeypatch.setattr(workflow, "open_study", lambda *where, **named: (where, named))
    opened = run_study({"name": "mine", "data": {"source": "photos"}}, database="some.db", sets=["model.l2=0.01"])
    assert opened == (("some.db",), {"study": "mine"}), "and not the newest of the database"
    assert (ran[0].name, ran[0].model.l2) == ("mine", 0.01)
    run_study(ran[0], database="some.db")
    assert ran[0] == ran[1]


def test_a_folder_ends_as_finished_trials(finished: tuple[Path, OpenedStudy]) -> None:
    database, study = finished
    assert database.is_file()
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 3
    assert [trial.baseline for trial in study.trials] == [True, False, False]
    assert study.study.default_baseline, "the baseline of a bare folder is ours, not the user's"
    assert study.study.data.images(Split.TRAIN) == 39
    assert study.study.data.images(Split.VALIDATION) == 12
    assert study.study.data.images(Split.TEST) == 9
    assert study.study.versions["gapsweep"]
    assert {"decoding", "backbone pass", "compiling", "training", "evaluation", "scheduling"} <= {
        stage.name for stage in study.study.stages
    }


def test_every_trial_is_measured_on_the_whole_sides(finished: tuple[Path, OpenedStudy]) -> None:
    for trial in finished[1].trials:
        measured = trial.measurement
        assert measured is not None
        assert (measured.train_images, measured.validation_images) == (39, 12)
        assert measured.epochs_run == 2
        assert trial.objective is not None
        assert trial.objective <= -measured.validation_cross_entropy + 1e-9, "J never exceeds −CE"


def test_grouped_photos_are_cross_validated(photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    """Twelve bursts of three photos a class; of the 60 photos that are not sealed each is validated twice."""
    folder = photo_folder({"cat": 36, "dog": 36})
    for photo in sorted(folder.rglob("*.png")):
        name, number = photo.stem.split("_")
        photo.rename(photo.with_name(f"{name}_burst{int(number) // 3}_{number}.png"))
    folds = ("data.validation={folds = 3, repeats = 2}", r"data.group='^(.+)_\d+'")
    quick = ("data.image_size=32", "training.epochs=2", "search.finalists=1", "search.repeats=1")
    study = run_study(str(folder), trials=3, database=tmp_path / "study.db", sets=(*quick, *folds))
    data = study.study.data
    assert (data.images(Split.TRAIN), data.images(Split.VALIDATION), data.images(Split.TEST)) == (0, 60, 12)
    assert (data.fold_repeats, data.groups) == (2, 24)
    assert study.trials[0].state is TrialState.COMPLETE
    for trial in study.trials:
        measured = trial.measurement
        assert measured is not None
        assert measured.folds == 6 or trial.state is TrialState.PRUNED
        assert (measured.train_images, measured.validation_images) == (40, 20)
    assert sum(stage.units for stage in study.study.stages if stage.name == "backbone pass") == 72
    assert len(study.ranking()) > 0


def test_the_same_command_again_adds_nothing(photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = photo_folder({"cat": 20, "dog": 20})
    first = run_study(str(folder), trials=2, database=tmp_path / "study.db", sets=QUICK)
    again = run_study(str(folder), trials=2, database=tmp_path / "study.db", sets=QUICK)
    assert len(first.trials) == len(again.trials) == 2
    more = run_study(str(folder), trials=3, database=tmp_path / "study.db", sets=QUICK)
    assert len(more.trials) == 3, "--trials is a total"


def test_the_same_seed_gives_the_same_trials_and_numbers(photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = photo_folder({"cat": 20, "dog": 20})
    one, two = (
        run_study(str(folder), trials=3, database=tmp_path / f"{name}.db", sets=QUICK) for name in ("one", "two")
    )
    for first, second in zip(one.trials, two.trials, strict=True):
        assert first.parameters == second.parameters
        assert first.objective == second.objective


def test_other_images_under_the_same_name_are_refused(photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = photo_folder({"cat": 20, "dog": 20})
    run_study(str(folder), trials=1, database=tmp_path / "study.db", sets=QUICK)
    (folder / "cat" / "cat_000.png").unlink()
    with pytest.raises(StoreError, match="other images"):
        run_study(str(folder), trials=2, database=tmp_path / "study.db", sets=QUICK)


def test_another_definition_names_its_fields_and_offers_a_name(
    photo_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = photo_folder({"cat": 20, "dog": 20})
    run_study(str(folder), trials=1, database=tmp_path / "study.db", sets=QUICK)
    with pytest.raises(StoreError, match=r"model\.dropout.*--name"):
        run_study(str(folder), trials=1, database=tmp_path / "study.db", sets=(*QUICK, "model.dropout=0.3"))
    renamed = run_study(
        str(folder), trials=1, database=tmp_path / "study.db", sets=(*QUICK, "model.dropout=0.3"), name="other"
    )
    assert renamed.study.name == "other"


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ("model.backbone=mobilnet", BackboneError, "mobilenet"),
        ("model.weights=nowhere.h5", BackboneError, r"nowhere\.h5"),
        ("data.group=(", DefinitionError, "group"),
        ("data.exclude=['nothing.png']", DataError, r"nothing\.png"),
    ],
)
def test_what_cannot_run_is_refused_before_a_database_has_a_study(
    photo_folder: Callable[..., Path], tmp_path: Path, changed: str, error: type[Exception], message: str
) -> None:
    folder = photo_folder({"cat": 20, "dog": 20})
    with pytest.raises(error, match=message):
        run_study(str(folder), trials=1, database=tmp_path / "study.db", sets=(*QUICK, changed))


def test_the_end_of_a_run_says_what_happened_and_what_to_type(
    photo_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = photo_folder({"cat": 20, "dog": 20})
    resolved = resolve_study(str(folder), Overrides(sets=QUICK, trials=1), Silent())
    lines = run_resolved(resolved, tmp_path / "study.db", timeout=None, progress=TimedProgress(Silent())).lines
    assert lines[0].startswith("study photos: 1 finished (0 of them pruned), 0 failed; 1 of 1 trials are finished")
    assert "backbone pass" in lines[1]
    # 26 images to train on and 8 to validate, in one epoch.
    assert lines[2].startswith("saved: the frozen part ran over 40 images in ")
    assert "a plain loop sends 34 through it" in lines[2]
    assert lines[-1] == f"next: sweep report {tmp_path / 'study.db'}"


def test_two_processes_share_the_trials_of_a_study(photo_folder: Callable[..., Path], tmp_path: Path) -> None:
    """The second one is heard of, its features come from the cache, and there is no trial too many."""
    folder, database = photo_folder({"cat": 20, "dog": 20}), tmp_path / "study.db"
    resolved = resolve_study(str(folder), Overrides(sets=(*QUICK, "search.finalists=0"), trials=12), Silent())
    heard: list[int] = []

    class Hearing(Noting):
        def trial(self, trial: TrialRecord) -> None:
            heard.append(trial.number)
            time.sleep(0.5)  # so that the other process, whose imports take longer, has its share

    timed = TimedProgress(Hearing())
    lines = run_resolved(resolved, database, timeout=None, progress=timed, workers=2).lines
    assert lines[0].startswith("study photos: 12 finished")
    study = open_study(database)
    ended = [trial.number for trial in study.trials if trial.state is not TrialState.WAITING]
    assert sorted(heard) == ended  # one more may wait, which both had begun to make up the twelve
    processes = {trial.user_attrs[marks.WORKER]["pid"] for trial in optuna_trials(database)}
    assert len(processes) == 2
    assert os.getpid() in processes


def optuna_trials(database: Path) -> list[FrozenTrial]:
    """What Optuna itself says of the only study."""
    storage = f"sqlite:///{database}"
    (name,) = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage).get_trials()


@pytest.mark.parametrize("count", [0, 4096])
def test_numbers_of_processes_that_make_no_sense_are_refused(
    photo_folder: Callable[..., Path], tmp_path: Path, count: int
) -> None:
    with pytest.raises(UsageError, match=f"--workers: received {count}; expected 1 to "):
        run_study(str(photo_folder({"cat": 20, "dog": 20})), database=tmp_path / "study.db", workers=count)


class Noting(Silent):
    """Writes down the lines that stay on the screen, and the stages."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.stages: list[str] = []

    def stage(self, name: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
        self.stages.append(name)
        return super().stage(name, total, unit)

    def note(self, text: str) -> None:
        self.heard.append(text)


class SearchBeganError(Exception):
    """Raised where the first trial would start."""


def test_the_size_of_the_baseline_is_told_before_the_backbone_pass_and_refused_where_it_does_not_fit(
    photo_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(**_: object) -> None:
        raise SearchBeganError

    monkeypatch.setattr("sweep.workflow.run.run_search", begin)
    sets = (*QUICK, "data.validation={folds = 2}", "data.test=0", "model.head_width=[4, 4]")
    resolved = resolve_study(str(photo_folder({"cat": 20, "dog": 20})), Overrides(sets=sets, trials=1), Silent())
    progress = Noting()
    with monkeypatch.context() as small:
        small.setattr("sweep.workflow.model_text.physical_memory", lambda: 1_000_000)
        with pytest.raises(TrialError, match=r"5,154 in the head, for which training takes .* of memory here"):
            run_resolved(resolved, tmp_path / "study.db", timeout=None, progress=TimedProgress(progress))
    assert "5,154 in the head" in progress.heard[-2]
    assert "backbone pass" not in progress.stages
    with pytest.raises(SearchBeganError):
        run_resolved(resolved, tmp_path / "study.db", timeout=None, progress=TimedProgress(progress))
    assert "backbone pass" in progress.stages
    # 1281 · 4 weights and biases, 5 · 4, and 5 · 2 for two classes.
    assert "5,154 in the head and 3,413,024 in the backbone" in progress.heard[-2]
    assert progress.heard[-1] == "unfrozen layers: none"


def test_the_optuna_dashboard_lists_the_study(finished: tuple[Path, OpenedStudy]) -> None:
    app = wsgi(f"sqlite:///{finished[0]}")

    def get(path: str) -> dict[str, Any]:
        environ: dict[str, Any] = {"PATH_INFO": path}
        setup_testing_defaults(environ)
        return json.loads(b"".join(app(environ, lambda *_: lambda _data: None)))

    (summary,) = get("/api/studies")["study_summaries"]
    assert summary["study_name"] == "photos"
    study = get(f"/api/studies/{summary['study_id']}")
    assert {"dropout", "l2"} <= {parameter["name"] for parameter in study["union_search_space"]}
    assert [len(trial["intermediate_values"]) for trial in study["trials"]] == [2, 2, 2]


PLANTED = """
name = "planted"
[data]
source = "{photos}"
image_size = 32
[training]
epochs = 3
learning_rate = 0.01
batch_size = 8
[space]
learning_rate = {{choices = [0.01, 1e-9]}}
l2 = {{choices = [0.0, 100.0]}}
[search]
trials = 4
sampler = "grid"
finalists = 0
"""


def test_trials_that_learn_nothing_have_no_gap_and_no_place_in_tier_1(
    finished: tuple[Path, OpenedStudy], tmp_path: Path
) -> None:
    # A learning rate of 1e-9 leaves the head as it was drawn; an L2 of 100 presses every kernel towards zero.
    (tmp_path / "planted.toml").write_text(PLANTED.format(photos=finished[0].parent / "photos"), encoding="utf-8")
    study = run_study(str(tmp_path / "planted.toml"), database=tmp_path / "study.db")
    rows = study.report.ranking.rows
    good = {row.number for row in rows if row.trial.parameters == {"learning_rate": 0.01, "l2": 0.0}}
    planted = [row for row in rows if row.number not in good]
    assert len(planted) == 3
    assert min(row.gap.estimate for row in planted) < 0.05, "by the raw gap they would come first"
    assert {row.number for row in rows if row.tier == 1} <= good
    assert study.best is not None
    assert study.best.number in good
