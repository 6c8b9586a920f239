"""A trial's configuration as a study file, which is read back as that configuration."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sweep.studyfile.load import load_study
from sweep.workflow.export_request import check_export
from sweep.workflow.export_study import write_study
from sweep.workflow.opened import OpenedStudy

Finished = tuple[Path, OpenedStudy]


@pytest.mark.parametrize("trial", ["0", "2"])
def test_the_file_has_the_trial_as_its_baseline(finished: Finished, tmp_path: Path, trial: str) -> None:
    request = check_export(finished[0], tmp_path / "mine.toml", trial=trial)
    (sentence,) = write_study(request)
    assert sentence.startswith(f"{tmp_path / 'mine.toml'} is a study file whose baseline is trial {trial}")
    written = load_study(tmp_path / "mine.toml", environment={})
    assert written.baseline == request.configuration
    assert written.name == f"{request.definition.name}-trial-{trial}"
    assert Path(written.data.source) == finished[0].parent / "photos"
    same = ("data", "space", "search", "check", "question")
    own = request.definition.model_copy(update={"data": written.data})
    assert [getattr(written, name) for name in same] == [getattr(own, name) for name in same]
    assert written.data == request.definition.data.model_copy(update={"source": written.data.source})
    text = (tmp_path / "mine.toml").read_text("utf-8")
    assert "# pixels; every picture is resized to this square" in text, "fields say what they do"


def test_a_file_of_weights_is_found_from_anywhere(finished: Finished, tmp_path: Path) -> None:
    request = check_export(finished[0], tmp_path / "mine.toml", trial="0")
    shutil.copy(finished[0], tmp_path / "weights.h5")
    model = request.definition.model.model_copy(update={"weights": "weights.h5"})
    definition = request.definition.model_copy(update={"model": model})
    object.__setattr__(request, "definition", definition)
    write_study(request)
    written = load_study(tmp_path / "mine.toml", environment={})
    assert Path(written.model.weights) == request.base / "weights.h5"
