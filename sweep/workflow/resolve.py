"""Which study the user means: a bundled name, a study file or a folder of images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweep.errors import UsageError
from sweep.progress import Progress
from sweep.studyfile.bundled import bundled_studies
from sweep.studyfile.definition import StudyDefinition
from sweep.studyfile.load import load_study, resolve

__all__ = ["Overrides", "ResolvedStudy", "resolve_study"]


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


def resolve_study(study: str, overrides: Overrides, progress: Progress) -> ResolvedStudy:
    """Find and validate the study that `study` names.

    Raises:
        UsageError: it is neither a bundled study, nor a .toml file, nor a folder of images.
        DefinitionError: the study file or an override is wrong.
    """
    path = Path(study)
    found = _from_folder(path, overrides, progress) if path.is_dir() else _from_file(path, study, overrides)
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
    definition = resolve(
        document,
        str(folder),
        sets=overrides.assignments(),
        spaces=overrides.spaces,
        only=overrides.only,
        environment=os.environ,
    )
    return ResolvedStudy(definition=definition, base=folder.resolve().parent, default_baseline=True)
