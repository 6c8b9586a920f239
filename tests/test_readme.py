"""The README's commands and its Python run as they stand there, with fewer trials and epochs."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweep.progress import Silent
from sweep.workflow.resolve import Overrides, resolve_study

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
README_OF_STUDIES = Path(__file__).parents[1] / "studies" / "README.md"
Cli = Callable[..., Any]


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language; "" for those without one."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


def commands() -> list[list[str]]:
    """Every `sweep` command of the plain blocks, in order; what follows a prompt's output is no command."""
    lines = [part.strip() for block in blocks("") for line in block.splitlines() for part in line.split("&&")]
    return [shlex.split(line) for line in lines if line.startswith("sweep ")]


def test_the_two_commands_of_the_first_screen_are_there() -> None:
    assert "pip install -e . && sweep run toys --trials 50" in README
    assert "pip install -e '.[test]' && pytest" in README
    assert len(commands()) >= 4


def test_every_command_of_the_table_exists(cli: Cli) -> None:
    for name in re.findall(r"^\| `sweep (\w+)", README, re.MULTILINE):
        assert cli(name, "--help").code == 0, name


@pytest.mark.slow
def test_every_command_runs(
    cli: Cli, photo_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = photo_folder({"cat": 25, "dog": 25}, name="my-photos", size=64)
    work = tmp_path / "work"
    work.mkdir()
    shutil.move(folder, work / "my-photos")
    monkeypatch.chdir(work)
    monkeypatch.setenv("SWEEP_TRAINING_EPOCHS", "2")
    monkeypatch.setenv("SWEEP_SPACE_EPOCHS", "2")  # toys sweeps them, with the single choice of 8
    monkeypatch.setenv("SWEEP_SEARCH_TRIALS", "3")
    monkeypatch.setenv("SWEEP_SEARCH_FINALISTS", "1")
    monkeypatch.setenv("SWEEP_SEARCH_REPEATS", "1")
    monkeypatch.setattr("sweep.data.toys.PER_CLASS", 60)  # instead of 750: drawn and passed through the network anew
    for command in commands():
        arguments = ["3" if word == "50" else word for word in command[1:]]
        done = cli(*arguments)
        assert done.code == 0, f"{command}: {done.err[-2000:]}"
    assert (work / "study.html").is_file()
    for block in blocks("python"):
        exec(block.replace("trials=50", "trials=3"), {})


def studies_commands() -> list[str]:
    text = README_OF_STUDIES.read_text("utf-8")
    return re.findall(r"`(sweep run [^`]+)`", text)


def test_every_command_of_the_studies_names_a_study_and_fields_that_there_are() -> None:
    shorthands = dict(re.findall(r"`\$(\w+)` stands for\s+`([^`]+)`", README_OF_STUDIES.read_text("utf-8")))
    found = studies_commands()
    assert len(found) > 15
    for command in found:
        for name, meaning in shorthands.items():
            command = command.replace(f"${name}", meaning)  # noqa: PLW2901
        words = [word for word in shlex.split(command)[2:] if word != "--dry-run"]
        options: dict[str, list[str]] = {}
        for option, value in zip(words[1::2], words[2::2], strict=True):
            options.setdefault(option, []).append(value)
        assert options.keys() <= {"--only", "--set", "--name", "--db", "--trials"}, command
        overrides = Overrides(sets=options.get("--set", ()), only=options.get("--only", ()))
        if words[0] != "NAME":
            resolve_study(words[0], overrides, Silent())
