"""`sweep init` writes a study file that runs as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweep.studyfile.load import load_study

Cli = Callable[..., Any]


def test_it_writes_a_file_that_loads_and_says_what_to_type(
    cli: Cli, photo_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = cli("init", photo_folder({"cat": 20, "dog": 20}))
    assert shown.code == 0, shown.err
    assert "sweep run photos.toml --dry-run" in shown.out
    assert load_study(tmp_path / "photos.toml").name == "photos"


def test_it_overwrites_nothing_unless_told(
    cli: Cli, photo_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = photo_folder({"cat": 20, "dog": 20})
    Path("photos.toml").write_text("mine")
    refused = cli("init", folder)
    assert refused.code == 2
    assert "--force" in refused.err
    assert Path("photos.toml").read_text() == "mine"
    assert cli("init", folder, "--force").code == 0
