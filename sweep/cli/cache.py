"""`sweep cache`: what lies in the cache folder, and how to empty it."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(help="Show or empty the cache of pixels, features and rendered toys.", no_args_is_help=True)


@app.command()
def show() -> None:
    """Show where the cache lies and what it holds.

    Example: sweep cache show
    """
    from sweep.workflow.cache import describe_cache  # noqa: PLC0415 - keeps `sweep --help` fast

    for line in describe_cache():
        typer.echo(line)


@app.command()
def clear(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Empty the cache; everything in it can be computed again.

    Example: sweep cache clear --yes
    """
    from sweep.workflow.cache import clear_cache, describe_cache  # noqa: PLC0415

    if not yes:
        typer.echo(describe_cache()[-1], err=True)
        typer.confirm("Empty the cache?", abort=True, err=True)
    typer.echo(f"freed {clear_cache() / 1e6:,.0f} MB")
