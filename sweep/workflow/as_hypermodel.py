"""The way out to KerasTuner: a study as a hypermodel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sweep.data.folder import index_source
from sweep.progress import Silent
from sweep.search.our_hypermodel import StudyHyperModel
from sweep.studyfile.definition import StudyDefinition
from sweep.workflow.resolve import Overrides, ResolvedStudy, resolve_study

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["as_hypermodel"]


def as_hypermodel(
    study: str | Path | StudyDefinition,
    *,
    num_classes: int | None = None,
    sets: Sequence[str] = (),
    spaces: Sequence[str] = (),
) -> StudyHyperModel:
    """A study's model and space as a `keras_tuner.HyperModel`.

    Example:
        >>> import keras_tuner
        >>> model = sweep.hypermodel("toys")  # doctest: +SKIP
        >>> tuner = keras_tuner.RandomSearch(model, objective="val_accuracy", max_trials=5)  # doctest: +SKIP
        >>> tuner.search(x, y, validation_data=(x_validation, y_validation), epochs=8)  # doctest: +SKIP

    Args:
        study: a bundled study's name, a .toml file, a folder of images, or a definition, whose paths start here.
        num_classes: width of the output; None: as many classes as the study's images have.
        sets: overrides such as `"model.l2=0.01"`, of a study that is named.
        spaces: swept fields such as `"dropout=0.0:0.9"`, likewise.

    Raises:
        SweepError: there is no such study, or it has a field that only a trial of its own can do.
    """
    if isinstance(study, StudyDefinition):
        resolved = ResolvedStudy(definition=study, base=Path.cwd(), default_baseline=False)
    else:
        resolved = resolve_study(str(study), Overrides(sets=sets, spaces=spaces), Silent())
    definition, base = resolved.definition, resolved.base
    if num_classes is None:
        num_classes = len(index_source(definition.data, progress=Silent(), base=base).class_names)
    return StudyHyperModel(definition, base, num_classes)
