"""Our side: the study that is searched, the real command that searches it, and what the database says of the run."""

from __future__ import annotations

import json
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speed_side import Outcome, clean_environment, run_command

from sweep.data.rendered import RENDERED, rendered_folder
from sweep.progress import Silent
from sweep.records import Split, TrialRecord
from sweep.store.results import open_database
from sweep.studyfile.bundled import bundled_studies

SPACES = {
    "head": """dropout = {low = 0.0, high = 0.9}
head_width = {choices = ["none", 64, 128, 256]}
l2 = {low = 1e-6, high = 1e-1, log = true}
batch_size = {choices = [32, 64, 128]}
""",
}
SPACES["mixed"] = SPACES["head"] + "unfrozen_layers = {low = 0, high = 40, step = 10}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all sides are given.

    Attributes:
        data: the table [data] of the study file, its source an absolute folder with one sub-folder a class.
        space: a key of `SPACES`.
        weights: "imagenet", "none" or an absolute file.
        sampler, pruner: ours, and in a race those of the peer too.
    """

    data: dict[str, Any]
    space: str
    trials: int
    epochs: int
    learning_rate: float
    backbone: str
    weights: str
    seed: int
    sampler: str = "random"
    pruner: str = "none"

    @property
    def folder(self) -> Path:
        """Where the images are."""
        return Path(self.data["source"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of our command.

    Attributes:
        outcome: of the whole process.
        stages: seconds by stage, as the database has them.
        trials: in the order of their numbers.
        images: every image: file, label and side ("" where it has none).
    """

    outcome: Outcome
    stages: dict[str, float]
    trials: tuple[TrialRecord, ...]
    images: tuple[tuple[str, int, str], ...] = field(repr=False)
    classes: tuple[str, ...]

    def side(self, side: Split) -> list[tuple[str, int]]:
        """File and label of every image of a side."""
        return [(file, label) for file, label, name in self.images if name == side.value]


def data_table(source: str, image_size: int) -> tuple[dict[str, Any], float]:
    """The table [data] and the learning rate: of the bundled study of that name, or the plain ones for a folder.

    A rendered set is drawn into the caller's cache first, and then is a folder of images like any other.
    """
    if source not in RENDERED:
        plain = {"source": str(Path(source).resolve(strict=True)), "image_size": image_size}
        return {**plain, "validation": 0.2, "test": 0.15}, 1e-3
    study = tomllib.loads(bundled_studies()[source].read_text(encoding="utf-8"))
    folder = rendered_folder(source, progress=Silent())
    return {**study["data"], "source": str(folder), "image_size": image_size}, study["training"]["learning_rate"]


def study_text(setting: Setting) -> str:
    """The study file: no augmentation, no early stopping, the last epoch's weights, no finalists, no check."""
    data = "\n".join(f"{name} = {json.dumps(value)}" for name, value in setting.data.items())
    return f"""schema = 1
name = "first"

[data]
{data}

[model]
backbone = {json.dumps(setting.backbone)}
weights = {json.dumps(setting.weights)}
conv_filters = 0
head_width = [128]
dropout = 0.2
l2 = 1e-4

[training]
batch_size = 32
epochs = {setting.epochs}
learning_rate = {setting.learning_rate}
keep = "last"
patience = 0

[space]
{SPACES[setting.space]}
[search]
trials = {setting.trials}
sampler = "{setting.sampler}"
pruner = "{setting.pruner}"
objective = "balanced"
seed = {setting.seed}
finalists = 0

[check]
on_run = false
"""


def run_ours(setting: Setting, folder: Path, *, name: str, seed: int) -> Run:
    """Run `sweep run` on the study file of `folder`, with its cache and database there.

    The first call meets an empty cache. A second one with another name is a second study on the same data.
    """
    study, database = folder / "study.toml", folder / "study.db"
    study.write_text(study_text(setting), encoding="utf-8")
    options = ["--db", str(database), "--name", name, "--seed", str(seed)]
    environment = clean_environment(SWEEP_CACHE=str(folder / "cache"))
    command = [sys.executable, "-m", "sweep", "run", str(study), *options]
    return read_run(database, name, run_command(command, log=folder / f"ours-{name}.log", environment=environment))


def read_run(database: Path, name: str, outcome: Outcome) -> Run:
    """What the database says of a study."""
    with open_database(database) as opened:
        study = opened.study(name)
        folder = Path(json.loads(study.definition)["data"]["source"])
        return Run(
            outcome=outcome,
            stages={stage.name: stage.seconds for stage in study.stages},
            trials=opened.trials(name),
            images=tuple(
                (str(folder / record.path), record.label, side.value if side else "")
                for record, side in opened.images(name)
            ),
            classes=study.data.class_names,
        )


def peer_plan(setting: Setting, run: Run, folder: Path, *, seconds: float, trials: int) -> dict[str, Any]:
    """What a peer is told: our study file, images, split and configurations, and how long it may take."""
    return {
        "study": str(folder / "study.toml"),
        "folder": str(folder),
        "train": run.side(Split.TRAIN),
        "validation": run.side(Split.VALIDATION),
        "classes": len(run.classes),
        "parameters": [dict(trial.parameters) for trial in run.trials],
        "seed": setting.seed,
        "seconds": seconds,
        "trials": trials,
    }


def trial_rows(run: Run) -> list[dict[str, Any]]:
    """Our trials as JSON: wall time from draw to record, of it training and compiling, all in seconds."""
    rows = []
    for trial in run.trials:
        found = trial.measurement
        ended = trial.finished.timestamp() if trial.finished else None
        began = trial.started.timestamp() if trial.started else None
        rows.append(
            {
                "number": trial.number,
                "state": trial.state.value,
                "parameters": dict(trial.parameters),
                "seconds": None if ended is None or began is None else ended - began,
                "ended_after": None if ended is None else ended - run.outcome.began,
                "training": found.seconds if found else None,
                "compiling": found.compile_seconds if found else None,
                "epochs": found.epochs_run if found else 0,
                "objective": trial.objective,
                "validation_accuracy": found.validation_accuracy if found else None,
            }
        )
    return rows
