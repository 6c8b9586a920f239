"""`sweep check`: the images and the preprocessing, before any trial."""

from __future__ import annotations

from typing import Annotated

import typer

from sweep.cli.options import Format, FormatOption, print_outcome

__all__ = ["check"]

FOUND = 10
"""The exit code where something was found that the study file fails on."""


def check(
    study: Annotated[
        str, typer.Argument(help="A bundled study, a .toml study file, or a folder of images.", show_default=False)
    ],
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Change a field: data.group=folder.")
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Look for leaks, wrong labels, wrong preprocessing and the like, before any trial.

    The exit code is 10 where something was found that `[check] fail_on` names.

    Example: sweep check ./my-photos
    """
    from sweep.cli.native import native_start  # noqa: PLC0415 - keeps `sweep --help` fast
    from sweep.cli.output import live_progress  # noqa: PLC0415
    from sweep.workflow.resolve import Overrides, resolve_study  # noqa: PLC0415

    with live_progress() as progress:
        resolved = resolve_study(study, Overrides(sets=sets or ()), progress)
    # Only now: a wrong study file must not wait for TensorFlow.
    with native_start():
        from sweep.workflow.check import check_resolved  # noqa: PLC0415
    with live_progress() as progress:
        outcome = check_resolved(resolved, progress=progress)
    print_outcome(outcome, output)
    raise typer.Exit(FOUND if outcome.failing else 0)
