"""`sweep audit`: a classifier that was trained elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from sweep.cli.options import Format, FormatOption, print_outcome

__all__ = ["audit"]


def audit(
    model: Annotated[str, typer.Argument(help="A .keras file, as model.save writes it.", show_default=False)],
    folder: Annotated[
        str, typer.Argument(help="Its images: train/ and val/ with a folder per class.", show_default=False)
    ],
    preprocessing: Annotated[
        str,
        typer.Option(metavar="WAY", help="How it is given pixels: auto, none, 0..1, -1..1, caffe or torch."),
    ] = "auto",
    classes: Annotated[
        str, typer.Option(metavar="NAMES", help="The class folders in the order of its outputs: dog,cat.")
    ] = "",
    study_file: Annotated[
        str, typer.Option(metavar="FILE", help="Write a study file whose baseline is this model.")
    ] = "",
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Change a field: data.group=folder.")
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Name the causes of the gap of a model that was trained elsewhere.

    Nothing is trained, and no code that the file may hold is run.

    Example: sweep audit model.keras ./my-photos
    """
    from sweep.cli.native import native_start  # noqa: PLC0415 - keeps `sweep --help` fast
    from sweep.cli.output import live_progress  # noqa: PLC0415
    from sweep.workflow.audit_request import check_request  # noqa: PLC0415

    request = check_request(
        model,
        folder,
        preprocessing=preprocessing,
        classes=tuple(name.strip() for name in classes.split(",") if name.strip()),
        sets=sets or (),
        study_file=study_file,
    )
    # Only now: a wrong file must not wait for TensorFlow.
    with native_start():
        from sweep.workflow.audit import audit_requested  # noqa: PLC0415
    with live_progress() as progress:
        outcome = audit_requested(request, progress=progress)
    print_outcome(outcome, output)
