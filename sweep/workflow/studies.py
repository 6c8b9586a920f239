"""The bundled studies, resolved."""

from __future__ import annotations

from sweep.studyfile.bundled import bundled_studies
from sweep.studyfile.definition import StudyDefinition
from sweep.studyfile.load import load_study

__all__ = ["list_studies"]


def list_studies() -> tuple[StudyDefinition, ...]:
    """Every bundled study, by name."""
    return tuple(load_study(path, environment={}) for path in bundled_studies().values())
