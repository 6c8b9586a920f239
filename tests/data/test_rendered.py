"""The data sets that need no files, by name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sweep.data import rendered
from sweep.data.cache import cache_folder
from sweep.data.folder import index_source
from sweep.data.rendered import RENDERED, rendered_folder, rendered_place
from sweep.data.rendering import Rendering
from sweep.progress import Progress, Silent
from sweep.studyfile.definition import DataSettings


def test_the_toys_and_the_drawn_sets_go_by_their_names() -> None:
    assert RENDERED == ("toys", "toys-bursts", "toys-composites", "radar", "echoes", "digits")


def test_each_set_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(rendering: Rendering, *, progress: Progress) -> Path:
        return cache_folder() / rendering.part / rendering.name

    monkeypatch.setattr(rendered, "find_or_render", named)
    assert [rendered_folder(name, progress=Silent()).relative_to(cache_folder()) for name in RENDERED] == [
        Path("toys/toys"),
        Path("toys/toys-bursts"),
        Path("toys/toys-composites"),
        Path("drawings/radar"),
        Path("drawings/echoes"),
        Path("drawings/digits"),
    ]


def test_a_drawn_set_is_indexed_like_a_folder_of_the_users() -> None:
    found = index_source(DataSettings(source="digits"), progress=Silent(), base=Path("/nowhere"))
    assert found.class_names == tuple("0123456789")
    assert Counter(image.label for image in found.images) == dict.fromkeys(range(10), 200)
    assert len({image.content_hash for image in found.images}) == 2000
    assert found.notes == ()
    assert Path(found.root).parent == cache_folder() / "drawings"


def test_where_a_set_lies_is_known_before_it_is_rendered() -> None:
    place = rendered_place("digits")
    assert not place.exists()
    assert not list(cache_folder().glob("drawings/*"))
    assert rendered_folder("digits", progress=Silent()) == place
