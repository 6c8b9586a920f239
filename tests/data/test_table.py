"""CSV files: a line is an image, its label and perhaps its group."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.data.table import list_csv
from sweep.errors import DataError

MakeTable = Callable[..., Path]


@pytest.fixture
def table(tmp_path: Path) -> MakeTable:
    """Write lines to a CSV beside the files pictures/a.jpg, b.jpg and c.jpg."""
    (tmp_path / "pictures").mkdir()
    for name in "abc":
        (tmp_path / "pictures" / f"{name}.jpg").touch()

    def make(*lines: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "labels.csv"
        path.write_text("\n".join(lines), encoding=encoding)
        return path

    return make


def test_files_are_relative_to_the_table(table: MakeTable) -> None:
    path = table("file,label", "pictures/b.jpg,dog", "pictures/a.jpg,cat", "./pictures/c.jpg, cat ")
    listing = list_csv(path, "labels.csv")
    assert listing.root == path.parent
    assert listing.levels == 0
    assert [(file.path, file.label, file.group) for file in listing.files] == [
        ("pictures/a.jpg", "cat", ""),
        ("pictures/b.jpg", "dog", ""),
        ("pictures/c.jpg", "cat", ""),
    ]


def test_groups_extra_columns_and_the_mark_that_spreadsheets_write(table: MakeTable) -> None:
    path = table(
        "Label,size,File,group", "cat,3,pictures/a.jpg,p1", "dog,4,pictures/b.jpg,p2,extra", "dog,,pictures/c.jpg",
        encoding="utf-8-sig",
    )  # fmt: skip
    assert [file.group for file in list_csv(path, "labels.csv").files] == ["p1", "p2", ""]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], r"received the columns none; .*; add 'file' and 'label' to the first line"),
        (["pictures/a.jpg,cat"], r"received the columns pictures/a.jpg, cat; .*; add 'file' and 'label'"),
        (["file,class", "pictures/a.jpg,cat"], r"received the columns file, class; .*; add 'label' to"),
        (["file,label"], "received no lines below the header; expected at least two classes"),
        (["file,label", "pictures/a.jpg,cat"], "received one class, 'cat'; expected at least two classes"),
        (["file,label", "pictures/a.jpg,"], "labels.csv, line 2: received an empty cell"),
        (["file,label", "pictures/a.jpg"], "labels.csv, line 2: received an empty cell"),
        (
            ["file,label", "pictures/a.jpg,cat", "pictures/a.jpg,dog"],
            "labels.csv, line 3: received 'pictures/a.jpg' a second time; expected each file once",
        ),
        (
            ["file,label", "pictures/a.jpg,cat", "gone.jpg,dog", "pictures,dog"],
            r"received 2 missing files, such as gone.jpg, pictures; .*; correct the column 'file'",
        ),
    ],
)
def test_bad_tables(table: MakeTable, lines: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        list_csv(table(*lines), "labels.csv")


def test_another_encoding_is_told(table: MakeTable) -> None:
    with pytest.raises(DataError, match=r"received no CSV .*; expected comma-separated text in UTF-8"):
        list_csv(table("file,label", "pictures/a.jpg,café", encoding="latin-1"), "labels.csv")
