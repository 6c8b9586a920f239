"""Somebody's own model while it is trained: whole, or what follows its frozen part."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from sweep.backbones.cut import ParameterCounts
from sweep.backbones.graph import INPUT
from sweep.records import IndexArray
from sweep.training.evaluation import Evaluation, evaluate
from sweep.training.hyper_cut import CutModel, Uncut, cut_model
from sweep.training.hyper_frozen import FrozenOutputs
from sweep.training.hyper_reading import Reading
from sweep.training.model import penalty
from sweep.training.modes import Subject, SwitchedModel
from sweep.training.switching import switches_of, why_unswitchable

__all__ = ["HyperRun", "parameters_of"]

Float32: TypeAlias = NDArray[np.float32]

_PREDICTED_AT_ONCE = 64
_READ_AT_ONCE = 512


class HyperRun:
    """A model of somebody's own, and the images.

    Args:
        model: compiled and built.
        reading: how its outputs are read.
        pixels: uint8, shape (n_images, height, width, 3), in the order of the index.
        labels: int64, shape (n_images,).
        frozen: outputs of frozen parts.

    Attributes:
        model: as above.
        trained: what `fit` trains: the model, or the rest of it.
        cut: where the frozen part ends: the name of a layer, or "input".
        why_cut: why it does not end further on, as a clause.
    """

    name = "plain"

    def __init__(
        self,
        model: keras.Model,
        reading: Reading,
        *,
        pixels: NDArray[np.uint8],
        labels: IndexArray,
        frozen: FrozenOutputs,
    ) -> None:
        self.model = model
        self.trained = model
        self.cut = INPUT
        self.why_cut = ""
        self._reading = reading
        self._pixels = pixels
        self._labels = labels
        self._frozen = frozen
        self._outputs: Float32 | None = None

    def use_whole(self, reason: str) -> None:
        """Train the model as it is."""
        self.trained, self._outputs, self.cut, self.why_cut = self.model, None, INPUT, reason

    def use_rest(self) -> bool:
        """Compute what is frozen and train the rest, if that can be done; whether it can."""
        found = cut_model(self.model)
        reason = found.reason if isinstance(found, Uncut) else self._frozen.why_too_large(found)
        if isinstance(found, Uncut) or reason:
            self.use_whole(reason)
            return False
        self._adopt(found)
        return True

    def _adopt(self, found: CutModel) -> None:
        self._outputs = self._frozen.of(found)
        self.trained, self.cut, self.why_cut = found.rest, found.layer, found.reason

    def inputs(self, images: IndexArray) -> Float32:
        """What `trained` is given for images of the index, float32, shape (n_images, …)."""
        if self._outputs is not None:
            return self._outputs[self._frozen.rows(images)]
        return self._pixels[images].astype(np.float32)

    def logits(self, images: IndexArray) -> Float32:
        """Clean logits of images that are not sealed, float32, shape (n_images, num_classes)."""
        return self._logits(self.trained, images, whole=False)

    def whole_logits(self, images: IndexArray) -> Float32:
        """The same of any images, from their pixels."""
        return self._logits(self.model, images, whole=True)

    def evaluate(self, images: IndexArray) -> Evaluation:
        """Clean numbers of images that are not sealed."""
        return evaluate(self.logits(images), self._labels[images])

    def _logits(self, model: keras.Model, images: IndexArray, *, whole: bool) -> Float32:
        said = []
        for start in range(0, len(images), _READ_AT_ONCE):
            part = images[start : start + _READ_AT_ONCE]
            inputs = self._pixels[part].astype(np.float32) if whole else self.inputs(part)
            said.append(model.predict(inputs, batch_size=_PREDICTED_AT_ONCE, verbose=0))
        return self._reading.read(np.concatenate(said))

    @property
    def subject(self) -> Subject:
        """What is evaluated in modes; its model gives logits where it can be switched at all."""
        model = self.trained
        if not why_unswitchable(model):
            model = keras.Model(model.inputs[0], self._reading.logits(model.outputs[0]), name="read")
        return Subject(
            model=SwitchedModel(model),
            switches=switches_of(model, augmented=False),
            clean=lambda images: keras.ops.convert_to_tensor(self.inputs(images)),
            augmented=None,
            views=0,
            at_once=_PREDICTED_AT_ONCE,
            cheap=self._outputs is not None and self._outputs.ndim == 2,
        )

    def penalty(self) -> float:
        """The penalty on the kernels at the present weights."""
        return float(penalty(self.model))

    def weights(self) -> list[NDArray[Any]]:
        """A copy of the weights of the whole model."""
        return list(self.model.get_weights())

    def restore(self, weights: Sequence[NDArray[Any]]) -> None:
        """Put weights back."""
        self.model.set_weights(weights)


def parameters_of(model: keras.Model) -> ParameterCounts:
    """Parameters of a built model, as its layers' `trainable` stands now."""
    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return ParameterCounts(trainable=trainable, total=model.count_params())
