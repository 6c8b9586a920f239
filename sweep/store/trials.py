"""Optuna's trials joined with our measurements, as records."""

from __future__ import annotations

import datetime
import gc
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from sqlalchemy import (
    Connection,
    DateTime,
    Float,
    Integer,
    Row,
    Select,
    String,
    TableClause,
    cast,
    column,
    func,
    inspect,
    select,
    table,
)

from sweep.records import (
    FailureRecord,
    Measurement,
    ModeRecord,
    Moment,
    PredictionRecord,
    Scalar,
    Side,
    TrialRecord,
    TrialState,
)
from sweep.store import schema
from sweep.store.epochs import read_epochs
from sweep.store.serialise import (
    MODE_FIELDS,
    measurement_from_row,
    mode_from_row,
    prediction_from_row,
    scalars_from_json,
)

__all__ = [
    "ended_trials",
    "optuna_study_names",
    "read_distributions",
    "read_predictions",
    "read_trial_predictions",
    "read_trials",
]

# Optuna's tables, as far as they are read here. Reading them through its storage takes ten seconds for 10,000 trials of
# 30 epochs, most of it for values that our own tables hold too. A test holds both readings against each other.
_STUDIES = table("studies", column("study_id", Integer), column("study_name", String))
_TRIALS = table(
    "trials",
    column("trial_id", Integer),
    column("study_id", Integer),
    column("number", Integer),
    column("state", String),
    column("datetime_start", DateTime),
    column("datetime_complete", DateTime),
)
_PARAMETERS = table(
    "trial_params",
    column("param_id", Integer),
    column("trial_id", Integer),
    column("param_name", String),
    column("param_value", Float),
    column("distribution_json", String),
)
_VALUES = table(
    "trial_values",
    column("trial_id", Integer),
    column("objective", Integer),
    column("value", Float),
    column("value_type", String),
)
_ATTRIBUTES = table(
    "trial_user_attributes", column("trial_id", Integer), column("key", String), column("value_json", String)
)

_STATES = {
    "WAITING": TrialState.WAITING,
    "RUNNING": TrialState.RUNNING,
    "COMPLETE": TrialState.COMPLETE,
    "PRUNED": TrialState.PRUNED,
    "FAIL": TrialState.FAILED,
}
_MEASURED = frozenset({TrialState.COMPLETE, TrialState.PRUNED})
_ENDED = _MEASURED | {TrialState.FAILED}
_INFINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf}


def optuna_study_names(connection: Connection) -> frozenset[str]:
    """The studies that Optuna has in this database; none where its tables are not yet made."""
    if not inspect(connection).has_table(_STUDIES.name):
        return frozenset()
    return frozenset(connection.execute(select(_STUDIES.c.study_name)).scalars())


def ended_trials(connection: Connection, study: str) -> int:
    """How many trials of a study have ended, in whatever state."""
    if not inspect(connection).has_table(_TRIALS.name):
        return 0
    ended = [state for state, ours in _STATES.items() if ours in _ENDED]
    # On a server the states are an enumeration of its own, which no text is compared with.
    rows = _of_study(study, _TRIALS).where(cast(_TRIALS.c.state, String).in_(ended))
    return int(connection.execute(select(func.count()).select_from(rows.subquery())).scalar_one())


def read_trials(
    connection: Connection, study: str, *, with_predictions: bool, with_epochs: bool = True
) -> tuple[TrialRecord, ...]:
    """Every trial of a study in the order of their numbers; one query a table, whatever the number of trials."""
    if study not in optuna_study_names(connection):
        return ()
    rows = connection.execute(_of_study(study, _TRIALS).order_by(_TRIALS.c.number)).all()
    with _uncollected():
        theirs = _read_theirs(connection, study)
        ours = _read_ours(connection, study, with_predictions=with_predictions, with_epochs=with_epochs)
        return tuple(_joined(row, theirs, ours) for row in rows)


def read_predictions(
    connection: Connection, study: str, *, side: Side | None = None, moment: Moment | None = None
) -> dict[int, tuple[PredictionRecord, ...]]:
    """Predictions by trial number, of one side and one moment where they are named; a duplicate has its original's."""
    columns = schema.predictions.c
    query = select(schema.predictions).where(columns.study == study)
    if side is not None:
        query = query.where(columns.split == side.value)
    if moment is not None:
        query = query.where(columns.moment == moment.value)
    found: dict[int, list[PredictionRecord]] = defaultdict(list)
    for row in connection.execute(query.order_by(columns.number, columns.split, columns.moment)):
        found[row.number].append(prediction_from_row(row))
    duplicates = connection.execute(
        select(schema.trials.c.number, schema.trials.c.duplicate_of).where(
            schema.trials.c.study == study, schema.trials.c.duplicate_of.is_not(None)
        )
    )
    for number, original in duplicates:
        if original in found:
            found[number] = found[original]
    return {number: tuple(records) for number, records in found.items()}


def read_trial_predictions(connection: Connection, study: str, number: int) -> tuple[PredictionRecord, ...]:
    """The predictions of one trial; of its original, if it is a duplicate."""
    trials, predictions = schema.trials.c, schema.predictions.c
    original = connection.execute(
        select(trials.duplicate_of).where(trials.study == study, trials.number == number)
    ).scalar_one_or_none()
    rows = connection.execute(
        select(schema.predictions)
        .where(predictions.study == study, predictions.number == (number if original is None else original))
        .order_by(predictions.split, predictions.moment)
    )
    return tuple(prediction_from_row(row) for row in rows)


