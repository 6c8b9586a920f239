"""`sweep predict`: labels for photos."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from sweep.errors import DataError

__all__ = ["predict"]


class PredictFormat(StrEnum):
    """How labels are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def predict(
    model: Annotated[str, typer.Argument(help="A .keras file of `sweep export`.", show_default=False)],
    photos: Annotated[list[str], typer.Argument(help="Photos, folders, or patterns with *.", show_default=False)],
    labels: Annotated[
        str, typer.Option(metavar="FILE", help="The names of the classes; model.labels.txt beside model.keras.")
    ] = "",
    top: Annotated[int, typer.Option(help="How many classes are named for each photo.")] = 3,
    output: Annotated[PredictFormat, typer.Option("--format", help="Format on stdout.")] = PredictFormat.TABLE,
) -> None:
    """Label photos with a model that was exported.

    The exit code is 4 where a photo cannot be read; the others are labelled all the same.

    Example: sweep predict model.keras ./new-photos
    """
    from sweep.cli.native import native_start  # noqa: PLC0415 - keeps `sweep --help` fast
    from sweep.cli.output import live_progress  # noqa: PLC0415
    from sweep.workflow.predict import check_predict, label_photos  # noqa: PLC0415

    request = check_predict(model, photos, labels=labels, top=top)
    # Only now: a wrong name must not wait for TensorFlow.
    with native_start():
        import sweep.workflow.prepare  # noqa: F401, PLC0415 - loads TensorFlow
    with live_progress() as progress:
        found = label_photos(request, progress=progress)
    if output is PredictFormat.CSV:
        typer.echo(found.csv, nl=False)
    elif output is PredictFormat.JSON:
        typer.echo(json.dumps(found.plain, indent=2, ensure_ascii=False))
    else:
        for line in found.lines:
            typer.echo(line)
    raise typer.Exit(DataError.exit_code if found.unread else 0)
