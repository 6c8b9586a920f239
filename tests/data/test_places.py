"""Homes in paths, and those that nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep.data.places import written_path


def test_a_home_is_found_and_an_unknown_one_stands_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert written_path("~/photos") == tmp_path / "photos"
    assert written_path("~nobody-of-this-name/photos") == Path("~nobody-of-this-name/photos")
    assert written_path("photos") == Path("photos")
