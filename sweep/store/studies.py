"""Studies and their images: read, added, and held against what is there already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select, update

from sweep.errors import StoreError
from sweep.records import DataIndex, ImageRecord, Split, SplitIndices, StageRecord, StudyRecord
from sweep.store import schema
from sweep.store.serialise import image_from_row, image_row, study_from_row, study_row
from sweep.store.trials import optuna_study_names

__all__ = ["Differing", "add_study", "add_times", "check_definition", "find_study", "read_images", "read_studies"]

Differing = Callable[[str, str], Sequence[str]]
"""Names the fields in which two definitions, as JSON, differ: the stored one, the new one."""


def read_studies(connection: Connection) -> tuple[StudyRecord, ...]:
    """Every study, the newest first.

    One whose trials were removed from Optuna's tables, by its dashboard say, is no study any more.
    """
    rows = connection.execute(select(schema.studies).order_by(schema.studies.c.created.desc(), schema.studies.c.name))
    removed = _removed_elsewhere(connection)
    stages: dict[str, list[StageRecord]] = defaultdict(list)
    for row in connection.execute(select(schema.stages).order_by(schema.stages.c.id)):
        stages[row.study].append(StageRecord(name=row.name, seconds=row.seconds, units=row.units, unit=row.unit))
    return tuple(study_from_row(row, stages[row.name]) for row in rows if row.name not in removed)


def find_study(connection: Connection, name: str | None, place: str) -> StudyRecord:
    """The study of that name, or the newest.

    Raises:
        StoreError: there is none; the message names those there are.
    """
    there = read_studies(connection)
    for study in there:
        if name is None or study.name == name:
            return study
    names = ", ".join(study.name for study in there)
    raise StoreError(
        place,
        received="no study at all" if name is None else f"no study {name!r}",
        expected=f"one of: {names}" if names else "a database with a study in it",
        remedy="name one of them with --study" if names else "fill it first with sweep run",
    )


def read_images(connection: Connection, study: str) -> tuple[tuple[ImageRecord, Split | None], ...]:
    """Every image of a study with its side, in the order of its index."""
    columns = schema.images.c
    query = select(schema.images).where(columns.study == study).order_by(columns.position)
    return tuple(image_from_row(row) for row in connection.execute(query))


def add_study(connection: Connection, record: StudyRecord, index: DataIndex, split: SplitIndices, place: str) -> None:
    """Store a new study; one that is there takes over the definition (its total may have grown), versions and base.

    Raises:
        StoreError: the study that is there has another definition, other images or another split.
    """
    if record.name in _removed_elsewhere(connection):
        # Its measurements would otherwise be taken for those of new trials with the same numbers.
        connection.execute(delete(schema.studies).where(schema.studies.c.name == record.name))
    images = tuple(zip(index.images, _sides(index, split), strict=True))
    there = {study.name: study for study in read_studies(connection)}.get(record.name)
    if there is None:
        connection.execute(insert(schema.studies).values(study_row(record)))
        rows = [
            {"study": record.name, "position": position, **image_row(image, side)}
            for position, (image, side) in enumerate(images)
        ]
        if rows:
            connection.execute(insert(schema.images), rows)
        return
    if there.digest != record.digest:
        raise _another_definition(place, record.name)
    if there.data.fingerprint != record.data.fingerprint or read_images(connection, record.name) != images:
        raise StoreError(
            place,
            received=f"other images, or another split of them, than study {record.name!r} was started on",
            expected="the same ones, since trials on different images cannot be compared",
            remedy=f"restore the images, or start anew with --name {record.name}-2",
        )
    changed = {column: study_row(record)[column] for column in ("definition", "versions", "base")}
    connection.execute(update(schema.studies).where(schema.studies.c.name == record.name).values(changed))


def add_times(connection: Connection, study: str, stages: Sequence[StageRecord]) -> None:
    """Add the times of one run."""
    rows = [{"study": study, **asdict(stage)} for stage in stages]
    if rows:
        connection.execute(insert(schema.stages), rows)


def check_definition(
    connection: Connection, name: str, digest: str, definition: str, differing: Differing, place: str
) -> None:
    """Make sure that a study of this name, if there is one, has this definition.

    One that an earlier version wrote may lack fields that decide nothing new; it takes over definition and digest.

    Raises:
        StoreError: it has another one, or Optuna has a study of this name that sweep did not make.
    """
    there = {study.name: study for study in read_studies(connection)}.get(name)
    if there is not None:
        if there.digest == digest:
            return
        if fields := differing(there.definition, definition):
            raise _another_definition(place, name, fields)
        changed = {"definition": definition, "digest": digest}
        connection.execute(update(schema.studies).where(schema.studies.c.name == name).values(changed))
    elif name in optuna_study_names(connection):
        raise StoreError(
            place,
            received=f"an Optuna study {name!r} without sweep's measurements",
            expected="a name that is free, or a study made by sweep run",
            remedy=f"start under another name with --name {name}-2",
        )


def _removed_elsewhere(connection: Connection) -> frozenset[str]:
    """Studies with trials of ours of which Optuna knows nothing."""
    with_trials = frozenset(connection.execute(select(schema.trials.c.study).distinct()).scalars())
    return with_trials - optuna_study_names(connection)


def _sides(index: DataIndex, split: SplitIndices) -> list[Split | None]:
    sides: list[Split | None] = [None] * len(index.images)
    for side in Split:
        for position in getattr(split, side.value):
            sides[position] = side
    return sides


def _another_definition(place: str, name: str, fields: Sequence[str] = ()) -> StoreError:
    return StoreError(
        place,
        received=f"study {name!r} with another definition" + (f" (differs in {', '.join(fields)})" if fields else ""),
        expected="the definition that the study was started with; only the number of trials may change",
        remedy=f"undo the change, or start anew under another name with --name {name}-2",
    )
