"""`sweep run --dry-run`: what would run, and how long it would take, from a few measured steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
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
from sweep.errors import TrialError
from sweep.features.extract import FeatureLibrary
from sweep.progress import Progress, Silent
from sweep.records import DataIndex, DataSummary, Split, SplitIndices
from sweep.studyfile.definition import Configuration, StudyDefinition, TrainingSettings
from sweep.studyfile.hypermodel import HYPERMODEL
from sweep.studyfile.notation import stored
from sweep.studyfile.space import FieldRange, NumberRange
from sweep.training.sizes import ModelDescription
from sweep.training.task import steps_per_epoch
from sweep.training.trial import Trainer
from sweep.workflow.hypermodel import check_models, describe_hypermodel
from sweep.workflow.model_text import size_lines
from sweep.workflow.resolve import ResolvedStudy
from sweep.workflow.stages import TimedProgress
from sweep.workflow.study_text import toml_value
from sweep.workflow.trust import check_trust

__all__ = ["describe_run"]

_SAMPLED_IMAGES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seconds:
    """Estimates from a sample, in seconds.

    Attributes:
        decoding, backbone: of an image.
        head_step: of a step of the epochs that train the head alone.
        step: of a step of the others.
        untrained: why no step could be measured, or "".
    """

    decoding: float
    backbone: float
    head_step: float = 0.0
    step: float = 0.0
    untrained: str = ""

    def training(self, settings: TrainingSettings, images: int) -> float:
        """Of one training on that many images."""
        head_epochs = min(settings.head_epochs, settings.epochs)
        each = head_epochs * self.head_step + (settings.epochs - head_epochs) * self.step
        return steps_per_epoch(settings, images) * each


def describe_run(resolved: ResolvedStudy, *, progress: Progress, trust: bool = False) -> tuple[str, ...]:
    """The resolved fields, the split, the baseline's size, and an estimate of the time; nothing is kept.

    Decoding, the backbone pass and training steps are measured on a few images and steps, into a temporary cache. Of a
    hypermodel, which needs trust, its hyperparameters are listed instead.
    """
    definition = resolved.definition
    check_trust(definition.model.hypermodel, trusted=trust or resolved.own_file, bundled=True)
    check_models(definition, resolved.base)
    index = index_source(definition.data, progress=progress, base=resolved.base)
    split = split_index(index, definition.data)
    if definition.model.hypermodel:
        lines, declared = describe_hypermodel(definition, index, split, resolved.base)
        said = (*_data(summarise(index, split, definition.data.source)), *lines)
        return (*_fields(definition), *said, f"hyperparameters: {_ranges(declared) or 'none is declared in build'}")
    with TemporaryDirectory() as folder, progress.stage("measuring a few steps", None, "steps"):
        described, seconds = _measure(definition, index, split, base=resolved.base, folder=Path(folder))
    return (
        *_fields(definition),
        *_data(summarise(index, split, definition.data.source)),
        *_sizes(described),
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
    seconds = _Seconds(decoding=each["decoding"], backbone=each.get("backbone pass", 0.0))
    return trainer.describe(definition.baseline), _with_steps(seconds, trainer, definition.baseline)


def _with_steps(seconds: _Seconds, trainer: Trainer, baseline: Configuration) -> _Seconds:
    """With the times of training steps, or with the reason why there are none."""
    try:
        step = trainer.measure_step(baseline)
        head_step = trainer.measure_step(baseline, head_only=True) if baseline.training.head_epochs else step
    except TrialError as error:
        return replace(seconds, untrained=str(error))
    return replace(seconds, head_step=head_step, step=step)


def _spread(count: int) -> list[int]:
    """Positions of a sample, evenly over the index and so over the classes."""
    return sorted({int(position) for position in np.linspace(0, count - 1, min(count, _SAMPLED_IMAGES))})


def _fields(definition: StudyDefinition) -> Iterator[str]:
    yield f"study {definition.name}"
    tables = {"data": definition.data.model_dump(), **_configured(definition)}
    for table, fields in tables.items():
        yield f"[{table}] {_assigned(fields)}"
    yield f"[space] {_ranges(definition.space) or 'nothing is swept'}"
    yield f"[search] {_assigned(definition.search.model_dump())}"
    yield f"[check] {_assigned(definition.check.model_dump())}"


def _configured(definition: StudyDefinition) -> dict[str, Mapping[str, object]]:
    """The fields of [model] and [training] that mean anything."""
    if not definition.model.hypermodel:
        model, training = definition.model.model_dump(exclude={HYPERMODEL}), definition.training.model_dump()
        return {"model": model, "training": training}
    fields = definition.baseline.stored()
    return {"model": {HYPERMODEL: fields.pop(HYPERMODEL)}, "training": fields}


def _assigned(fields: Mapping[str, object]) -> str:
    """Fields as the database writes them; a table, such as that of folds, as a study file does."""
    return ", ".join(
        f"{name}={toml_value(value) if isinstance(value, Mapping) else stored(value)}" for name, value in fields.items()
    )


def _ranges(space: Mapping[str, FieldRange]) -> str:
    return ", ".join(f"{name} {_range(span)}" for name, span in space.items())


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


def _sizes(described: ModelDescription) -> Iterator[str]:
    with suppress(TrialError):  # that it does not fit is said where the time of its steps would be
        yield from size_lines(described)


def _time(definition: StudyDefinition, index: DataIndex, split: SplitIndices, seconds: _Seconds) -> Iterator[str]:
    training, images = definition.training, len(index.images)
    passes = images + training.augment_views * len(split.developed)
    heads = trainings(split)
    once = (
        f"time, from a few measured steps: decoding {images * seconds.decoding:,.0f} s, backbone pass "
        f"{passes * seconds.backbone:,.0f} s, both once and then cached"
    )
    if seconds.untrained:
        yield once
        yield f"the time of a training is not known: {seconds.untrained}"
        return
    search, trial = definition.search, sum(seconds.training(training, len(head.train)) for head in heads)
    finals = (search.finalists + 1) * search.repeats if search.finalists else 0
    folds = f" in {len(heads)} folds" if split.folds else ""
    yield (
        f"{once}; a trial like the baseline "
        f"{trial:,.1f} s of training{folds}, {search.trials} of them {trial * search.trials / 60:,.1f} min at the "
        f"most, and {finals} repetitions of the finalists {trial * finals / 60:,.1f} min; pruning and early stopping "
        "shorten it, evaluation and compiling are not in it"
    )
