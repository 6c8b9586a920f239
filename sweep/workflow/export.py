"""`sweep export`: a trial's configuration trained again, as a model to take away.

What is written is loaded again and asked about the validation side, from raw pixels on, before it takes its place.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from sweep.data.folds import trainings
from sweep.errors import BackboneError
from sweep.progress import Advance, Progress
from sweep.records import EpochRecord, SplitIndices
from sweep.studyfile.definition import Configuration
from sweep.training.deployable import classifier_of, deployable_hypermodel, deployable_model, save_keras
from sweep.training.evaluation import Evaluation
from sweep.training.hyper import HyperTrainer
from sweep.training.keras_file import read_keras_file
from sweep.workflow.again import made_ready, same_images
from sweep.workflow.export_check import check_agreement, check_file
from sweep.workflow.export_files import labels_text, staged
from sweep.workflow.export_request import ExportKind, ExportRequest
from sweep.workflow.hypermodel import Training
from sweep.workflow.model_card import render_card
from sweep.workflow.prepare import PreparedData

__all__ = ["export_model"]

Model: TypeAlias = Any
"""A Keras model, whose library lives elsewhere."""
Asked: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

_ASKED_AT_ONCE = 32


def export_model(request: ExportRequest, *, progress: Progress) -> tuple[str, ...]:
    """Train the configuration as its trial was trained, and write it with its labels and its card.

    Args:
        request: for a model.
        progress: stages "training" and "checking".

    Returns:
        Sentences on what was written, and on whether it is what the trial was.

    Raises:
        StoreError: the images are not those that the study was run on.
        TrialError: training fails, or what comes out does not agree with the trial; nothing is written then.
        BackboneError: a hypermodel has layers that plain Keras cannot load.
        UsageError: the output cannot be written.
    """
    model, trained, data = _trained(request, progress)
    validation = data.split.validation
    with staged(request.target) as folder:
        asked = _write(model, folder / request.target.name, request)
        with progress.stage("checking", len(validation), "images") as advance:
            said = _said(asked, data.pixels, validation, advance)
        check_file(said, trained, half_precision=request.configuration.training.mixed_precision)
        agreement = check_agreement(
            said, data.index.labels[validation], request.row, request.stored, seen=request.all_data
        )
        _, labels, card = request.files
        (folder / labels.name).write_text(labels_text(data.index.class_names), encoding="utf-8")
        (folder / card.name).write_text(render_card(request, agreement), encoding="utf-8")
    written = " and ".join(path.name for path in request.files[1:])
    return (f"{request.target} is trial {request.row.number}; beside it lie {written}", agreement.sentence)


# ---- training --------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Until:
    """Ends a training where the trial ended, or kept its weights, whoever ended it there."""

    epochs: int
    advance: Advance

    def epoch(self, record: EpochRecord) -> bool:
        """Go on until then."""
        self.advance()
        return record.epoch < self.epochs


def _trained(request: ExportRequest, progress: Progress) -> tuple[Model, Evaluation, PreparedData]:
    """The model, what it says of the validation side while it is still in pieces, and the images."""
    definition = request.definition
    data = same_images(request.record, definition, progress=progress)
    everything = SplitIndices(train=data.split.developed, validation=data.split.validation, test=data.split.test)
    # Of folds, none of which is trained alone, it is enough that there are some.
    training = made_ready(request.record, definition, replace(data, split=trainings(data.split)[0]), progress=progress)
    measured = request.row.measurement
    epochs = measured.selected_epoch if request.all_data else measured.epochs_run
    with progress.stage("training", epochs, "epochs") as advance:
        model, trained = _fitted(request, training, _Until(epochs, advance), everything if request.all_data else None)
    return model, trained, data


def _fitted(
    request: ExportRequest, training: Training, reporter: _Until, split: SplitIndices | None
) -> tuple[Model, Evaluation]:
    configuration, seed = request.configuration, (request.definition.search.seed, request.row.number)
    if request.all_data:
        configuration = _kept_last(configuration)
    if training.single is None or training.library is None:
        assert isinstance(training.trainer, HyperTrainer), "what has folds is trained on one split here"
        theirs = training.trainer.fit(configuration, seed=seed, reporter=reporter, split=split)
        size = request.definition.data.image_size
        return deployable_hypermodel(theirs.model, theirs.reading, size), theirs.validation
    ours = training.single.fit(configuration, seed=seed, reporter=reporter, split=split)
    backbone = training.library.backbone(configuration.model)
    classes = len(request.record.data.class_names)
    model = deployable_model(configuration.model, backbone, ours.weights, num_classes=classes)
    return model, ours.validation


def _kept_last(configuration: Configuration) -> Configuration:
    """Without a look at validation, which has nothing to say where it is trained on."""
    training = configuration.training.model_copy(update={"keep": "last", "patience": 0})
    return configuration.model_copy(update={"training": training})


# ---- files -----------------------------------------------------------------------------------------------------------


def _write(model: Model, path: Path, request: ExportRequest) -> Asked:
    """Write a file, and load it again."""
    if request.kind is ExportKind.KERAS:
        return _write_keras(model, path, request)
    try:
        if request.kind is ExportKind.SAVED_MODEL:
            return _write_saved_model(model, path)
        return _write_tflite(model, path)
    except tf.errors.OpError as error:
        # Behind the names of functions and files, where there are any, stands what the system says.
        raise OSError(error.message.rpartition("; ")[2].partition(" [Op:")[0]) from error


def _write_keras(model: Model, path: Path, request: ExportRequest) -> Asked:
    save_keras(model, path)
    try:
        return classifier_of(replace(read_keras_file(str(path)), name=str(request.target))).probabilities
    except BackboneError as error:
        raise BackboneError(
            request.definition.model.hypermodel or str(request.target),
            received=error.received,
            expected="layers of Keras alone, so that plain Keras can load it",
            remedy="put layers of Keras in their place, or add --format savedmodel, which needs no code to be loaded",
        ) from error


def _write_saved_model(model: Model, path: Path) -> Asked:
    model.export(path, verbose=False)
    loaded = tf.saved_model.load(path)
    return lambda pixels: np.asarray(loaded.serve(pixels))


def _write_tflite(model: Model, path: Path) -> Asked:
    between = path.with_suffix(".between")
    model.export(between, verbose=False)
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(between)).convert())
    tf.io.gfile.rmtree(str(between))
    with warnings.catch_warnings():
        # It names a package as its heir that TensorFlow does not bring along. Remove when it does.
        warnings.simplefilter("ignore", UserWarning)
        interpreter = tf.lite.Interpreter(
            model_content=path.read_bytes(),
            experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )

    def asked(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        (given,), (gives,) = interpreter.get_input_details(), interpreter.get_output_details()
        interpreter.resize_tensor_input(given["index"], pixels.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(given["index"], pixels)
        interpreter.invoke()
        said: NDArray[np.float32] = interpreter.get_tensor(gives["index"])
        return said

    return asked


def _said(asked: Asked, pixels: NDArray[np.uint8], rows: NDArray[np.int64], advance: Advance) -> NDArray[np.float32]:
    """Probabilities, shape (n_images, num_classes), of images of the index."""
    parts = []
    for start in range(0, len(rows), _ASKED_AT_ONCE):
        part = rows[start : start + _ASKED_AT_ONCE]
        # Always as many at once: TensorFlow compiles for each number of them.
        filled = np.asarray(pixels[np.resize(part, _ASKED_AT_ONCE)])
        parts.append(asked(filled)[: len(part)])
        advance(len(part))
    return np.concatenate(parts)
