"""One trial by ordinary Keras `fit` over the whole network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone
from sweep.backbones.cut import INPUT, Cut, cut_for, cut_shape, prefix_model, tail_model
from sweep.records import IndexArray
from sweep.studyfile.definition import Configuration
from sweep.training.course import LoggedEpoch
from sweep.training.fitting import PLAIN, TRAINED, FitBatches, Mixture, Watch, cross_entropy_metrics
from sweep.training.fused import draw_mask
from sweep.training.head import dropouts
from sweep.training.knobs import DrawMask, Knobs
from sweep.training.losses import keras_loss, takes_one_hot
from sweep.training.model import Beginning, build_trainable, dropout_rates, penalty, whole_parameters
from sweep.training.modes import Subject, SwitchedModel
from sweep.training.optimizer import make_optimizer
from sweep.training.precision import mixed_precision
from sweep.training.seeds import TrialSeeds
from sweep.training.structure import compiles_whole
from sweep.training.switching import learning_norms, resting
from sweep.training.task import Batches, Task

__all__ = ["PlainRun"]

Pixels: TypeAlias = NDArray[np.uint8]
Tensor: TypeAlias = keras.KerasTensor

_PREDICTED_AT_ONCE = 64


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
        self._settings = configuration
        self._tail = tail_model(backbone, self.cut, settings)
        places = dropouts(settings)
        self._whole = compiles_whole(settings, has_tail=self._tail is not None)
        self._knobs = Knobs(len(places), _mask_of_batches(training.batch_size) if self._whole else draw_mask)
        self._mixture = Mixture(training.batch_size) if training.mixup else None
        with mixed_precision(self._tail, mixed=training.mixed_precision):
            trainable = build_trainable(
                settings,
                tail=self._tail,
                input_shape=cut_shape(backbone, Cut(self.cut.layer)),
                num_classes=task.num_classes,
                parts=self._knobs,
            )
        self.model, self._fitted = _uncut(backbone, self.cut, trainable, self._mixture)
        self.parameters = whole_parameters(backbone, settings, trainable, self._tail)
        Beginning(trainable, self._tail, redrawn=settings.weights == "none").restore(seeds)
        self._knobs.turn(
            rates=dropout_rates(settings),
            l1=settings.l1,
            l2=settings.l2,
            activity_l2=settings.activity_l2,
            seed=seeds.masks,
        )
        self._class_weights = task.class_weights(training)
        self._num_classes = task.num_classes
        self._preprocess = backbone.preprocess
        self._pixels = pixels
        self._views = 0 if views is None else len(views)
        self._training_pixels = pixels if views is None else views.reshape(-1, *views.shape[2:])
        self.begin_phase(head_only=False)

    def begin_phase(self, *, head_only: bool) -> None:
        """From here on the head alone trains, or all that is unfrozen, by an optimizer that starts anew."""
        training = self._settings.training
        self._at_rest = self._tail if head_only else None
        self._switched = SwitchedModel(self.model, self._knobs.step, at_rest=learning_norms(self._at_rest))
        self._fitted.compile(
            optimizer=make_optimizer(
                training.optimizer,
                momentum=training.momentum,
                weight_decay=training.weight_decay,
                mixed_precision=training.mixed_precision,
            ),
            loss=keras_loss(training),
            metrics=["accuracy", *cross_entropy_metrics(training, self._class_weights)],
            jit_compile=False,
        )

    def run_epoch(self, batches: Batches) -> LoggedEpoch:
        """Train one epoch."""
        training, model = self._settings.training, self._settings.model
        classes = self._num_classes if takes_one_hot(training) else 0
        images = FitBatches(self._training_pixels, self._preprocess, batches, classes)
        watch = Watch(self._fitted, self._knobs, self._mixture, batches)
        weights = None if self._class_weights is None else dict(enumerate(self._class_weights.tolist()))
        with resting(self._at_rest):
            history = self._fitted.fit(
                images, epochs=1, shuffle=False, verbose=0, callbacks=[watch], class_weight=weights
            ).history
        loss, plain, trained = (float(history[name][0]) for name in ("loss", PLAIN, TRAINED))
        weighted = weights or training.label_smoothing or training.mixup
        return LoggedEpoch(
            accuracy=float(history["accuracy"][0]),
            loss=loss,
            penalty=loss - trained if model.l1 or model.l2 or model.activity_l2 else 0.0,
            weighting=trained - plain if weighted else 0.0,
        )

    def logits(self, images: IndexArray) -> NDArray[np.float32]:
        """Clean logits of images of the index, float32, shape (n_images, num_classes)."""
        return self._predict(self._pixels, images)

    def view_logits(self, rows: IndexArray) -> NDArray[np.float32]:
        """The same of rows of the table of views, shape (n_views · n_developed, …)."""
        return self._predict(self._training_pixels, rows)

    @property
    def subject(self) -> Subject:
        """What is evaluated in modes: as in the phase that is on."""
        return Subject(
            model=self._switched,
            switches=self._switched.switches(augmented=bool(self._views)),
            clean=lambda images: ops.convert_to_tensor(self._preprocess(self._pixels[images])),
            augmented=(lambda rows: ops.convert_to_tensor(self._preprocess(self._training_pixels[rows])))
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
        """The penalty on the kernels at the present weights."""
        return float(penalty(self.model))

    def weights(self) -> list[NDArray[Any]]:
        """A copy of the model's weights."""
        return list(self.model.get_weights())

    def restore(self, weights: Sequence[NDArray[Any]]) -> None:
        """Put weights back."""
        self.model.set_weights(weights)


def _uncut(
    backbone: Backbone, cut: Cut, trainable: keras.Model, mixture: Mixture | None
) -> tuple[keras.Model, keras.Model]:
    """From preprocessed pixels to logits: the model that is evaluated, and the one that is fitted, if it mixes."""
    inputs = keras.Input((backbone.image_size, backbone.image_size, 3))
    features = inputs if cut.layer == INPUT else _FrozenPrefix(prefix_model(backbone, [Cut(cut.layer)]))(inputs)
    model = keras.Model(inputs, trainable(features), name="uncut")
    return model, model if mixture is None else keras.Model(inputs, trainable(mixture(features)), name="mixing")


def _mask_of_batches(batch_size: int) -> DrawMask:
    """Masks as the fast path draws them where it fills up the last batch: for all of its rows."""

    def draw(shape: tuple[Any, ...], rate: Tensor, seed: Tensor) -> Tensor:
        # Evaluation in modes has other batches than training.
        rows = ops.maximum(batch_size, shape[0])
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
