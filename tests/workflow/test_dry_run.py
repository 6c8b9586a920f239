"""A dry run tells what would happen and keeps nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.progress import Silent
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
    assert "unfrozen layers: none" in text
    assert "7 of them" in text
    assert not list(tmp_path.glob("*.db"))
