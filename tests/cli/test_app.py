"""The command line's frame: help, version, and one line for every error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sweep.cli import app as app_module
from sweep.errors import SweepError, TrialError

Cli = Callable[..., Any]
COMMANDS = ["run", "check", "report", "diagnose", "dashboard", "prove", "audit", "explain", "studies", "init", "cache"]


def test_help_names_every_command(cli: Cli) -> None:
    shown = cli("--help")
    assert shown.code == 0
    for command in COMMANDS:
        assert command in shown.out


@pytest.mark.parametrize("command", COMMANDS[:-1])  # `sweep cache` has commands of its own
def test_every_command_shows_an_example(cli: Cli, command: str) -> None:
    assert f"Example: sweep {command}" in cli(command, "--help").out


def test_version(cli: Cli) -> None:
    assert cli("--version").out.startswith("gapsweep 0.")


def test_an_error_is_one_line_with_the_exit_code_of_its_branch(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise TrialError("trial 3", received="a loss of nan", expected="a finite loss", remedy="lower learning_rate")

    monkeypatch.setattr(app_module, "app", fails)
    shown = cli()
    assert shown.code == TrialError.exit_code
    assert shown.err == "sweep: trial 3: received a loss of nan; expected a finite loss; lower learning_rate\n"


def test_ctrl_c_says_that_the_study_resumes(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sweep.workflow.studies.list_studies", interrupted)
    shown = cli("studies")
    assert shown.code == 130
    assert shown.err == "sweep: interrupted; the same command goes on where it stopped\n"


def test_every_branch_of_the_error_tree_has_its_own_exit_code() -> None:
    codes = [branch.exit_code for branch in SweepError.__subclasses__()]
    assert len(codes) == len(set(codes))
    assert min(codes) >= 2
