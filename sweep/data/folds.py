"""Cross-validation: units dealt out to folds, so that every fold has its share of every class, and what folds mean.

scikit-learn's StratifiedGroupKFold does not fit: it knows groups within one class and across classes alike, but may
leave a class with just enough groups out of a fold, where here every fold gets one.
"""

from __future__ import annotations

import heapq

import numpy as np

from sweep.data.units import Pool
from sweep.data.wording import counted
from sweep.errors import DataError
from sweep.records import DataIndex, IndexArray, SplitIndices

__all__ = ["check_fold_units", "check_trainings", "deal", "fold_notes", "fold_repeats", "trainings"]

_TRIES = 32
_SPANNING_STEPS = 20_000


def trainings(split: SplitIndices) -> tuple[SplitIndices, ...]:
    """The split of each training: one a fold, in their order, or the split itself where it has no folds."""
    if not split.folds:
        return (split,)
    developed = split.developed
    return tuple(
        SplitIndices(train=np.setdiff1d(developed, fold, assume_unique=True), validation=fold, test=split.test)
        for fold in split.folds
    )


def fold_repeats(split: SplitIndices) -> int:
    """How often every image of the validation side is validated; 0 without folds."""
    return sum(map(len, split.folds)) // max(1, len(split.validation))


def deal(pool: Pool, folds: int, *, rng: np.random.Generator) -> IndexArray:
    """Deal the units of a pool out to folds, near-equal in every class and as a whole.

    The largest units go first, each to the fold that has the fewest images of its class: single images give folds that
    differ by at most one image, in each class and together. A class with as many units of its own as there are folds
    stands in every fold; units that span classes are dealt before, by the best of some random orders.

    Returns:
        The fold of each unit, from 0, shape (n_units,); -1 for units that the pool does not hold.
    """
    dealt = np.full(len(pool.sizes), -1, np.int64)
    images = _deal_spanning(pool, folds, dealt, rng)
    for label, units in enumerate(pool.single):
        ties = rng.permutation(folds).tolist()
        heap = [(int(images[fold, label]), int(images[fold].sum()), ties[fold], fold) for fold in range(folds)]
        heapq.heapify(heap)
        for unit in _largest_first(units, pool.sizes, rng):
            size = int(pool.sizes[unit])
            held, total, tie, fold = heap[0]
            heapq.heapreplace(heap, (held + size, total + size, tie, fold))
            dealt[unit] = fold
        for held, _, _, fold in heap:
            images[fold, label] = held
    return dealt


def _deal_spanning(pool: Pool, folds: int, dealt: IndexArray, rng: np.random.Generator) -> IndexArray:
    """Deal the units with images of several classes, each to the fold that its classes need it most in.

    Returns:
        Images of each fold and class so far, shape (folds, n_classes).
    """
    best_images = np.zeros((folds, len(pool.images)), np.int64)
    if not len(pool.spanning):
        return best_images
    weights = 1.0 / np.maximum(pool.images, 1) ** 2
    alone = np.fromiter(map(len, pool.single), np.int64, len(pool.single))
    positions, sizes = np.arange(len(pool.spanning)), pool.rows.sum(axis=1)
    best_score = (np.inf, np.inf)
    for _ in range(max(1, min(_TRIES, _SPANNING_STEPS // len(positions)))):
        images, chosen = np.zeros_like(best_images), np.zeros_like(positions)
        for position in _largest_first(positions, sizes, rng):
            row = pool.rows[position]
            costs = images @ (weights * row)
            chosen[position] = rng.choice(np.flatnonzero(costs == costs.min()))
            images[chosen[position]] += row
        lacking = np.maximum((images == 0).sum(axis=0) - alone, 0).sum()
        score = (float(lacking), float((weights * images**2).sum()))
        if score < best_score:
            best_images, best_score = images, score
            dealt[pool.spanning] = chosen
    return best_images


def _largest_first(units: IndexArray, sizes: IndexArray, rng: np.random.Generator) -> list[int]:
    """Units by falling size, in a random order where they are equally large."""
    shuffled = rng.permutation(units)
    ordered: list[int] = shuffled[np.argsort(-sizes[shuffled], kind="stable")].tolist()
    return ordered


def check_fold_units(index: DataIndex, pool: Pool, folds: int, *, sealed: bool) -> None:
    """Each class needs a unit for each fold.

    Args:
        index: for names.
        pool: the units that are left to be validated.
        folds: of one repetition.
        sealed: whether units were drawn for a test side.

    Raises:
        DataError: a class has fewer units.
    """
    label = int(np.argmin(pool.units))
    fewest = int(pool.units[label])
    if fewest >= folds:
        return
    grouped = any(image.group for image in index.images)
    unit = "source" if grouped else "different image"
    files = int(pool.sizes[pool.single[label]].sum() + pool.rows[:, label].sum())
    escapes = [f"write validation = {{folds = {fewest}}}"] * (fewest > 1)
    escapes += ["add images of other sources" if grouped else "add images"]
    escapes += ["set data.group = 'none'"] * grouped + ["set data.test = 0"] * sealed
    raise DataError(
        f"class {index.class_names[label]!r}",
        received=f"{counted(fewest, unit)} ({counted(files, 'file')}){' beside the sealed ones' * sealed}",
        expected=f"at least {folds} {unit}s of every class, one for each fold",
        remedy=f"{', '.join(escapes)} or exclude the class",
    )


def check_trainings(index: DataIndex, split: SplitIndices) -> None:
    """Every class is trained on, whichever fold is held out: units that span classes may prevent it.

    Raises:
        DataError: a training side lacks a class.
    """
    labels = index.labels
    for number, sides in enumerate(trainings(split), start=1):
        lacking = np.setdiff1d(np.arange(len(index.class_names)), labels[sides.train])
        if len(lacking):
            raise DataError(
                f"class {index.class_names[lacking[0]]!r}",
                received=f"no image to train on when fold {number} is held out",
                expected="images of every class on every training side",
                remedy="write fewer folds, add images of this class, or check data.group and data.exclude",
            )


def fold_notes(split: SplitIndices) -> tuple[str, ...]:
    """What the folds are, in a sentence; nothing without folds."""
    if not split.folds:
        return ()
    repeats = fold_repeats(split)
    sizes = [len(fold) for fold in split.folds]
    span = f"{min(sizes):,}" if min(sizes) == max(sizes) else f"{min(sizes):,} to {max(sizes):,}"
    times = "once" if repeats == 1 else f"{repeats} times"
    folds = f"{len(sizes) // repeats} folds" + (f", drawn {repeats} times," if repeats > 1 else "")
    pinned = f"; {counted(len(split.train), 'other image')} always trained on" if len(split.train) else ""
    return (f"{counted(len(split.validation), 'image')} are validated {times} each, in {folds} of {span}{pinned}",)
