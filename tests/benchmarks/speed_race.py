"""Time to quality: how long until our best J is what the peer's is after so many trials, seed by seed, resumable.

Both search the same space with the same sampler, pruner and seed, and both start with the baseline; J is our objective.
A seed's folder holds the study file, our trials (`ours.json`), the peer's Optuna study (`peer.db`) and its history
(`history.jsonl`): the seconds of its first setup, then a line a trial. A later run goes on with it.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from speed_side import SpeedError, run_side
from speed_study import Setting, peer_plan, run_ours, study_text, trial_rows
from speed_table import reached_after

CONDITIONS = (
    "the mark is the best J of the peer's finished trials; ours counts all of its process, from an empty cache, until "
    "the first finished trial that is as good",
    "both: the same space, sampler, pruner, seed and baseline; no early stopping; the last epoch's weights",
    "kind to the peer: evaluating a trained model for J, the setups of later runs and broken-off trials do not count",
)

_HISTORY = "history.jsonl"


def race(setting: Setting, folder: Path, *, seeds: Sequence[int], seconds: float, wanted: int) -> dict[str, Any]:
    """Go on with the race in `folder`.

    Args:
        setting: of ours; its seed is replaced.
        folder: made where it is missing.
        seeds: one race each.
        seconds: for the peers' trials in this run, all seeds together; a peer is not started once they are spent.
        wanted: how many trials of the peer set the mark.
    """
    found = []
    for seed in seeds:
        own = replace(setting, seed=seed)
        place = folder / f"seed-{seed}"
        place.mkdir(parents=True, exist_ok=True)
        ours = _our_trials(own, place)
        if seconds > 0 and len(trial_lines(place)) < wanted:
            start = time.perf_counter()
            plan = {**ours["plan"], "seconds": seconds, "trials": wanted, "started": time.time()}
            run_side("speed_racer:race_peer", plan, place)
            seconds -= time.perf_counter() - start
        found.append({"seed": seed, **standing(ours["trials"], read_history(place), wanted)})
    return {"study": study_text(setting), "wanted": wanted, "seeds": found, "conditions": list(CONDITIONS)}


def standing(ours: Sequence[Mapping[str, Any]], history: Sequence[Mapping[str, Any]], wanted: int) -> dict[str, Any]:
    """Where a race stands; where the peer has fewer trials than wanted, the mark is what those have reached."""
    setup = sum(line["setup"] for line in history if "setup" in line)
    trials = [line for line in history if "number" in line][:wanted]
    target = max((line["objective"] for line in trials if line["state"] == "complete"), default=None)
    spent = setup + sum(line["seconds"] for line in trials)
    reached = None if target is None else reached_after(ours, target)
    return {
        "peer_trials": len(trials),
        "target": target,
        "peer_seconds": spent,
        "ours_seconds": reached,
        "ours_best": max((row["objective"] for row in ours if row["state"] == "complete"), default=None),
        "ratio": None if reached is None else spent / reached,
        "ours": list(ours),
        "peer": list(history),
    }


def _our_trials(setting: Setting, place: Path) -> dict[str, Any]:
    """Our run, from an empty cache, unless an earlier run of the race has done it."""
    done, study = place / "ours.json", place / "study.toml"
    if study.exists() and study.read_text(encoding="utf-8") != study_text(setting):
        raise SpeedError(f"{place} holds a race with other settings: name another folder")
    if not done.exists():
        shutil.rmtree(place / "cache", ignore_errors=True)
        for leftover in place.glob("study.db*"):
            leftover.unlink()
        run = run_ours(setting, place, name="first", seed=setting.seed)
        shutil.rmtree(place / "cache")
        plan = peer_plan(setting, run, place, seconds=0, trials=0)
        done.write_text(json.dumps({"plan": plan, "trials": trial_rows(run)}), encoding="utf-8")
    return json.loads(done.read_text(encoding="utf-8"))


def read_history(place: Path) -> list[dict[str, Any]]:
    """Every line: {"setup": seconds} first, then the trials of the peer."""
    path = place / _HISTORY
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def trial_lines(place: Path) -> list[dict[str, Any]]:
    """The peer's trials alone."""
    return [line for line in read_history(place) if "number" in line]


def add_line(place: Path, line: Mapping[str, Any]) -> None:
    """Add to the history, at once and for good."""
    with (place / _HISTORY).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
