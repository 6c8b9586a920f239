"""Does it hold ten thousand trials, and two hundred thousand images?

The trials are made up (`scale_study.py`), the search, the database and the report are real: what the scheduler costs a
trial, and what a report and a verdict take of time, memory and disk once there are thousands of them. The features are
made up too (`scale_features.py`), extraction, cache and training are real: arrays must stay on disk. Every side has a
process of its own, so that its memory is its own.

    python tests/benchmarks/scale.py --trials 10000 --epochs 30 --images 200000 --output scale.json
    python tests/benchmarks/scale.py --scheduled 10000            # all trials through the scheduler: an hour

Ends with status 1, naming the bound, where one is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from speed_side import clean_environment, run_command, run_side

MOST_OVERHEAD = 150.0  # ms a trial, at 1,000 trials
JUDGED_AT = 1_000
MOST_REPORT_SECONDS = 10.0
MOST_REPORT_MEMORY = 1_000.0  # MB
MOST_PAGE = 15.0  # MB
MOST_IN_MEMORY = 0.25  # of what a larger array takes more on disk
UNSTEADY = 50.0  # MB by which the memory of equal runs differs

_TEXT = "from sweep.workflow.report import load_report, print_report; print_report(load_report({!r}), 'table', top=20)"

Values = dict[str, Any]


def measure_study(folder: Path, *, trials: int, epochs: int, scheduled: int) -> Values:
    """Search, then report with and without the page; everything lies in `folder` afterwards."""
    database, page = folder / "study.db", folder / "study.html"
    plan = {"database": str(database), "trials": trials, "epochs": epochs, "scheduled": scheduled}
    outcome, found = run_side("scale_search:search", plan, folder)
    commands = {
        "text alone": [sys.executable, "-c", _TEXT.format(str(database))],
        "sweep report, text and page": [sys.executable, "-m", "sweep", "report", str(database), "--html", str(page)],
        "sweep diagnose": [sys.executable, "-m", "sweep", "diagnose", str(database)],
    }
    reports = {}
    for name, command in commands.items():
        before = _processor_seconds()
        # As `sweep report` has it.
        environment = clean_environment(OPENBLAS_NUM_THREADS="1")
        took = run_command(command, log=folder / "report.log", environment=environment)
        reports[name] = {
            "seconds": took.seconds,
            "processor_seconds": _processor_seconds() - before,
            "peak_mb": took.peak_bytes / 1e6,
        }
    return {
        **found,
        "trials": trials,
        "epochs": epochs,
        "search_seconds": outcome.seconds,
        "search_peak_mb": outcome.peak_bytes / 1e6,
        "reports": reports,
        "database_mb": database.stat().st_size / 1e6,
        "page_mb": page.stat().st_size / 1e6,
    }


def measure_features(folder: Path, *, images: int) -> Values:
    """Extraction and training with so many images, and with a tenth of them to compare memory with."""
    sides = []
    for count in (max(1, images // 10), images):
        outcome, found = run_side("scale_features:measure", {"images": count, "folder": str(folder)}, folder)
        sides.append({**found, "peak_mb": outcome.peak_bytes / 1e6})
    few, many = sides
    return {"few": few, "many": many, "grown_mb": _grown(many) - _grown(few)}


def misses(study: Values | None, features: Values | None) -> Iterator[str]:
    """The bounds that are not kept, in words."""
    if study is not None:
        for point in study["checkpoints"]:
            if point["trials"] == JUDGED_AT and point["wall_ms"] > MOST_OVERHEAD:
                yield f"a trial costs {point['wall_ms']:.0f} ms at {JUDGED_AT:,} trials, over {MOST_OVERHEAD:.0f}"
        for name, took in study["reports"].items():
            if took["seconds"] > MOST_REPORT_SECONDS:
                yield f"{name} takes {took['seconds']:.1f} s, over {MOST_REPORT_SECONDS:.0f}"
            if took["peak_mb"] > MOST_REPORT_MEMORY:
                yield f"{name} takes {took['peak_mb']:.0f} MB of memory, over {MOST_REPORT_MEMORY:,.0f}"
        if study["page_mb"] > MOST_PAGE:
            yield f"the page has {study['page_mb']:.1f} MB, over {MOST_PAGE:.0f}"
    if features is not None:
        grown, allowed = features["grown_mb"], MOST_IN_MEMORY * _more_on_disk(features) + UNSTEADY
        if grown > allowed:
            yield f"the larger array takes {grown:.0f} MB more of memory, over {allowed:.0f}"


def study_lines(study: Values) -> Iterator[str]:
    """What is printed of the study."""
    yield f"{study['trials']:,} trials of {study['epochs']} epochs"
    if study["written"]:
        yield (
            f"  {study['written']:,} of them written by the stores' own writers ({study['write_ms']:.0f} ms each), "
            "drawn at random; the scheduler drove the others, the first and the last"
        )
    yield "  scheduler, a trial:  trials   wall ms   processor ms   memory MB"
    for point in study["checkpoints"]:
        yield (
            f"                     {point['trials']:8,} {point['wall_ms']:9.0f} {point['processor_ms']:14.0f} "
            f"{point['resident']:11.0f}"
        )
    for name, took in study["reports"].items():
        yield (
            f"  {name}: {took['seconds']:.1f} s ({took['processor_seconds']:.1f} s of a processor), "
            f"{took['peak_mb']:.0f} MB"
        )
    yield f"  database {study['database_mb']:.0f} MB, page {study['page_mb']:.1f} MB"


def feature_lines(features: Values) -> Iterator[str]:
    """What is printed of the features."""
    for side in (features["few"], features["many"]):
        yield (
            f"{side['images']:,} images: features of {side['array_mb']:,.0f} MB on disk, "
            f"{side['peak_mb']:,.0f} MB resident at most, validation {100 * side['accuracy']:.1f} %"
        )
        for phase in side["phases"]:
            yield (
                f"  {phase['name']}: {phase['seconds']:.1f} s, own memory {phase['own']:,.0f} MB "
                f"({phase['grown']:+,.0f}), pages of files {phase['mapped']:,.0f} MB"
            )
    yield f"  {_more_on_disk(features):,.0f} MB more on disk, {features['grown_mb']:,.0f} MB more of own memory"


def _grown(side: Mapping[str, Any]) -> float:
    return max(float(phase["grown"]) for phase in side["phases"])


def _more_on_disk(features: Mapping[str, Any]) -> float:
    return float(features["many"]["array_mb"] - features["few"]["array_mb"])


def _processor_seconds() -> float:
    """Of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was measured; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000, help="0: leave the study out")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--scheduled", type=int, default=1_000, help="how many the scheduler drives at first (1,000)")
    parser.add_argument("--images", type=int, default=200_000, help="0: leave the features out")
    parser.add_argument("--folder", type=Path, help="where to work; its content stays. A temporary one by default")
    parser.add_argument("--output", type=Path, help="write everything as JSON")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, {load:.1f} programs running on average at the start", flush=True)
    folder = options.folder or Path(tempfile.mkdtemp())
    study = features = None
    try:
        if options.trials:
            study = measure_study(folder, trials=options.trials, epochs=options.epochs, scheduled=options.scheduled)
            print(*study_lines(study), sep="\n", flush=True)
        if options.images:
            features = measure_features(folder, images=options.images)
            print(*feature_lines(features), sep="\n")
    finally:
        if not options.folder:
            shutil.rmtree(folder, ignore_errors=True)
    missed = tuple(misses(study, features))
    print(*missed, sep="\n" if missed else "", end="\n" if missed else "")
    if options.output:
        found = {"cores": os.cpu_count(), "load": load, "study": study, "features": features, "missed": missed}
        options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
