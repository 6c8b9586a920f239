"""`sweep export --output model.py`: plain Keras code, the files that it reads, and the backbone that Keras lacks."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from sweep.backbones.catalog import Backbone, builder_name, load_backbone
from sweep.data.folder import source_root
from sweep.errors import UsageError
from sweep.records import Split
from sweep.report.wording import plain
from sweep.training.deployable import save_keras
from sweep.workflow.export_files import staged
from sweep.workflow.export_request import ExportRequest
from sweep.workflow.plain_keras import PlainSource, plain_code, unsayable

__all__ = ["write_code"]


def write_code(request: ExportRequest) -> tuple[str, ...]:
    """Write code that trains the configuration, the table of its images, and the backbone where it needs a file.

    Returns:
        Sentences on it.

    Raises:
        UsageError: a few lines of Keras cannot say the configuration, or the files cannot be written.
        BackboneError: the backbone's weights are not to be had.
    """
    configuration = request.configuration
    if fields := unsayable(configuration):
        raise UsageError(
            str(request.target),
            received=f"a configuration with {', '.join(fields)}",
            expected="one that a few lines of plain Keras can train",
            remedy="write --output model.keras for the trained model, or study.toml for the configuration",
        )
    code, table, file = request.files
    settings = configuration.model
    backbone = load_backbone(settings, request.definition.data.image_size, request.base)
    standard = settings.weights == "imagenet" and settings.backbone_batch_norm == "kept"
    builder = builder_name(settings.backbone) if standard else ""
    text = plain_code(configuration, _source(request, backbone, builder))
    with staged(code) as folder:
        (folder / code.name).write_text(text, encoding="utf-8")
        with (folder / table.name).open("w", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows(_rows(request))
        if not builder:
            save_keras(backbone.model, folder / file.name)
    beside = table.name if builder else f"{table.name} and {file.name}"
    return (f"{code} trains trial {request.row.number} with plain Keras; it reads {beside} beside it",)


def _source(request: ExportRequest, backbone: Backbone, builder: str) -> PlainSource:
    code, table, file = request.files
    definition, record = request.definition, request.record
    return PlainSource(
        title=f"Trial {request.row.number} of the study {plain(record.name)}",
        folder=str(source_root(definition.data.source, base=Path(record.base))),
        table=table.name,
        trained=f"{code.stem}.trained.keras",
        class_names=record.data.class_names,
        image_size=definition.data.image_size,
        seed=definition.search.seed,
        builder=builder,
        backbone=file.name,
        drops=any(type(layer).__name__ == "Dropout" for layer in backbone.model.layers),
        preprocessing=backbone.preprocessing,
    )


def _rows(request: ExportRequest) -> Iterator[tuple[str | int, ...]]:
    """A line an image that is not sealed."""
    yield "file", "label", "side"
    for image, side in request.report.images:
        if side in (Split.TRAIN, Split.VALIDATION):
            yield image.path, image.label, side.value
