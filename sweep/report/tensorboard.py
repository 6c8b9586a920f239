"""A study for TensorBoard: every trial a run with its curves, and a session of the HParams plugin.

Event files are written record by record. TensorBoard's own writer, `EventFileWriter`, opens its files through
TensorFlow wherever that is installed, and a report loads no TensorFlow.
"""

from __future__ import annotations

import datetime
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.summary.writer.record_writer import RecordWriter

from sweep.errors import StoreError
from sweep.records import EpochRecord, Measurement, TrialRecord, TrialState
from sweep.report.gather import Report

__all__ = ["write_tensorboard"]

_FILE = "events.out.tfevents.0.sweep"
_METRICS: Mapping[str, str] = {
    "validation_accuracy": "clean validation accuracy",
    "train_accuracy": "clean train accuracy",
    "gap": "clean gap, a fraction",
    "validation_cross_entropy": "clean validation cross-entropy, nats",
    "train_cross_entropy": "clean train cross-entropy, nats",
    "objective": "J, nats; higher is better",
}
_FATES = {
    TrialState.COMPLETE: api_pb2.STATUS_SUCCESS,
    TrialState.PRUNED: api_pb2.STATUS_SUCCESS,
    TrialState.FAILED: api_pb2.STATUS_FAILURE,
    TrialState.RUNNING: api_pb2.STATUS_RUNNING,
}


def write_tensorboard(report: Report, folder: Path) -> int:
    """Write every trial that has begun as a run `trial-0007`, duplicates left out.

    The run itself has the numbers at the selected epoch, by the names of the ranking. Its sub-runs `train` and
    `validation` have `accuracy` and `cross_entropy`, both clean, and `logged_accuracy` and `logged_loss` as Keras would
    have printed them, epoch by epoch, so that TensorBoard lays the two sides over each other. Files of an earlier call
    are replaced.

    Args:
        report: with the epochs of all its trials.
        folder: TensorBoard's `--logdir`; made where it is missing.

    Returns:
        The number of trials written.

    Raises:
        StoreError: a file cannot be written.
    """
    trials = [one for one in report.trials if one.duplicate_of is None and one.state is not TrialState.WAITING]
    types = {name: _type(name, trials) for name in report.swept}
    try:
        _write(folder, [_experiment(report, types)], time.time())
        for trial in trials:
            _write_trial(report, trial, types, folder / _run(trial))
    except OSError as error:
        raise StoreError(
            str(folder),
            received=error.strerror or str(error),
            expected="a folder in which event files can be written",
            remedy="name another place with `--tensorboard DIR`",
        ) from error
    return len(trials)


def _run(trial: TrialRecord) -> str:
    """A name that sorts by number."""
    return f"trial-{trial.number:04d}"


def _write_trial(report: Report, trial: TrialRecord, types: Mapping[str, int], folder: Path) -> None:
    began = _seconds(trial.started) or time.time()
    numbers = [] if trial.measurement is None else _numbers(trial, trial.measurement)
    _write(folder, [_start(report, trial, types), *numbers, _end(trial)], began)
    epochs = report.epochs.get(trial.number, ())
    for side in ("train", "validation") if epochs else ():
        _write(folder / side, _curves(epochs, side, began), began)


