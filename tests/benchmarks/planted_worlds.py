"""Worlds of images whose truth is known: each can draw as many fresh images as a measurement of the truth takes.

An image is a point in a few dimensions that its class decides, in more that are nuisance, and in some that only a
picture of it shows. Features, file sizes and small pictures follow from that point. World C is held out: thresholds may
be looked at in A and B alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sweep.records import IndexArray

__all__ = ["WORLDS", "Images", "World"]

FloatArray = NDArray[np.float64]

FEATURE_NOISE, PIXEL_NOISE = 0.3, 2.0
CELLS, CELL = 8, 4  # a picture is 8 × 8 coloured squares of 4 × 4 pixels
TEXTURE = 24  # dimensions that only pictures show
CONTRAST = 45.0
SHAPE_SIGNAL = 1.3  # of the kind of a file, in standard deviations of an image
_CENTRES, _MIXING, _PICTURES = range(3)  # streams of a world's own random numbers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """Some images, one row each.

    Attributes:
        labels: the true class, int64.
        points: what decides about features, float64, shape (n, informative + nuisance).
        shape: the kind of file, int64, from 0 to classes - 1.
        texture: what only pictures show, shape (n, TEXTURE).
        noise: of the features, shape (n, width).
    """

    labels: IndexArray
    points: FloatArray
    shape: IndexArray
    texture: FloatArray
    noise: FloatArray

    def rows(self, chosen: IndexArray) -> Images:
        """Some of them, in that order."""
        return Images(
            labels=self.labels[chosen],
            points=self.points[chosen],
            shape=self.shape[chosen],
            texture=self.texture[chosen],
            noise=self.noise[chosen],
        )

    def jittered(self, amount: float, rng: np.random.Generator) -> Images:
        """The same images once more, a little changed: by `amount` of what images of one class differ."""

        def moved(values: FloatArray) -> FloatArray:
            return values + amount * rng.normal(size=values.shape)

        noise = self.noise + amount * FEATURE_NOISE * rng.normal(size=self.noise.shape)
        return replace(self, points=moved(self.points), texture=moved(self.texture), noise=noise)

    @classmethod
    def joined(cls, parts: list[Images]) -> Images:
        """One after the other."""
        return cls(
            labels=np.concatenate([part.labels for part in parts]),
            points=np.concatenate([part.points for part in parts]),
            shape=np.concatenate([part.shape for part in parts]),
            texture=np.concatenate([part.texture for part in parts]),
            noise=np.concatenate([part.noise for part in parts]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One geometry.

    Attributes:
        classes, width: how many classes, and features.
        informative, nuisance: dimensions.
        prior: of the classes.
        separation: of a class's centre from the origin, in standard deviations of an image.
        parts: clusters of a class.
        heavy: degrees of freedom of the images' scatter; 0: it is normal.
        bent: whether the informative dimensions are warped and features rectified.
        held_out: whether nobody may tune by it.
    """

    name: str
    seed: int
    classes: int
    width: int
    informative: int
    nuisance: int
    prior: tuple[float, ...]
    separation: float
    parts: int = 1
    heavy: int = 0
    bent: bool = False
    held_out: bool = False

    def draw(
        self,
        labels: IndexArray,
        rng: np.random.Generator,
        *,
        easiness: float = 1.0,
        closeness: float = 1.0,
        told: float = 0.0,
    ) -> Images:
        """Fresh images of these classes.

        Args:
            labels: of the images.
            rng: draws everything else.
            easiness: factor on the distance between classes.
            closeness: of the first class to the second: 1 as it is, 0 where their images are of one distribution.
            told: share of the images whose kind of file tells their class.
        """
        count, dimensions = len(labels), self.informative + self.nuisance
        scatter = (
            rng.standard_t(self.heavy, (count, dimensions)) if self.heavy else rng.normal(size=(count, dimensions))
        )
        centres, part = self._centres(), rng.integers(self.parts, size=count)
        centres[1] = centres[0] + closeness * (centres[1] - centres[0])
        scatter[:, : self.informative] += easiness * self.separation * centres[labels, part]
        shape = np.where(rng.random(count) < told, labels, rng.integers(self.classes, size=count))
        return Images(
            labels=labels,
            points=scatter,
            shape=shape,
            texture=rng.normal(size=(count, TEXTURE)),
            noise=FEATURE_NOISE * rng.normal(size=(count, self.width)),
        )

    def features(self, images: Images, *, signal: float = 1.0, shifted: float = 0.0) -> NDArray[np.float32]:
        """What a backbone says of them, float32, shape (n, width).

        Args:
            images: of this world.
            signal: how much of the informative dimensions is seen.
            shifted: how far the images lie from where they belong, in standard deviations of an image.
        """
        rng = self._own(_MIXING)
        mixing = rng.normal(size=(self.informative + self.nuisance, self.width)) / np.sqrt(self.width)
        of_shape = rng.normal(size=(self.classes, self.width)) / np.sqrt(self.width)
        away = rng.normal(size=self.informative)
        away /= np.linalg.norm(away)
        points = images.points.copy()
        points[:, : self.informative] += shifted * away
        if self.bent:
            points[:, : self.informative] += 0.5 * np.sin(2 * points[:, : self.informative])
        points[:, : self.informative] *= signal
        mixed = points @ mixing + SHAPE_SIGNAL * of_shape[images.shape] + images.noise
        return np.asarray(np.maximum(mixed + 0.5, 0) if self.bent else mixed, np.float32)

    def view(self, images: Images, informative: float, nuisance: float, rng: np.random.Generator) -> Images:
        """The images as augmentation shows them, moved by so much of what images of one class differ."""
        amounts = np.repeat([informative, nuisance], [self.informative, self.nuisance])
        return replace(images, points=images.points + amounts * rng.normal(size=images.points.shape))

    def pictures(self, images: Images, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Small pictures of them, uint8, shape (n, 32, 32, 3)."""
        given = np.concatenate([images.points, 2 * images.texture], axis=1)
        mixing = self._own(_PICTURES).normal(size=(given.shape[1], CELLS * CELLS * 3))
        mixed = given @ (mixing / np.sqrt(given.shape[1] * 2.5))
        cells = 127 + CONTRAST * mixed.reshape(-1, CELLS, CELLS, 3)
        pixels = np.kron(cells, np.ones((1, CELL, CELL, 1)))
        return np.clip(np.rint(pixels + rng.normal(0, PIXEL_NOISE, pixels.shape)), 0, 255).astype(np.uint8)

    def file_sizes(self, images: Images, rng: np.random.Generator) -> FloatArray:
        """Width and height of their files, pixels, shape (n, 2)."""
        return np.asarray(200.0 + 60 * images.shape[:, None] + rng.integers(-25, 26, (len(images.shape), 2)))

    def _centres(self) -> FloatArray:
        """Of every part of every class, shape (classes, parts, informative)."""
        rng = self._own(_CENTRES)
        # Orthogonal ones are equally far from each other, so that every class is as hard as any other.
        basis = np.linalg.qr(rng.normal(size=(self.informative, self.informative)))[0][: self.classes]
        away = 0.4 * rng.normal(size=(self.classes, self.parts, self.informative)) / np.sqrt(self.informative)
        return np.asarray(basis[:, None, :] + (away if self.parts > 1 else 0))

    def _own(self, stream: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence((self.seed, stream)))


WORLDS = {
    world.name: world
    for world in (
        World(
            name="A",
            seed=101,
            classes=4,
            width=32,
            informative=6,
            nuisance=18,
            prior=(0.25, 0.25, 0.25, 0.25),
            separation=3.0,
        ),
        World(
            name="B",
            seed=102,
            classes=4,
            width=48,
            informative=8,
            nuisance=20,
            prior=(0.4, 0.25, 0.2, 0.15),
            separation=4.0,
            parts=2,
            heavy=5,
        ),
        World(
            name="C",
            seed=103,
            classes=3,
            width=40,
            informative=5,
            nuisance=14,
            prior=(1 / 3, 1 / 3, 1 / 3),
            separation=3.2,
            bent=True,
            held_out=True,
        ),
    )
}
