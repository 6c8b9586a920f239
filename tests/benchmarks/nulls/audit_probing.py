"""Models from elsewhere whose hidden layer loses nothing: what a linear head finds before it, one finds behind it.

What tells the classes apart lies in four directions of the frozen features, and the hidden layer keeps these. Under
"kept" the model's answers are those of a head on that layer with some luck of training; under "trained too little" half
of them are guessed; under "sources" images of one source share much of what they look like.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sweep.diagnosis.ridge import RidgeProbe, one_hot
from sweep.records import IndexArray
from sweep.training.evaluation import evaluate
from sweep.training.foreign import Said
from sweep.training.reading_off import ReadOff
from sweep.workflow.audit_probing import head_bottleneck
from sweep.workflow.audited import Audited
from sweep.workflow.observed import Observed

FloatArray = NDArray[np.float64]

CLASSES, TRAIN, TOTAL = 4, 300, 450
BEYOND = 8  # features that tell nothing
APART = 2.2  # standard deviations
LUCK = 0.05  # of the model's scores, in their spread


def pictures(rng: np.random.Generator, *, each: int = 1) -> tuple[FloatArray, IndexArray, IndexArray]:
    """Frozen features, labels, and sources of so many images."""
    sources = np.arange(TOTAL) // each
    labels = sources % CLASSES
    shared = rng.normal(0, 0.7, (sources[-1] + 1, CLASSES + BEYOND))[sources] * (each > 1)
    features = APART * np.eye(CLASSES + BEYOND)[labels] + shared + rng.normal(0, 1, (TOTAL, CLASSES + BEYOND))
    return features, labels, sources


def p_of(rng: np.random.Generator, *, each: int = 1, guessed: float = 0.0, units: FloatArray | None = None) -> float:
    """p of a bottleneck where the hidden layer keeps the directions in `units`; by default all that matter."""
    features, labels, sources = pictures(rng, each=each)
    turned = np.linalg.qr(rng.normal(size=(CLASSES, CLASSES)))[0] if units is None else units
    hidden = features[:, :CLASSES] @ turned
    train = np.arange(TRAIN)
    scores = RidgeProbe(hidden[train]).predict(one_hot(labels[train], CLASSES), 0.1, hidden)
    scores += rng.normal(0, LUCK * scores.std(), scores.shape)
    guesses = rng.random(TOTAL) < guessed
    scores[guesses] = rng.normal(size=(int(guesses.sum()), CLASSES))
    sides = [evaluate(scores[rows].astype(np.float32), labels[rows]) for rows in (train, np.arange(TRAIN, TOTAL))]
    one = SimpleNamespace(
        said=Said(logits=scores.astype(np.float32), frozen=features.astype(np.float32), last=hidden.astype(np.float32)),
        read=ReadOff(widths=[hidden.shape[1]], rates=[0.0], head_known=True),
        train=sides[0],
        validation=sides[1],
    )
    observed = Observed(
        positions=np.arange(TOTAL),
        train=train,
        validation=np.arange(TRAIN, TOTAL),
        labels=labels,
        class_names=("a", "b", "c", "d"),
        features=None,
        missing="",
        thumbnails=np.zeros((0, 32, 32, 3), np.uint8),
        sizes=np.zeros((0, 2)),
        content_hashes=(),
        groups=sources if each > 1 else None,
        sources=None,
        pattern="",
    )
    finding = head_bottleneck(cast("Audited", one), observed, harm=0.02)
    assert finding.p is not None
    return finding.p


def the_layer_keeps_everything(rng: np.random.Generator) -> float:
    return p_of(rng)


def the_model_was_trained_too_little(rng: np.random.Generator) -> float:
    return p_of(rng, guessed=0.5)


def the_layer_keeps_everything_of_sources(rng: np.random.Generator) -> float:
    return p_of(rng, each=5)


NULLS: dict[str, Callable[[np.random.Generator], float]] = {
    "bottleneck of a model: kept": the_layer_keeps_everything,
    "bottleneck of a model: trained too little": the_model_was_trained_too_little,
    "bottleneck of a model: sources": the_layer_keeps_everything_of_sources,
}
