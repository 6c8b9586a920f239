"""Does a probe find harm where there is none more often than its p says?

Every file in `nulls/` has `NULLS`: names, each with a function that simulates one data set without harm and returns the
p that the probe gives it. Of a calibrated p at most 5 % are below .05 and at most 1 % below .01; a conservative one
has fewer, and that is allowed. A null is called broken where simulation error does not explain that there are more: by
the binomial test at either level or by Kolmogorov and Smirnov's one-sided test up to .2, Bonferroni's correction for
all of them. The two-sided test against a uniform p is shown beside it where p takes many values: it speaks of power.

    python tests/benchmarks/calibration.py                          # 500 simulations of each
    python tests/benchmarks/calibration.py --only amount features   # of these files, or of nulls named so
    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/calibration.py --processes 8 --output calibration.json

With `--output` it goes on where it was stopped; what was simulated with other code is simulated anew. Ends with status
1, naming them, where a null is broken.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import math
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from scipy.stats import binomtest, kstest

from sweep.diagnosis.statistics import wilson

FOLDER = Path(__file__).parent / "nulls"
DIAGNOSIS = Path(__file__).parents[2] / "sweep" / "diagnosis"
LEVELS = (0.05, 0.01)
HIGHEST = 0.2
"""No decision hangs on larger p: those of a conservative test may crowd there about one half."""
FALSE_ALARM = 0.01
"""Chance that any null of a run is called broken although all are calibrated."""
CHUNK = 25  # simulations handed to a process at once

Null = Callable[[np.random.Generator], float]


@dataclass(frozen=True, slots=True)
class Job:
    """One null of one file."""

    path: Path
    name: str

    @property
    def title(self) -> str:
        """How rows and messages call it."""
        return f"{self.path.stem}: {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a null's simulations gave; `error` says what ended them early."""

    title: str
    seed: int
    digest: str
    p: tuple[float, ...]
    seconds: float
    error: str = ""

    def share(self, level: float) -> float:
        """Of the simulations whose p is at most this."""
        return sum(p <= level for p in self.p) / len(self.p)

    @property
    def continuous(self) -> bool:
        """Whether p takes so many values that it may be uniform."""
        return len(set(self.p)) > len(self.p) / 2

    @property
    def too_many(self) -> float:
        """p of Kolmogorov and Smirnov's one-sided test that no level up to `HIGHEST` has too many p below it."""
        small = [p if p <= HIGHEST else 1.0 for p in self.p]
        return float(kstest(small, "uniform", alternative="greater").pvalue)

    def faults(self, rows: int) -> tuple[str, ...]:
        """What simulation error does not explain, in words, in a run of so many rows."""
        if self.error:
            return (f"{self.title}: {self.error}",)
        strict = FALSE_ALARM / (rows * (len(LEVELS) + 1))
        found = [
            f"{100 * self.share(level):.1f} % of {len(self.p)} p are at most {level}"
            for level in LEVELS
            if binomtest(sum(p <= level for p in self.p), len(self.p), level, alternative="greater").pvalue < strict
        ]
        if (p := self.too_many) < strict:
            found.append(f"small p are too many, Kolmogorov and Smirnov's p = {p:.1g}")
        return tuple(f"{self.title}: {fault}" for fault in found)


@cache
def load_nulls(path: Path) -> dict[str, Null]:
    """The nulls of one file, by name."""
    name = f"nulls_of_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    nulls: dict[str, Null] = module.NULLS
    return nulls


def simulate(job: Job, seed: int, numbers: range) -> list[float]:
    """The p of some simulations: each has random numbers of its own, whatever runs beside it or ran before.

    Raises:
        ValueError: what the null returns is no p.
    """
    null, stream = load_nulls(job.path)[job.name], zlib.crc32(job.title.encode())
    found = []
    for number in numbers:
        p = float(null(np.random.default_rng(np.random.SeedSequence((seed, stream, number)))))
        if not 0 <= p <= 1:
            raise ValueError(f"expected a p from 0 to 1, got {p} in simulation {number}")
        found.append(p)
    return found


def run_null(job: Job, simulations: int, seed: int, pool: Pool | None, advance: Callable[[int], None]) -> Row:
    """Simulate one null; an error of its code becomes part of the row."""
    began, found, error = time.perf_counter(), list[float](), ""
    chunks = [range(start, min(start + CHUNK, simulations)) for start in range(0, simulations, CHUNK)]
    try:
        for p in _simulated(job, seed, chunks, pool):
            found += p
            advance(len(p))
    except Exception as caught:  # the other nulls still have to be run
        error = f"{type(caught).__name__}: {caught}"
    seconds = round(time.perf_counter() - began, 1)
    return Row(title=job.title, seed=seed, digest=digest(job.path), p=tuple(found), seconds=seconds, error=error)


