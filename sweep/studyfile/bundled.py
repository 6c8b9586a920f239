"""The studies that come with the package."""

from __future__ import annotations

from pathlib import Path

__all__ = ["bundled_studies"]

_PACKAGE = Path(__file__).parents[1]


def bundled_studies(package: Path = _PACKAGE) -> dict[str, Path]:
    """Name -> study file, sorted by name.

    Args:
        package: the folder `sweep`. A wheel has the files in `bundled_studies` inside it, a checkout in `studies`
            beside it.
    """
    inside = package / "bundled_studies"
    folder = inside if inside.is_dir() else package.parent / "studies"
    return {path.stem: path for path in sorted(folder.glob("*.toml"), key=lambda path: path.stem)}
