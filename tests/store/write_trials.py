"""What one worker of a search does to a database, without the training: `write_trials.py study.db 8`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import optuna

from sweep.store.results import open_database

Samples = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["Samples"]


def main(path: str, count: int) -> None:
    samples = Samples()
    with open_database(path, create=True) as database:
        database.add_study(samples.study(), samples.index, samples.split)

        def objective(trial: optuna.Trial) -> float:
            trial.suggest_float("dropout", 0.0, 0.9)
            for epoch in (1, 2, 3):
                trial.report(-1.0 / epoch, epoch)
            measurement = samples.measurement(seconds=float(trial.number))
            configuration = {"number": trial.number}
            database.save_measurement(
                "toys", trial.number, baseline=False, configuration=configuration, measurement=measurement
            )
            return float(trial.number)

        study = optuna.create_study(
            storage=database.optuna_storage(heartbeat_interval=60),
            study_name="toys",
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(),
        )
        study.optimize(objective, n_trials=count)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
