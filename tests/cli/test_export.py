"""`sweep export` from the outside."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sweep
from sweep.progress import Progress
from sweep.workflow.export_request import ExportKind, ExportRequest

Cli = Callable[..., Any]
Finished = tuple[Path, sweep.OpenedStudy]


def test_a_study_file_is_written_and_can_be_read(cli: Cli, finished: Finished, tmp_path: Path) -> None:
    target = tmp_path / "mine.toml"
    done = cli("export", finished[0], "--trial", "1", "--output", target)
    assert done.code == 0, done.err
    assert done.out == f"{target} is a study file whose baseline is trial 1; try sweep run {target} --dry-run\n"
    again = cli("export", finished[0], "--output", target)
    assert (again.code, again.out) == (2, "")
    assert again.err.count("\n") == 1
    assert "received a file that exists" in again.err
    assert cli("export", finished[0], "--output", target, "--force").code == 0


def test_what_is_asked_for_is_trained_and_told(
    cli: Cli, finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ExportRequest] = []

    def trained(request: ExportRequest, *, progress: Progress) -> tuple[str, ...]:
        asked.append(request)
        progress.note("training")
        return "first", "second"

    monkeypatch.setattr("sweep.workflow.export.export_model", trained)
    options = ["--trial", "1", "--format", "savedmodel", "--all-data", "--study", "photos"]
    done = cli("export", finished[0], "-o", tmp_path / "model", *options)
    assert (done.code, done.out) == (0, "first\nsecond\n"), done.err
    assert "training" in done.err, "progress is no data"
    assert (asked[0].kind, asked[0].target) == (ExportKind.SAVED_MODEL, tmp_path / "model")
    assert (asked[0].row.number, asked[0].all_data) == (1, True)


def test_code_is_written_by_the_same_command(
    cli: Cli, finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweep.workflow.export_code.write_code", lambda request: (request.kind.value,))
    done = cli("export", finished[0], "-o", tmp_path / "model.py")
    assert (done.code, done.out) == (0, "code\n"), done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "model.h5"], "sweep: --output: received 'model.h5', whose suffix says nothing;"),
        (["--output", "model.keras", "--trial", "77"], "sweep: --trial: received '77'; expected best, or"),
        (["--output", "absent/model.keras"], "sweep: absent/model.keras: received a place in a folder that"),
    ],
)
def test_a_wrong_request_is_one_line(
    cli: Cli, finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("export", finished[0], *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(message)
    assert done.err.count("\n") == 1


def test_a_refusal_waits_for_no_tensorflow(finished: Finished, tmp_path: Path) -> None:
    program = (
        "import sys; from sweep.cli.app import main\n"
        f"sys.argv = ['sweep', 'export', {str(finished[0])!r}, '--all-data', '--output', 'study.toml']\n"
        "try: main()\n"
        "except SystemExit as stop: assert stop.code == 2\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules), 'heavy import'"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("sweep: --all-data: received it together with a file that holds no weights")
