"""Does a long run keep its memory and its pace? Hundreds of real trials in one process, of a dozen structures or more.

The peers' known disease: whoever builds and fits a network anew in each trial of a loop loses memory with each of them,
and clearing Keras' session does not bring it back. Reported are about 1 GB in 20 trials of KerasTuner
(keras-team/keras-tuner#395, #873 and #1031, all open) and 1 GB a trial in an Optuna objective around Keras
(optuna/optuna#1178, #2804 and #3050, whose remedy of collecting garbage does not suffice). The cause lies below them:
`fit` in a loop leaks (keras-team/keras#17458 and #20552, open). Here a structure is built and compiled once and serves
every trial of it, so memory may grow while structures are new, and no longer.

The trials are those of `sweep run`: images on disk, the backbone pass, Optuna's sampler, a SQLite database, everything
measured. Seconds are those from the end of one trial to the end of the next, scheduling included. The pace is judged by
the processor's, which other programs do not lengthen as much. The first trial of a structure, which compiles, stays out
of it; the others are compared with their own structure, so that it does not matter which the sampler drew when. Where
other programs crowd the cores, even the processor's seconds come and go with them: the pace is shown then, not judged.

    python tests/benchmarks/soak.py --trials 500 --structures 12 --output soak.json

Ends with status 1, naming the bound, where one is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import theilslopes

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from sweep.progress import Silent
from sweep.records import Scalar, TrialRecord
from sweep.workflow.run import run_study

CLASSES = ("green", "red", "violet")
SETTLED = 50  # trials after which memory is first looked at
MOST_GROWN = 100.0  # MB from there to the end
MOST_SLOWED = 0.1  # of its time, from the first to the last trial
STRUCTURAL: Mapping[str, tuple[int, ...]] = {
    "head_width": (16, 48),
    "batch_size": (16, 32),
    "unfrozen_layers": (0, 3),
    "conv_filters": (0, 8),
}
# The smallest images whose last feature map a convolution of 3 × 3 fits into.
STUDY = """
name = "soak"
[data]
source = "photos"
image_size = 96
[model]
head_width = 16
conv_filters = 0
[training]
batch_size = 16
epochs = 2
[space]
dropout = {low = 0.0, high = 0.8}
l2 = {low = 1e-6, high = 1e-2, log = true}
learning_rate = {low = 1e-4, high = 1e-2, log = true}
"""
SETTINGS = (
    "search.sampler=random",
    "search.pruner=none",
    "search.finalists=0",
    "search.repeats=0",
    "check.on_run=false",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lap:
    """One trial: from the end of the one before it to its own end.

    Attributes:
        structure: the fields that decide what is compiled.
        seconds: wall time, scheduling included; of the first trial from the start of the run on.
        processor: the same, but of all cores together and of this process alone.
        resident: memory of the process at its end, MB.
        failure: why the trial failed, or "".
    """

    structure: tuple[Scalar, ...]
    seconds: float
    processor: float
    resident: float
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How the time of a trial changes, compared within structures.

    Attributes:
        hundreds, processor: medians of both over the trials of each hundred, without the first ones of structures.
        slowing: what a trial gains in time over the whole run, as a share of it (Theil and Sen's median of slopes).
        low, high: its 95 % interval.
    """

    hundreds: tuple[float, ...]
    processor: tuple[float, ...]
    slowing: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """What the run shows; memory in MB, load as the number of programs that ran on average, at the start or the end."""

    trials: int
    failed: int
    structures: int
    structures_when_settled: int
    resident_when_settled: float
    resident_at_the_end: float
    pace: Pace
    wall_seconds: float
    load: float

    @property
    def grown(self) -> float:
        """MB from the trial at which memory counts as settled to the last one."""
        return self.resident_at_the_end - self.resident_when_settled

    @property
    def crowded(self) -> bool:
        """Whether more ran beside this program than the cores can carry."""
        return self.load > (os.cpu_count() or 1) + 1

    def misses(self, *, structures: int) -> tuple[str, ...]:
        """The bounds that are not kept, in words; of the pace only what the interval shows beyond doubt."""
        found = [f"{self.failed} trials failed"] if self.failed else []
        if self.grown > MOST_GROWN:
            found.append(f"memory has grown by {self.grown:.0f} MB, over {MOST_GROWN:.0f}")
        if self.structures < structures:
            found.append(f"{self.structures} structures were trained, not {structures}")
        if not self.crowded and self.pace.low > 0 and self.pace.slowing > MOST_SLOWED:
            found.append(f"a trial has become slower by {100 * self.pace.slowing:.0f} %")
        return tuple(found)


class Watch(Silent):
    """Notes the memory and the time of each trial that ends."""

    def __init__(self) -> None:
        self.laps: list[Lap] = []
        self._last = time.perf_counter(), time.process_time()

    def trial(self, trial: TrialRecord) -> None:
        """Note it."""
        now = time.perf_counter(), time.process_time()
        lap = Lap(
            structure=tuple(trial.configuration[name] for name in STRUCTURAL),
            seconds=now[0] - self._last[0],
            processor=now[1] - self._last[1],
            resident=resident_memory(),
            failure="" if trial.failure is None else trial.failure.reason,
        )
        self.laps.append(lap)
        self._last = now


