"""Files that are whole or not there, and names of classes that survive being written down."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.errors import DataError, UsageError
from sweep.workflow.export_files import check_target, files_of, labels_text, read_labels, staged


def test_what_lies_beside_a_model_has_its_name() -> None:
    named = [path.name for path in files_of(Path("a/my.v2.keras"), (".labels.txt", ".card.md"))]
    assert named == ["my.v2.keras", "my.v2.labels.txt", "my.v2.card.md"]
    assert files_of(Path("exported.v1"), (".card.md",))[1] == Path("exported.v1.card.md")


@given(st.lists(st.text(), max_size=5))
def test_any_names_come_back_from_a_line_each(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.mktemp("labels") / "labels.txt"
    text = labels_text(names)
    assert text.count("\n") == len(names)
    path.write_text(text, encoding="utf-8", newline="")
    assert read_labels(path) == tuple(names)


def test_ordinary_names_stand_as_they_are() -> None:
    assert labels_text(["cat", "<b>dög", 'a "b"', "c\nd", '"e"']) == 'cat\n<b>dög\na "b"\n"c\\nd"\n"\\"e\\""\n'


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (None, UsageError, "labels.txt: received no such file or directory; .* name it with --labels"),
        (b"caf\xe9\n", DataError, "labels.txt: received 'utf-8' codec .* beside the model"),
        (b'"cat\n', DataError, "labels.txt: received Unterminated string .* beside the model"),
    ],
)
def test_other_files_are_no_labels(tmp_path: Path, content: bytes | None, kind: type[Exception], message: str) -> None:
    path = tmp_path / "labels.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(kind, match=message):
        read_labels(path)


@pytest.mark.parametrize("folder", [False, True])
def test_what_is_there_is_only_overwritten_by_force(tmp_path: Path, folder: bool) -> None:
    target, beside = tmp_path / "model", tmp_path / "model.card.md"
    check_target((target, beside), force=False, folder=folder)
    beside.touch()
    with pytest.raises(UsageError, match=r"model\.card\.md: received a file that exists.*--force"):
        check_target((target, beside), force=False, folder=folder)
    check_target((target, beside), force=True, folder=folder)


def test_a_folder_is_never_taken_for_a_file(tmp_path: Path) -> None:
    target = tmp_path / "model.keras"
    target.mkdir()
    for folder in (False, True):
        with pytest.raises(UsageError, match=r"received a folder that exists;.*name another place with --output$"):
            check_target((target,), force=True, folder=folder)
    (target / "saved_model.pb").touch()
    with pytest.raises(UsageError, match=r"received a folder that exists;.*or overwrite it with --force$"):
        check_target((target,), force=False, folder=True)
    check_target((target,), force=True, folder=True)
    with pytest.raises(UsageError, match="received a folder that exists"):
        check_target((target,), force=True)


def test_a_file_is_never_taken_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "model").touch()
    with pytest.raises(UsageError, match="received a file where a folder is to be"):
        check_target((tmp_path / "model",), force=True, folder=True)


def test_a_place_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"in a folder that does not exist.*make the folder"):
        check_target((tmp_path / "absent" / "model.keras",), force=False)


def test_all_take_their_places_together_or_none(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with staged(target) as folder:
        (folder / "model").mkdir()
        (folder / "model" / "saved_model.pb").write_text("first")
        (folder / "model.card.md").write_text("first")
        assert not target.exists()
    with pytest.raises(RuntimeError, match="half way"), staged(target) as folder:  # noqa: PT012
        (folder / "model.card.md").write_text("second")
        raise RuntimeError("half way")
    assert (tmp_path / "model.card.md").read_text() == "first"
    with staged(target) as folder:
        (folder / "model").mkdir()
        (folder / "model" / "saved_model.pb").write_text("third")
    assert (target / "saved_model.pb").read_text() == "third"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "model.card.md"]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with (  # noqa: PT012
        pytest.raises(UsageError, match=r"model\.keras: received no space left on device; .* name another place"),
        staged(tmp_path / "model.keras") as folder,
    ):
        (folder / "model.keras").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(UsageError, match="received permission denied"), staged(tmp_path / "model.keras"):
        pytest.fail("there is no folder to write into")
