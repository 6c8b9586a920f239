"""A trial's configuration as a study file: it becomes the baseline, and the space stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sweep.data.rendered import RENDERED
from sweep.studyfile.load import resolve
from sweep.workflow.export_files import staged
from sweep.workflow.export_request import ExportRequest
from sweep.workflow.study_text import render_study

__all__ = ["study_document", "write_study"]


def write_study(request: ExportRequest) -> tuple[str, ...]:
    """Write the study file.

    Returns:
        Sentences on it.

    Raises:
        DefinitionError: the configuration and the space do not fit each other.
        UsageError: it cannot be written.
    """
    row, target = request.row, request.target
    document = study_document(request)
    heading = (
        f"[model] and [training] are trial {row.number} of the study that has the digest",
        f"{request.record.digest}.",
        "Try `sweep run FILE --dry-run`, then `sweep run FILE`.",
    )
    text = render_study(document, heading=heading, remarks={})
    with staged(target) as folder:
        (folder / target.name).write_text(text, encoding="utf-8")
    return (f"{target} is a study file whose baseline is trial {row.number}; try sweep run {target} --dry-run",)


def study_document(request: ExportRequest) -> dict[str, Any]:
    """What the file holds, parsed; its paths are full ones, so that it may lie anywhere."""
    definition, configuration = request.definition, request.configuration
    document = definition.model_dump(mode="json", by_alias=True)
    document["name"] = f"{definition.name}-trial-{request.row.number}"
    document["model"] = configuration.model.model_dump(mode="json", exclude={"hypermodel"})
    document["training"] = configuration.training.model_dump(mode="json")
    source, weights = definition.data.source, configuration.model.weights
    if source not in RENDERED:
        document["data"]["source"] = _full(request.base, source)
    if weights not in ("imagenet", "none"):
        document["model"]["weights"] = _full(request.base, weights)
    resolve(document, str(request.target), sets=(), spaces=(), environment={})
    return document


def _full(base: Path, path: str) -> str:
    return (base / Path(path).expanduser()).resolve().as_posix()