def resident_memory() -> float:
    """What of this process lies in memory now, MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) * 1024 / 1e6


def write_photos(folder: Path, *, images: int) -> None:
    """Noisy pictures, each class with a colour of its own, in one folder a class."""
    rng = np.random.default_rng(0)
    for position, label in enumerate(CLASSES):
        (folder / label).mkdir(parents=True)
        colour = np.array([40 + 90 * position, 200 - 70 * position, 90])
        for number in range(images // len(CLASSES)):
            pixels = np.clip(colour + rng.normal(0, 60, (64, 64, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number:03}.png")


def run(*, trials: int, images: int) -> list[Lap]:
    """Run the study in a folder that is gone afterwards, its cache too."""
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, SWEEP_CACHE=f"{folder}/cache"):
        write_photos(Path(folder, "photos"), images=images)
        study, database = Path(folder, "soak.toml"), Path(folder, "study.db")
        swept = (f"{field} = {{choices = {list(values)}}}\n" for field, values in STRUCTURAL.items())
        study.write_text(STUDY + "".join(swept), encoding="utf-8")
        run_study(str(study), trials=trials, database=database, sets=SETTINGS, progress=watch)
    return watch.laps


def judge(laps: Sequence[Lap], *, load: float = 0.0) -> Soaked:
    """What the trials say together under that load."""
    settled = _settled(len(laps))
    return Soaked(
        trials=len(laps),
        failed=sum(bool(lap.failure) for lap in laps),
        structures=len({lap.structure for lap in laps}),
        structures_when_settled=len({lap.structure for lap in laps[:settled]}),
        resident_when_settled=laps[settled - 1].resident,
        resident_at_the_end=laps[-1].resident,
        pace=measure_pace(laps),
        wall_seconds=sum(lap.seconds for lap in laps),
        load=load,
    )


def measure_pace(laps: Sequence[Lap]) -> Pace:
    """Trials are compared with the median of their structure; fewer than two of them say nothing."""
    known: set[tuple[Scalar, ...]] = set()
    running: list[tuple[int, Lap]] = []
    for place, lap in enumerate(laps):
        if lap.structure in known:
            running.append((place, lap))
        known.add(lap.structure)
    usual = {
        structure: statistics.median(times)
        for structure in known
        if (times := [lap.processor for _, lap in running if lap.structure == structure])
    }
    slowing, low, high = _slope(
        np.array([place / max(1, len(laps) - 1) for place, _ in running]),
        np.array([math.log(lap.processor / usual[lap.structure]) for _, lap in running]),
    )
    hundreds = [[lap for place, lap in running if start <= place < start + 100] for start in range(0, len(laps), 100)]
    return Pace(
        hundreds=tuple(_median(lap.seconds for lap in some) for some in hundreds),
        processor=tuple(_median(lap.processor for lap in some) for some in hundreds),
        slowing=math.expm1(slowing),
        low=math.expm1(low),
        high=math.expm1(high),
    )


def _settled(trials: int) -> int:
    """The trial after which memory counts as settled: of few the one in the middle."""
    return SETTLED if trials > SETTLED else max(1, trials // 2)


def _median(values: Iterable[float]) -> float:
    known = list(values)
    return statistics.median(known) if known else math.nan


def _slope(places: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Theil and Sen's slope with its 95 % interval; NaN where there are not two points."""
    if len(places) < 2:
        return math.nan, math.nan, math.nan
    found = theilslopes(values, places, alpha=0.95)
    return float(found.slope), float(found.low_slope), float(found.high_slope)


def lines(soaked: Soaked) -> list[str]:
    """What is printed."""
    pace = soaked.pace
    settled = _settled(soaked.trials)
    wall, processor = (" · ".join(f"{seconds:.2f}" for seconds in some) for some in (pace.hundreds, pace.processor))
    return [
        f"{soaked.trials} trials of {soaked.structures} structures "
        f"({soaked.structures_when_settled} of them by trial {settled}) in {soaked.wall_seconds:.0f} s",
        f"resident memory after trial {settled}: {soaked.resident_when_settled:.0f} MB, "
        f"after the last: {soaked.resident_at_the_end:.0f} MB, grown by {soaked.grown:+.0f} MB",
        f"seconds a trial, by hundred (structures known): {wall}; of the processor: {processor}",
        f"slowing over the run, within structures, by the processor: {100 * pace.slowing:+.1f} % "
        f"[{100 * pace.low:+.1f}, {100 * pace.high:+.1f}]"
        + (f", not judged: {soaked.load:.1f} programs ran on average" if soaked.crowded else ""),
        "the peers: about 1 GB in 20 trials (keras-team/keras-tuner#395), 1 GB a trial (optuna/optuna#1178)",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what the run shows; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--structures", type=int, default=12, help="how many there must have been at the end (12)")
    parser.add_argument("--images", type=int, default=150)
    parser.add_argument("--output", type=Path, help="write every trial and the result as JSON")
    options = parser.parse_args(arguments)
    before = os.getloadavg()[0]
    laps = run(trials=options.trials, images=options.images)
    soaked = judge(laps, load=max(before, os.getloadavg()[0]))
    missed = soaked.misses(structures=options.structures)
    print(*lines(soaked), *missed, sep="\n")
    if options.output:
        found = {**asdict(soaked), "missed": missed, "laps": [asdict(lap) for lap in laps]}
        options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
