"""What others say of an image without knowing its label: a linear probe fitted without it, and its neighbours.

Both are made into logarithms of likelihoods of the classes, whose weights `contamination` fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.contamination import Views
from sweep.diagnosis.neighbours import nearest_images
from sweep.diagnosis.ridge import RidgeProbe, one_hot
from sweep.records import IndexArray

__all__ = ["HeldOut", "held_out"]

FloatArray = NDArray[np.float64]

_LENGTH = 0.25  # quantile of the images' distances from the mean of all; what is farther out is brought there
_NEIGHBOURS = 10
_FOLDS = 5
_SHRINKAGE = 1e-3  # of the scores' covariance towards the same spread in all directions
_PSEUDO = 4.0  # errors of each class that are taken to go anywhere, beside those that are seen


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOut:
    """What says something of images that does not know their labels; it stays the same whatever the labels.

    Attributes:
        probe: on the features.
        blocks: positions that are left out together; None where it is each by itself.
        neighbours: positions, -1 for none, shape (n_images, number).
        folds: in which part an image lies, for what must be estimated without it, shape (n_images,).
        num_classes: of the labels.
    """

    probe: RidgeProbe
    blocks: list[IndexArray] | None
    neighbours: IndexArray
    folds: IndexArray
    num_classes: int

    def penalty(self, labels: IndexArray) -> float:
        """Of the linear probe, for these labels and others like them."""
        return self.probe.chosen_penalty(one_hot(labels, self.num_classes), self.blocks)

    def views(self, labels: IndexArray, penalty: float) -> Views:
        """Two opinions on each image, neither of which knows its label."""
        targets = one_hot(labels, self.num_classes)
        prior = (targets.sum(axis=0) + 1) / (len(labels) + self.num_classes)
        exists = self.neighbours >= 0
        votes = np.einsum("nj,njk->nk", exists.astype(np.float64), targets[self.neighbours])
        shares = (votes + prior) / (exists.sum(axis=1, keepdims=True) + 1)
        # Wrong labels would blur the classes: an image counts as far as its neighbours are of its class.
        trust = shares[np.arange(len(labels)), labels] ** 2
        scores = self.probe.held_out(targets, penalty, self.blocks)
        opinion = np.empty_like(scores)
        for fold in range(_FOLDS):
            out = self.folds == fold
            opinion[out] = _discriminants(scores[~out], targets[~out], trust[~out], scores[out])
        guesses = (opinion + np.log(prior)).argmax(axis=1)
        return Views(
            log_prior=np.log(prior),
            opinions=(opinion, np.log(shares) - np.log(prior)),
            change=self._change(guesses, labels),
            labels=labels,
        )

    def _change(self, guesses: IndexArray, labels: IndexArray) -> FloatArray:
        """`Views.change` from the other folds' errors: how often each class is given another label, and which."""
        others = 1 - np.eye(self.num_classes)
        found = np.empty((len(labels), self.num_classes))
        for fold in range(_FOLDS):
            out = self.folds == fold
            cells = np.bincount(guesses[~out] * self.num_classes + labels[~out], minlength=self.num_classes**2)
            confusion = cells.reshape(others.shape)
            errors = (confusion + _PSEUDO / (self.num_classes - 1)) * others
            images = confusion.sum(axis=1)
            mean = (confusion * others).sum() / images.sum()
            often = errors.sum(axis=1) / (images * mean + _PSEUDO)
            often /= (images @ often) / images.sum()
            toward = errors / errors.sum(axis=1, keepdims=True) - np.eye(self.num_classes)
            found[out] = (often[:, np.newaxis] * toward)[:, labels[out]].T
        return found


def held_out(features: FloatArray, units: IndexArray | None, num_classes: int, rng: np.random.Generator) -> HeldOut:
    """Prepare the judgement of images.

    Features are standardised, and images far from the mean of all are brought nearer: what is unlike everything else
    is uncertain, whatever a linear score makes of its size.

    Args:
        features: shape (n_images, n_features).
        units: source of every image as a number from 0, shape (n_images,); None where each is its own.
        num_classes: of the labels.
        rng: draws the folds.
    """
    centred = features - features.mean(axis=0)
    scale = centred.std(axis=0)
    centred /= np.where(scale > 0, scale, np.inf)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    centred *= np.minimum(1.0, np.quantile(length, _LENGTH) / np.maximum(length, np.finfo(np.float64).tiny))
    codes = np.arange(len(features)) if units is None else units
    return HeldOut(
        probe=RidgeProbe(centred),
        blocks=None if units is None else [np.flatnonzero(codes == unit) for unit in range(codes.max() + 1)],
        neighbours=nearest_images(centred, _NEIGHBOURS, units),
        folds=(rng.permutation(codes.max() + 1) % _FOLDS)[codes],
        num_classes=num_classes,
    )


def _discriminants(scores: FloatArray, targets: FloatArray, trust: FloatArray, others: FloatArray) -> FloatArray:
    """Linear discriminants of scores, without the prior, learnt from images that count by how far they are trusted."""
    of_class = np.maximum(targets.T @ trust, np.finfo(np.float64).tiny)
    weights = trust * (targets @ (targets.sum(axis=0) / of_class))  # of each class as many as it has images
    middle = scores.mean(axis=0)
    sums = targets.T @ (weights[:, np.newaxis] * scores)
    means = (sums + middle) / (targets.sum(axis=0)[:, np.newaxis] + 1)
    away = scores - targets @ means
    covariance = away.T @ (weights[:, np.newaxis] * away) / len(scores)
    spread = float(np.trace(covariance)) / len(covariance)
    covariance += max(_SHRINKAGE * spread, np.finfo(np.float64).tiny) * np.eye(len(covariance))
    directions = np.linalg.solve(covariance, (means - middle).T)
    centres = np.einsum("kj,jk->k", means - middle, directions) / 2
    return np.asarray((others - middle) @ directions - centres)
