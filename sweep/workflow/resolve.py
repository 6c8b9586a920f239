"""Which study the user means: a bundled name, a study file, a folder of images, or a definition made in Python."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweep.errors import UsageError
from sweep.progress import Progress
from sweep.studyfile.bundled import bundled_studies
from sweep.studyfile.definition import StudyDefinition
from sweep.studyfile.load import load_study, resolve

__all__ = ["Overrides", "ResolvedStudy", "Study", "resolve_study"]

Study = str | Path | Mapping[str, Any] | StudyDefinition
"""A bundled study's name, a .toml file, a folder, what stands in such a file as a mapping, or a checked definition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the command line changes in a study; it wins over the environment, the file and the defaults."""

    sets: Sequence[str] = ()
    spaces: Sequence[str] = ()
    only: Sequence[str] = ()
    trials: int | None = None
    seed: int | None = None
    name: str | None = None

    def assignments(self) -> tuple[str, ...]:
        """Every override as `table.field=value`, the named options last, so that they win."""
        named = {"search.trials": self.trials, "search.seed": self.seed}
        return (*self.sets, *(f"{field}={value}" for field, value in named.items() if value is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedStudy:
    """A study ready to run.

    Attributes:
        definition: overrides applied, defaults filled in.
        base: the folder that relative paths in it start from.
        default_baseline: whether the baseline is our plain default and not the user's own configuration.
        own_file: whether it is a study file of the user's own, which vouches for the code that it names.
    """

    definition: StudyDefinition
    base: Path
    default_baseline: bool
    own_file: bool = False


def resolve_study(study: Study, overrides: Overrides, progress: Progress) -> ResolvedStudy:
    """Find and validate the study that `study` names or is; relative paths of one made in Python start here.

    Raises:
        UsageError: it is neither a bundled study, nor a .toml file, nor a folder of images.
        DefinitionError: the study file, the mapping or an override is wrong.
    """
    if isinstance(study, (StudyDefinition, Mapping)):
        found = _from_definition(study, overrides)
    else:
        path = Path(study)
        found = _from_folder(path, overrides, progress) if path.is_dir() else _from_file(path, str(study), overrides)
    if overrides.name is None:
        return found
    renamed = found.definition.model_copy(update={"name": overrides.name})
    return replace(found, definition=renamed)


def _from_file(path: Path, study: str, overrides: Overrides) -> ResolvedStudy:
    bundled = bundled_studies()
    if not path.suffix and study in bundled:
        path = bundled[study]
    elif path.suffix.lower() == ".csv" and path.is_file():
        raise UsageError(
            str(path),
            received="a CSV file",
            expected="a bundled study, a .toml study file or a folder of images",
            remedy="write a study file whose [data] has source = that CSV",
        )
    elif path.suffix.lower() != ".toml" or not path.is_file():
        raise UsageError(
            study,
            received="no such study",
            expected=f"a bundled study ({', '.join(bundled)}), a .toml study file or a folder of images",
            remedy="check the spelling; `sweep studies` lists the bundled ones",
        )
    definition = load_study(path, sets=overrides.assignments(), spaces=overrides.spaces, only=overrides.only)
    return ResolvedStudy(
        definition=definition, base=path.resolve().parent, default_baseline=False, own_file=path not in bundled.values()
    )


def _from_folder(folder: Path, overrides: Overrides, progress: Progress) -> ResolvedStudy:
    # Imported here: it indexes images, which a study file does not need yet.
    from sweep.workflow.init import folder_document  # noqa: PLC0415

    document = folder_document(folder.resolve(), progress=progress)
    definition = _resolved(document, str(folder), overrides)
    return ResolvedStudy(definition=definition, base=folder.resolve().parent, default_baseline=True)


def _from_definition(study: Mapping[str, Any] | StudyDefinition, overrides: Overrides) -> ResolvedStudy:
    """It may have come from anywhere, a database too, so it does not vouch for the code that it names."""
    document = json.loads(study.canonical_json()) if isinstance(study, StudyDefinition) else dict(study)
    definition = _resolved(document, "the definition's", overrides)
    return ResolvedStudy(definition=definition, base=Path.cwd(), default_baseline=False)


def _resolved(document: dict[str, Any], place: str, overrides: Overrides) -> StudyDefinition:
    return resolve(
        document,
        place,
        sets=overrides.assignments(),
        spaces=overrides.spaces,
        only=overrides.only,
        environment=os.environ,
    )
