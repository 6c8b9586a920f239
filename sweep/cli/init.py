"""`sweep init`: a study file for a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["init"]


def init(
    folder: Annotated[Path, typer.Argument(help="A folder with one sub-folder per class.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; the folder's name with .toml by default.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented study file that fits a folder of images and runs as it is.

    Example: sweep init ./my-photos
    """
    from sweep.cli.output import live_progress  # noqa: PLC0415 - keeps `sweep --help` fast
    from sweep.workflow.init import init_folder  # noqa: PLC0415

    target = output or Path(f"{folder.resolve().name}.toml")
    with live_progress() as progress:
        written = init_folder(folder, target, progress=progress, force=force)
    typer.echo(f"{written}: now `sweep run {written} --dry-run`, then `sweep run {written}`")
