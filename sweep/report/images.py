"""Figures as image files: drawn by the plotly.js of the package in a headless browser, which nothing leaves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from sweep.errors import StoreError, UsageError
from sweep.report.figure_set import Figure

__all__ = ["ImageFormat", "write_images"]

ImageFormat = Literal["png", "svg"]

_WIDTH = 1000
_SHARPNESS = 2  # pixels of a PNG for one of the figure, as on a screen of high resolution
_EXTRA = "pip install 'gapsweep[images]'"


def write_images(figures: Mapping[str, Figure], folder: Path, form: ImageFormat = "png") -> tuple[Path, ...]:
    """Write each figure as a file `folder/name.form`, 1,000 pixels wide (a PNG has twice as many).

    Args:
        figures: name -> figure.
        folder: made where it is missing; files of the same names are replaced.
        form: "png" or "svg".

    Returns:
        The files, in the order of the figures.

    Raises:
        UsageError: there is no such format, or the package kaleido or a browser for it is missing.
        StoreError: a file cannot be written, or the browser fails.
    """
    if form not in get_args(ImageFormat):
        raise UsageError("--figure-format", received=repr(form), expected="png or svg", remedy="write one of these")
    try:
        import kaleido  # noqa: PLC0415 - of the extra "images", and needed here alone
        from kaleido.errors import ChromeNotFoundError  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(
            "--figures", received="no package kaleido", expected="what draws figures as images", remedy=f"type {_EXTRA}"
        ) from error
    paths = {name: folder / f"{name}.{form}" for name in figures}
    jobs = [_job(figure, paths[name], form) for name, figure in figures.items()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Without MathJax, which would come from the network: a name with dollar signs in it stays text.
        if jobs:
            kaleido.write_fig_from_object_sync(jobs, cancel_on_error=True, kopts={"mathjax": False})
    except ChromeNotFoundError as error:
        raise UsageError(
            "--figures",
            received="no Chrome or Chromium",
            expected="a browser, in which plotly draws",
            remedy="install one, or name its program in the environment variable BROWSER_PATH",
        ) from error
    except OSError as error:
        raise _unwritable(folder, error.strerror or str(error)) from error
    except Exception as error:  # whatever the browser and its driver may raise
        raise _unwritable(folder, f"a browser that fails: {error}") from error
    return tuple(paths.values())


def _unwritable(folder: Path, received: str) -> StoreError:
    return StoreError(
        str(folder),
        received=received,
        expected="a folder in which image files can be written",
        remedy="name another place with `--figures DIR`",
    )


def _job(figure: Figure, path: Path, form: ImageFormat) -> dict[str, Any]:
    """What kaleido is asked for."""
    scale = _SHARPNESS if form == "png" else 1
    options = {"format": form, "width": _WIDTH, "height": figure.layout.height, "scale": scale}
    return {"fig": figure.to_dict(), "path": str(path), "opts": options}
