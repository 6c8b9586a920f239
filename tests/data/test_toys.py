"""Rendering a whole set: made once, never half, and the same bytes every time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from sweep.data import toys
from sweep.data.cache import cache_folder
from sweep.data.toys import TOYS, rendered_folder
from sweep.errors import CacheError
from sweep.progress import Advance, Silent


class Counting(Silent):
    """A progress that remembers its stages and how far they came."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None, str]] = []
        self.done = 0

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        self.stages.append((name, total, unit))
        yield self._count

    def _count(self, units: int = 1, /) -> None:
        self.done += units


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three pictures a class instead of 750."""
    monkeypatch.setattr(toys, "PER_CLASS", 3)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.jpg")}


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.parent.iterdir() if path != folder]


def test_a_set_is_five_folders_of_square_jpegs_and_every_picture_is_told() -> None:
    progress = Counting()
    folder = rendered_folder("toys", progress=progress)
    found = content(folder)
    assert Counter(name.split("/")[0] for name in found) == dict.fromkeys(
        ("bear_a", "bear_b", "bear_c", "bear_d", "negative"), 3
    )
    with Image.open(folder / "bear_a" / "bear_a_000.jpg") as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (224, 224))
    assert len(set(found.values())) == 15, "no two pictures are alike"
    assert (progress.stages, progress.done) == ([("rendering toys", 15, "images")], 15)
    assert leftovers(folder) == []


def test_a_finished_set_is_found_again() -> None:
    folder = rendered_folder("toys", progress=Silent())
    again = Counting()
    assert rendered_folder("toys", progress=again) == folder
    assert again.stages == []


def test_the_same_bytes_come_out_whatever_the_number_of_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    render = partial(toys._render_set, "toys", progress=Silent(), per_class=2)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    render(tmp_path / "one")
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    render(tmp_path / "three")
    assert content(tmp_path / "one") == content(tmp_path / "three")


def test_the_sets_lie_beside_each_other() -> None:
    folders = {rendered_folder(name, progress=Silent()) for name in TOYS}
    assert len(folders) == 3
    assert {folder.parent for folder in folders} == {cache_folder() / "toys"}


def test_another_renderer_never_meets_the_pictures_of_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = rendered_folder("toys", progress=Silent())
    monkeypatch.setattr(toys, "_renderer_digest", lambda: "another".ljust(64, "0"))
    assert rendered_folder("toys", progress=Silent()) != folder


def test_an_interrupted_rendering_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str, folder: Path, per_class: int, advance: Advance) -> None:
        (folder / "bear_a").mkdir()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(toys, "_render_in_processes", interrupted)
        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            rendered_folder("toys", progress=Silent())
        assert list((cache_folder() / "toys").iterdir()) == []
    assert len(content(rendered_folder("toys", progress=Silent()))) == 15


def test_what_a_killed_rendering_left_is_not_taken_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toys, "_renderer_digest", lambda: "0" * 64)
    killed = cache_folder() / "toys" / ".toys-v1-000000000000-1234" / "bear_a"
    killed.mkdir(parents=True)
    folder = rendered_folder("toys", progress=Silent())
    assert len(content(folder)) == 15
    assert leftovers(folder) == []


def test_the_loser_of_a_race_takes_what_the_winner_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def overtaken(name: str, folder: Path, per_class: int, advance: Advance) -> None:
        (tmp_path / "set" / "bear_a").mkdir(parents=True)
        folder.rmdir()

    monkeypatch.setattr(toys, "_render_in_processes", overtaken)
    toys._render_set("toys", tmp_path / "set", Silent(), per_class=3)
    assert (tmp_path / "set" / "bear_a").is_dir()


def test_a_worker_that_cannot_write_says_why(tmp_path: Path) -> None:
    message = "received no such file or directory; expected a folder that can be written.*SWEEP_CACHE"
    with pytest.raises(CacheError, match=message):
        toys._render_in_processes("toys", tmp_path / "gone", 1, Counting()._count)


def test_a_cache_that_is_a_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SWEEP_CACHE", str(tmp_path / "file"))
    with pytest.raises(CacheError, match=r"not a directory.*set SWEEP_CACHE to another folder"):
        rendered_folder("toys", progress=Silent())
