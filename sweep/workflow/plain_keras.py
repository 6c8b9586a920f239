"""A configuration as Python that trains it with Keras alone: what somebody would write who had never heard of us."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sweep.studyfile.definition import Configuration, ModelSettings, TrainingSettings
from sweep.studyfile.settings import Table
from sweep.training.losses import takes_one_hot
from sweep.workflow.plain_network import backbone_lines, head_lines, literal, output_layer, pixel_lines
from sweep.workflow.study_text import toml_value

__all__ = ["PlainSource", "plain_code", "unsayable"]

_ONLY_OURS: Mapping[str, Mapping[str, tuple[str | bool, ...]]] = {
    "model": {
        "batch_norm": ("legacy",),
        "dropout_position": ("backbone",),
        "output": ("sigmoid",),
        "channels": ("grey",),
    },
    "training": {"recalibrate": (True,), "mixed_precision": (True,)},
}
"""Values that a few lines of Keras cannot say, by table and field."""
_ONLY_AT_NOTHING = ("mixup", "head_epochs", "steps_per_epoch")
_ONLY_OUR_VIEWS = ("brightness", "erase")

_AUGMENTATION = {
    "flip": 'layers.RandomFlip("horizontal")',
    "shift": 'layers.RandomTranslation(0.1, 0.1, fill_mode="reflect")',
    "rotate": 'layers.RandomRotation({turn:.6g}, fill_mode="reflect")',
    "zoom": 'layers.RandomZoom((-0.15, 0.15), fill_mode="reflect")',
    "contrast": "layers.RandomContrast(0.2)",
}
_OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop"}
_FALLING = {
    "constant": "1",
    "cosine": "(1 + math.cos(math.pi * progress)) / 2",
    "linear": "(1 - progress)",
    "exponential": "0.01**progress",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainSource:
    """What the code is about besides its configuration.

    Attributes:
        title: a line for people, plain text.
        folder: where the files of the table start from.
        table: the name of the file with the columns file, label (a number) and side, which lies beside the code.
        trained: the name of the file that the code writes beside itself.
        class_names: in label order.
        image_size: pixels.
        seed: of weights, order and dropout.
        builder: the name of the backbone in `keras.applications`; "" where it is loaded from a file beside the code.
        backbone: that file's name.
        drops: whether the backbone has dropouts of its own.
        preprocessing: a key of `backbones.preprocessing.PREPROCESSING`.
    """

    title: str
    folder: str
    table: str
    trained: str
    class_names: Sequence[str]
    image_size: int
    seed: int
    builder: str
    backbone: str
    drops: bool
    preprocessing: str


def unsayable(configuration: Configuration) -> tuple[str, ...]:
    """The fields of a configuration, as a study file has them, that plain code would need more than a few lines for."""
    model, training = configuration.model, configuration.training
    tables: tuple[tuple[str, Table], ...] = (("model", model), ("training", training))
    named = [
        (field, getattr(settings, field))
        for table, settings in tables
        for field, values in _ONLY_OURS[table].items()
        if getattr(settings, field) in values
    ]
    named += [(field, getattr(training, field)) for field in _ONLY_AT_NOTHING if getattr(training, field)]
    if training.augment_views and set(_ONLY_OUR_VIEWS).intersection(training.augment):
        named.append(("augment", training.augment))
    return tuple(f"{field} = {toml_value(value)}" for field, value in named)


def plain_code(configuration: Configuration, source: PlainSource) -> str:
    """A Python file that trains a configuration of which `unsayable` has nothing to say.

    It draws its own random numbers, so that its numbers are those of another seed.
    """
    model, training = configuration.model, configuration.training
    scheduled = bool(training.schedule != "constant" or training.warmup_epochs or training.decay)
    blocks = (
        _start(source, training, scheduled=scheduled),
        _reading(source),
        _sides(training, len(source.class_names)),
        backbone_lines(model, builder=source.builder, file=source.backbone, drops=source.drops),
        _network(model, training, source),
        _rates(training) if scheduled else (),
        _compiled(training),
        _fit(training, len(source.class_names), scheduled=scheduled),
        _end(source),
    )
    return "\n\n".join("\n".join(block) for block in map(tuple, blocks) if block) + "\n"


# ---- the images ------------------------------------------------------------------------------------------------------


def _start(source: PlainSource, training: TrainingSettings, *, scheduled: bool) -> Iterator[str]:
    yield f"# {source.title}: trained again with plain Keras."
    yield f"# Reads the files that {source.table} lists and writes {source.trained}."
    yield ""
    yield "import csv"
    if scheduled:
        yield "import math"
    yield "from pathlib import Path"
    yield ""
    yield "import keras"
    yield "import numpy as np"
    yield "from keras import layers"
    yield "from PIL import Image, ImageOps"
    yield ""
    yield "HERE = Path(__file__).parent"
    yield f"PHOTOS = Path({literal(source.folder)})"
    yield "CLASSES = ["
    yield from (f"    {literal(name)}," for name in source.class_names)
    yield "]"
    yield f"SIZE = {source.image_size}"
    yield f"BATCH_SIZE = {training.batch_size}"
    yield f"EPOCHS = {training.epochs}"
    yield ""
    yield f"keras.utils.set_random_seed({source.seed})"


def _reading(source: PlainSource) -> Iterator[str]:
    yield ""
    yield "def read(side):"
    yield '    """Photos, uint8, and the numbers of their classes; stretched to a square, and upright."""'
    yield f'    with (HERE / {literal(source.table)}).open(encoding="utf-8", newline="") as table:'
    yield '        rows = [row for row in csv.DictReader(table) if row["side"] == side]'
    yield "    photos = np.empty((len(rows), SIZE, SIZE, 3), np.uint8)"
    yield "    for photo, row in zip(photos, rows):"
    yield '        with Image.open(PHOTOS / row["file"]) as picture:'
    yield '            upright = ImageOps.exif_transpose(picture).convert("RGB")'
    yield "            photo[:] = np.asarray(upright.resize((SIZE, SIZE), Image.Resampling.BILINEAR))"
    yield '    return photos, np.array([int(row["label"]) for row in rows])'
    yield ""


def _sides(training: TrainingSettings, num_classes: int) -> Iterator[str]:
    yield 'train_photos, train_labels = read("train")'
    yield 'validation_photos, validation_labels = read("validation")'
    if training.class_weight == "balanced":
        yield f"counts = np.bincount(train_labels, minlength={num_classes})"
        yield f"class_weight = dict(enumerate(len(train_labels) / ({num_classes} * np.maximum(counts, 1))))"
    if takes_one_hot(training):
        yield f"train_labels = keras.utils.to_categorical(train_labels, {num_classes})"
        yield f"validation_labels = keras.utils.to_categorical(validation_labels, {num_classes})"


# ---- the model and its training --------------------------------------------------------------------------------------


def _network(model: ModelSettings, training: TrainingSettings, source: PlainSource) -> Iterator[str]:
    yield 'photos = keras.Input((SIZE, SIZE, 3), dtype="uint8")'
    yield 'tensor = keras.ops.cast(photos, "float32")'
    if training.augment_views:
        turn = training.augment_rotation / 360
        yield f"# The study drew {training.augment_views} views of each photo once; here each epoch draws its own."
        yield from (f"tensor = {_AUGMENTATION[name].format(turn=turn)}(tensor)" for name in training.augment)
    yield from pixel_lines(model, source.preprocessing)
    yield "tensor = backbone(tensor)"
    yield from (f"tensor = {layer}(tensor)" for layer in head_lines(model))
    yield f"model = keras.Model(photos, {output_layer(model, len(source.class_names))}(tensor))"


def _rates(training: TrainingSettings) -> Iterator[str]:
    warm = training.warmup_epochs
    yield ""
    yield "class LearningRate(keras.callbacks.Callback):"
    yield '    """Sets the learning rate of every step."""'
    yield ""
    yield "    def on_train_begin(self, logs=None):"
    yield "        self.step = 0"
    yield ""
    yield "    def on_train_batch_begin(self, batch, logs=None):"
    yield "        of_epoch = math.ceil(len(train_photos) / BATCH_SIZE)"
    yield f"        warm, steps = {warm} * of_epoch, EPOCHS * of_epoch"
    yield "        progress = (self.step - warm) / max(1, steps - warm)"
    yield f"        share = (self.step + 1) / warm if self.step < warm else {_FALLING[training.schedule]}"
    slower = f" / (1 + {training.decay!r} * self.step)" if training.decay else ""
    yield f"        self.model.optimizer.learning_rate = {training.learning_rate!r} * share{slower}"
    yield "        self.step += 1"
    yield ""


def _compiled(training: TrainingSettings) -> Iterator[str]:
    options = [repr(training.learning_rate)]
    if training.optimizer in ("sgd", "rmsprop") and training.momentum:
        options.append(f"momentum={training.momentum!r}")
    if training.optimizer == "adamw":
        options.append(f"weight_decay={training.weight_decay!r}")
    loss = f'"{_cross_entropy(training)}"'
    if training.label_smoothing:
        loss = f"keras.losses.CategoricalCrossentropy(label_smoothing={training.label_smoothing!r})"
    yield "model.compile("
    yield f"    optimizer=keras.optimizers.{_OPTIMIZERS[training.optimizer]}({', '.join(options)}),"
    yield f"    loss={loss},"
    yield f'    metrics=["accuracy", "{_cross_entropy(training)}"],'
    yield ")"


def _fit(training: TrainingSettings, num_classes: int, *, scheduled: bool) -> Iterator[str]:
    best = training.keep == "best"
    callbacks = ["LearningRate()"] if scheduled else []
    if best or training.patience:
        patience = str(training.patience or "EPOCHS")
        yield "# The plain cross-entropy: the loss has penalties in it, which say nothing about new photos."
        yield "best = keras.callbacks.EarlyStopping("
        yield f'    "val_{_cross_entropy(training)}", mode="min", patience={patience}, restore_best_weights={best}'
        yield ")"
        callbacks.append("best")
    yield "model.fit("
    yield "    train_photos,"
    yield "    train_labels,"
    yield "    validation_data=(validation_photos, validation_labels),"
    yield "    batch_size=BATCH_SIZE,"
    yield "    epochs=EPOCHS,"
    if not training.shuffle:
        yield "    shuffle=False,"
    if training.class_weight == "balanced":
        yield "    class_weight=class_weight,"
    yield f"    callbacks=[{', '.join(callbacks)}],"
    yield "    verbose=2,"
    yield ")"


def _end(source: PlainSource) -> Iterator[str]:
    yield 'sides = {"train": (train_photos, train_labels), "validation": (validation_photos, validation_labels)}'
    yield "for side, (given, labels) in sides.items():"
    yield "    clean = model.evaluate(given, labels, batch_size=BATCH_SIZE, verbose=0, return_dict=True)"
    yield "    print(f\"{side}: accuracy {clean['accuracy']:.4f}\")"
    yield f"model.save(HERE / {literal(source.trained)})"


def _cross_entropy(training: TrainingSettings) -> str:
    return "categorical_crossentropy" if takes_one_hot(training) else "sparse_categorical_crossentropy"
