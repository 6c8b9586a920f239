"""`sweep check`: what can be known of a study's images and preprocessing before any trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep.diagnosis.verdict import Verdict, judge, latest
from sweep.features.extract import FeatureLibrary
from sweep.progress import Progress, Silent
from sweep.records import Cause
from sweep.report.verdict import exhibit_lines, verdict_json, verdict_lines
from sweep.report.wording import plain
from sweep.studyfile.definition import CheckSettings, StudyDefinition
from sweep.workflow.hypermodel import check_models
from sweep.workflow.observed import observe
from sweep.workflow.prepare import PreparedData, make_library, prepare_data
from sweep.workflow.probing import Rounds, probe_data
from sweep.workflow.resolve import Overrides, ResolvedStudy, resolve_study

__all__ = ["CheckOutcome", "check_resolved", "check_study", "failing", "look"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """What a check has found.

    Attributes:
        failing: causes found that the study file's `[check]` fails on.
        paths: of the pictures that findings show, by position in the study's index.
    """

    study: str
    verdict: Verdict
    failing: tuple[Cause, ...]
    paths: dict[int, str]

    @property
    def lines(self) -> tuple[str, ...]:
        """What the terminal shows."""
        ended = f"fails on: {', '.join(cause.value for cause in self.failing)}" if self.failing else ""
        pictures = (
            line
            for finding in self.verdict.causes
            for exhibit in finding.exhibits
            for line in exhibit_lines(exhibit, self.paths)
        )
        return (plain(f"study {self.study}"), *verdict_lines(self.verdict), *pictures, *([ended] if ended else []))

    @property
    def plain(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "study": self.study,
            **verdict_json(self.verdict),
            "failing": [cause.value for cause in self.failing],
            "paths": {str(row): path for row, path in self.paths.items()},
        }


def check_study(study: str, *, sets: Sequence[str] = (), progress: Progress | None = None) -> CheckOutcome:
    """Look at a study's images, sides and preprocessing; nothing is trained or stored.

    Args:
        study: a bundled study's name, a .toml file, or a folder with one sub-folder per class.
        sets: overrides such as `"data.group=folder"`.
        progress: where to show the progress; nowhere by default.

    Raises:
        SweepError: the branch tells what is wrong, `errors.py`.
    """
    shown = progress or Silent()
    return check_resolved(resolve_study(study, Overrides(sets=sets), shown), progress=shown)


def check_resolved(resolved: ResolvedStudy, *, progress: Progress) -> CheckOutcome:
    """Check a resolved study; errors are those of `check_study`."""
    definition = resolved.definition
    check_models(definition, resolved.base)
    data = prepare_data(definition, base=resolved.base, progress=progress)
    library = None
    if not definition.model.hypermodel:
        library = make_library(definition, data, base=resolved.base, progress=progress)
    rounds = look(definition, data, library, base=resolved.base, progress=progress)
    verdict = judge(latest(rounds), num_classes=len(data.index.class_names), harm=definition.check.harm)
    shown = {row for finding in latest(rounds) for exhibit in finding.exhibits for row in exhibit.images}
    return CheckOutcome(
        study=definition.name,
        verdict=verdict,
        failing=failing(verdict, definition.check),
        paths={row: data.index.images[row].path for row in sorted(shown)},
    )


def look(
    definition: StudyDefinition,
    data: PreparedData,
    library: FeatureLibrary | None,
    *,
    base: Path,
    progress: Progress,
) -> Rounds:
    """The findings about a study's data, rounds of them, each with more repaired than the one before it.

    Args:
        definition: of the study.
        data: decoded and split.
        library: of the backbone's features; None beside a hypermodel.
        base: the folder that relative paths in the definition start from.
        progress: where to show the progress.
    """
    observed = observe(definition, data, library, progress=progress)
    return probe_data(definition, data, observed, library=library, base=base, progress=progress)


def failing(verdict: Verdict, settings: CheckSettings) -> tuple[Cause, ...]:
    """The causes found that a check fails on."""
    serious = set(settings.fail_on) - set(settings.ignore)
    return tuple(finding.cause for finding in verdict.causes if finding.cause.value in serious)
