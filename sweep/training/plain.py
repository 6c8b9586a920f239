"""Ordinary Keras `fit` over the whole network: the judge of the fast path, and what trains where nothing can be cut."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone
from sweep.backbones.cut import INPUT, Cut, cut_for, prefix_model, tail_model
from sweep.records import IndexArray, Measurement, SplitIndices
from sweep.studyfile.definition import Configuration, ModelSettings, TrainingSettings
from sweep.training.course import LoggedEpoch, Reporter, follow
from sweep.training.fused import draw_mask, translated
from sweep.training.knobs import DrawMask, Knobs
from sweep.training.measurement import Cost, measure
from sweep.training.model import Beginning, build_trainable, dropout_rates, dropouts, whole_parameters
from sweep.training.modes import Subject, SwitchedModel
from sweep.training.optimizer import make_optimizer
from sweep.training.seeds import TrialSeeds
from sweep.training.structure import compiles_whole
from sweep.training.switching import switches_of
from sweep.training.task import Batches, Task

__all__ = ["PlainRun", "PlainTrainer"]

Pixels: TypeAlias = NDArray[np.uint8]
Tensor: TypeAlias = keras.KerasTensor

_PREDICTED_AT_ONCE = 64
_CROSS_ENTROPY = "cross_entropy"


class PlainTrainer:
    """Trains like `Trainer`, but takes every image through the whole network in every epoch.

    Args:
        backbone: of every configuration that is trained.
        pixels: uint8, shape (n_images, image_size, image_size, 3), in the order of the index.
        labels: int64, shape (n_images,).
        split: the sides; the test side is never read.
        num_classes: width of the output.
        views: the images that are not sealed, augmented, uint8, shape (n_views, n_developed, image_size, image_size,
            3), or None.
    """

    def __init__(
        self,
        *,
        backbone: Backbone,
        pixels: Pixels,
        labels: IndexArray,
        split: SplitIndices,
        num_classes: int,
        views: Pixels | None = None,
    ) -> None:
        self._backbone = backbone
        self._pixels = pixels
        self._task = Task.of(labels, split, num_classes)
        self._views = views

    @translated()
    def train(
        self,
        configuration: Configuration,
        *,
        seed: Sequence[int],
        reporter: Reporter,
        thorough: bool = False,
        split: SplitIndices | None = None,
    ) -> Measurement:
        """Train one configuration; arguments and errors are those of `Trainer.train`."""
        start = time.perf_counter()
        seeds, task = TrialSeeds.of(seed), self._task.on(split)
        run = PlainRun(self._backbone, configuration, task, seeds, self._pixels, self._views)
        compile_seconds = time.perf_counter() - start
        views = 0 if self._views is None else len(self._views)
        course = follow(run, task, configuration.training, views=views, seeds=seeds, reporter=reporter)
        cost = Cost(parameters=run.parameters, cut=run.cut.key, start=start, compile_seconds=compile_seconds)
        return measure(
            run, task, course, batch_size=configuration.training.batch_size, seeds=seeds, cost=cost, thorough=thorough
        )


class PlainRun:
    """One trial on the whole network, set to its start.

    The cut lies where it lies on the fast path, but nothing is cached there and the pooling is always the head's.

    Attributes:
        cut: where the frozen prefix ends.
        model: from preprocessed pixels to logits.
        parameters: of the whole model.
    """

    name = "plain"

    def __init__(
        self,
        backbone: Backbone,
        configuration: Configuration,
        task: Task,
        seeds: TrialSeeds,
        pixels: Pixels,
        views: Pixels | None,
    ) -> None:
        settings, training = configuration.model, configuration.training
        self.cut = cut_for(backbone, settings)
        tail = tail_model(backbone, self.cut, settings)
        places = dropouts(settings)
        self._whole = compiles_whole(has_tail=tail is not None, conv_filters=settings.conv_filters, dropouts=places)
        self._knobs = Knobs(len(places), _mask_of_batches(training.batch_size) if self._whole else draw_mask)
        self.model, trainable = _uncut(backbone, self.cut, settings, tail, task.num_classes, self._knobs)
        self.parameters = whole_parameters(backbone, settings, trainable, tail)
        Beginning(trainable, tail).restore(seeds)
        self._knobs.turn(rates=dropout_rates(settings), l2=settings.l2, seed=seeds.masks)
        self.model.compile(
            optimizer=make_optimizer(training.optimizer, training.learning_rate),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy", keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name=_CROSS_ENTROPY)],
            jit_compile=False,
        )
        self._class_weight = _class_weight(task, training)
        self._preprocess = backbone.preprocess
        self._pixels = pixels
        self._views = 0 if views is None else len(views)
        self._training_pixels = pixels if views is None else views.reshape(-1, *views.shape[2:])

    def run_epoch(self, batches: Batches) -> LoggedEpoch:
        """Train one epoch."""
        images = _Batches(self._training_pixels, self._preprocess, batches)
        watch = _Watch(self.model, self._knobs, batches)
        history = self.model.fit(
            images, epochs=1, shuffle=False, verbose=0, callbacks=[watch], class_weight=self._class_weight
        ).history
        loss = float(history["loss"][0])
        unweighted = float(history[_CROSS_ENTROPY][0]) + watch.penalty
        return LoggedEpoch(
            accuracy=float(history["accuracy"][0]),
            loss=loss,
            penalty=watch.penalty,
            weighting=loss - unweighted if self._class_weight else 0.0,
        )

    def logits(self, images: IndexArray) -> NDArray[np.float32]:
        """Clean logits of images of the index, float32, shape (n_images, num_classes)."""
        return self._predict(self._pixels, images)

    def view_logits(self, rows: IndexArray) -> NDArray[np.float32]:
        """The same of rows of the table of views, shape (n_views · n_developed, …)."""
        return self._predict(self._training_pixels, rows)

    @property
    def subject(self) -> Subject:
        """What is evaluated in modes."""
        return Subject(
            model=SwitchedModel(self.model, self._knobs.step),
            switches=switches_of(self.model, augmented=bool(self._views)),
            clean=lambda images: keras.ops.convert_to_tensor(self._preprocess(self._pixels[images])),
            augmented=(lambda rows: keras.ops.convert_to_tensor(self._preprocess(self._training_pixels[rows])))
            if self._views
            else None,
            views=self._views,
            at_once=_PREDICTED_AT_ONCE,
            cheap=self._whole,
        )

    def _predict(self, pixels: Pixels, rows: IndexArray) -> NDArray[np.float32]:
        parts = [rows[start : start + _PREDICTED_AT_ONCE] for start in range(0, len(rows), _PREDICTED_AT_ONCE)]
        return np.concatenate([self.model.predict_on_batch(self._preprocess(pixels[part])) for part in parts])

    def penalty(self) -> float:
        """The L2 penalty at the present weights."""
        return float(sum(self.model.losses))

    def weights(self) -> list[NDArray[Any]]:
        """A copy of the model's weights."""
        return list(self.model.get_weights())

    def restore(self, weights: Sequence[NDArray[Any]]) -> None:
        """Put weights back."""
        self.model.set_weights(weights)


