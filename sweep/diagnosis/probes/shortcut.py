"""What sizes do: that of the files can give the class away, and that of the network's input takes detail away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.diagnosis.alternatives import best_alternative
from sweep.diagnosis.permutations import DRAWS, permutation_p
from sweep.diagnosis.probes.cells import Cells
from sweep.diagnosis.sources import Groups, source_blocks, source_codes
from sweep.diagnosis.wording import p_text, percent, size
from sweep.records import Cause, Finding, IndexArray, Interval, Remedy, Scalar

__all__ = ["resolution", "shortcut"]

FloatArray = NDArray[np.float64]

COLUMNS = ("width", "height")
_LEAST_IN_CLASS = 2  # one image is no longer there to learn from when it is held out
_CHANCE_DRAWS = 199  # permutations to see how much the balanced accuracy scatters by chance
_STREAM = 0x512E  # of this module's random numbers

_SHORTCUT_SOURCE = (
    "R. Geirhos et al., Shortcut learning in deep neural networks, Nature Machine Intelligence 2 (2020), "
    "arXiv:2004.07780; the classifier: L. Devroye, L. Györfi and G. Lugosi, A Probabilistic Theory of Pattern "
    "Recognition (1996), chapter 20, median trees"
)
_RESOLUTION_SOURCE = (
    "H. Touvron, A. Vedaldi, M. Douze and H. Jégou, Fixing the train-test resolution discrepancy (2019), "
    "arXiv:1906.06423; paired by image: Q. McNemar, Psychometrika 12 (1947)"
)

_CROP = Remedy(
    sentence=(
        "Crop or pad all files to one shape and store them at one size and in one format before training, so that "
        "nothing is left of how they came."
    )
)
_COLLECT = Remedy(sentence="Collect the images of every class in the same way, from the same sources.")


# ---- the class by its files' measures --------------------------------------------------------------------------------


def shortcut(
    *,
    sizes: ArrayLike,
    labels: ArrayLike,
    num_classes: int,
    seed: int,
    groups: Groups | None = None,
    columns: Sequence[str] = COLUMNS,
    draws: int = DRAWS,
) -> Finding:
    """Whether the measures of the files tell the class, such as width, height or format.

    Then a network can go by what resizing makes of them, a stretch or a blur, and what it learns so is worth nothing on
    images that were collected otherwise. The effect is the balanced accuracy of a classifier that knows nothing but the
    measures, each image held out, beyond that of guessing. Its cells hold about equally many images, whatever their
    class, so that outliers and many files of one size do no harm. p is of chi-square of cells and classes, under
    permuted labels: held-out accuracy scatters so much by chance that its own p would need a gain some times as large.

    Args:
        sizes: shape (n_images, n_columns); images with a NaN are left out. Beside width and height stands their ratio.
        labels: shape (n_images,), from 0.
        num_classes: how many classes there are.
        seed: of the permutations.
        groups: source of every image. The images of one source and one class count as one, of median measures.
        columns: names of the columns.
        draws: permutations of the labels.

    Source: as in the finding.
    """
    measures, classes = _independent(np.asarray(sizes, np.float64), np.asarray(labels, np.int64), groups)
    enough = np.bincount(classes, minlength=num_classes)[classes] >= _LEAST_IN_CLASS
    measures, classes = measures[enough], np.unique(classes[enough], return_inverse=True)[1]
    if len(np.unique(classes)) < 2:
        reason = f"fewer than two classes have {_LEAST_IN_CLASS} images, or sources, of known size"
        return Finding.not_measured(Cause.SHORTCUT, reason)
    if not np.ptp(measures, axis=0).any():
        return Finding.impossible(Cause.SHORTCUT, "All files have the same measures, which tell no class.")
    named = _named(measures, columns)
    told = Cells.of(np.stack(list(named.values()), axis=1), classes)
    rng = np.random.default_rng(np.random.SeedSequence((seed, _STREAM)))
    by_chance = told.mean_recalls(told.shuffled(_CHANCE_DRAWS, rng))
    association = float(told.associations(classes[None])[0])
    p, _ = permutation_p(association, lambda count: told.associations(told.shuffled(count, rng)), draws=draws)
    alone = {name: Cells.of(column[:, None], classes).balanced for name, column in named.items()}
    return _shortcut_finding(told, p, by_chance, alone)


def _independent(sizes: FloatArray, labels: IndexArray, groups: Groups | None) -> tuple[FloatArray, IndexArray]:
    """Measures and classes of the images of known size, or of their sources, one row each."""
    known = ~np.isnan(sizes).any(axis=1)
    if groups is None or not known.any():
        return sizes[known], labels[known]
    pairs = np.stack([source_codes(groups)[known], labels[known]], axis=1)
    units, unit = np.unique(pairs, axis=0, return_inverse=True)
    return np.stack([np.median(sizes[known][block], axis=0) for block in source_blocks(unit)]), units[:, 1]


def _named(measures: FloatArray, columns: Sequence[str]) -> dict[str, FloatArray]:
    named = dict(zip(columns, measures.T, strict=True))
    if "width" in named and "height" in named:
        named["aspect ratio"] = named["width"] / named["height"]
    return named


def _shortcut_finding(told: Cells, p: float, by_chance: FloatArray, alone: Mapping[str, float]) -> Finding:
    guessing, mean_by_chance = 1 / len(told.in_class), float(by_chance.mean())
    reached = told.reached(float(by_chance.std()))
    # A row held out leaves one fewer of its class in its cell, so less than guessing is to be expected by chance.
    effect = Interval(
        estimate=reached.estimate - guessing,
        low=reached.low - guessing,
        high=reached.high - min(guessing, mean_by_chance),
    )
    *others, last = alone
    names = f"{', '.join(others)} and {last}" if others else last
    best = max(alone, key=lambda name: alone[name])
    evidence: dict[str, Scalar] = {
        "balanced_accuracy": reached.estimate,
        "guessing": guessing,
        "by_chance": mean_by_chance,
    }
    return Finding(
        cause=Cause.SHORTCUT,
        effect=effect,
        p=p,
        images=len(told.classes),
        summary=(
            f"The files' {names} alone tell the class of held-out images with a "
            f"balanced accuracy of {percent(reached.estimate)}, {size(effect)} "
            f"{'above' if effect.estimate >= 0 else 'below'} guessing ({p_text(p)}); the best of them is the {best}, "
            f"with {percent(alone[best])}."
        ),
        evidence=evidence | {f"balanced_accuracy {name}": value for name, value in alone.items()},
        remedies=(_CROP, _COLLECT),
        source=_SHORTCUT_SOURCE,
    )


# ---- the detail that resizing takes away -----------------------------------------------------------------------------


def resolution(*, correct_at: Mapping[int, NDArray[np.bool_]], groups: Groups | None = None) -> Finding:
    """Whether larger images would be classified better.

    The effect is the gain in accuracy of a linear probe from the study's image size to the best larger one
    (`best_alternative`).

    Args:
        correct_at: image size, pixels -> whether a held-out linear probe is right, bool, shape (n_images,); the
            smallest size is the study's.
        groups: source of every image.

    Source: as in the finding.
    """
    if len(correct_at) < 2:
        return Finding.not_measured(Cause.RESOLUTION, "no larger image size was tried")
    now = min(correct_at)
    best = best_alternative(dict(sorted(correct_at.items())), now, groups=groups)
    shares = {pixels: float(np.mean(correct)) for pixels, correct in sorted(correct_at.items())}
    helps = best.gain.estimate > 0
    return Finding(
        cause=Cause.RESOLUTION,
        effect=best.gain,
        p=best.p,
        images=len(correct_at[now]) if groups is None else len(np.unique(source_codes(groups))),
        summary=(
            f"At {now} pixels a linear probe is right on {percent(shares[now])} of held-out images, at {best.name} on "
            f"{percent(shares[best.name])}, {size(best.gain)} {'less' if best.gain.estimate < 0 else 'more'} "
            f"({p_text(best.p)})."
        ),
        evidence={f"accuracy at {pixels}": share for pixels, share in shares.items()},
        remedies=(_larger(best.name),) if helps else (),
        source=_RESOLUTION_SOURCE,
    )


def _larger(pixels: int) -> Remedy:
    return Remedy(sentence=f"Give the backbone images of {pixels} pixels.", changes={"data.image_size": pixels})
