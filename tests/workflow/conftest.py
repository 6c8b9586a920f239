"""One finished study for every test that only reads it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sweep.workflow.opened import OpenedStudy
from sweep.workflow.run import run_study

QUICK = ("data.image_size=32", "training.epochs=2", "search.pruner=none")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, OpenedStudy]:
    """A folder of 2 × 30 noisy photos searched for three trials: its database and the opened study."""
    root = tmp_path_factory.mktemp("finished")
    rng = np.random.default_rng(0)
    for label, colour in {"<b>cat</b>": 90, "dog": 130}.items():
        folder = root / "photos" / label.replace("/", "_")
        folder.mkdir(parents=True)
        for number in range(30):
            pixels = np.clip(colour + rng.normal(0, 40, (40, 40, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    # The autouse fixture that sets it is of function scope.
    os.environ["SWEEP_CACHE"] = str(root / "cache")
    study = run_study(str(root / "photos"), trials=3, database=root / "study.db", sets=QUICK)
    return root / "study.db", study
