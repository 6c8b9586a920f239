"""The example notebook: its outputs are kept, name nothing of a machine, and its cells run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import sweep

NOTEBOOK = Path(__file__).parents[1] / "studies" / "example.ipynb"


@pytest.fixture(scope="module")
def notebook() -> Any:  # noqa: ANN401 - nbformat ships no types
    found = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(found)
    return found


def outputs(notebook: Any) -> list[Any]:  # noqa: ANN401
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_the_outputs_are_kept_and_name_no_machine(notebook: Any) -> None:  # noqa: ANN401
    kept = outputs(notebook)
    assert {output.output_type for output in kept} == {"execute_result", "display_data"}, "no error, no warning"
    pictures = [output for output in kept if "image/png" in output.data]
    assert len(pictures) == 3
    assert all("application/vnd.plotly.v1+json" in output.data for output in pictures)
    text = json.dumps([{kind: one for kind, one in output.data.items() if kind != "image/png"} for output in kept])
    assert not re.search(r"/(home|root|tmp|usr|work|Users)/|[A-Z]:\\\\", text)
    assert NOTEBOOK.stat().st_size < 600_000


def test_its_cells_run_on_a_finished_study(
    notebook: Any,  # noqa: ANN401
    finished: tuple[Path, sweep.OpenedStudy],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copy(finished[0], tmp_path / "study.db")
    monkeypatch.setenv("PLOTLY_RENDERER", "plotly_mimetype")
    fresh = nbformat.from_dict(notebook)
    for cell in fresh.cells:
        # The baseline of this study may be its best one already.
        cell.source = cell.source.replace('"baseline", "best"', "1, 2")
    client = NotebookClient(fresh, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    html = [output.data.get("text/html", "") for output in outputs(fresh) if "data" in output]
    assert any("3 trials of study photos" in one for one in html)
    assert any(">A: trial 1\n" in one for one in html)
    assert sum("application/vnd.plotly.v1+json" in output.get("data", {}) for output in outputs(fresh)) == 3
