"""How much faster than the loop that people write, and how far from what the machine allows?

In one run, one side after the other, each in a fresh process, on the same images, split, epochs and configurations:
(a) ours, `sweep run` from an empty cache, then a second study on the same data; (b) an Optuna study whose objective is
the transfer-learning loop of the Keras guide; (c) KerasTuner's RandomSearch over the same loop. Then the limit: one
pass of the backbone, and the arithmetic of the trials' tails at the rate of matrix products, both measured.

    python tests/benchmarks/speed.py --data toys --space head --trials 50 --epochs 10 --output head-toys.json
    python tests/benchmarks/speed.py --data FOLDER --space mixed --peer-seconds 1800 --output mixed.json
    python tests/benchmarks/speed.py --data FOLDER --space mixed --race RACE --seeds 0 1 2 --peer-seconds 3600

The last one is resumable: how long until our best J is what the peer's is after 20 trials, with one sampler and pruner
for both? The machine should do nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from speed_race import race
from speed_side import Outcome, SpeedError, run_side
from speed_study import SPACES, Run, Setting, data_table, peer_plan, run_ours, trial_rows
from speed_table import Peer, limit_lines, limit_seconds, race_lines, remaining, side_lines, stage_lines

from sweep.records import Split, TrialState

_SAMPLE = 128  # images of one timing of the backbone
_PACKAGES = ("gapsweep", "tensorflow", "keras", "optuna", "keras-tuner", "tensorboard", "openvino", "numpy")

CONDITIONS = (
    "off in ours: repetitions of the finalists (finalists = 0), the check and the verdict (check.on_run = false)",
    "off everywhere: augmentation, early stopping, pruning; all keep the last epoch's weights, "
    "but KerasTuner writes those of its best epoch to disk in any case",
    "kind to the peers: pixels are decoded (by our decoder, on all cores) and preprocessed once into memory, the "
    "network is loaded once; both belong to their setup, which counts once",
    "ours counts all of its process: imports, hashing, decoding, backbone pass, trials, database",
    "rendering the toys belongs to no side",
    "(b) trains our configurations in our order, (c) draws its own from the same space",
    "the second study has a name and a search seed of its own, and the first one's cache and database",
)


def compare(setting: Setting, folder: Path, *, peer_seconds: float, peer_trials: int) -> dict[str, Any]:
    """Run every side and the limit; `folder` is empty, and on the disk that shall hold the cache.

    Raises:
        SpeedError: a side failed, or one of our trials did.
    """
    load = os.getloadavg()[0]
    first = run_ours(setting, folder, name="first", seed=setting.seed)
    if any(trial.state is not TrialState.COMPLETE for trial in first.trials):
        raise SpeedError("not every trial of ours is complete: there is nothing to compare with")
    second = run_ours(setting, folder, name="second", seed=setting.seed + 1)
    plan = peer_plan(setting, first, folder, seconds=peer_seconds, trials=peer_trials)
    peers = {name: run_side(f"speed_peers:{name}_trials", plan, folder) for name in ("optuna", "tuner")}
    _, limit = run_side("speed_limit:measure_limit", _limit_plan(first, folder), folder)
    found = {
        "trials": setting.trials,
        "setting": asdict(setting),
        "images": {side.value: len(first.side(side)) for side in Split},
        "classes": len(first.classes),
        "machine": {**machine(), "load_average_before": load},
        "conditions": list(CONDITIONS),
        "ours": _our_side(first),
        "second": _our_side(second),
        **{name: _peer_side(*one, wanted=len(first.trials)) for name, one in peers.items()},
        "limit": _limit(limit),
    }
    ours, again = found["ours"], found["second"]
    found["ratios"] = {
        **{name: found[name]["seconds"] / ours["seconds"] for name in peers},
        "limit": ours["remaining_seconds"] / found["limit"]["seconds"],
        "second": again["remaining_seconds"] / ours["remaining_seconds"],
    }
    return found


def machine() -> dict[str, Any]:
    """What it ran on and with."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return {
        "cores": os.cpu_count(),
        "processor": names[0] if names else platform.processor(),
        "system": platform.platform(),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _our_side(run: Run) -> dict[str, Any]:
    rows = trial_rows(run)
    return {
        **_process(run.outcome),
        "seconds": run.outcome.seconds,
        "remaining_seconds": remaining(run.outcome.seconds, run.stages),
        "stages": run.stages,
        "seconds_a_trial": statistics.fmean(row["seconds"] for row in rows),
        "trials_run": len(rows),
        "trials": rows,
    }


def _peer_side(outcome: Outcome, result: dict[str, Any], *, wanted: int) -> dict[str, Any]:
    times = tuple(trial["seconds"] for trial in result["trials"])
    peer = Peer(measured_seconds=outcome.seconds, trials=times, wanted=wanted)
    return {
        **_process(outcome),
        "seconds": peer.seconds,
        "extrapolated": peer.extrapolated,
        "setup_seconds": peer.setup,
        "setup": {"importing": result["importing"], **result["setup"]},
        "seconds_a_trial": peer.mean,
        "trials_run": len(times),
        "trials": result["trials"],
    }


