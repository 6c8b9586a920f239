"""Making a set once: found again, never half, never mixed with what another renderer drew."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sweep.data.cache import cache_folder
from sweep.data.rendering import Rendering, find_or_render
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


def render_two(folder: Path, advance: Advance) -> None:
    for name in ("cat", "dog"):
        (folder / name).mkdir()
        (folder / name / f"{name}.png").write_text(name)
        advance()


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "draw_pets.py"
    path.write_text("draw()")
    return path


MakeRendering = Callable[..., Rendering]


@pytest.fixture
def rendering(module: Path) -> MakeRendering:
    """A set of two pictures: `rendering(render=...)`."""

    def make(render: Callable[[Path, Advance], None] = render_two) -> Rendering:
        return Rendering(name="pets", part="animals", modules=(module,), pictures=2, render=render)

    return make


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.png")}


WHOLE = {"cat/cat.png": "cat", "dog/dog.png": "dog"}


def test_a_set_is_rendered_into_its_part_of_the_cache_and_every_picture_is_told(rendering: MakeRendering) -> None:
    progress = Counting()
    folder = find_or_render(rendering(), progress=progress)
    assert folder.parent == cache_folder() / "animals"
    assert folder.name.startswith("pets-v1-")
    assert content(folder) == WHOLE
    assert (progress.stages, progress.done) == ([("rendering pets", 2, "images")], 2)
    assert list(folder.parent.iterdir()) == [folder]


def test_a_finished_set_is_found_again(rendering: MakeRendering) -> None:
    folder = find_or_render(rendering(), progress=Silent())
    again = Counting()
    assert find_or_render(rendering(), progress=again) == folder
    assert again.stages == []


def test_another_renderer_never_meets_the_pictures_of_this_one(rendering: MakeRendering, module: Path) -> None:
    folder = find_or_render(rendering(), progress=Silent())
    module.write_text("draw_otherwise()")
    assert find_or_render(rendering(), progress=Silent()) != folder
    module.write_text("draw()")
    assert find_or_render(rendering(), progress=Silent()) == folder


def test_an_interrupted_rendering_leaves_nothing_behind(rendering: MakeRendering) -> None:
    def interrupted(folder: Path, advance: Advance) -> None:
        (folder / "cat").mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        find_or_render(rendering(interrupted), progress=Silent())
    assert list((cache_folder() / "animals").iterdir()) == []
    assert content(find_or_render(rendering(), progress=Silent())) == WHOLE


def test_what_a_killed_rendering_left_is_not_taken_and_goes(rendering: MakeRendering) -> None:
    folder = find_or_render(rendering(), progress=Silent())
    folder.rename(folder.with_name(f".{folder.name}-1234"))
    assert find_or_render(rendering(), progress=Silent()) == folder
    assert content(folder) == WHOLE
    assert list(folder.parent.iterdir()) == [folder]


def test_the_loser_of_a_race_takes_what_the_winner_made(rendering: MakeRendering) -> None:
    def overtaken(folder: Path, advance: Advance) -> None:
        find_or_render(rendering(), progress=Silent())
        render_two(folder, advance)

    folder = find_or_render(rendering(overtaken), progress=Silent())
    assert content(folder) == WHOLE
    assert list(folder.parent.iterdir()) == [folder]


def test_a_full_disk_is_told_in_one_line(rendering: MakeRendering) -> None:
    def full(folder: Path, advance: Advance) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    message = r"animals: received no space left on device; expected a folder that can be written, .* set SWEEP_CACHE to"
    with pytest.raises(CacheError, match=message):
        find_or_render(rendering(full), progress=Silent())


def test_a_cache_that_is_a_file_is_refused(
    rendering: MakeRendering, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SWEEP_CACHE", str(tmp_path / "file"))
    with pytest.raises(CacheError, match=r"not a directory.*set SWEEP_CACHE to another folder"):
        find_or_render(rendering(), progress=Silent())
