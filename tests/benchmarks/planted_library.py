"""A scene's features in the place of a backbone's, so that the product's own trainer can train on them."""

from __future__ import annotations

from functools import cache

import keras
import numpy as np
from planted_scene import Scene

from sweep.backbones.catalog import Backbone
from sweep.backbones.cut import cut_for
from sweep.features.extract import Features
from sweep.studyfile.definition import Configuration, ModelSettings

__all__ = ["WorldLibrary"]

VIEW = 0.3, 0.9
"""Of what images of one class differ, a view from its image: in what tells the class, and in what does not."""
_STREAM = 77  # of random numbers


class WorldLibrary:
    """Gives a scene's features for those of a backbone, which has no layers to train."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def backbone(self, model: ModelSettings) -> Backbone:
        """One that only hands its input on."""
        return _backbone(self._scene.world.width)

    def features(self, configuration: Configuration) -> Features:
        """The scene's; augmented views are the same images, jittered."""
        scene, cut = self._scene, cut_for(self.backbone(configuration.model), configuration.model)
        clean, views = scene.features, None
        if configuration.training.augment_views:
            developed = scene.images.rows(np.arange(len(scene.split.developed)))
            views = np.stack(
                [
                    scene.world.features(
                        scene.world.view(developed, *VIEW, _rng(scene.seed, number)), signal=scene.recipe.signal
                    )
                    for number in range(configuration.training.augment_views)
                ]
            )
        if cut.reduction == "none":
            clean = clean[:, None, None, :]
            views = None if views is None else views[:, :, None, None, :]
        return Features(cut=cut, clean=clean, views=views)


@cache
def _backbone(width: int) -> Backbone:
    inputs = keras.Input((1, 1, width), name="given")
    model = keras.Model(inputs, keras.layers.Activation("linear", name="handed_on")(inputs), name=f"world_{width}")
    return Backbone(
        name="world",
        weights="imagenet",
        image_size=1,
        model=model,
        preprocessing="none",
        digest=f"world {width}",
        dropout_sites=(),
    )


def _rng(seed: int, number: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence((seed, _STREAM, number)))
