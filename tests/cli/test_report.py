"""`sweep report` from the outside."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sweep

Cli = Callable[..., Any]
Finished = tuple[Path, sweep.OpenedStudy]


def test_the_ranking_goes_to_stdout_and_the_page_beside_the_database(cli: Cli, finished: Finished) -> None:
    shown = cli("report", finished[0])
    assert shown.code == 0
    assert shown.out.startswith("Verdict on our default (trial 0): ")
    assert f"more: sweep diagnose {finished[0]}" in shown.out.replace("\n", "")
    assert "Tier 1" in shown.out
    assert shown.err == f"page: {finished[0].with_suffix('.html')}\n"


def test_json_and_csv_are_for_machines(cli: Cli, finished: Finished, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    rows = json.loads(cli("report", finished[0], "--format", "json", "--html", page).out)["ranking"]
    assert len(rows) == 3
    table = list(csv.DictReader(io.StringIO(cli("report", finished[0], "--format", "csv", "--html", page).out)))
    assert [int(row["trial"]) for row in table] == [row["trial"] for row in rows]


@pytest.mark.parametrize("order", ["gap", "validation"])
def test_other_orders_are_offered(cli: Cli, finished: Finished, tmp_path: Path, order: str) -> None:
    shown = cli("report", finished[0], "--sort", order, "--html", tmp_path / "page.html")
    assert shown.code == 0
    assert order in shown.out


def test_top_keeps_the_first_rows(cli: Cli, finished: Finished, tmp_path: Path) -> None:
    shown = cli("report", finished[0], "--format", "csv", "--top", 1, "--html", tmp_path / "page.html")
    assert len(shown.out.splitlines()) == 2


@pytest.mark.parametrize(("name", "message"), [("none.db", "none.db"), ("", "folder")])
def test_a_database_that_is_not_there_is_one_line(cli: Cli, tmp_path: Path, name: str, message: str) -> None:
    shown = cli("report", tmp_path / name)
    assert shown.code == 6
    assert message in shown.err
    assert shown.err.count("\n") == 1


def test_an_unknown_study_names_those_there_are(cli: Cli, finished: Finished) -> None:
    shown = cli("report", finished[0], "--study", "nonsense")
    assert shown.code == 6
    assert "photos" in shown.err


def test_the_verdict_is_in_every_format_that_has_words(cli: Cli, finished: Finished, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    document = json.loads(cli("report", finished[0], "--format", "json", "--html", page).out)
    assert document["verdict"] == json.loads(cli("diagnose", finished[0], "--format", "json").out)
    assert document["verdict"]["sentence"][1:] in page.read_text("utf-8").replace("&#34;", '"')
    assert cli("report", finished[0], "--format", "markdown", "--html", page).out.startswith("Verdict on our default")


def test_pictures_can_be_left_out(cli: Cli, finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    from sweep.workflow import report  # noqa: PLC0415 - what the command imports itself

    given: list[object] = []
    monkeypatch.setattr(report, "write_page", lambda *_, **options: given.append(options["with_thumbnails"]))
    cli("report", finished[0], "--no-thumbnails")
    cli("report", finished[0])
    assert given == [False, True]


def test_it_loads_no_tensorflow_even_for_tensorboard(finished: Finished, tmp_path: Path) -> None:
    arguments = ["report", finished[0], "--html", tmp_path / "page.html", "--tensorboard", tmp_path / "runs"]
    program = (
        "import sys; from sweep.cli.app import app\n"
        f"try: app({[*map(str, arguments)]!r})\n"
        "except SystemExit: pass\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"TensorBoard: 3 runs; tensorboard --logdir {tmp_path / 'runs'}" in done.stderr
    assert sorted(path.parent.name for path in (tmp_path / "runs").rglob("*tfevents*")) == [
        *["runs", "train", "train", "train", "trial-0000", "trial-0001", "trial-0002"],
        *["validation", "validation", "validation"],
    ]


def test_the_schema_needs_no_database(cli: Cli) -> None:
    shown = cli("report", "--json-schema")
    assert shown.code == 0
    assert json.loads(shown.out)["properties"]["schema"] == {"const": "sweep.report"}


def test_figures_are_written_where_they_are_asked_for(
    cli: Cli, finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweep.workflow import report  # noqa: PLC0415 - what the command imports itself

    asked: list[tuple[list[str], Path, str]] = []
    monkeypatch.setattr(report, "draw_figures", lambda loaded: {f"curves of {loaded.study.name}": None})
    monkeypatch.setattr(
        report, "write_images", lambda figures, *where: asked.append((list(figures), *where)) or tuple(figures)
    )
    shown = cli("report", finished[0], "--html", tmp_path / "p.html", "--figures", tmp_path, "--figure-format", "svg")
    assert shown.code == 0
    ((names, folder, form),) = asked
    assert (names, folder, form) == (["curves of photos"], tmp_path, "svg")
    assert f"figures: 1 in {tmp_path}" in shown.err
