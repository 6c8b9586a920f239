"""A stored study is read and ranked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweep.records import TrialRecord
from sweep.report.captions import importances_caption
from sweep.report.page import render_page
from sweep.store.results import open_database
from sweep.workflow.opened import OpenedStudy
from sweep.workflow.reading import read_report


def test_one_influence_is_shown_where_the_other_cannot_be_told(
    finished: tuple[Path, OpenedStudy], trial_record: Callable[..., TrialRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropout narrows the gap, and validation is the same in every trial."""
    right = np.arange(12) < 9
    trials = tuple(
        trial_record(number, correct=right, train=1 - number / 100, parameters={"dropout": number / 20}, classes=2)
        for number in range(20)
    )
    with open_database(finished[0]) as database:
        study = database.study(None)
        definition = json.loads(study.definition) | {"space": {"dropout": {"low": 0.0, "high": 0.95}}}
        study = replace(study, definition=json.dumps(definition))
        monkeypatch.setattr(database, "trials", lambda name, **_: trials)
        report = read_report(database, study)
        assert report.importances == {"gap": {"dropout": 1.0}}
        assert report.importances_reason == ""
        assert importances_caption(report) == "The gap is moved most by dropout (100 %)."
        assert "The gap is moved most by dropout (100 %)." in render_page(report)
        monkeypatch.setattr(database, "trials", lambda name, **_: trials[:9])
        report = read_report(database, study)
        assert report.importances == {}
        assert report.importances_reason == "needs 10 complete trials inside the space, has 9"


def test_every_image_comes_along_with_its_side(finished: tuple[Path, OpenedStudy]) -> None:
    with open_database(finished[0]) as database:
        study = database.study(None)
        report = read_report(database, study)
        assert report.images == database.images(study.name)
    assert len(report.images) == 60
    assert report.diagnosis is None, "which takes the probes"
