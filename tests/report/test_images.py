"""Figures as files, drawn by a browser where there is one."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from sweep.errors import StoreError, UsageError
from sweep.report.figure_set import Figure
from sweep.report.gather import Report
from sweep.report.images import write_images
from sweep.report.waterfall_drawing import draw_waterfall
from sweep.report.waterfall_figure import gather_waterfall


@pytest.fixture
def browser() -> None:
    pytest.importorskip("kaleido")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("needs a Chrome or Chromium")


@pytest.mark.usefixtures("browser")
def test_a_figure_becomes_a_picture(full_report: Report, tmp_path: Path) -> None:
    figure = draw_waterfall(gather_waterfall(full_report, [full_report.ranking.rows[0]], "accuracy"))
    figure.update_layout(title_text="$x$ &lt;b&gt;", paper_bgcolor="white")
    (path,) = write_images({"waterfall-accuracy": figure}, tmp_path / "new" / "figures")
    assert path == tmp_path / "new" / "figures" / "waterfall-accuracy.png"
    with Image.open(path) as picture:
        assert picture.size == (2000, 2 * figure.layout.height)
        colours = picture.convert("RGB").getcolors(1_000_000)
    assert colours is not None
    assert max(colours)[1] == (255, 255, 255)
    assert len(colours) > 50, "something is drawn"


def test_without_a_browser_it_is_one_line(full_report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("kaleido")
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    with pytest.raises(UsageError, match=r"--figures: received no Chrome or Chromium; .* BROWSER_PATH"):
        write_images({"curves": Figure(layout={"height": 100})}, tmp_path)


def test_without_kaleido_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(UsageError, match=r"no package kaleido; .* pip install 'gapsweep\[images\]'"):
        write_images({"curves": Figure(layout={"height": 100})}, tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    pytest.importorskip("kaleido")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="--figures DIR"):
        write_images({}, tmp_path / "file")


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--figure-format: received 'gif'; expected png or svg"):
        write_images({}, tmp_path, "gif")  # type: ignore[arg-type]
