"""Whether validation images are of another kind than training images, and what that costs.

Two things must hold: the sides are told apart better than random sides are, and a linear probe is right less often on
validation than on training images that were held out from it. Neither alone is a finding: sides can differ in ways that
do not matter, and one side can be the harder one by chance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from sweep.diagnosis.permutations import DRAWS
from sweep.diagnosis.probes.domain import Domain, Sides, tell_apart
from sweep.diagnosis.probes.transfer import Answers, Reordering, Transfer, best_reordering, transfer
from sweep.diagnosis.sources import Groups, source_codes
from sweep.diagnosis.wording import class_text, p_text, percent, size
from sweep.records import Cause, Exhibit, Finding, IndexArray, Remedy

__all__ = ["shift"]

_LEAST_IMAGES = 10  # of a side; with fewer neither accuracy says anything
_SHOWN = 8
_UNLIKE = 0.05  # p above which no difference is spoken of: images "most unlike training" are the far end of chance
_COSTLY = (
    0.1  # p above which nothing that is lost will ever be found: then how the sides differ need not be told finely
)
_COARSE_DRAWS = 199
_STREAM = 0x5417F7  # of this module's random numbers

_SOURCE = (
    "D. Lopez-Paz and M. Oquab, Revisiting Classifier Two-Sample Tests (2017), arXiv:1610.06545; "
    "S. Rabanser, S. Günnemann and Z. C. Lipton, Failing Loudly: An Empirical Study of Methods for Detecting Dataset "
    "Shift (2019), arXiv:1810.11953"
)
_DRAW_ANEW = Remedy(
    sentence=(
        "Put the images of both sides together and have the split drawn by class (data.validation = 0.2), with "
        "data.group naming the source where images come in sources, instead of splitting by folder, place or time."
    )
)
_COLLECT = Remedy(
    sentence=(
        "If the model is to work on images like those of validation, collect training images of that kind: more of the "
        "present kind will not help."
    )
)


def shift(  # noqa: PLR0913 - both sides, and what is known of their images
    *,
    features: ArrayLike,
    labels: ArrayLike,
    train: IndexArray,
    validation: IndexArray,
    num_classes: int,
    groups: Groups | None = None,
    seed: int,
    class_names: Sequence[str] = (),
    draws: int = DRAWS,
) -> Finding:
    """Whether training and validation images differ in a way that costs accuracy.

    The effect is the accuracy of a linear probe on training images that it did not see minus that on validation; both
    carry sampling error. p is the larger of two: that the sides do not differ (`tell_apart`), and that nothing is lost.
    Where reading validation's classes in another order undoes most of the loss, that gain is the effect, and its p
    takes the place of the first: all classes together may look the same on both sides.

    Args:
        features: of the frozen backbone, shape (n_images, n_features).
        labels: shape (n_images,), from 0.
        train: positions of the training side.
        validation: positions of the validation side.
        num_classes: how many classes there are.
        groups: source of every image; sources are left out and permuted as a whole.
        seed: of the permutations.
        class_names: in the order of labels; classes are named by their numbers without.
        draws: permutations of each test.

    Source: as in the finding; the larger p of two that must both hold, R. L. Berger, Multiparameter hypothesis testing
    and acceptance sampling, Technometrics 24 (1982).
    """
    if min(len(train), len(validation)) < _LEAST_IMAGES:
        reason = f"a side with fewer than {_LEAST_IMAGES} images ({len(train)} train, {len(validation)} validate)"
        return Finding.not_measured(Cause.SHIFT, reason)
    rows = np.concatenate([train, validation])
    sides = Sides(
        features=np.asarray(features, dtype=np.float64)[rows],
        labels=np.asarray(labels, dtype=np.int64)[rows],
        validation=np.arange(len(rows)) >= len(train),
        sources=None if groups is None else source_codes(groups)[rows],
        num_classes=num_classes,
    )
    if sides.sources is not None and len(np.unique(sides.sources[: len(train)])) < 2:
        return Finding.not_measured(Cause.SHIFT, "all training images come from one source")
    rng = np.random.default_rng(np.random.SeedSequence((seed, _STREAM)))
    transferred = transfer(sides, rng=rng, draws=draws)
    domain = tell_apart(sides, rng=rng, draws=draws if transferred.p <= _COSTLY else min(draws, _COARSE_DRAWS))
    reordering = best_reordering(transferred.validated, num_classes, rng=rng)
    return _finding(domain, transferred, reordering, rows, class_names)


# ---- what is said ----------------------------------------------------------------------------------------------------


def _finding(
    domain: Domain, transferred: Transfer, reordering: Reordering, rows: IndexArray, class_names: Sequence[str]
) -> Finding:
    held_out, validated = transferred.held_out, transferred.validated
    reordered, renamed = reordering.explains(transferred.loss), _renamed(reordering, class_names)
    return Finding(
        cause=Cause.SHIFT,
        effect=reordering.gain if reordered else transferred.loss,
        p=max(transferred.p, reordering.p if reordered else domain.p),
        images=int(validated.codes.max()) + 1,
        summary=_reordered_sentence(validated, reordering, renamed) if reordered else _sentence(domain, transferred),
        evidence={
            "held_out_accuracy": held_out.accuracy,
            "validation_accuracy": validated.accuracy,
            "loss": transferred.loss.estimate,
            "loss_p": transferred.p,
            "area": domain.area,
            "area_expected": domain.expected,
            "features_p": domain.p_features,
            "labels_p": domain.p_labels,
            "reordered_accuracy": reordering.accuracy,
            "order": "-".join(map(str, reordering.order)),
            "reordered": reordered,
        },
        remedies=(_reorder(renamed),) if reordered else (_DRAW_ANEW, _COLLECT),
        source=_SOURCE,
        exhibits=_most_unlike(domain, rows, len(held_out.truth)),
    )


def _sentence(domain: Domain, transferred: Transfer) -> str:
    loss = transferred.loss
    return (
        f"A linear probe is right on {percent(transferred.held_out.accuracy)} of the training images held out from it "
        f"and on {percent(transferred.validated.accuracy)} of validation, {size(loss)} "
        f"{'less' if loss.estimate >= 0 else 'more'} ({p_text(transferred.p)}); within a class the sides are told "
        f"apart with an area under the ROC curve of {domain.area:.2f} where random sides give {domain.expected:.2f} "
        f"({p_text(domain.p_features)}), and the counts of classes differ "
        f"{'more' if domain.p_labels <= _UNLIKE else 'no more'} than by chance ({p_text(domain.p_labels)})."
    )


def _reordered_sentence(validated: Answers, reordering: Reordering, renamed: str) -> str:
    return (
        f"On validation a linear probe is right on {percent(validated.accuracy)}, and on "
        f"{percent(reordering.accuracy)} if {renamed}, {size(reordering.gain)} more "
        f"({p_text(reordering.p)}): the classes stand in another order there than in training."
    )


def _reorder(renamed: str) -> Remedy:
    return Remedy(
        sentence=(
            "Give the classes of validation the order that training has, by the same names of their folders; now "
            f"{renamed}."
        )
    )


def _renamed(reordering: Reordering, class_names: Sequence[str]) -> str:
    """Which classes, by their names or counted from 0, stand for which."""
    moved = reordering.moved[:_SHOWN]
    more = ", …" if len(moved) < len(reordering.moved) else ""
    old, new = (
        ", ".join(class_text(label, class_names) for label in labels) + more
        for labels in (moved, [reordering.order[label] for label in moved])
    )
    return f"its classes {old} are training's {new}"


def _most_unlike(domain: Domain, rows: IndexArray, train: int) -> tuple[Exhibit, ...]:
    if domain.p_features > _UNLIKE:
        return ()
    ranked = rows[train:][np.argsort(-domain.scores[train:], kind="stable")]
    return (
        Exhibit(
            caption="validation images most unlike the training images of their class",
            images=tuple(ranked[:_SHOWN].tolist()),
        ),
    )
