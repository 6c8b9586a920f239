"""A worker renders its share and tells how it goes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sweep.data import toy_worker
from sweep.data.toy_worker import main, render_share


def test_shares_are_disjoint_and_together_the_whole_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for share in range(2):
        folder = tmp_path / str(share)
        folder.mkdir()
        render_share("toys", folder, 1, share, 2)
        found.append({path.name for path in folder.rglob("*.jpg")})
    assert found == [
        {"bear_a_000.jpg", "bear_c_000.jpg", "negative_000.jpg"},
        {"bear_b_000.jpg", "bear_d_000.jpg"},
    ]
    assert capsys.readouterr().out == 5 * "\n", "one empty line for each picture"


def test_a_full_disk_is_told_in_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(toy_worker, "render_share", full)
    assert main(["toys", "folder", "1", "0", "1"]) == 1
    assert capsys.readouterr().out == "no space left on device\n"
