"""A set is rendered once, whole or not at all, and two processes make one set."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sweep.data import toys
from sweep.data.toys import TOYS, rendered_folder
from sweep.errors import CacheError
from sweep.progress import Silent


@pytest.fixture(autouse=True)
def small_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toys, "PER_CLASS", 5)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))


def test_a_set_has_five_classes_of_equal_size() -> None:
    folder = rendered_folder("toys", progress=Silent())
    assert [path.name for path in sorted(folder.iterdir())] == ["bear_a", "bear_b", "bear_c", "bear_d", "negative"]
    assert {len(list(path.iterdir())) for path in folder.iterdir()} == {5}
    for path in folder.rglob("*.jpg"):
        with Image.open(path) as image:
            assert (image.size, image.mode) == ((224, 224), "RGB")


def test_the_same_set_has_the_same_bytes_in_another_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = rendered_folder("toys", progress=Silent())
    monkeypatch.setenv("SWEEP_CACHE", str(tmp_path))
    second = rendered_folder("toys", progress=Silent())
    assert first != second
    assert files(first) == files(second)
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in files(first))


def test_a_rendered_set_is_not_rendered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = rendered_folder("toys", progress=Silent())

    def fail(*_arguments: object, **_options: object) -> None:
        raise AssertionError("rendered again")

    monkeypatch.setattr(toys, "_render_set", fail)
    assert rendered_folder("toys", progress=Silent()) == folder


def test_an_interrupted_rendering_is_never_taken_for_a_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_name: str, folder: Path, _per_class: int, _advance: object) -> None:
        (folder / "bear_a").mkdir()
        (folder / "bear_a" / "half.jpg").write_bytes(b"")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(toys, "_render_in_processes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            rendered_folder("toys", progress=Silent())
    folder = rendered_folder("toys", progress=Silent())
    assert len(files(folder)) == 25
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_bursts_and_composites_are_told_by_their_names() -> None:
    bursts = files(rendered_folder("toys-bursts", progress=Silent()))
    assert bursts[:2] == ["bear_a/bear_a_burst000_00.jpg", "bear_a/bear_a_burst000_01.jpg"]
    composites = [name for name in files(rendered_folder("toys-composites", progress=Silent())) if "composite" in name]
    assert composites == [f"bear_{letter}/composite_bear_{letter}_000.jpg" for letter in "abcd"]


def test_frames_of_a_burst_share_their_background() -> None:
    folder = rendered_folder("toys-bursts", progress=Silent()) / "negative"
    frames = [np.asarray(Image.open(path), float) for path in sorted(folder.iterdir())]
    alone = rendered_folder("toys", progress=Silent()) / "negative"
    photos = [np.asarray(Image.open(path), float) for path in sorted(alone.iterdir())]
    assert abs(frames[0] - frames[1]).mean() < 15 < abs(photos[0] - photos[1]).mean()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_cache_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o500)
    monkeypatch.setenv("SWEEP_CACHE", str(tmp_path))
    with pytest.raises(CacheError, match="set SWEEP_CACHE"):
        rendered_folder("toys", progress=Silent())


def test_a_cache_that_is_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SWEEP_CACHE", str(tmp_path / "file"))
    with pytest.raises(CacheError, match="set SWEEP_CACHE to another folder"):
        rendered_folder("toys", progress=Silent())


def test_the_names_of_the_sets() -> None:
    assert TOYS == ("toys", "toys-bursts", "toys-composites")
