"""The drawn sets: balanced, unlike each other, and made of label and number alone."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from sweep.data import drawings
from sweep.data.drawings import DRAWINGS, drawing_rendering

# Set: format, mode, side, classes.
SETS = {
    "radar": ("PNG", "L", 160, ("frequency_hop", "linear_chirp", "pulsed_tone", "stepped_chirp")),
    "echoes": ("JPEG", "RGB", 160, ("diver", "rock")),
    "digits": ("PNG", "L", 64, tuple("0123456789")),
}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four pictures a class."""
    few = {name: dataclasses.replace(drawing, per_class=4) for name, drawing in drawings._DRAWINGS.items()}
    monkeypatch.setattr(drawings, "_DRAWINGS", few)


def rendered(name: str, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    drawing_rendering(name).render(folder, lambda units=1: None)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}


def test_the_sets_are_as_large_as_they_are_told_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    sizes = {name: drawing_rendering(name).pictures for name in DRAWINGS}
    assert sizes == {"radar": 4 * 400, "echoes": 2 * 1000, "digits": 10 * 200}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_set_has_a_folder_for_each_class_and_no_picture_twice(name: str, tmp_path: Path) -> None:
    kind, mode, side, classes = SETS[name]
    found = rendered(name, tmp_path / "set")
    assert Counter(path.split("/")[0] for path in found) == dict.fromkeys(classes, 4)
    assert len(set(found.values())) == drawing_rendering(name).pictures == 4 * len(classes)
    for path in found:
        with Image.open(tmp_path / "set" / path) as image:
            assert (image.format, image.mode, image.size) == (kind, mode, (side, side))


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_same_bytes_come_out_whatever_the_number_of_threads(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    one = rendered(name, tmp_path / "one")
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    assert rendered(name, tmp_path / "three") == one


def test_every_finished_picture_is_told(tmp_path: Path) -> None:
    steps: list[int] = []
    drawing_rendering("digits").render(tmp_path, lambda units=1: steps.append(units))
    assert sum(steps) == 40


def test_a_set_is_named_after_what_draws_it() -> None:
    modules = {name: [path.name for path in drawing_rendering(name).modules] for name in DRAWINGS}
    assert modules == {name: ["drawings.py", f"{name}.py"] for name in SETS}
    assert all(path.is_file() for name in DRAWINGS for path in drawing_rendering(name).modules)


def test_a_folder_that_is_gone_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        drawing_rendering("radar").render(tmp_path / "gone", lambda units=1: None)
