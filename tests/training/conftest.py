"""A small network, images with labels and sides, and the two trainers over them."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone
from sweep.backbones.cut import cut_for, prefix_model
from sweep.backbones.surgery import dropout_sites
from sweep.features.extract import Features
from sweep.records import EpochRecord, IndexArray, SplitIndices
from sweep.studyfile.definition import Configuration, ModelSettings, TrainingSettings
from sweep.training.plain import PlainTrainer
from sweep.training.trial import Library, Reporter, Trainer

IMAGE_SIZE = 24
CLASSES = 3
TRAIN, VALIDATION, TEST = 70, 30, 8  # batches of 16 leave a last one of 6
COLOURS = np.array([[120, 90, 90], [90, 120, 90], [90, 90, 120]])

Configure = Callable[..., Configuration]


class RecordingReporter:
    """Writes down what it hears; ends the trial after epoch `last` if told so."""

    def __init__(self, heard: list[EpochRecord], last: int | None) -> None:
        self._heard = heard
        self._last = last

    def epoch(self, record: EpochRecord) -> bool:
        self._heard.append(record)
        return record.epoch != self._last


class ComputedLibrary:
    """A feature library without a cache."""

    def __init__(self, backbone: Backbone, pixels: NDArray[np.uint8], views: NDArray[np.uint8]) -> None:
        self._backbone = backbone
        self._pixels = pixels
        self._views = views

    def backbone(self, model: ModelSettings) -> Backbone:
        return self._backbone

    def features(self, configuration: Configuration) -> Features:
        cut = cut_for(self._backbone, configuration.model)
        prefix = prefix_model(self._backbone, [cut])

        def compute(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            return np.asarray(prefix(self._backbone.preprocess(pixels), training=False))

        views = self._views[: configuration.training.augment_views]
        return Features(
            cut=cut,
            clean=compute(self._pixels),
            views=np.stack([compute(view) for view in views]) if len(views) else None,
        )


@pytest.fixture(scope="session")
def labels() -> IndexArray:
    """Of every image, the test side's too."""
    return np.random.default_rng(3).integers(CLASSES, size=TRAIN + VALIDATION + TEST)


@pytest.fixture(scope="session")
def split() -> SplitIndices:
    order = np.random.default_rng(4).permutation(TRAIN + VALIDATION + TEST)
    train, validation, test = np.split(order, [TRAIN, TRAIN + VALIDATION])
    return SplitIndices(train=np.sort(train), validation=np.sort(validation), test=np.sort(test))


@pytest.fixture(scope="session")
def pixels(labels: IndexArray) -> NDArray[np.uint8]:
    """Noise in the colour of the class."""
    return _noisy(COLOURS[labels], np.random.default_rng(5))


@pytest.fixture(scope="session")
def views(labels: IndexArray, split: SplitIndices) -> NDArray[np.uint8]:
    """Two augmented views of the images that are not sealed."""
    generator = np.random.default_rng(6)
    return np.stack([_noisy(COLOURS[labels[split.developed]], generator) for _ in range(2)])


@pytest.fixture(scope="session")
def backbone() -> Backbone:
    """Two convolutions, a residual block with drop-connect, a last convolution; gives 6 × 6 × 24."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3), name="pixels")
    tensor = inputs
    for number, filters in enumerate((8, 16), 1):
        tensor = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name=f"conv_{number}")(tensor)
        tensor = layers.ReLU(name=f"relu_{number}")(layers.BatchNormalization(name=f"norm_{number}")(tensor))
    block = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="block_depthwise")(tensor)
    block = layers.ReLU(name="block_relu")(layers.BatchNormalization(name="block_norm_1")(block))
    block = layers.Conv2D(16, 1, use_bias=False, name="block_project")(block)
    block = layers.BatchNormalization(name="block_norm_2")(block)
    block = layers.Dropout(0.2, noise_shape=(None, 1, 1, 1), name="block_drop")(block)
    tensor = layers.Add(name="block_add")([tensor, block])
    tensor = layers.Conv2D(24, 1, use_bias=False, name="top")(tensor)
    tensor = layers.ReLU(name="top_relu")(layers.BatchNormalization(name="top_norm")(tensor))
    model = keras.Model(inputs, tensor, name="small")
    generator = np.random.default_rng(7)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([generator.uniform(low, 1.5, layer.gamma.shape) for low in (0.5, -0.5, -0.5, 0.5)])
    return Backbone(
        name="small",
        weights="none",
        image_size=IMAGE_SIZE,
        model=model,
        preprocessing="tf",
        digest="small",
        dropout_sites=dropout_sites(model),
    )


@pytest.fixture(scope="session")
def library(backbone: Backbone, pixels: NDArray[np.uint8], views: NDArray[np.uint8]) -> Library:
    return ComputedLibrary(backbone, pixels, views)


@pytest.fixture(scope="session")
def trainer(library: Library, labels: IndexArray, split: SplitIndices) -> Trainer:
    """One for all tests, so that a structure is compiled once."""
    return Trainer(library=library, labels=labels, split=split, num_classes=CLASSES)


@pytest.fixture(scope="session")
def plain_trainer(
    backbone: Backbone, pixels: NDArray[np.uint8], views: NDArray[np.uint8], labels: IndexArray, split: SplitIndices
) -> Callable[[int], PlainTrainer]:
    """Make the judge, for so many augmented views."""

    def make(augment_views: int) -> PlainTrainer:
        return PlainTrainer(
            backbone=backbone,
            pixels=pixels,
            labels=labels,
            split=split,
            num_classes=CLASSES,
            views=views[:augment_views] if augment_views else None,
        )

    return make


@pytest.fixture(scope="session")
def configure() -> Configure:
    """A configuration from the fields that matter: `configure(head_width=(16,), epochs=3)`."""

    def make(**fields: object) -> Configuration:
        training = {name: fields.pop(name) for name in list(fields) if name in TrainingSettings.model_fields}
        chosen = {"batch_size": 16, "epochs": 3, "learning_rate": 1e-2, "patience": 0, **training}
        return Configuration(
            model=ModelSettings.model_validate(fields), training=TrainingSettings.model_validate(chosen)
        )

    return make


@pytest.fixture
def heard() -> list[EpochRecord]:
    """What the reporter of this test has heard."""
    return []


@pytest.fixture
def reporter(heard: list[EpochRecord]) -> Reporter:
    """Lets every trial go on."""
    return RecordingReporter(heard, last=None)


@pytest.fixture
def stopping_after() -> Callable[[int], Reporter]:
    """Make a reporter that ends the trial after an epoch."""
    return lambda last: RecordingReporter([], last)


def _noisy(colours: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.uint8]:
    noise = generator.normal(0, 60, (len(colours), IMAGE_SIZE, IMAGE_SIZE, 3))
    return np.clip(colours[:, None, None, :] + noise, 0, 255).astype(np.uint8)
