"""What `[data]` says of single files: excluded ones go, and each gets the source that its name or folder tells."""

from __future__ import annotations

import pytest

from sweep.data.listing import FoundFile
from sweep.data.selection import grouped, without_excluded
from sweep.errors import DataError


def listed(*paths: str) -> tuple[FoundFile, ...]:
    return tuple(FoundFile(path=path, label=path.split("/")[0]) for path in paths)


FILES = listed("cat/a.jpg", "cat/burst_1/b.jpg", "cat/burst_1/c.jpg", "dog/[1].jpg", "dog/d.png")


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("cat/a.jpg", ["cat/burst_1/b.jpg", "cat/burst_1/c.jpg", "dog/[1].jpg", "dog/d.png"]),
        ("dog/[1].jpg", ["cat/a.jpg", "cat/burst_1/b.jpg", "cat/burst_1/c.jpg", "dog/d.png"]),
        ("*.jpg", ["dog/d.png"]),
        ("cat/burst_1", ["cat/a.jpg", "dog/[1].jpg", "dog/d.png"]),
        ("cat/burst_1/", ["cat/a.jpg", "dog/[1].jpg", "dog/d.png"]),
        ("*/?.jpg", ["dog/[1].jpg", "dog/d.png"]),
    ],
)
def test_files_are_excluded_by_path_folder_or_glob(pattern: str, left: list[str]) -> None:
    files, notes = without_excluded(FILES, [pattern])
    assert [file.path for file in files] == left
    assert notes == (f"left out {5 - len(left)} file{'s' * (len(left) < 4)} by data.exclude",)


def test_nothing_excluded_is_nothing_said() -> None:
    assert without_excluded(FILES, []) == (FILES, ())


def test_a_pattern_that_matches_nothing_is_told_with_what_is_near() -> None:
    with pytest.raises(DataError, match=r"data.exclude: received 'cat/e.jpg', which matches no file; .*'cat/a.jpg'"):
        without_excluded(FILES, ["dog/d.png", "cat/e.jpg"])


def test_no_group() -> None:
    assert grouped(FILES, "none", 1) == FILES


def test_a_folder_inside_the_class_folder_is_a_group() -> None:
    files = grouped(FILES, "folder", 1)
    assert [file.group for file in files] == ["", "cat/burst_1", "cat/burst_1", "", ""]


def test_class_folders_below_sides_are_no_groups() -> None:
    files = grouped(listed("train/cat/a.jpg", "train/cat/one/b.jpg"), "folder", 2)
    assert [file.group for file in files] == ["", "train/cat/one"]


def test_grouping_by_folders_that_are_not_there() -> None:
    with pytest.raises(DataError, match=r"data.group: received 'folder', but every image lies directly in its class"):
        grouped(listed("cat/a.jpg", "dog/b.jpg"), "folder", 1)


def test_the_first_group_of_a_pattern_names_the_source_across_classes() -> None:
    files = grouped(
        listed("cat/531_v000.png", "cat/531_v001.png", "dog/531_v002.png", "dog/7_v0.png"), r"^(.+)_v\d+", 1
    )
    assert [file.group for file in files] == ["531", "531", "531", "7"]


def test_a_pattern_is_searched_in_the_name_not_in_the_folder() -> None:
    with pytest.raises(DataError, match=r"which 1 of 1 file names do not match, such as burst_1/a.jpg"):
        grouped(listed("burst_1/a.jpg"), r"(burst_\d)", 1)


@pytest.mark.parametrize("pattern", [r"^(.+)_v\d+", r"^(.*?)_v\d+", r"^(x)?"])
def test_files_that_a_pattern_does_not_match_are_named(pattern: str) -> None:
    files = listed("cat/x_v1.png", "cat/_v2.png", "cat/b.png", "dog/c.png", "dog/d.png")
    message = r"which 4 of 5 file names do not match, such as cat/_v2.png, cat/b.png, dog/c.png; expected"
    with pytest.raises(DataError, match=message):
        grouped(files, pattern, 1)


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [("([", "no regular expression: "), (r"_v\d+", "no group in it"), ("parent", "no group in it")],
)
def test_what_is_no_pattern(pattern: str, fault: str) -> None:
    with pytest.raises(DataError, match=rf"data.group: received .*\({fault}.*expected none, folder, or a regular"):
        grouped(FILES, pattern, 1)
