"""The training side of `scale.py`: hundreds of thousands of images whose features stay on disk.

Nothing is decoded, and no backbone runs: what it would say of an image is drawn when it is asked for. The rest is as in
`sweep run`: index, split, one pass in slices into the cache's arrays, and a trial of a frozen backbone on them.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
from numpy.typing import NDArray
from scale_study import CLASSES, make_index

from sweep.data.cache import ArrayCache
from sweep.data.split import split_index
from sweep.features.engine import expected_engine
from sweep.features.extract import FeatureLibrary
from sweep.progress import Silent
from sweep.records import IndexArray
from sweep.studyfile.definition import Configuration, DataSettings, ModelSettings, TrainingSettings
from sweep.training.course import Unpruned
from sweep.training.trial import Trainer

__all__ = ["Phase", "measure"]

IMAGE_SIZE = 32
Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What a phase took; memory in MB, the most at any moment of it.

    Attributes:
        own: memory that is the process's own and nobody could take back.
        mapped: pages of files, which the system takes back whenever it needs them.
        grown: by how much `own` exceeds what it was before the first phase.
    """

    name: str
    seconds: float
    own: float
    mapped: float
    grown: float


class MadeUpEngine:
    """Draws what a backbone would say of one image after the other: each class lies about a centre of its own.

    Args:
        prefix: tells how many values an image has.
        labels: of the images in the order in which they come.
    """

    def __init__(self, prefix: keras.Model, labels: IndexArray) -> None:
        self.name = expected_engine()
        (output,) = prefix.outputs
        self._rng = np.random.default_rng(0)
        self._centres = self._rng.standard_normal((len(CLASSES), *output.shape[1:]), np.float32)
        self._labels = labels
        self._passed = 0

    def run(self, batch: Float32) -> list[Float32]:
        """Features of the next images."""
        labels = self._labels[self._passed : self._passed + len(batch)]
        self._passed += len(batch)
        noise = self._rng.standard_normal((len(batch), *self._centres.shape[1:]), np.float32)
        return [np.maximum(0.1 * self._centres[labels] + noise, 0)]


class Gauge:
    """Looks at the memory of this process a hundred times a second."""

    def __init__(self) -> None:
        self.phases: list[Phase] = []
        self._before = _memory()[0]

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Watch what happens inside."""
        ended, most = threading.Event(), [0.0, 0.0]

        def watch() -> None:
            while True:
                most[:] = [max(known, now) for known, now in zip(most, _memory(), strict=True)]
                if ended.wait(0.01):
                    return

        watcher, start = threading.Thread(target=watch), time.perf_counter()
        watcher.start()
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            ended.set()
            watcher.join()
        own, mapped = most
        self.phases.append(Phase(name=name, seconds=seconds, own=own, mapped=mapped, grown=own - self._before))


def measure(plan: Mapping[str, Any]) -> dict[str, Any]:
    """From an index of so many images to a trained head.

    Args:
        plan: "images"; "folder", in which the arrays are written and removed again.

    Returns:
        "phases"; "array_mb" on disk; "accuracy" of validation, to show that something was learnt.
    """
    configuration = Configuration(
        model=ModelSettings(conv_filters=0, head_width=(128,), dropout=0.5),
        training=TrainingSettings(epochs=2, batch_size=64),
    )
    gauge = Gauge()
    with tempfile.TemporaryDirectory(dir=plan["folder"]) as folder:
        with gauge.phase("index and split"):
            index = make_index(plan["images"])
            split, labels = split_index(index, DataSettings(source="made-up")), index.labels
        library = FeatureLibrary(
            pixels=np.broadcast_to(np.zeros(3, np.uint8), (len(labels), IMAGE_SIZE, IMAGE_SIZE, 3)),
            content="made-up",
            developed=split.developed,
            image_size=IMAGE_SIZE,
            cache=ArrayCache(Path(folder)),
            progress=Silent(),
        )
        with (
            patch("sweep.features.extract.make_engine", lambda prefix: MadeUpEngine(prefix, labels)),
            gauge.phase("extraction"),
        ):
            library.prepare([configuration])
        trainer = Trainer(library=library, labels=labels, split=split, num_classes=len(CLASSES))
        with gauge.phase("training"):
            found = trainer.train(configuration, seed=(0, 0), reporter=Unpruned())
        array = library.features(configuration).clean
        size = array.nbytes / 1e6
        del array
    return {
        "images": len(labels),
        "phases": [asdict(phase) for phase in gauge.phases],
        "array_mb": size,
        "accuracy": found.validation_accuracy,
    }


def _memory() -> tuple[float, float]:
    """Anonymous and file-backed memory that is resident now, MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    found = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Rss")}
    return int(found["RssAnon"]) * 1024 / 1e6, int(found["RssFile"]) * 1024 / 1e6
