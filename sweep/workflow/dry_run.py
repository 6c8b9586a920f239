"""`sweep run --dry-run`: what would run, and how long it would take, from a few measured steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from sweep.data.cache import ArrayCache
from sweep.data.folder import index_source
from sweep.data.folds import trainings
from sweep.data.images import decode_images
from sweep.data.split import split_index
from sweep.data.summary import fingerprint, summarise
from sweep.features.extract import FeatureLibrary
from sweep.progress import Progress, Silent
from sweep.records import DataIndex, DataSummary, Split, SplitIndices
from sweep.studyfile.definition import StudyDefinition
from sweep.studyfile.notation import stored
from sweep.studyfile.space import FieldRange, NumberRange
from sweep.training.trial import ModelDescription, Trainer
from sweep.workflow.prepare import check_backbones
from sweep.workflow.resolve import ResolvedStudy
from sweep.workflow.stages import TimedProgress
from sweep.workflow.study_text import toml_value

__all__ = ["describe_run"]

_SAMPLED_IMAGES = 64
_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seconds:
    """Estimates from a sample, in seconds."""

    decoding: float
    backbone: float
    step: float


def describe_run(resolved: ResolvedStudy, *, progress: Progress) -> tuple[str, ...]:
    """The resolved fields, the split, the baseline's size, and an estimate of the time; nothing is kept.

    Decoding, the backbone pass and training steps are measured on a few images and steps, into a temporary cache.
    """
    definition = resolved.definition
    check_backbones(definition, resolved.base)
    index = index_source(definition.data, progress=progress, base=resolved.base)
    split = split_index(index, definition.data)
    with TemporaryDirectory() as folder, progress.stage("measuring a few steps", None, "steps"):
        described, seconds = _measure(definition, index, split, base=resolved.base, folder=Path(folder))
    return (
        *_fields(definition),
        *_data(summarise(index, split, definition.data.source)),
        *_baseline(described),
        *_time(definition, index, split, seconds),
    )


def _measure(
    definition: StudyDefinition, index: DataIndex, split: SplitIndices, *, base: Path, folder: Path
) -> tuple[ModelDescription, _Seconds]:
    sample = replace(index, images=tuple(index.images[position] for position in _spread(len(index.images))))
    cache = ArrayCache(folder)
    size = definition.data.image_size

    # Stage times leave out what is done once: starting decoders, converting the backbone.
    timed = TimedProgress(Silent())
    readable, pixels = decode_images(sample, size, cache=cache, progress=timed)
    library = FeatureLibrary(
        pixels=pixels,
        content=fingerprint(readable),
        developed=np.arange(len(pixels)),
        image_size=size,
        cache=cache,
        progress=timed,
        weights_folder=base,
    )
    library.prepare([definition.baseline])
    each = {stage.name: stage.seconds / max(1, stage.units) for stage in timed.records}
    trainer = Trainer(
        library=library, labels=index.labels, split=trainings(split)[0], num_classes=len(index.class_names)
    )
    seconds = _Seconds(
        decoding=each["decoding"],
        backbone=each.get("backbone pass", 0.0),
        step=trainer.measure_step(definition.baseline),
    )
    return trainer.describe(definition.baseline), seconds


def _spread(count: int) -> list[int]:
    """Positions of a sample, evenly over the index and so over the classes."""
    return sorted({int(position) for position in np.linspace(0, count - 1, min(count, _SAMPLED_IMAGES))})


def _fields(definition: StudyDefinition) -> Iterator[str]:
    yield f"study {definition.name}"
    tables = {"data": definition.data, "model": definition.model, "training": definition.training}
    for table, settings in tables.items():
        yield f"[{table}] {_assigned(settings.model_dump())}"
    swept = ", ".join(f"{name} {_range(span)}" for name, span in definition.space.items())
    yield f"[space] {swept or 'nothing is swept'}"
    yield f"[search] {_assigned(definition.search.model_dump())}"


def _assigned(fields: Mapping[str, object]) -> str:
    """Fields as the database writes them; a table, such as that of folds, as a study file does."""
    return ", ".join(
        f"{name}={toml_value(value) if isinstance(value, Mapping) else stored(value)}" for name, value in fields.items()
    )


def _range(span: FieldRange) -> str:
    if not isinstance(span, NumberRange):
        return ",".join(map(str, span.values))
    suffix = ":log" if span.log else f":{span.step:g}" if span.step is not None else ""
    return f"{span.low:g}:{span.high:g}{suffix}"


def _data(summary: DataSummary) -> Iterator[str]:
    for side in Split:
        if side is Split.TRAIN and summary.fold_repeats and not summary.images(side):
            continue  # each fold is trained on the other ones
        counts = ", ".join(
            f"{name} {count:,}" for name, count in zip(summary.class_names, summary.counts[side], strict=True)
        )
        yield f"{side.value}: {summary.images(side):,} images ({counts})"
    yield from summary.notes


def _baseline(described: ModelDescription) -> Iterator[str]:
    unfrozen = ", ".join(described.unfrozen_layers) or "none"
    yield (
        f"baseline: {described.trainable_parameters:,} trainable of {described.total_parameters:,} parameters, "
        f"weights file {described.file_bytes / _MEGABYTE:,.1f} MB; unfrozen layers: {unfrozen}"
    )


def _time(definition: StudyDefinition, index: DataIndex, split: SplitIndices, seconds: _Seconds) -> Iterator[str]:
    training, images = definition.training, len(index.images)
    passes = images + training.augment_views * len(split.developed)
    heads = trainings(split)
    steps = sum(-(-len(head.train) // training.batch_size) for head in heads) * training.epochs
    search, trial = definition.search, steps * seconds.step
    finals = (search.finalists + 1) * search.repeats if search.finalists else 0
    folds = f" in {len(heads)} folds" if split.folds else ""
    yield (
        f"time, from a few measured steps: decoding {images * seconds.decoding:,.0f} s, backbone pass "
        f"{passes * seconds.backbone:,.0f} s, both once and then cached; a trial like the baseline "
        f"{trial:,.1f} s of training{folds}, {search.trials} of them {trial * search.trials / 60:,.1f} min at the "
        f"most, and {finals} repetitions of the finalists {trial * finals / 60:,.1f} min; pruning and early stopping "
        "shorten it, evaluation and compiling are not in it"
    )
