"""A dry run tells what would happen and keeps nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.progress import Silent
from sweep.training.trial import Trainer
from sweep.workflow.dry_run import describe_run
from sweep.workflow.resolve import Overrides, resolve_study


def test_it_shows_fields_split_size_and_time(
    photo_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = photo_folder({"cat": 20, "dog": 20})
    resolved = resolve_study(str(folder), Overrides(sets=("data.image_size=32",), trials=7), Silent())
    text = "\n".join(describe_run(resolved, progress=Silent()))
    assert "[model] backbone=efficientnet-lite0" in text
    assert "dropout 0:0.9" in text
    assert "l2 1e-06:0.1:log" in text
    assert "train: 24 images (cat 12, dog 12)" in text
    # Dense(128) on 1280 features, then 2 classes: 1281 * 128 + 129 * 2.
    assert "164,226 trainable of" in text
    assert "164,226 in the head and 3,413,024 in the backbone; weights file 14.3 MB, 15.6 MB with the state of" in text
    assert "unfrozen layers: none" in text
    assert "7 of them" in text
    assert "and 20 repetitions of the finalists" in text, "three and the baseline, five times each"
    assert not list(tmp_path.glob("*.db"))


def test_it_shows_folds_as_the_study_file_writes_them(photo_folder: Callable[..., Path]) -> None:
    sets = ("data.image_size=32", "data.validation={folds = 4}", "data.test=0")
    resolved = resolve_study(str(photo_folder({"cat": 20, "dog": 20})), Overrides(sets=sets), Silent())
    lines = describe_run(resolved, progress=Silent())
    text = "\n".join(lines)
    assert "validation={folds = 4, repeats = 1}" in text
    assert "pruner=wilcoxon" in text
    assert "validation: 40 images (cat 20, dog 20)" in lines
    assert "40 images are validated once each, in 4 folds of 10" in lines
    assert not any(line.startswith("train:") for line in lines)
    assert "of training in 4 folds, 50 of them" in text


def test_the_time_is_that_of_the_epochs_and_their_steps(
    photo_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "measure_step", lambda *_, head_only=False: 1.0 if head_only else 2.0)
    steps = ("training.batch_size=5", "training.steps_per_epoch=3")
    sets = ("data.image_size=32", "training.epochs=10", "training.head_epochs=4", *steps)
    resolved = resolve_study(str(photo_folder({"cat": 20, "dog": 20})), Overrides(sets=sets), Silent())
    # 24 images would be five batches; three a second each in the first four epochs, two seconds each in six more.
    assert "a trial like the baseline 48.0 s of training" in "\n".join(describe_run(resolved, progress=Silent()))


def test_a_model_that_does_not_fit_has_its_sizes_and_the_reason_why_no_step_was_measured(
    photo_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("training.trial", "workflow.model_text"):
        monkeypatch.setattr(f"sweep.{module}.physical_memory", lambda: 10_000_000)
    resolved = resolve_study(
        str(photo_folder({"cat": 20, "dog": 20})), Overrides(sets=("data.image_size=32",)), Silent()
    )
    lines = describe_run(resolved, progress=Silent())
    *_, size, unfrozen, once, reason = lines
    assert size.startswith("baseline: 164,226 trainable of")
    assert unfrozen == "unfrozen layers: none"
    assert "decoding" in once
    assert "a trial like the baseline" not in once
    # 4 bytes for 3,577,250 parameters and four times more for 164,226 of them: gradients, Adam's two, the best epoch's.
    assert reason.startswith("the time of a training is not known: [model]: received 164,226 trainable parameters")
    assert "at least 0.0 GB" in reason
