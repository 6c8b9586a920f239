"""Whose model a study trains, ours or somebody's own code: checked, described and trained as it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sweep.backbones.cut import INPUT, cut_for, tail_key
from sweep.data.folds import trainings
from sweep.errors import TrialError
from sweep.features.extract import FeatureLibrary
from sweep.progress import Progress, Silent
from sweep.records import DataIndex, Scalar, SplitIndices, TrialRecord
from sweep.studyfile.definition import StudyDefinition
from sweep.studyfile.space import FieldRange
from sweep.training.folds import DescribesModels, FoldTrainer
from sweep.training.recent import physical_memory
from sweep.training.sizes import check_memory
from sweep.training.trial import Trainer
from sweep.workflow.model_text import size_lines
from sweep.workflow.prepare import (
    PreparedData,
    check_backbones,
    check_half_precision,
    make_library,
    make_trainer,
    with_folds,
)

if TYPE_CHECKING:
    from sweep.search.keras_tuner import Candidates
    from sweep.training.hyper import HyperTrainer

__all__ = ["Training", "check_models", "describe_hypermodel", "make_training"]

_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Training:
    """Who trains a study's models.

    Attributes:
        candidates: of its hypermodel, None where the models are ours.
        lines: what can be said of the baseline before it is trained.
        prepare: runs the frozen part of our models once for every cut that the space can ask for.
        wholly_frozen: whether a trial's features are what its whole backbone says.
        library: of our models' features; None beside a hypermodel, as is the next.
        single: trains one split of our models, whatever folds the study has.
    """

    trainer: DescribesModels
    candidates: Candidates | None
    lines: Iterable[str]
    prepare: Callable[[], None]
    wholly_frozen: Callable[[TrialRecord], bool]
    library: FeatureLibrary | None = None
    single: Trainer | None = None


def check_models(definition: StudyDefinition, base: Path) -> None:
    """Refuse what cannot be built before anything is decoded; a hypermodel's code is loaded, which needs trust.

    Raises:
        BackboneError: a backbone is unknown, its weights are missing, or the images are too small for it.
        DefinitionError: a hypermodel cannot be loaded.
        TrialError: half precision is asked for without a GPU.
    """
    if definition.model.hypermodel:
        from sweep.search.hyper_loading import load_object  # noqa: PLC0415 - KerasTuner, for who names one

        load_object(definition.model.hypermodel, base)
    else:
        check_backbones(definition, base)
        check_half_precision(definition)


def make_training(definition: StudyDefinition, data: PreparedData, *, base: Path, progress: Progress) -> Training:
    """Who trains the models of a study that `check_models` had nothing against.

    Raises:
        DefinitionError: what a hypermodel's name stands for is none.
    """
    if not definition.model.hypermodel:
        library = make_library(definition, data, base=base, progress=progress)
        single = make_trainer(library, data)
        ours = with_folds(single, data)

        def wholly_frozen(trial: TrialRecord) -> bool:
            model = definition.configuration(trial.parameters).model
            backbone = library.backbone(model)
            return not tail_key(backbone, cut_for(backbone, model), model)

        return Training(
            trainer=ours,
            candidates=None,
            lines=size_lines(ours.describe(definition.baseline)),
            prepare=lambda: library.prepare(definition.structural_configurations()),
            wholly_frozen=wholly_frozen,
            library=library,
            single=single,
        )
    candidates = _load_candidates(definition, base, len(data.index.class_names))
    theirs = _make_hyper_trainer(candidates, data.pixels, data.index, data.split, progress)
    return Training(
        trainer=theirs,
        candidates=candidates,
        lines=_lines(theirs, definition),
        prepare=lambda: None,
        wholly_frozen=lambda _: False,
    )


def describe_hypermodel(
    definition: StudyDefinition, index: DataIndex, split: SplitIndices, base: Path
) -> tuple[tuple[str, ...], Mapping[str, FieldRange]]:
    """What can be said of the baseline without an image, and the hyperparameters that were declared as it was built.

    With other values there may be others, and those that `fit` declares are not among them.
    """
    candidates = _load_candidates(definition, base, len(index.class_names))
    size = definition.data.image_size
    trainer = _make_hyper_trainer(candidates, np.empty((0, size, size, 3), np.uint8), index, split, Silent())
    declared: dict[str, FieldRange] = {}

    def supply(name: str, values: FieldRange, default: Scalar) -> Scalar:
        declared[name] = values
        return default

    with candidates.drawing(supply, lambda: None):
        return tuple(_lines(trainer, definition)), declared


def _load_candidates(definition: StudyDefinition, base: Path, num_classes: int) -> Candidates:
    from sweep.search.hyper_loading import load_object, make_hypermodel  # noqa: PLC0415 - as above
    from sweep.search.keras_tuner import Candidates  # noqa: PLC0415

    name, size = definition.model.hypermodel, definition.data.image_size
    hypermodel = make_hypermodel(load_object(name, base), name, input_shape=(size, size, 3), num_classes=num_classes)
    return Candidates(hypermodel, name)


def _make_hyper_trainer(
    candidates: Candidates, pixels: NDArray[np.uint8], index: DataIndex, split: SplitIndices, progress: Progress
) -> HyperTrainer | FoldTrainer:
    from sweep.training.hyper import HyperTrainer  # noqa: PLC0415

    labels = index.labels
    trainer = HyperTrainer(
        candidates=candidates,
        pixels=pixels,
        labels=labels,
        split=trainings(split)[0],
        num_classes=len(index.class_names),
        progress=progress,
    )
    return FoldTrainer(trainer, labels=labels, split=split) if split.folds else trainer


def _lines(trainer: DescribesModels, definition: StudyDefinition) -> Iterator[str]:
    """Of the baseline, built with the defaults of its hyperparameters.

    Raises:
        DefinitionError: a hyperparameter is of a kind that cannot be searched here.
    """
    try:
        described = trainer.describe(definition.baseline)
        note = check_memory(described, physical_memory())
    except TrialError as error:
        yield f"nothing can be said of the baseline: {error}"  # it fails as a trial does, with its reason
        return
    frozen = f'frozen up to "{described.cut}"' if described.cut != INPUT else "nothing of it is computed ahead"
    yield (
        f"baseline: {described.trainable_parameters:,} trainable of {described.total_parameters:,} parameters; "
        f"weights file {described.file_bytes / _MEGABYTE:,.1f} MB; {frozen}"
    )
    if note:
        yield note
