"""Rendering the toys: in processes, the same bytes whatever their number."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from sweep.data import toys
from sweep.data.toys import TOYS, toy_rendering


def told(units: int = 1, /) -> None:
    """A progress that nobody looks at."""


def rendered(folder: Path, per_class: int = 2) -> dict[str, bytes]:
    folder.mkdir()
    toys._render_in_processes("toys", per_class, folder, told)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.jpg")}


def test_a_set_is_five_folders_of_square_jpegs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(toys, "PER_CLASS", 3)
    rendering, steps = toy_rendering("toys"), []
    rendering.render(tmp_path, lambda units=1: steps.append(units))
    found = [path.read_bytes() for path in tmp_path.rglob("*.jpg")]
    assert Counter(path.parent.name for path in tmp_path.rglob("*.jpg")) == dict.fromkeys(
        ("bear_a", "bear_b", "bear_c", "bear_d", "negative"), 3
    )
    with Image.open(tmp_path / "bear_a" / "bear_a_000.jpg") as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (224, 224))
    assert len(set(found)) == 15, "no two pictures are alike"
    assert rendering.pictures == sum(steps) == 15


def test_the_same_bytes_come_out_whatever_the_number_of_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    one = rendered(tmp_path / "one")
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    assert rendered(tmp_path / "three") == one


@pytest.mark.parametrize("name", TOYS)
def test_the_toys_are_named_after_what_draws_toys_alone(name: str) -> None:
    rendering = toy_rendering(name)
    assert (rendering.name, rendering.part) == (name, "toys")
    assert [path.name for path in rendering.modules] == [
        "toy_bears.py",
        "toy_clutter.py",
        "toy_pictures.py",
        "toy_scene.py",
        "toy_shapes.py",
        "toy_surfaces.py",
        "toy_worker.py",
    ]


def test_a_worker_that_cannot_write_says_why(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"^no such file or directory$"):
        toys._render_in_processes("toys", 1, tmp_path / "gone", told)
