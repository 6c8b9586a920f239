"""The pictures behind findings are found again, and only those that were meant."""

from __future__ import annotations

import base64
import io
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from sweep.records import Cause, Exhibit, Finding, Interval
from sweep.report.gather import Report
from sweep.store.results import open_database
from sweep.workflow import pictures
from sweep.workflow.opened import OpenedStudy
from sweep.workflow.pictures import thumbnail_addresses
from sweep.workflow.report import load_report

LEAK = Finding(
    cause=Cause.LEAK,
    effect=Interval(estimate=0.1, low=0.05, high=0.2),
    p=0.0,
    summary="Two pictures are one",
    exhibits=(Exhibit(caption="a pair", images=(40, 2)), Exhibit(caption="a pair", images=(31, 7))),
    rows=(31, 40, 50),
)


@pytest.fixture
def photos(finished: tuple[Path, OpenedStudy], tmp_path: Path) -> Path:
    """A copy of the photos that may be spoilt."""
    return Path(shutil.copytree(finished[0].parent / "photos", tmp_path / "photos"))


@pytest.fixture
def report(finished: tuple[Path, OpenedStudy], tmp_path: Path, photos: Path) -> Report:
    """Of the finished study with a leak, whose photos now lie where they may be spoilt."""
    database = Path(shutil.copy(finished[0], tmp_path / "study.db"))
    with open_database(database) as opened:
        opened.save_findings("photos", [LEAK], trial=None)
    report = load_report(database)
    study = replace(report.study, base=str(photos.parent), data=replace(report.study.data, source="photos"))
    return replace(report, study=study)


def decoded(address: str) -> Image.Image:
    head, data = address.split(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_only_what_is_shown_is_read_and_it_is_small(report: Report) -> None:
    addresses = thumbnail_addresses(report)
    assert set(addresses) == {2, 7, 31, 40}
    for address in addresses.values():
        assert max(decoded(address).size) <= 96
    # The two classes are noise about 60 and about 190: it is the picture of that very row.
    brightness = {
        row: sum(decoded(address).convert("L").resize((1, 1)).tobytes()) for row, address in addresses.items()
    }
    labels = {row: report.images[row][0].label for row in addresses}
    assert {row: value > 120 for row, value in brightness.items()} == {row: label == 1 for row, label in labels.items()}


def test_files_that_are_gone_damaged_or_changed_are_said_to_be(report: Report, photos: Path) -> None:
    gone, damaged, changed = (photos / report.images[row][0].path for row in (2, 7, 31))
    gone.unlink()
    damaged.write_bytes(b"\x89PNG")
    Image.new("RGB", (9, 9)).save(changed)
    addresses = thumbnail_addresses(report)
    assert [addresses[row] for row in (2, 7, 31)] == ["", "", ""]
    assert addresses[40]


@pytest.mark.parametrize("outward", [False, True])
def test_what_lies_outside_of_the_data_is_not_looked_at(report: Report, photos: Path, outward: bool) -> None:
    assert report.diagnosis is not None
    image, split = report.diagnosis.images[40]
    secret = Path(shutil.copy(photos / image.path, photos.parent / "secret.jpg"))
    moved = replace(image, path="../secret.jpg" if outward else str(secret)), split
    spoilt = replace(report, diagnosis=replace(report.diagnosis, images={**report.diagnosis.images, 40: moved}))
    addresses = thumbnail_addresses(spoilt)
    assert addresses[40] == ""
    assert addresses[2] != ""


def test_a_data_set_that_is_not_there_is_not_rendered(report: Report) -> None:
    study = replace(report.study, data=replace(report.study.data, source="digits"))
    assert set(thumbnail_addresses(replace(report, study=study)).values()) == {""}
    assert not list(Path(os.environ["SWEEP_CACHE"]).glob("drawings/*"))


def test_without_a_cause_to_show_no_file_is_looked_for(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "source_root", None)
    assert thumbnail_addresses(replace(report, diagnosis=None)) == {}
    assert report.diagnosis is not None
    nothing = replace(report.diagnosis, verdict=replace(report.diagnosis.verdict, judged=()))
    assert thumbnail_addresses(replace(report, diagnosis=nothing)) == {}