def _process(outcome: Outcome) -> dict[str, Any]:
    return {"measured_seconds": outcome.seconds, "peak_bytes": outcome.peak_bytes}


def _limit_plan(run: Run, folder: Path) -> dict[str, Any]:
    measured = [(trial.parameters, trial.measurement) for trial in run.trials if trial.measurement]
    return {
        "study": str(folder / "study.toml"),
        "images": len(run.images),
        "trained": len(run.side(Split.TRAIN)),
        "sample": min(_SAMPLE, len(run.images)),
        "classes": len(run.classes),
        "trials": [{"parameters": dict(parameters), "epochs": found.epochs_run} for parameters, found in measured],
    }


def _limit(measured: dict[str, Any]) -> dict[str, Any]:
    ours = next(one for one in measured["passes"].values() if one["ours"])
    rate = measured["rates"]["best"]
    return {
        "seconds": limit_seconds(ours["seconds"], measured["operations"], rate),
        "passes": measured["passes"],
        "operations": measured["operations"],
        "operations_by_trial": measured["operations_by_trial"],
        "rate": rate,
        "rate_where": measured["rates"]["where"],
        "rates": measured["rates"]["all"],
    }


# ---- the command -----------------------------------------------------------------------------------------------------


def _heading(found: dict[str, Any]) -> list[str]:
    setting, there, images = found["setting"], found["machine"], found["images"]
    sides = ", ".join(f"{count:,} {side}" for side, count in images.items())
    versions = ", ".join(f"{name} {version}" for name, version in there["versions"].items())
    return [
        f"{setting['space']} space, {setting['trials']} trials × {setting['epochs']} epochs, {setting['backbone']} "
        f"({setting['weights']}) at {setting['data']['image_size']} px",
        f"{setting['data']['source']}: {sides}, {found['classes']} classes",
        f"{there['cores']} cores, {there['processor']}; load before: {there['load_average_before']:.2f}",
        versions,
        "",
    ]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", default="toys", help="toys, another rendered set, or a folder of images")
    parser.add_argument("--space", choices=tuple(SPACES), default="head")
    parser.add_argument("--trials", type=int, default=50, help="ours (50)")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--backbone", default="efficientnet-lite0")
    parser.add_argument("--weights", default="imagenet", help="imagenet, none or a file")
    parser.add_argument("--peer-seconds", type=float, default=600.0, help="for the trials of each peer (600)")
    parser.add_argument("--peer-trials", type=int, help="at most so many; as many as ours, in a race 20")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--race", type=Path, metavar="FOLDER", help="time to quality; goes on with what is in FOLDER")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of a race (0)")
    parser.add_argument("--pruner", choices=("hyperband", "median", "none"), default="hyperband", help="of a race")
    parser.add_argument("--folder", type=Path, help="keep caches, databases and logs there; else they are removed")
    parser.add_argument("--output", type=Path, help="write all numbers as JSON")
    return parser.parse_args(arguments)


def _setting(options: argparse.Namespace) -> Setting:
    data, learning_rate = data_table(options.data, options.image_size)
    weights = options.weights
    return Setting(
        data=data,
        space=options.space,
        trials=options.trials,
        epochs=options.epochs,
        learning_rate=learning_rate,
        backbone=options.backbone,
        weights=weights if weights in ("imagenet", "none") else str(Path(weights).resolve()),
        seed=options.seed,
        **({"sampler": "tpe", "pruner": options.pruner} if options.race else {}),
    )


def _compared(setting: Setting, options: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    if options.folder:
        if options.folder.exists():
            raise SpeedError(f"{options.folder} is there, and may hold a warm cache: name another one")
        options.folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="speed-") as temporary:
        found = compare(
            setting,
            options.folder.resolve() if options.folder else Path(temporary),
            peer_seconds=options.peer_seconds,
            peer_trials=min(options.peer_trials or setting.trials, setting.trials),
        )
    parts = (side_lines(found), stage_lines(found), limit_lines(found), found["conditions"])
    return found, _heading(found) + [line for part in parts for line in (*part, "")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where a side fails."""
    options = _options(arguments)
    setting = _setting(options)
    try:
        if options.race:
            found = race(
                setting,
                options.race.resolve(),
                seeds=options.seeds,
                seconds=options.peer_seconds,
                wanted=options.peer_trials or 20,
            )
            found, lines = {**found, "machine": machine()}, race_lines(found)
        else:
            found, lines = _compared(setting, options)
    except SpeedError as failure:
        print(failure, file=sys.stderr)
        return 1
    print(*lines, sep="\n")
    if options.output:
        options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