def _write(folder: Path, summaries: Iterable[Event], began: float) -> None:
    """Write an event file whole, under another name first, so that TensorBoard never reads half of one.

    Events without a time are given the one of the beginning, in seconds since 1970.
    """
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{_FILE}.{os.getpid()}"
    with unfinished.open("wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(wall_time=began, file_version="brain.Event:2").SerializeToString())
        for event in summaries:
            event.wall_time = event.wall_time or began
            writer.write(event.SerializeToString())
    unfinished.replace(folder / _FILE)


# ---- scalars -------------------------------------------------------------------------------------------------------


def _numbers(trial: TrialRecord, measured: Measurement) -> list[Event]:
    values = {
        "validation_accuracy": measured.validation_accuracy,
        "train_accuracy": measured.train_accuracy,
        "gap": measured.gap_accuracy,
        "validation_cross_entropy": measured.validation_cross_entropy,
        "train_cross_entropy": measured.train_cross_entropy,
        "objective": trial.objective,
    }
    return [_scalar(name, value, measured.selected_epoch) for name, value in values.items() if value is not None]


def _curves(epochs: Sequence[EpochRecord], side: str, began: float) -> Iterator[Event]:
    ended = began
    for epoch in epochs:
        ended += epoch.seconds
        values = {name: getattr(epoch, f"{side}_{name}") for name in ("accuracy", "cross_entropy")}
        values |= {f"logged_{name}": getattr(epoch, f"logged_{side}_{name}") for name in ("accuracy", "loss")}
        values |= {"learning_rate": epoch.learning_rate} if side == "train" else {}
        for name, value in values.items():
            yield _scalar(name, value, epoch.epoch, ended)


def _scalar(name: str, value: float, step: int, moment: float = 0.0) -> Event:
    summary = Summary(value=[Summary.Value(tag=name, simple_value=value)])
    return Event(wall_time=moment, step=step, summary=summary)


# ---- the HParams plugin --------------------------------------------------------------------------------------------


def _experiment(report: Report, types: Mapping[str, int]) -> Event:
    """Which fields were swept, over what, and which numbers to show beside them."""
    columns = [api_pb2.HParamInfo(name=_text(name), type=kind) for name, kind in types.items()]
    for column in columns:
        span = report.definition.get("space", {}).get(column.name, {})
        if column.type == api_pb2.DATA_TYPE_FLOAT64 and {"low", "high"} <= span.keys():
            column.domain_interval.min_value, column.domain_interval.max_value = span["low"], span["high"]
    metrics = [
        api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag), display_name=tag, description=said)
        for tag, said in _METRICS.items()
    ]
    experiment = api_pb2.Experiment(
        name=_text(report.study.name),
        description=_text(report.question),
        time_created_secs=_seconds(report.study.created),
        hparam_infos=columns,
        metric_infos=metrics,
    )
    return _plugin(metadata.EXPERIMENT_TAG, HParamsPluginData(experiment=experiment))


def _start(report: Report, trial: TrialRecord, types: Mapping[str, int]) -> Event:
    started = SessionStartInfo(group_name=_run(trial), start_time_secs=_seconds(trial.started))
    started.model_uri = f"trial {trial.number}" + (f" ({report.baseline_name})" if trial.baseline else "")
    for name, kind in types.items():
        value, field = trial.configuration.get(name, trial.parameters.get(name)), started.hparams[_text(name)]
        if kind == api_pb2.DATA_TYPE_BOOL and isinstance(value, bool):
            field.bool_value = value
        elif kind == api_pb2.DATA_TYPE_FLOAT64 and isinstance(value, (int, float)):
            field.number_value = value
        elif value is not None:
            field.string_value = _text(str(value))
    return _plugin(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=started))


def _end(trial: TrialRecord) -> Event:
    status = _FATES.get(trial.state, api_pb2.STATUS_UNKNOWN)
    ended = SessionEndInfo(status=status, end_time_secs=_seconds(trial.finished))
    return _plugin(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=ended))


def _plugin(tag: str, data: HParamsPluginData) -> Event:
    value = Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR)
    return Event(summary=Summary(value=[value]))


def _type(name: str, trials: Iterable[TrialRecord]) -> int:
    """What the column of a field holds; values of several kinds become texts."""
    values = [one.configuration.get(name, one.parameters.get(name)) for one in trials]
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        return int(api_pb2.DATA_TYPE_BOOL)
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known)
    return int(api_pb2.DATA_TYPE_FLOAT64 if numbers else api_pb2.DATA_TYPE_STRING)


def _text(text: str) -> str:
    """Names of files may be no valid UTF-8, which these records ask for."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _seconds(moment: datetime.datetime | None) -> float:
    """Since 1970; the database's times are UTC."""
    if moment is None:
        return 0.0
    seconds = moment.replace(tzinfo=moment.tzinfo or datetime.UTC).timestamp()
    return seconds if math.isfinite(seconds) else 0.0