def _simulated(job: Job, seed: int, chunks: Sequence[range], pool: Pool | None) -> Iterator[list[float]]:
    if pool is None:
        yield from (simulate(job, seed, numbers) for numbers in chunks)
    else:
        yield from pool.imap(_simulate, [(job, seed, numbers) for numbers in chunks])


def _simulate(arguments: tuple[Job, int, range]) -> list[float]:
    return simulate(*arguments)


@cache
def digest(path: Path) -> str:
    """Of the null's file and of all code of the diagnosis."""
    files = [path, *sorted(DIAGNOSIS.rglob("*.py"))]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]


def find_jobs(folder: Path, only: Sequence[str]) -> tuple[list[Job], list[str]]:
    """The nulls of a folder, those asked for; and what is wrong with files that can't be loaded."""
    jobs, broken = [], []
    for path in sorted(folder.glob("*.py")):
        try:
            jobs += [Job(path, name) for name in load_nulls(path)]
        except Exception as caught:  # the other files still have to be run
            broken.append(f"{path.name}: {type(caught).__name__}: {caught}")
    chosen = [job for job in jobs if not only or job.path.stem in only or job.name in only]
    wanted = [fault for fault in broken if not only or fault.split(".")[0] in only]
    return chosen, wanted


def load_rows(output: Path | None) -> dict[str, Row]:
    """Rows of an earlier run, by title."""
    if output is None or not output.is_file():
        return {}
    stored = json.loads(output.read_text(encoding="utf-8"))
    return {row["title"]: Row(**{**row, "p": tuple(row["p"])}) for row in stored}


def save_rows(output: Path, rows: dict[str, Row]) -> None:
    """Write all rows, or leave the file as it was."""
    draft = output.with_name(f"{output.name}.part")
    draft.write_text(json.dumps([asdict(row) for row in rows.values()], indent=1) + "\n", encoding="utf-8")
    draft.replace(output)


HEADER = (
    f"{'null':46} simulations   p ≤ .05, %             p ≤ .01, %             KS one-sided  two-sided  ms each  verdict"
)


def line(row: Row, rows: int) -> str:
    """One row of the table."""
    if row.error:
        return f"{row.title:46} {len(row.p):11}   BROKEN"
    shares = [wilson(sum(p <= level for p in row.p), len(row.p)) for level in LEVELS]
    cells = [f"{100 * one.estimate:4.1f} [{100 * one.low:4.1f}, {100 * one.high:4.1f}]" for one in shares]
    even = f"{kstest(row.p, 'uniform').pvalue:9.3f}" if row.continuous else "        –"
    verdict = "BROKEN" if row.faults(rows) else "held"
    return (
        f"{row.title:46} {len(row.p):11}   {cells[0]:22} {cells[1]:22} {row.too_many:12.3f}  {even} "
        f"{1000 * row.seconds / len(row.p):8.0f}  {verdict}"
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--simulations", type=int, default=500, help="simulated data sets a null (500)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="files without .py, or nulls")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="keep the rows as JSON, and go on from there")
    parser.add_argument("--nulls", type=Path, default=FOLDER, help="the folder of nulls")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where a null is broken."""
    options = _options(arguments)
    jobs, faults = find_jobs(options.nulls, options.only)
    kept, rows = load_rows(options.output), []
    print(HEADER, flush=True)
    with ExitStack() as stack:
        pool = stack.enter_context(get_context("spawn").Pool(options.processes)) if options.processes > 1 else None
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        progress = stack.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
        stage = progress.add_task("", total=len(jobs) * options.simulations)
        for number, job in enumerate(jobs):
            progress.update(stage, description=job.title, completed=number * options.simulations)
            row = kept.get(job.title)
            if row is None or not _same(row, job, options):
                row = run_null(
                    job, options.simulations, options.seed, pool, lambda count: progress.advance(stage, count)
                )
                kept[job.title] = row
                if options.output:
                    save_rows(options.output, kept)
            print(line(row, len(jobs)), flush=True)
            rows.append(row)
    faults += [fault for row in rows for fault in row.faults(len(rows))]
    seconds = math.fsum(row.seconds for row in rows)
    print(f"{len(rows)} nulls, {seconds:.0f} s of work, {len(faults)} faults", *faults, sep="\n")
    return 1 if faults else 0


def _same(row: Row, job: Job, options: argparse.Namespace) -> bool:
    """Whether a stored row is what a new run would give."""
    finished = not row.error and len(row.p) == options.simulations
    return finished and row.seed == options.seed and row.digest == digest(job.path)


if __name__ == "__main__":
    sys.exit(main())
