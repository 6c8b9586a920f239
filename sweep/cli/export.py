"""`sweep export`: a trial's configuration as a model, a study file or plain Keras code."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sweep.cli.options import DatabaseArgument, StudyNameOption

__all__ = ["export"]


class ModelFormat(StrEnum):
    """How a model is written."""

    KERAS = "keras"
    SAVED_MODEL = "savedmodel"
    TFLITE = "tflite"


def export(
    database: DatabaseArgument,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="model.keras or model.tflite, study.toml, or model.py: plain Keras code.",
            show_default=False,
        ),
    ],
    study: StudyNameOption = None,
    trial: Annotated[str, typer.Option(metavar="best|N", help="Which trial; best is rank 1 of the report.")] = "best",
    all_data: Annotated[
        bool, typer.Option("--all-data", help="Train on the validation side too; the sealed one stays sealed.")
    ] = False,
    form: Annotated[
        ModelFormat | None, typer.Option("--format", help="Of the model; what the name of the output says by default.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    trust: Annotated[bool, typer.Option("--trust", help="Run the hypermodel's code that the database names.")] = False,
) -> None:
    """Train a trial's configuration again and write it as a model that takes raw photos.

    Plain Keras loads it. The names of its classes and a model card are written beside it.

    Example: sweep export study.db --output model.keras
    """
    from sweep.cli.native import native_start  # noqa: PLC0415 - keeps `sweep --help` fast
    from sweep.cli.output import live_progress  # noqa: PLC0415
    from sweep.workflow.export_request import ExportKind, check_export  # noqa: PLC0415
    from sweep.workflow.export_study import write_study  # noqa: PLC0415

    request = check_export(
        database,
        output,
        study=study,
        trial=trial,
        all_data=all_data,
        form=None if form is None else form.value,
        force=force,
        trust=trust,
    )
    if request.kind is ExportKind.STUDY:
        lines = write_study(request)
    else:
        # Only now: a wrong request must not wait for TensorFlow.
        with native_start():
            from sweep.workflow.export import export_model  # noqa: PLC0415
            from sweep.workflow.export_code import write_code  # noqa: PLC0415
        with live_progress() as progress:
            lines = export_model(request, progress=progress) if request.kind.trained else write_code(request)
    for line in lines:
        typer.echo(line)
