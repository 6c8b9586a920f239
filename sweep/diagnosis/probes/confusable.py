"""Classes that are taken for one another.

Where nothing but chance decides what an erroneous image is taken for, the errors of a class go to the others in
proportion to how often these are predicted at all; but where a class gains many more images than it loses, the surplus
is its own (`classes.class_bias`). Held against that is the pair, or the small clique, of classes whose mutual errors
exceed it most; chance is given the same choice. Conditioning on the errors of every *predicted* class as well
(quasi-independence) would explain a confused pair away: with three classes the margins fix its errors altogether, and
with more they do wherever the other classes are never wrong.

Sources: L. A. Goodman, The analysis of cross-classified data: independence, quasi-independence, and interactions in
contingency tables with or without missing entries, JASA 63 (1968); G. Y. Zou, W. Huang and X. Zhang, A note on
confidence interval estimation for a linear function of binomial proportions, Comput. Stat. Data Anal. 53 (2009).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.diagnosis.excess import excess_over_share
from sweep.diagnosis.statistics import effective_counts
from sweep.diagnosis.verdict import SIGNIFICANCE
from sweep.diagnosis.wording import listed_classes, p_text, size
from sweep.records import Cause, Exhibit, Finding, IndexArray, Interval, Remedy, Scalar

__all__ = ["confusable_classes"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

DRAWS = 4_999
"""The least p, times as many probes as there are, lies below the level of a finding."""

_STREAM = 14  # of this module's random numbers
_FIRST_DRAWS, _HOPELESS = 199, 0.1  # a p above this after so many draws is told as it is
_DRAWN_AT_ONCE = 2_000_000  # cells of confusion matrices, 16 MB
_SWALLOWS = 2.0  # standard deviations by which a class must gain more images than it loses to be owed its errors
_JOINS = 3.0  # standard deviations by which a class must be confused with a clique to be counted in
_SHOWN = 12

_REMEDIES = (
    Remedy(sentence="Try a larger data.image_size: what tells the classes apart may be lost in fewer pixels."),
    Remedy(
        sentence="Let the last layers of the backbone learn the difference: model.unfrozen_layers = 20, after three "
        "epochs of the head alone.",
        changes={"model.unfrozen_layers": 20, "training.head_epochs": 3},
    ),
    Remedy(sentence="Try another model.backbone, whose features may tell them apart."),
    Remedy(sentence="Merge the classes, where telling them apart is not needed."),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Chance:
    """What errors would do by chance.

    Attributes:
        share: of the errors of each true class that would go to each other one, shape (num_classes, num_classes).
        blocks: how many units of errors there are by true class and by images of a unit; the errors of one class in
            one source go together.
        expected: errors between each two classes, both ways, shape (num_classes, num_classes).
        spread: standard deviation of these, shape (num_classes, num_classes).
    """

    share: FloatArray
    blocks: dict[tuple[int, int], int]
    expected: FloatArray
    spread: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Clique:
    """Classes, their mutual errors, and those that would be expected."""

    members: IndexArray
    inside: BoolArray
    errors: int
    expected: float


def confusable_classes(  # noqa: PLR0913 - what is known of the validation images, side by side
    *,
    predicted: ArrayLike,
    labels: ArrayLike,
    num_classes: int,
    cross_entropy: ArrayLike,
    train_accuracy: float,
    seed: int,
    groups: ArrayLike | None = None,
    probe_correct: ArrayLike | None = None,
    positions: IndexArray | None = None,
    class_names: Sequence[str] = (),
    draws: int = DRAWS,
) -> Finding:
    """Find the pair of classes, or the clique of a few, between which errors concentrate.

    The effect is the accuracy that would be gained were they one class, less what a merger of classes that are confused
    by chance would gain. The lower bound is corrected for the choice of the pair; the upper one is the largest of all
    pairs' and so holds for whichever is worst.

    Args:
        predicted: class of each validation image in clean mode, int, shape (n_validation,).
        labels: of the same images.
        num_classes: of the study.
        cross_entropy: of each validation image, nats: the surest errors are shown first.
        train_accuracy: clean.
        seed: of the draws.
        groups: source of every validation image.
        probe_correct: whether a linear probe is right about each validation image.
        positions: of the validation images in the study's index, to show the errors.
        class_names: in the order of labels; classes are named by their numbers without.
        draws: confusion matrices drawn by chance.
    """
    given, true = np.asarray(predicted), np.asarray(labels)
    if num_classes < 3:
        return Finding.impossible(Cause.CONFUSABLE_CLASSES, "there are but two classes, so all errors are between them")
    if not len(true):
        return Finding.not_measured(Cause.CONFUSABLE_CLASSES, "there are no validation images")
    wrong = given != true
    sources = np.arange(len(true)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    chance = _chance(given, true, sources, num_classes)
    confusion = np.bincount(true[wrong] * num_classes + given[wrong], minlength=num_classes**2).astype(np.float64)
    matrix = confusion.reshape(1, num_classes, num_classes)
    members, found = _grown(matrix, chance)
    rng = np.random.default_rng(np.random.SeedSequence((seed, _STREAM)))
    p = _p(float(found[0]), chance, rng, draws) if np.any(wrong) else 1.0
    clique = _clique(np.flatnonzero(members[0]), given, true, chance)
    units = sources if groups is not None else None
    effect, images = _effect(clique, matrix[0], chance, wrong, units)
    order = np.flatnonzero(clique.inside)
    order = order[np.argsort(-np.asarray(cross_entropy, dtype=np.float64)[order], kind="stable")]
    names = listed_classes(clique.members.tolist(), class_names)
    shown = () if positions is None else tuple(int(one) for one in np.asarray(positions)[order][:_SHOWN])
    return Finding(
        cause=Cause.CONFUSABLE_CLASSES,
        effect=effect,
        p=p,
        images=images,
        summary=_summary(clique, names, effect, p, int(wrong.sum())),
        evidence=_evidence(clique, wrong, true, train_accuracy, cross_entropy, probe_correct),
        remedies=_REMEDIES,
        source="Cover and Hart, IEEE Trans. Inf. Theory 13 (1967); Goodman, JASA 63 (1968)",
        exhibits=(Exhibit(caption=f"classes {names}, one taken for another", images=shown),) if shown else (),
    )


def _chance(given: IndexArray, true: IndexArray, sources: IndexArray, num_classes: int) -> _Chance:
    wrong = given != true
    share = _destinations(given, true, num_classes)
    units = Counter(zip(true[wrong].tolist(), sources[wrong].tolist(), strict=True))
    blocks = Counter((label, images) for (label, _), images in units.items())
    errors, squares = np.zeros(num_classes), np.zeros(num_classes)
    for (label, images), number in blocks.items():
        errors[label] += images * number
        squares[label] += images**2 * number
    expected, variance = errors[:, None] * share, squares[:, None] * share * (1 - share)
    return _Chance(
        share=share, blocks=dict(blocks), expected=expected + expected.T, spread=np.sqrt(variance + variance.T)
    )


def _destinations(given: IndexArray, true: IndexArray, num_classes: int) -> FloatArray:
    """What the errors of each class would be taken for by chance, shares of the shape (num_classes, num_classes)."""
    wrong = given != true
    into, out_of = (np.bincount(side[wrong], minlength=num_classes).astype(np.float64) for side in (given, true))
    others = 1 - np.eye(num_classes)
    # A class that is predicted for every image has no errors to distribute.
    by_prediction = _rows(np.bincount(given, minlength=num_classes) * others, others / (num_classes - 1))
    # A class swallows others where it takes more than it loses (a confused pair does not) and more than its share of
    # all errors (an easy class beside a hard one does not).
    expected, spread = out_of @ by_prediction, np.sqrt(out_of @ (by_prediction * (1 - by_prediction)))
    net = into - out_of
    swallows = (net > _SWALLOWS * np.sqrt(into + out_of)) & (into - expected > _SWALLOWS * spread)
    swallowed = np.where(swallows, net, 0.0)
    part = float(swallowed.sum()) / max(1.0, float(into.sum()))
    return (1 - part) * by_prediction + part * _rows(swallowed * others, by_prediction)


def _rows(weights: FloatArray, otherwise: FloatArray) -> FloatArray:
    """Rows that sum to 1, other ones in the place of empty ones."""
    total = weights.sum(axis=1, keepdims=True)
    return np.where(total > 0, weights / np.where(total > 0, total, 1), otherwise)


def _grown(confusions: FloatArray, chance: _Chance) -> tuple[BoolArray, FloatArray]:
    """The classes whose mutual errors exceed chance most, and by how many errors.

    From the pair of the largest excess, one class after the other joins whose confusion with all members is far beyond
    chance, up to half of the classes.

    Args:
        confusions: errors by true and predicted class, shape (draws, num_classes, num_classes).
        chance: what is expected of them.
    """
    draws, num_classes, _ = confusions.shape
    excess = confusions + confusions.transpose(0, 2, 1) - chance.expected
    first, second = np.triu_indices(num_classes, 1)
    top = np.argmax(excess[:, first, second], axis=1)
    rows = np.arange(draws)
    members = np.zeros((draws, num_classes), dtype=bool)
    members[rows, first[top]] = members[rows, second[top]] = True
    for _ in range(num_classes // 2 - 2):
        gained = np.einsum("dij,dj->di", excess, members)
        spread = np.sqrt(members @ chance.spread**2)
        sure = np.where(members | (spread == 0), -np.inf, gained / np.where(spread == 0, 1, spread))
        best = np.argmax(sure, axis=1)
        joins = sure[rows, best] > _JOINS
        if not np.any(joins):
            break
        members[rows[joins], best[joins]] = True
    return members, np.einsum("di,dij,dj->d", members, excess, members) / 2


def _p(found: float, chance: _Chance, rng: np.random.Generator, draws: int) -> float:
    """P that chance confuses some clique as much."""
    cells = chance.share.size
    batch = max(1, _DRAWN_AT_ONCE // cells)
    done = more = 0
    while done < draws:
        number = min(batch, draws - done, _FIRST_DRAWS if done == 0 else draws)
        confusions = np.zeros((number, *chance.share.shape))
        for (label, images), units in chance.blocks.items():
            confusions[:, label] += images * rng.multinomial(units, chance.share[label], size=number)
        more += int(np.sum(_grown(confusions, chance)[1] >= found - 1e-9))
        done += number
        if (1 + more) / (1 + done) > _HOPELESS:
            break
    return (1 + more) / (1 + done)


def _clique(members: IndexArray, given: IndexArray, true: IndexArray, chance: _Chance) -> _Clique:
    inside = (given != true) & np.isin(true, members) & np.isin(given, members)
    expected = float(chance.expected[np.ix_(members, members)].sum()) / 2
    return _Clique(members=members, inside=inside, errors=int(inside.sum()), expected=expected)


def _effect(
    clique: _Clique, confusion: FloatArray, chance: _Chance, wrong: BoolArray, units: IndexArray | None
) -> tuple[Interval, int]:
    """The excess of the clique's errors as a share of the images, and how many independent images that is from."""
    n = len(wrong)
    independent = min(effective_counts(one, units)[1] for one in (clique.inside, wrong))
    pairs = [np.array(pair) for pair in itertools.combinations(range(len(confusion)), 2)]

    def interval(members: IndexArray, level: float) -> Interval:
        cells = np.ix_(members, members)
        errors, inside = float(confusion[members].sum()), float(confusion[cells].sum())
        share = float(chance.share[cells].sum(axis=1).mean())
        if errors:
            share = float(chance.expected[cells].sum()) / 2 / errors
        return excess_over_share(inside / n, (errors - inside) / n, share, independent, level)

    own = interval(clique.members, 1 - 0.05 / len(pairs))
    high = max(interval(members, 0.95).high for members in (clique.members, *pairs))
    return Interval(estimate=own.estimate, low=own.low, high=high), round(independent)


