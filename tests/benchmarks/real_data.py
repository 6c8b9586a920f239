"""Does the check of the data find what is wrong with real photos, and nothing where nothing is?

Four real sets, as they are and with one thing done to them: labels flipped, training images copied into validation as
re-compressed JPEG, pixels scaled wrongly, frames of one source on both sides. Each row says what must be found and what
must not; what is found beside it is shown, to be looked at by eye.

    python tests/benchmarks/real_data.py --data DATA --output real_data.json

DATA holds `cats_dogs_small`, `lego_shapes` and `nksid_sonar`. Ends with status 1, naming the rows, where one is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from sweep.records import Cause
from sweep.workflow.check import check_study

FLIPPED = 0.15
COPIED = 0.10
VALIDATED = 0.2
QUALITY = 70  # of re-compressed copies
SIDE = 150  # pixels, of the same
DATA_CAUSES = (Cause.LEAK, Cause.BURSTS, Cause.PREPROCESSING, Cause.SHIFT, Cause.LABEL_NOISE, Cause.WEAK_FEATURES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One set of photos and what is to be said of it.

    Attributes:
        make: writes the photos into a folder, from the sets, and returns the folder that is checked.
        sets: fields of the study.
        first: cause that must be named first; None: any.
        found, absent: causes that must and must not be found.
        rate: share that must lie in the interval of the first cause's effect; None: any.
    """

    name: str
    make: Callable[[Path, Path], Path]
    sets: tuple[str, ...] = ()
    first: Cause | None = None
    found: tuple[Cause, ...] = ()
    absent: tuple[Cause, ...] = ()
    rate: float | None = None


def as_it_is(name: str) -> Callable[[Path, Path], Path]:
    """The set itself."""
    return lambda data, _: data / name


def flipped(data: Path, target: Path) -> Path:
    """Cats and dogs, a share of them in the other's folder."""
    rng = np.random.default_rng(0)
    files = sorted((data / "cats_dogs_small").glob("*/*.*"))
    wrong = set(rng.permutation(len(files))[: round(FLIPPED * len(files))].tolist())
    for number, file in enumerate(files):
        label = file.parent.name
        label = {"cat": "dog", "dog": "cat"}[label] if number in wrong else label
        _copy(file, target / label / f"{file.parent.name}_{file.name}")
    return target


def copied(data: Path, target: Path) -> Path:
    """Cats and dogs with a fixed validation side, of which a share are copies of training images."""
    rng = np.random.default_rng(1)
    for label in ("cat", "dog"):
        files = sorted((data / "cats_dogs_small" / label).iterdir())
        order = rng.permutation(len(files))
        kept = round(VALIDATED * len(files))
        for place in order[:kept]:
            _copy(files[place], target / "val" / label / files[place].name)
        for place in order[kept:]:
            _copy(files[place], target / "train" / label / files[place].name)
        copies = round(COPIED / (1 - COPIED) * kept)
        for place in order[kept : kept + copies]:
            with Image.open(files[place]) as image:
                small = image.convert("RGB").resize((SIDE, round(SIDE * image.height / image.width)))
                small.save(target / "val" / label / f"copy_{files[place].stem}.jpg", quality=QUALITY)
    return target


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, target)


ROWS: tuple[Row, ...] = (
    Row(
        name="lego_shapes, split at random",
        make=as_it_is("lego_shapes"),
        sets=("data.group=none",),
        first=Cause.BURSTS,
        found=(Cause.BURSTS,),
    ),
    Row(
        name="lego_shapes, split by source",
        make=as_it_is("lego_shapes"),
        sets=(r"data.group=^(.+)_v\d+",),
        absent=(Cause.BURSTS, Cause.LEAK),
    ),
    Row(name="cats_dogs_small", make=as_it_is("cats_dogs_small"), absent=DATA_CAUSES),
    Row(
        name="cats_dogs_small, 15 % of the labels flipped",
        make=flipped,
        first=Cause.LABEL_NOISE,
        found=(Cause.LABEL_NOISE,),
        absent=(Cause.LEAK, Cause.BURSTS, Cause.PREPROCESSING),
        rate=FLIPPED,
    ),
    Row(
        name="cats_dogs_small, 10 % of validation copied from training",
        make=copied,
        first=Cause.LEAK,
        found=(Cause.LEAK,),
        absent=(Cause.BURSTS, Cause.LABEL_NOISE, Cause.PREPROCESSING),
        rate=COPIED,
    ),
    # A study file cannot scale twice, scaling being a field and no step. These are what comes of the mistake.
    Row(
        name="cats_dogs_small, pixels as 0 to 1 for a network of −1 to 1",
        make=as_it_is("cats_dogs_small"),
        sets=("model.backbone=mobilenet", "data.image_size=224", "model.preprocessing=0..1"),
        absent=(Cause.LEAK, Cause.BURSTS, Cause.LABEL_NOISE),
    ),
    Row(
        name="cats_dogs_small, pixels not scaled",
        make=as_it_is("cats_dogs_small"),
        sets=("model.backbone=mobilenet", "data.image_size=224", "model.preprocessing=none"),
        first=Cause.PREPROCESSING,
        found=(Cause.PREPROCESSING,),
        absent=(Cause.LEAK, Cause.BURSTS, Cause.LABEL_NOISE),
    ),
    Row(
        name="nksid_sonar",
        make=as_it_is("nksid_sonar"),
        found=(Cause.FEW_IMAGES,),
        absent=(Cause.LEAK, Cause.BURSTS),
    ),
)


def run_row(row: Row, data: Path) -> dict[str, Any]:
    """Check it; what is missed stands under "missed"."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        outcome = check_study(str(row.make(data, Path(folder) / "photos")), sets=row.sets)
        seconds = time.perf_counter() - start
    verdict = outcome.plain
    found = [finding.cause for finding in outcome.verdict.causes]
    missed = [f"{cause.value} is not found" for cause in row.found if cause not in found]
    missed += [f"{cause.value} is found" for cause in row.absent if cause in found]
    if row.first is not None and found[:1] != [row.first]:
        missed.append(f"the first cause is not {row.first.value}")
    if row.rate is not None and not missed:
        low, high = next(one["effect"][1:] for one in verdict["causes"] if one["cause"] == row.first)
        if not low <= row.rate <= high:
            missed.append(f"{row.rate:.0%} is outside of [{low:.3f}, {high:.3f}]")
    return {"row": row.name, "seconds": seconds, "found": found, "missed": missed, "verdict": verdict}


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """One line a row, with the found causes' sentences below it."""
    lines = []
    for result in results:
        state = "; ".join(result["missed"]) or "as it must be"
        lines.append(f"{result['row']}: {state} ({result['seconds']:.0f} s)")
        causes = result["verdict"]["causes"]
        lines += [f"    {one['cause']}: {one['summary']}" for one in causes if one["outcome"] == "found"]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check every row, or those whose name contains a text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", default="", help="only rows with this in their name")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    results = []
    for row in ROWS:
        if given.rows in row.name:
            results.append(run_row(row, given.data))
            print(table(results[-1:]), flush=True)
            if given.output:
                given.output.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 1 if any(result["missed"] for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
