"""The way out: a study of ours as a `keras_tuner.HyperModel` that KerasTuner searches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone, load_backbone
from sweep.errors import DefinitionError
from sweep.records import IndexArray, Scalar
from sweep.studyfile.definition import Configuration, ModelSettings, StudyDefinition, TrainingSettings
from sweep.studyfile.space import Choices, FieldRange, contains
from sweep.training.hyper_whole import fit_options, whole_model, written_labels

__all__ = ["StudyHyperModel"]

# What only a trial of ours does: it works on cached features, or in more than one call of `fit`.
_OURS_ALONE = (
    "hypermodel",
    "mixed_precision",
    "head_epochs",
    "steps_per_epoch",
    "validation_steps",
    "recalibrate",
    "mixup",
    "augment",
    "augment_rotation",
    "augment_validation",
    "augment_views",
)


class StudyHyperModel(keras_tuner.HyperModel):  # type: ignore[misc]
    """Draws every field of a study's `[space]`, builds the whole model and fits it as the drawn fields say.

    The model takes RGB pixels from 0 to 255 of the study's image size and gives logits; labels are the numbers of
    classes. `search(epochs=…)` says how many epochs are trained; without it the drawn or configured number is. Where
    there is validation data, `patience` and `keep` look at val_loss.

    Args:
        definition: of the study.
        base: the folder that a weights file starts from.
        num_classes: width of the output.

    Raises:
        DefinitionError: the study has a field that only a trial of its own can do; the message names it.
    """

    def __init__(self, definition: StudyDefinition, base: Path, num_classes: int) -> None:
        _check_fields(definition)
        super().__init__(name=definition.name)
        self._definition = definition
        self._base = base
        self._num_classes = num_classes
        self._backbones: dict[ModelSettings, Backbone] = {}

    def build(self, hp: keras_tuner.HyperParameters) -> Any:  # noqa: ANN401 - Keras has its own rooms
        """A compiled model."""
        configuration = self._draw(hp)
        return whole_model(configuration, self._backbone(configuration.model), self._num_classes)

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: Any,  # noqa: ANN401
        x: NDArray[Any],
        y: IndexArray,
        **options: Any,  # noqa: ANN401 - of Keras' `fit`
    ) -> object:
        """Train on pixels and the numbers of their classes."""
        settings = self._draw(hp).training
        epochs = int(options.pop("epochs", settings.epochs))
        settings = settings.model_copy(update={"epochs": epochs})
        held_out = options.pop("validation_data", None)
        if held_out is not None:
            held_out = (held_out[0], self._labels(settings, held_out[1]), *held_out[2:])
        ours = fit_options(settings, np.asarray(y), self._num_classes, validated=held_out is not None)
        callbacks = [*ours.pop("callbacks"), *options.pop("callbacks", ())]
        return model.fit(
            x,
            self._labels(settings, y),
            validation_data=held_out,
            epochs=epochs,
            callbacks=callbacks,
            **{**ours, **options},
        )

    def _labels(self, settings: TrainingSettings, labels: IndexArray) -> NDArray[Any]:
        return written_labels(settings, np.asarray(labels), self._num_classes)

    def _draw(self, hp: keras_tuner.HyperParameters) -> Configuration:
        """The configuration of a trial; KerasTuner gives every field once, however often it is asked."""
        fields = self._definition.baseline.stored()
        drawn = {name: _drawn(hp, name, values, fields[name]) for name, values in self._definition.space.items()}
        return self._definition.configuration(drawn)

    def _backbone(self, model: ModelSettings) -> Backbone:
        """What a backbone depends on, it is loaded for once."""
        kept = ("backbone", "weights", "backbone_batch_norm", "preprocessing", "channels")
        key = ModelSettings(**{name: getattr(model, name) for name in kept})
        if key not in self._backbones:
            self._backbones[key] = load_backbone(key, self._definition.data.image_size, self._base)
        return self._backbones[key]


def _drawn(hp: keras_tuner.HyperParameters, name: str, values: FieldRange, own: Scalar) -> Scalar:
    """A value in stored notation; its default is that of the baseline where that lies inside the range."""
    default = own if contains(values, own) else None
    if isinstance(values, Choices):
        return _chosen(hp, name, values.values, default)
    draw = hp.Int if values.integer else hp.Float
    sampling = "log" if values.log else "linear"
    low, high = (int(values.low), int(values.high)) if values.integer else (values.low, values.high)
    value: Scalar = draw(name, low, high, step=values.step, sampling=sampling, default=default)
    return value


def _chosen(hp: keras_tuner.HyperParameters, name: str, choices: tuple[Scalar, ...], default: Scalar | None) -> Scalar:
    """KerasTuner's choices are of one type: those of several are drawn by their text."""
    alike = len({type(choice) for choice in choices}) == 1
    by_name: Mapping[Scalar, Scalar] = {(choice if alike else str(choice)): choice for choice in choices}
    shown = default if default is None or alike else str(default)
    return by_name[hp.Choice(name, list(by_name), default=shown)]


def _check_fields(definition: StudyDefinition) -> None:
    settings = {**definition.model.model_dump(), **definition.training.model_dump()}
    defaults = {**ModelSettings().model_dump(), **type(definition.training)().model_dump()}
    # How images are augmented says nothing where there are no views of them.
    idle = () if settings["augment_views"] or "augment_views" in definition.space else ("augment", "augment_rotation")
    for field in _OURS_ALONE:
        if field in definition.space or (settings[field] != defaults[field] and field not in idle):
            table = "space" if field in definition.space else "model" if field == "hypermodel" else "training"
            raise DefinitionError(
                f"[{table}] {field}",
                received="a field that only a trial of sweep's own can do",
                expected="a study without it, for KerasTuner to search",
                remedy="take it out, or search it with sweep run",
            )