def _summary(clique: _Clique, names: str, effect: Interval, p: float, errors: int) -> str:
    between = f"{clique.errors} of {errors} errors are between classes {names}"
    chance = f"where chance would make {clique.expected:.0f}"
    if p < SIGNIFICANCE:
        return f"{between}, {chance}: {size(effect)} of accuracy beyond it, {p_text(p)}"
    return f"errors are not shown to concentrate in few classes: {between}, {chance}, {p_text(p)}"


def _evidence(
    clique: _Clique,
    wrong: BoolArray,
    true: IndexArray,
    train_accuracy: float,
    cross_entropy: ArrayLike,
    probe_correct: ArrayLike | None,
) -> dict[str, Scalar]:
    accuracy, merged = float(np.mean(~wrong)), float(np.mean(~wrong | clique.inside))
    evidence: dict[str, Scalar] = {
        "classes": listed_classes(clique.members.tolist()),
        "members": "-".join(map(str, clique.members.tolist())),
        "errors": int(wrong.sum()),
        "errors_between": clique.errors,
        "errors_expected": clique.expected,
        "accuracy": accuracy,
        "accuracy_if_merged": merged,
        "train_accuracy": train_accuracy,
    }
    if clique.errors:
        nats = np.asarray(cross_entropy, dtype=np.float64)[clique.inside]
        evidence["cross_entropy_between"] = float(np.mean(nats))
    if probe_correct is not None:
        right = np.asarray(probe_correct, dtype=np.float64)
        evidence["probe_accuracy_in_them"] = float(np.mean(right[np.isin(true, clique.members)]))
        if clique.errors:
            evidence["probe_right_on_errors"] = float(np.mean(right[clique.inside]))
    return evidence
