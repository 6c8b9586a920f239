"""The plain Keras code of a trial runs by itself and trains what the trial trained."""

from __future__ import annotations

import csv
import re
import runpy
from pathlib import Path

import keras
import pytest

from sweep.errors import UsageError
from sweep.records import Split
from sweep.workflow.export_code import write_code
from sweep.workflow.export_request import ExportRequest, check_export
from sweep.workflow.opened import OpenedStudy

Finished = tuple[Path, OpenedStudy]


def with_model(request: ExportRequest, **fields: object) -> ExportRequest:
    """The request with another model."""
    model = request.definition.model.model_copy(update=fields)
    object.__setattr__(request, "definition", request.definition.model_copy(update={"model": model, "space": {}}))
    return request


def test_the_code_trains_the_same_model(finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    request = check_export(finished[0], tmp_path / "mine.py", trial="0")
    (sentence,) = write_code(request)
    assert sentence.endswith(
        "trains trial 0 with plain Keras; it reads mine.files.csv and mine.backbone.keras beside it"
    )
    runpy.run_path(str(tmp_path / "mine.py"))
    trained = keras.saving.load_model(tmp_path / "mine.trained.keras")
    measured = request.row.measurement
    sizes = (measured.trainable_parameters, measured.total_parameters)
    assert (sum(weight.numpy().size for weight in trained.trainable_weights), trained.count_params()) == sizes
    accuracies = dict(re.findall(r"^(train|validation): accuracy ([\d.]+)$", capsys.readouterr().out, re.MULTILINE))
    assert float(accuracies["validation"]) >= 0.5, "two greys that differ by three deviations"
    assert set(accuracies) == {"train", "validation"}


def test_the_table_has_every_image_but_the_sealed_ones(finished: Finished, tmp_path: Path) -> None:
    request = check_export(finished[0], tmp_path / "mine.py")
    write_code(request)
    with (tmp_path / "mine.files.csv").open(encoding="utf-8", newline="") as lines:
        rows = [(row["file"], int(row["label"]), row["side"]) for row in csv.DictReader(lines)]
    known = [(image.path, image.label, side) for image, side in request.report.images if side is not Split.TEST]
    assert rows == known
    assert len(rows) == 51


def test_what_keras_has_needs_no_file(finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sweep.workflow import export_code  # noqa: PLC0415

    load = export_code.load_backbone

    def without_download(settings: object, *arguments: object) -> object:
        return load(settings.model_copy(update={"weights": "none"}), *arguments)  # type: ignore[attr-defined]

    monkeypatch.setattr(export_code, "load_backbone", without_download)
    request = with_model(check_export(finished[0], tmp_path / "mine.py", trial="0"), backbone="mobilenet")
    write_code(request)
    code = (tmp_path / "mine.py").read_text("utf-8")
    assert "keras.applications.MobileNet(" in code
    assert "layers.Rescaling(1 / 127.5, offset=-1)" in code
    assert not (tmp_path / "mine.backbone.keras").exists()


def test_what_takes_more_than_a_few_lines_is_refused(finished: Finished, tmp_path: Path) -> None:
    request = with_model(check_export(finished[0], tmp_path / "mine.py", trial="0"), batch_norm="legacy")
    with pytest.raises(UsageError, match=r'a configuration with batch_norm = "legacy";.*write --output model\.keras'):
        write_code(request)
    assert not list(tmp_path.iterdir())
