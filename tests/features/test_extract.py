from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.backbones.catalog import Backbone, load_backbone
from sweep.backbones.surgery import dropout_sites
from sweep.backbones.weights import build_drawn, weights_digest
from sweep.data.augment import augment_images
from sweep.data.cache import ArrayCache
from sweep.errors import BackboneError, CacheError
from sweep.features import extract
from sweep.features.engine import Engine, make_engine
from sweep.features.extract import FeatureLibrary
from sweep.progress import Advance, Silent
from sweep.studyfile.definition import Configuration, ModelSettings, TrainingSettings

SIZE, IMAGES = 32, 70  # two slices
DEVELOPED = np.arange(0, IMAGES, 2)
PIXELS = np.random.default_rng(0).integers(0, 256, (IMAGES, SIZE, SIZE, 3), dtype=np.uint8)


class Recorder(Silent):
    """Remembers each pass: the units announced and the units done."""

    def __init__(self) -> None:
        self.passes: list[tuple[int | None, int]] = []

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        assert (name, unit) in (("backbone pass", "images"), ("compiling", "frozen part"))
        done = 0

        def advance(units: int = 1, /) -> None:
            nonlocal done
            done += units

        yield advance
        if name == "backbone pass":
            self.passes.append((total, done))


LibraryMaker = Callable[..., tuple[FeatureLibrary, Recorder]]


@pytest.fixture(scope="module")
def small() -> Backbone:
    """pixels · a, a map of 4 × 4 × 5 · b, a map of 2 × 2 × 6."""

    def build(weights: None) -> keras.Model:
        inputs = keras.Input((SIZE, SIZE, 3), name="pixels")
        a = keras.layers.Conv2D(5, 8, strides=8, activation="relu", name="a")(inputs)
        return keras.Model(inputs, keras.layers.Conv2D(6, 2, strides=2, activation="relu", name="b")(a))

    model = build_drawn(build)
    return Backbone(
        name="efficientnet-lite0",
        weights="none",
        image_size=SIZE,
        model=model,
        preprocessing="lite",
        digest=weights_digest(model),
        dropout_sites=dropout_sites(model),
    )


@pytest.fixture
def make_library(tmp_path: Path, small: Backbone, monkeypatch: pytest.MonkeyPatch) -> LibraryMaker:
    """A library over the same cache folder each time; the small backbone takes the place of the embedded one."""
    monkeypatch.setattr(
        extract,
        "load_backbone",
        lambda model, *rest: small if model.backbone == "efficientnet-lite0" else load_backbone(model, *rest),
    )

    def make(
        *, content: str = "content", developed: NDArray[np.int64] = DEVELOPED, seed: int = 0
    ) -> tuple[FeatureLibrary, Recorder]:
        recorder = Recorder()
        library = FeatureLibrary(
            pixels=PIXELS,
            content=content,
            developed=developed,
            image_size=SIZE,
            cache=ArrayCache(tmp_path / "cache"),
            progress=recorder,
            augment_seed=seed,
        )
        return library, recorder

    return make


def configuration(*, views: int = 0, augment: tuple[str, ...] = ("flip",), **model: object) -> Configuration:
    training = TrainingSettings.model_validate({"augment_views": views, "augment": augment})
    return Configuration(model=ModelSettings.model_validate(model), training=training)


