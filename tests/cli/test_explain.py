"""`sweep explain` from the outside."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from sweep.errors import UsageError
from sweep.records import Cause

Cli = Callable[..., Any]


def test_all_causes_are_listed(cli: Cli) -> None:
    shown = cli("explain")
    assert shown.code == 0
    listed = [line.split()[0] for line in shown.out.splitlines() if line.startswith("  ")]
    assert sorted(listed) == sorted(Cause)
    assert "Model and optimisation" in shown.out


@pytest.mark.parametrize("columns", ["40", "200"])
def test_a_page_is_80_columns_of_plain_text_when_piped(cli: Cli, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    shown = cli("explain", "leak")
    assert shown.code == 0
    assert shown.out.startswith("leak: Copies of one image in training and validation\n\nWhat it is\n  Some ")
    assert "\x1b" not in shown.out
    assert 70 < max(map(len, shown.out.splitlines())) <= 80
    assert shown.err == ""


def test_a_terminal_gives_its_width_and_bold_headings(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = cli("explain", "best-of-many")
    assert "\x1b[1mWhat to do\x1b[0m" in shown.out
    plain = re.sub(r"\x1b\[\d*m", "", shown.out)
    assert 40 < max(map(len, plain.splitlines())) <= 50


def test_json_is_for_machines(cli: Cli) -> None:
    one = json.loads(cli("explain", "leak", "--format", "json").out)
    assert one["title"] == "Copies of one image in training and validation"
    everything = json.loads(cli("explain", "--format", "json").out)
    assert len(everything["causes"]) == len(Cause)
    assert one in everything["causes"]


@pytest.mark.parametrize("output", ["text", "json"])
def test_an_unknown_cause_is_one_line(cli: Cli, output: str) -> None:
    shown = cli("explain", "leek", "--format", output)
    assert shown.code == UsageError.exit_code
    assert shown.out == ""
    assert re.fullmatch(r"sweep: cause: received 'leek'; expected leak.*; `sweep explain` lists them all\n", shown.err)
