"""Does the verdict name what was planted, does it keep still where nothing was, and does its remedy help?

Each case is a data set of known making and a training of it. A plant counts as true where repairing it is measured to
bring two points of accuracy on images that nobody has seen, or where it moves the reported number by as much towards
the truth; its label counts for nothing. World C and all triples are held out: no threshold may be tuned by them.

    python tests/benchmarks/planted.py --output planted.jsonl                 # every case; goes on where it stopped
    python tests/benchmarks/planted.py --output planted.jsonl --cases 'A / healthy*' --limit 5
    python tests/benchmarks/planted.py --output planted.jsonl --limit 0       # the table of what is done
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from fnmatch import fnmatch
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from planted_cases import BACKGROUNDS, Case, all_cases
from planted_scoring import Result
from planted_table import lines
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def run(case: Case) -> dict[str, Any]:
    """One case, as it is written down; an error becomes part of the line."""
    told = {
        "name": case.name,
        "world": case.world,
        "kind": case.kind,
        "held_out": case.held_out,
        "plants": [list(one) for one in case.plants],
    }
    try:
        return told | _measured(case)
    except Exception as error:  # the other cases still have to be run
        return told | {"error": f"{type(error).__name__}: {error}"}


def _measured(case: Case) -> dict[str, Any]:
    # Here, since the table needs no TensorFlow.
    if case.backbone:
        from planted_images import run_image_case  # noqa: PLC0415

        return run_image_case(case.world, case.backbone, case.plants, case.seed)
    from planted_diagnosis import run_case  # noqa: PLC0415

    return run_case(case.world, BACKGROUNDS[case.background], case.plants, case.seed)


def read(output: Path) -> dict[str, dict[str, Any]]:
    """Lines of earlier runs, by case; a later one counts, and one that was cut off does not."""
    found: dict[str, dict[str, Any]] = {}
    if output.is_file():
        for line in output.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue
            found[row["name"]] = row
    return found


def _in_turn(cases: Iterable[Case], workers: int) -> Iterator[dict[str, Any]]:
    if workers < 2:
        yield from map(run, cases)
        return
    with get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(run, cases)


def _until(end: float, cases: Iterable[Case]) -> Iterator[Case]:
    return itertools.takewhile(lambda _: time.monotonic() < end, cases)


def _run_all(cases: Sequence[Case], options: argparse.Namespace) -> Iterable[dict[str, Any]]:
    """Each line is in the file before the next case begins."""
    with ExitStack() as stack:
        file = stack.enter_context(options.output.open("a", encoding="utf-8"))
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        progress = stack.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
        stage = progress.add_task("cases", total=len(cases))
        for row in _in_turn(_until(time.monotonic() + options.seconds, cases), options.workers):
            file.write(json.dumps(row) + "\n")
            file.flush()
            progress.update(stage, advance=1, description=row["name"])
            yield row


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="one JSON line a case; goes on from there")
    parser.add_argument("--workers", type=int, default=1, help="processes (1)")
    parser.add_argument("--cases", default="*", metavar="PATTERN", help="of their names, as of files")
    parser.add_argument("--limit", type=int, help="at most so many new ones; 0: only the table")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no case after so many")
    parser.add_argument("--list", action="store_true", help="names of the cases, and nothing else")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing and print the table; 1 where a case has failed."""
    options = _options(arguments)
    cases = [case for case in all_cases() if fnmatch(case.name, options.cases)]
    if options.list:
        print(*(case.name for case in cases), sep="\n")
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    done = read(options.output)
    missing = [case for case in cases if "error" in done.get(case.name, {"error": ""})][: options.limit]
    done |= {row["name"]: row for row in _run_all(missing, options)}
    rows = [done[case.name] for case in cases if case.name in done]
    failed = [row for row in rows if "error" in row]
    print(*lines([Result.of(row) for row in rows if "error" not in row]), sep="\n")
    print(*(f"FAILED {row['name']}: {row['error']}" for row in failed), sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