def features_of(small: Backbone, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    maps: NDArray[np.float32] = np.asarray(small.model(small.preprocess(pixels), training=False))
    pooled: NDArray[np.float32] = maps.mean(axis=(1, 2))
    return pooled


# ---- clean -----------------------------------------------------------------------------------------------------------


def test_features_are_what_the_backbone_says_of_each_image(make_library: LibraryMaker, small: Backbone) -> None:
    library, _ = make_library()
    features = library.features(configuration())
    assert features.cut.key == "b, avg pooled"
    assert features.views is None
    assert features.clean.shape == (IMAGES, 6)
    assert not features.clean.flags.writeable
    np.testing.assert_allclose(features.clean, features_of(small, PIXELS), atol=1e-3)


def test_one_pass_serves_every_cut_and_later_runs_need_none(make_library: LibraryMaker) -> None:
    wanted = [configuration(unfrozen_layers=layers, head_width=(width,)) for layers in (0, 1, 2) for width in (8, 16)]
    library, recorder = make_library()
    library.prepare(wanted)
    assert recorder.passes == [(IMAGES, IMAGES)]
    shapes = {library.features(one).cut.layer: library.features(one).clean.shape for one in wanted}
    assert shapes == {"b": (70, 6), "a": (70, 4, 4, 5), "input": (70, 32, 32, 3)}
    again, recorder = make_library()
    again.prepare(wanted)
    assert recorder.passes == []


def test_only_what_is_missing_is_computed(make_library: LibraryMaker) -> None:
    library, recorder = make_library()
    library.prepare([configuration()])
    library.prepare([configuration(), configuration(pooling="max")])
    assert recorder.passes == [(IMAGES, IMAGES)] * 2
    library.prepare([configuration(), configuration(pooling="max")])
    assert len(recorder.passes) == 2


def test_other_content_has_other_features(make_library: LibraryMaker) -> None:
    make_library()[0].prepare([configuration()])
    library, recorder = make_library(content="other photos")
    library.prepare([configuration()])
    assert len(recorder.passes) == 1


def test_an_entirely_unfrozen_backbone_gets_its_prepared_pixels(make_library: LibraryMaker, small: Backbone) -> None:
    library, _ = make_library()
    features = library.features(configuration(unfrozen_layers=2))
    assert features.cut.key == "input"
    np.testing.assert_array_equal(features.clean, small.preprocess(PIXELS))


def test_a_damaged_entry_is_computed_again(make_library: LibraryMaker, tmp_path: Path) -> None:
    library, _ = make_library()
    expected = np.array(library.features(configuration()).clean)
    (file,) = (tmp_path / "cache").glob("*.npy")
    damaged = bytearray(file.read_bytes())
    damaged[-1] ^= 1
    file.write_bytes(damaged)
    library, recorder = make_library()
    np.testing.assert_array_equal(library.features(configuration()).clean, expected)
    assert len(recorder.passes) == 1


def test_a_pass_that_fails_leaves_nothing_behind(
    make_library: LibraryMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(pixels: object, names: object, seed: object, *, rotation: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(extract, "augment_images", fail)
    library, _ = make_library()
    with pytest.raises(KeyboardInterrupt):
        library.prepare([configuration(views=1)])
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_cleared_during_a_run_is_an_error(make_library: LibraryMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ArrayCache, "load", lambda cache, key: None)
    with pytest.raises(CacheError, match="expected a cache that nobody clears during a run; start the run again"):
        make_library()[0].features(configuration())


@pytest.mark.parametrize("change", [{"preprocessing": "0..1"}, {"channels": "bgr"}, {"channels": "grey"}])
@pytest.mark.parametrize("unfrozen", [0, 2])
def test_pixels_given_otherwise_have_other_features(
    change: dict[str, Any], unfrozen: int, make_library: LibraryMaker, small: Backbone
) -> None:
    library, _ = make_library()
    plain = library.features(configuration(unfrozen_layers=unfrozen))
    other = library.features(configuration(unfrozen_layers=unfrozen, **change))
    assert not np.array_equal(plain.clean, other.clean)
    given = small.given(configuration(**change).model)
    expected = given.preprocess(PIXELS) if unfrozen else features_of(given, PIXELS)
    np.testing.assert_allclose(other.clean, expected, atol=1e-3)


def test_a_preprocessing_by_name_is_the_one_that_auto_means(make_library: LibraryMaker) -> None:
    library, recorder = make_library()
    model: dict[str, Any] = {"backbone": "mobilenet", "weights": "none"}
    library.prepare([configuration(**model), configuration(**model, preprocessing="-1..1")])
    assert recorder.passes == [(IMAGES, IMAGES)]


# ---- augmented views -------------------------------------------------------------------------------------------------


def test_views_are_augmented_images_that_are_not_sealed(make_library: LibraryMaker, small: Backbone) -> None:
    library, recorder = make_library()
    features = library.features(configuration(views=2))
    assert recorder.passes == [(IMAGES + 2 * len(DEVELOPED), IMAGES + 2 * len(DEVELOPED))]
    assert features.views is not None
    assert features.views.shape == (2, len(DEVELOPED), 6)
    # An image flipped or not: each view of each image is one of the two, and both happen.
    plain, flipped = (features_of(small, pixels) for pixels in (PIXELS[DEVELOPED], PIXELS[DEVELOPED][:, :, ::-1]))
    is_plain, is_flipped = (np.abs(features.views - each).max(axis=2) < 1e-3 for each in (plain, flipped))
    assert (is_plain ^ is_flipped).all()
    assert 0 < is_flipped.sum() < is_flipped.size


def test_fewer_views_are_the_first_of_more_and_computed_with_them(make_library: LibraryMaker) -> None:
    library, recorder = make_library()
    few, many = configuration(views=2, augment=("shift", "flip")), configuration(views=3, augment=("flip", "shift"))
    library.prepare([few, many])
    assert recorder.passes[0][0] == IMAGES + 3 * len(DEVELOPED)
    first, second = library.features(few).views, library.features(many).views
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first, second[:2])
    assert not np.array_equal(second[0], second[2])
    assert len(recorder.passes) == 1


@pytest.mark.parametrize("change", [{"seed": 1}, {"developed": DEVELOPED + 1}])
def test_views_follow_the_seed_and_what_is_not_sealed(change: dict[str, object], make_library: LibraryMaker) -> None:
    first = make_library()[0].features(configuration(views=1))
    library, recorder = make_library(**change)
    second = library.features(configuration(views=1))
    np.testing.assert_array_equal(first.clean, second.clean)
    assert recorder.passes == [(len(DEVELOPED), len(DEVELOPED))]
    assert not np.array_equal(np.asarray(first.views), np.asarray(second.views))


@pytest.mark.parametrize(("name", "passes"), [("rotate", 2), ("flip", 1)])
def test_views_follow_how_far_they_are_rotated_where_they_are(
    name: str, passes: int, make_library: LibraryMaker
) -> None:
    library, recorder = make_library()
    usual = configuration(views=1, augment=(name,))
    training = usual.training.model_copy(update={"augment_rotation": 90.0})
    first = library.features(usual).views
    second = library.features(Configuration(model=usual.model, training=training)).views
    assert np.array_equal(np.asarray(first), np.asarray(second)) == (passes == 1)
    assert len(recorder.passes) == passes


def test_memory_holds_one_slice_at_a_time(make_library: LibraryMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def watch(pixels: NDArray[np.uint8], names: tuple[str, ...], seed: int, *, rotation: float) -> NDArray[np.uint8]:
        seen.append((len(pixels), seed))
        return augment_images(pixels, names, seed, rotation=rotation)

    monkeypatch.setattr(extract, "augment_images", watch)
    monkeypatch.setattr(extract, "_SLICE", 16)
    make_library()[0].features(configuration(views=2))
    assert [length for length, _ in seen] == [16, 16, 3, 16, 16, 3]
    assert len({seed for _, seed in seen}) == 6


# ---- engines and backbones -------------------------------------------------------------------------------------------


class Renamed:
    """An engine under another name."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.name = name
        self.run = engine.run


def test_what_tensorflow_computed_after_a_refusal_is_found_again(
    make_library: LibraryMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "expected_engine", lambda: "openvino 1.0 f32")
    monkeypatch.setattr(extract, "make_engine", lambda prefix: Renamed(make_engine(prefix), "tensorflow 1.0 f32"))
    make_library()[0].prepare([configuration()])
    library, recorder = make_library()
    library.features(configuration())
    assert recorder.passes == []


def test_another_engine_computes_its_own_features(make_library: LibraryMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    make_library()[0].prepare([configuration()])
    monkeypatch.setattr(extract, "expected_engine", lambda: "openvino 1.0 f32")
    monkeypatch.setattr(extract, "make_engine", lambda prefix: Renamed(make_engine(prefix), "openvino 1.0 f32"))
    library, recorder = make_library()
    library.features(configuration())
    assert len(recorder.passes) == 1


def test_a_backbone_is_loaded_once(make_library: LibraryMaker) -> None:
    library, _ = make_library()
    model = configuration(backbone="vgg16", weights="none").model
    assert library.backbone(model) is library.backbone(model)


def test_a_network_is_loaded_once_however_its_pixels_are_given(make_library: LibraryMaker) -> None:
    library, _ = make_library()
    models = [configuration(backbone="vgg16", weights="none", preprocessing=each).model for each in ("auto", "none")]
    first, second = (library.backbone(model) for model in models)
    assert first.model is second.model
    assert (first.preprocessing, second.preprocessing) == ("caffe", "none")
    grown = library.backbone(models[0].model_copy(update={"backbone_batch_norm": "inserted"}))
    assert len(grown.model.layers) > len(first.model.layers)


# ---- what is cached is what training would compute -------------------------------------------------------------------


def test_cached_features_are_those_of_the_training_path(tmp_path: Path, shared: Path) -> None:
    weights = shared / "weights" / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    pixels = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    library = FeatureLibrary(
        pixels=pixels,
        content="content",
        developed=np.arange(4),
        image_size=64,
        cache=ArrayCache(tmp_path),
        progress=Silent(),
    )
    asked = [
        configuration(backbone="resnet50", weights=str(weights), unfrozen_layers=layers, conv_filters=8)
        for layers in (0, 10)
    ]
    library.prepare(asked)
    # Straight from Keras, called as `fit` calls it.
    network = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(64, 64, 3))
    network.load_weights(weights)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    names = ["conv5_block3_out", "conv5_block2_out"]
    whole = keras.Model(network.input, [network.get_layer(name).output for name in names])
    prepared = keras.applications.resnet50.preprocess_input(pixels.astype(np.float32))
    for configured, name, output in zip(asked, names, whole(prepared, training=True), strict=True):
        expected, cached = np.asarray(output), library.features(configured)
        assert cached.cut.key == name
        np.testing.assert_allclose(cached.clean, expected, rtol=0, atol=1e-5 * float(np.abs(expected).max()))


def test_images_too_small_for_a_backbone_are_refused(make_library: LibraryMaker) -> None:
    with pytest.raises(BackboneError, match=r"data\.image_size: received 32; expected at least 75 pixels"):
        make_library()[0].prepare([configuration(backbone="inception-v3")])