# ---- Optuna's part -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Theirs:
    """What hangs on Optuna's trials, by its trial_id."""

    parameters: Mapping[int, Mapping[str, Scalar]]
    objectives: Mapping[int, float]
    baselines: frozenset[int]


def _read_theirs(connection: Connection, study: str) -> _Theirs:
    parameters: dict[int, dict[str, Scalar]] = defaultdict(dict)
    for row in connection.execute(_of_study(study, _PARAMETERS).order_by(_PARAMETERS.c.param_id)):
        value = _distribution(row.distribution_json).to_external_repr(row.param_value)
        parameters[row.trial_id][row.param_name] = value
    values = connection.execute(_of_study(study, _VALUES).where(_VALUES.c.objective == 0))
    flags = connection.execute(_of_study(study, _ATTRIBUTES).where(_ATTRIBUTES.c.key == "baseline"))
    return _Theirs(
        parameters=parameters,
        objectives={row.trial_id: _INFINITE.get(row.value_type, row.value) for row in values},
        baselines=frozenset(row.trial_id for row in flags if json.loads(row.value_json)),
    )


def read_distributions(connection: Connection, study: str) -> dict[str, tuple[BaseDistribution, ...]]:
    """The distributions of every parameter, without repetitions, in the order in which they were first drawn from."""
    if study not in optuna_study_names(connection):
        return {}
    found: dict[str, dict[BaseDistribution, None]] = defaultdict(dict)
    for row in connection.execute(_of_study(study, _PARAMETERS).order_by(_PARAMETERS.c.param_id)):
        found[row.param_name][_distribution(row.distribution_json)] = None
    return {name: tuple(distributions) for name, distributions in found.items()}


def _of_study(study: str, wanted: TableClause) -> Select[Any]:
    """The rows of one of Optuna's tables that belong to a study."""
    query = select(wanted).select_from(wanted)
    if wanted is not _TRIALS:
        query = query.join(_TRIALS, _TRIALS.c.trial_id == wanted.c.trial_id)
    return query.join(_STUDIES, _STUDIES.c.study_id == _TRIALS.c.study_id).where(_STUDIES.c.study_name == study)


@lru_cache(maxsize=1024)
def _distribution(text: str) -> BaseDistribution:
    return json_to_distribution(text)


# ---- our part ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ours:
    """What hangs on our trials, by their number."""

    rows: Mapping[int, Row[Any]]
    measurements: Mapping[int, Measurement | None]
    failures: Mapping[int, FailureRecord]


def _read_ours(connection: Connection, study: str, *, with_predictions: bool, with_epochs: bool) -> _Ours:
    epochs = read_epochs(connection, study) if with_epochs else {}
    modes = _read_modes(connection, study)
    predictions = read_predictions(connection, study) if with_predictions else {}
    rows = connection.execute(select(schema.trials).where(schema.trials.c.study == study)).all()
    failures = connection.execute(select(schema.failures).where(schema.failures.c.study == study))
    return _Ours(
        rows={row.number: row for row in rows},
        measurements={
            row.number: measurement_from_row(
                row, epochs.get(row.number, ()), predictions.get(row.number, ()), modes[row.number]
            )
            for row in rows
        },
        failures={row.number: FailureRecord(kind=row.kind, reason=row.reason, epoch=row.epoch) for row in failures},
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector, which would go through hundreds of thousands of new records again and again."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _read_modes(connection: Connection, study: str) -> dict[int, list[ModeRecord]]:
    """With everything on first, then with one switch after the other off: the order of the waterfall."""
    columns = schema.modes.c
    switches = (columns.batch_statistics, columns.augmentation, columns.dropout)
    query = select(columns.number, *(columns[name] for name in MODE_FIELDS)).where(columns.study == study)
    modes: dict[int, list[ModeRecord]] = defaultdict(list)
    for row in connection.execute(query.order_by(columns.number, *(switch.desc() for switch in switches))).all():
        modes[row[0]].append(mode_from_row(row[1:]))
    return modes


def _joined(row: Row[Any], theirs: _Theirs, ours: _Ours) -> TrialRecord:
    state = _STATES[row.state]
    own = ours.rows.get(row.number)
    duplicate_of = own.duplicate_of if own else None
    # Stored before Optuna hears of the end: a process killed in between leaves a measurement to an unfinished trial.
    measured = row.number if duplicate_of is None else duplicate_of
    return TrialRecord(
        number=row.number,
        state=state,
        baseline=bool(own and own.baseline) or row.trial_id in theirs.baselines,
        parameters=theirs.parameters.get(row.trial_id, {}),
        configuration=scalars_from_json(own.configuration) if own else {},
        # Optuna gives a pruned trial its last intermediate value, which is not J.
        objective=theirs.objectives.get(row.trial_id) if state is TrialState.COMPLETE else None,
        duplicate_of=duplicate_of,
        started=_aware(row.datetime_start),
        finished=_aware(row.datetime_complete),
        measurement=ours.measurements.get(measured) if state in _MEASURED else None,
        failure=ours.failures.get(row.number),
    )


def _aware(moment: datetime.datetime | None) -> datetime.datetime | None:
    return None if moment is None else moment.replace(tzinfo=datetime.UTC)
