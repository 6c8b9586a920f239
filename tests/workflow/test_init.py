"""`sweep init`: a folder becomes a study file that loads, fits the images and is never overwritten by accident."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.errors import DataError, UsageError
from sweep.progress import Silent
from sweep.studyfile.definition import StudyDefinition
from sweep.studyfile.load import load_study, resolve
from sweep.workflow.init import folder_document, init_folder

PhotoFolder = Callable[..., Path]


def written(folder: Path, output: Path, *, force: bool = False) -> StudyDefinition:
    return load_study(init_folder(folder, output, progress=Silent(), force=force), environment={})


def test_a_folder_becomes_a_study_file(photo_folder: PhotoFolder, tmp_path: Path) -> None:
    found = written(photo_folder({"cat": 30, "dog": 26}, size=40), tmp_path / "pets.toml")
    assert (found.name, found.data.source) == ("photos", "./photos")
    assert (found.data.image_size, found.data.validation, found.data.test, found.data.group) == (64, 0.2, 0.15, "none")
    assert (found.model.dropout, found.model.head_width, found.training.batch_size) == (0.2, (128,), 8)
    text = (tmp_path / "pets.toml").read_text(encoding="utf-8")
    assert text.startswith("# For 56 images of 2 classes: cat 30, dog 26.\n")


def test_the_source_is_relative_to_the_study_file(photo_folder: PhotoFolder, tmp_path: Path) -> None:
    folder = photo_folder({"cat": 8, "dog": 8})
    (tmp_path / "studies").mkdir()
    assert written(folder, tmp_path / "studies" / "a.toml").data.source == "../photos"
    assert written(folder, folder / "a.toml").data.source == "./."


def test_a_folder_on_another_drive_is_named_in_full(
    photo_folder: PhotoFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object, start: object) -> str:
        raise ValueError("path is on mount 'C:', start on mount 'D:'")

    folder = photo_folder({"cat": 8, "dog": 8})
    monkeypatch.setattr("sweep.workflow.init.os.path.relpath", refuse)
    assert written(folder, tmp_path / "a.toml").data.source == folder.as_posix()


def test_a_folder_named_like_rendered_data_is_still_a_folder(photo_folder: PhotoFolder, tmp_path: Path) -> None:
    assert written(photo_folder({"cat": 8, "dog": 8}, name="toys"), tmp_path / "a.toml").data.source == "./toys"


def test_awkward_names_survive(photo_folder: PhotoFolder, tmp_path: Path) -> None:
    name = 'my "best" \\ pétites photos'
    found = written(photo_folder({"cat": 8, "dog": 8}, name=name), tmp_path / "a.toml")
    assert (found.name, found.data.source) == (name, f"./{name}")


def test_a_run_of_the_folder_says_the_same_without_a_file(photo_folder: PhotoFolder, tmp_path: Path) -> None:
    folder = photo_folder({"cat": 30, "dog": 26})
    document = folder_document(folder, progress=Silent())
    found = resolve(document, str(folder), sets=(), spaces=(), environment={})
    assert found.data.source == folder.as_posix()
    on_disk = written(folder, tmp_path / "a.toml")
    assert found == on_disk.model_copy(update={"data": on_disk.data.model_copy(update={"source": folder.as_posix()})})
    assert list(folder.glob("*.toml")) == []


def test_nothing_is_overwritten_unless_forced(photo_folder: PhotoFolder, tmp_path: Path) -> None:
    folder, output = photo_folder({"cat": 8, "dog": 8}), tmp_path / "a.toml"
    output.write_text("precious", encoding="utf-8")
    with pytest.raises(UsageError, match=r"a\.toml: received a file that exists; .* overwrite it with --force"):
        init_folder(folder, output, progress=Silent())
    assert output.read_text(encoding="utf-8") == "precious"
    assert written(folder, output, force=True).name == "photos"


def test_an_output_that_cannot_be_written(photo_folder: PhotoFolder, tmp_path: Path) -> None:
    folder = photo_folder({"cat": 8, "dog": 8})
    with pytest.raises(UsageError, match=r"received a folder; expected the name of a new file; write --output .*toml"):
        init_folder(folder, tmp_path, progress=Silent(), force=True)
    with pytest.raises(UsageError, match="received no such file or directory; expected a file that can be written"):
        init_folder(folder, tmp_path / "none" / "a.toml", progress=Silent())


def test_images_that_cannot_be_split_give_no_file(photo_folder: PhotoFolder, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="class 'dog': received 1 different image"):
        init_folder(photo_folder({"cat": 8, "dog": 1}), tmp_path / "a.toml", progress=Silent())
    with pytest.raises(DataError, match="no such folder"):
        init_folder(tmp_path / "none", tmp_path / "a.toml", progress=Silent())
    assert not (tmp_path / "a.toml").exists()


@pytest.mark.parametrize(
    ("name", "image_size", "group"), [("lego_shapes", 160, r"^(.+)_v\d+"), ("nksid_sonar", 64, "none")]
)
def test_real_folders(shared: Path, tmp_path: Path, name: str, image_size: int, group: str) -> None:
    found = written(shared / "data" / name, tmp_path / "a.toml").data
    assert (found.image_size, found.group) == (image_size, group)
    assert (tmp_path / found.source).resolve() == (shared / "data" / name).resolve()
    assert found.source.startswith("..")