def _uncut(
    backbone: Backbone, cut: Cut, settings: ModelSettings, tail: keras.Model | None, num_classes: int, knobs: Knobs
) -> tuple[keras.Model, keras.Model]:
    """The model from preprocessed pixels to logits, and the part of it that trains."""
    inputs = keras.Input((backbone.image_size, backbone.image_size, 3))
    features = inputs if cut.layer == INPUT else _FrozenPrefix(prefix_model(backbone, [Cut(cut.layer)]))(inputs)
    trainable = build_trainable(
        settings, tail=tail, input_shape=features.shape[1:], num_classes=num_classes, parts=knobs
    )
    return keras.Model(inputs, trainable(features), name="uncut"), trainable


def _mask_of_batches(batch_size: int) -> DrawMask:
    """Masks as the fast path draws them where it fills up the last batch: for all of its rows."""

    def draw(shape: tuple[Any, ...], rate: Tensor, seed: Tensor) -> Tensor:
        # Evaluation in modes has other batches than training.
        rows = keras.ops.maximum(batch_size, shape[0])
        return draw_mask((rows, *shape[1:]), rate, seed)[: shape[0]]

    return draw


class _FrozenPrefix(keras.layers.Layer):  # type: ignore[misc]
    """A model that stays in inference mode in whatever mode this layer is called, and that no optimizer sees.

    `prefix(inputs, training=False)` directly in a functional model is no way: `fit` calls it with `training=True`.
    """

    def __init__(self, prefix: keras.Model) -> None:
        super().__init__()
        # In a function, because Keras would find the weights of an attribute and train them.
        self._infer: Callable[[Tensor], Any] = lambda inputs: prefix(inputs, training=False)
        self._infer_shape: Callable[[Tensor], Any] = prefix.compute_output_spec

    def call(self, inputs: Tensor) -> Tensor:
        """The cut."""
        # Keras gives a single output bare when it computes and in a list when it builds.
        return keras.tree.flatten(self._infer(inputs))[0]

    def compute_output_spec(self, inputs: Tensor) -> Tensor:
        """Shape and type of the cut."""
        return keras.tree.flatten(self._infer_shape(inputs))[0]


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """An epoch's batches, preprocessed when `fit` asks for them."""

    def __init__(self, pixels: Pixels, preprocess: Callable[[Pixels], NDArray[np.float32]], batches: Batches) -> None:
        super().__init__()
        self._pixels = pixels
        self._preprocess = preprocess
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches.counts)

    def __getitem__(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        count = self._batches.counts[step]
        rows = self._batches.rows[step, :count]
        return self._preprocess(self._pixels[rows]), self._batches.labels[step, :count]


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Counts the steps as the fast path does, so that both draw the same masks, and sums up what the penalty was.

    Attributes:
        penalty: mean over the examples of the penalty at each step, nats.
    """

    def __init__(self, model: keras.Model, knobs: Knobs, batches: Batches) -> None:
        super().__init__()
        self.penalty = 0.0
        self._model = model
        self._knobs = knobs
        self._shares = batches.counts / batches.examples

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Before each step."""
        self._knobs.step.assign_add(1)
        self.penalty += float(sum(self._model.losses)) * float(self._shares[batch])


def _class_weight(task: Task, training: TrainingSettings) -> dict[int, float] | None:
    """As `fit` takes it."""
    weights = task.class_weights(training)
    return None if weights is None else dict(enumerate(weights.tolist()))
