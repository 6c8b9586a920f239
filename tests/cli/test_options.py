"""Durations as people write them, and findings as a terminal shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from sweep.cli.options import Format, location, print_outcome, seconds
from sweep.errors import UsageError


@pytest.mark.parametrize(("text", "expected"), [("90", 90), ("90s", 90), ("30m", 1800), ("1.5h", 5400)])
def test_a_duration_is_read_in_seconds(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "-3m", "0", "30 min", "soon"])
def test_another_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--timeout.*write 90s, 30m or 2h"):
        seconds(text)


def test_one_database_is_named_in_one_way() -> None:
    assert location(None, None) == Path("study.db")
    assert location(Path("mine.db"), None) == Path("mine.db")
    assert location(None, "postgresql+psycopg://server/studies") == "postgresql+psycopg://server/studies"
    with pytest.raises(UsageError, match=r"--storage: received it together with --db mine\.db.*leave one of them out"):
        location(Path("mine.db"), "postgresql+psycopg://server/studies")


class Sentences:
    """What a command has found out."""

    lines = ("verdict: " + "word " * 20, "  files:", "    " + "folder/" * 15 + "file.jpg")
    plain: ClassVar[dict[str, Any]] = {}


def test_a_terminal_folds_long_lines_and_a_pipe_keeps_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_outcome(Sentences(), Format.TABLE)
    assert capsys.readouterr().out.splitlines() == list(Sentences.lines)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    print_outcome(Sentences(), Format.TABLE)
    first, second, *_, files, path = capsys.readouterr().out.splitlines()
    assert first == "verdict: word word word word word word"
    assert second.startswith("   word")
    assert (files, path.strip()) == ("  files:", Sentences.lines[2].strip())
