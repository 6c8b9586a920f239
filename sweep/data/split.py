"""Which images train, which validate and which stay sealed: stratified, grouped, seeded.

scikit-learn's splitters do not fit: StratifiedShuffleSplit may leave a small class out of a side, and
StratifiedGroupKFold cuts equal shares only. Here every class stands on every side, shares are free, and the sealed test
side is drawn first with random numbers of its own, so that no other setting moves it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sweep.data.folds import check_fold_units, check_trainings, deal, fold_notes
from sweep.data.units import Pool, draw, shared_units
from sweep.data.wording import counted
from sweep.errors import DataError
from sweep.records import DataIndex, ImageRecord, IndexArray, Split, SplitIndices
from sweep.studyfile.definition import DataSettings, FoldSettings

__all__ = ["repeated_split", "split_index"]

_SIDES = (Split.TRAIN, Split.VALIDATION, Split.TEST)  # a side's code is its position here
_FOLDS = len(_SIDES)  # the code of the random numbers of folds
_FREE = -1
_NOTED_DIFFERENCE = 0.01


def split_index(index: DataIndex, settings: DataSettings) -> SplitIndices:
    """Put every image on one side.

    Images with the same bytes or of the same group stay together. Sides that a folder fixes stay as they are; the
    shares are shares of the images that it leaves open. The test side depends on nothing but the images,
    `settings.test` and `settings.split_seed`. With folds, every image that is not sealed is validated, but for those
    that are pinned to training.

    Raises:
        DataError: a class cannot stand on every side, or a fixed split has one photo or group on two sides.
    """
    return repeated_split(index, settings, 0)


def repeated_split(index: DataIndex, settings: DataSettings, repeat: int) -> SplitIndices:
    """The split of a study (0), or another one of the images that are not sealed (from 1): the test side stays.

    Where a folder fixes validation, nothing is left to be drawn anew, and every repetition has the same split.

    Raises:
        DataError: as for `split_index`.
    """
    folds = settings.validation if isinstance(settings.validation, FoldSettings) else None
    shares = _shares_to_draw(index, settings)
    units = shared_units(index.images)
    side_of_unit = _fixed_sides(index, units)
    free = side_of_unit[units] == _FREE
    pool = Pool.of_free(index.labels, units, free, len(index.class_names))
    later = (Split.VALIDATION,) * (folds is not None)
    _check_units(index, pool, (*shares, *later, Split.TRAIN))
    for position, (side, share) in enumerate(shares.items()):
        code = _SIDES.index(side)
        rng = _random(settings.split_seed, code, repeat=0 if side is Split.TEST else repeat)
        chosen = draw(pool, share, reserve=len(shares) - position + len(later), rng=rng)
        side_of_unit[chosen] = code
        pool = pool.without(chosen)
    side_of_unit[side_of_unit == _FREE] = _SIDES.index(Split.TRAIN if folds is None else Split.VALIDATION)
    if folds is not None:
        check_fold_units(index, pool, folds.folds, sealed=Split.TEST in shares)
    sides = side_of_unit[units]
    _check_sides(index, sides, trained=folds is None)
    images = {side: np.flatnonzero(sides == code) for code, side in enumerate(_SIDES)}
    split = SplitIndices(
        train=images[Split.TRAIN],
        validation=images[Split.VALIDATION],
        test=images[Split.TEST],
        folds=() if folds is None else _deal_folds(pool, units, folds, settings.split_seed, repeat),
        notes=(*_folder_notes(index, shares), *_share_notes(index, sides[free], shares)),
    )
    check_trainings(index, split)
    return replace(split, notes=(*split.notes, *fold_notes(split)))


def _random(split_seed: int, *purpose: int, repeat: int) -> np.random.Generator:
    """Random numbers of a purpose, and for a repetition of its own ones."""
    return np.random.default_rng(np.random.SeedSequence((split_seed, *purpose, *((repeat,) if repeat else ()))))


def _deal_folds(
    pool: Pool, units: IndexArray, settings: FoldSettings, split_seed: int, repeat: int
) -> tuple[IndexArray, ...]:
    """The validation side of each training, repetition after repetition."""
    folds = list[IndexArray]()
    for repetition in range(settings.repeats):
        dealt = deal(pool, settings.folds, rng=_random(split_seed, _FOLDS, repetition, repeat=repeat))[units]
        folds += [np.flatnonzero(dealt == fold) for fold in range(settings.folds)]
    return tuple(folds)


def _shares_to_draw(index: DataIndex, settings: DataSettings) -> dict[Split, float]:
    """The sides that no folder fixes, the sealed one first, with their shares; folds are no share."""
    pinned = {image.pinned for image in index.images}
    wanted = {Split.TEST: settings.test}
    if not isinstance(settings.validation, FoldSettings):
        wanted[Split.VALIDATION] = settings.validation
    elif Split.VALIDATION in pinned:
        raise DataError(
            "data.validation",
            received="folds, though the folder itself fixes validation",
            expected="folds of a folder that leaves validation open",
            remedy="write validation = 0.2, which leaves the folder's split as it is, or move those images to train/",
        )
    shares = {side: share for side, share in wanted.items() if share > 0 and side not in pinned}
    if sum(shares.values()) >= 1:
        raise DataError(
            "data.validation",
            received=f"shares of {shares[Split.VALIDATION]:g} for validation and {settings.test:g} for test",
            expected="less than 1 together, so that images are left to train on",
            remedy="lower data.validation or data.test",
        )
    return shares


# ---- sides that a folder fixes ---------------------------------------------------------------------------------------


def _fixed_sides(index: DataIndex, units: IndexArray) -> IndexArray:
    """The code of each unit's side, or -1; images that renderers pin to training take their unit along.

    Where a folder fixes validation or test, the images without a pin are those of its train/.
    """
    pins = np.array([_FREE if image.pinned is None else _SIDES.index(image.pinned) for image in index.images], np.int64)
    lowest = np.full(int(units.max(initial=-1)) + 1, len(_SIDES))
    highest = np.full_like(lowest, _FREE)
    np.minimum.at(lowest, units, pins)
    np.maximum.at(highest, units, pins)
    torn = np.flatnonzero((lowest < highest) & (highest > _SIDES.index(Split.TRAIN)))
    if len(torn):
        members = [index.images[position] for position in np.flatnonzero(units == torn[0])]
        raise _torn_apart(members, len(torn))
    return highest


def _torn_apart(members: list[ImageRecord], count: int) -> DataError:
    """A unit whose images the folder puts on two sides: copies of one photo, or a group."""
    by_content: dict[str, ImageRecord] = {}
    pairs = [(by_content.setdefault(image.content_hash, image), image) for image in members]
    copies = [(image, other) for image, other in pairs if image.pinned != other.pinned]
    neighbours = [(members[0], other) for other in members if other.pinned != members[0].pinned]
    image, other = (copies or neighbours)[0]
    relation = "the same photo as" if copies else "of the same group as"
    return DataError(
        other.path,
        received=f"an image {relation} {image.path}, which stands on another side",
        expected=f"each photo and each group on one side ({count:,} stand on two)",
        remedy="set data.deduplicate = true" if copies else "move each group to one side, or set data.group = 'none'",
    )


def _folder_notes(index: DataIndex, shares: dict[Split, float]) -> tuple[str, ...]:
    fixed = [side for side in _SIDES[1:] if any(image.pinned is side for image in index.images)]
    if not fixed:
        return ()
    drawn = "".join(f"; {side} is drawn from its train folder, {share:.0%} of it" for side, share in shares.items())
    return (f"the folder itself fixes {' and '.join(fixed)}{drawn}",)


# ---- sides that are drawn --------------------------------------------------------------------------------------------


def _check_units(index: DataIndex, pool: Pool, sides: tuple[Split, ...]) -> None:
    """Each class needs a unit for each side; units are single photos where nothing groups them."""
    if len(sides) == 1:
        return
    grouped = any(image.group for image in index.images)
    unit = "source" if grouped else "different image"
    label = int(np.argmin(pool.units))
    if pool.units[label] >= len(sides):
        return
    escapes = ["add images of other sources" if grouped else "add images"]
    escapes += ["set data.group = 'none'"] * grouped + ["set data.test = 0"] * (Split.TEST in sides)
    whole = len(pool.spanning) == 1 and not any(len(units) for units in pool.single)
    raise DataError(
        "data.group" if whole else f"class {index.class_names[label]!r}",
        received=f"one source for all {len(index.images):,} images"
        if whole
        else f"{counted(int(pool.units[label]), unit)} ({counted(int(pool.images[label]), 'file')})",
        expected=f"at least {len(sides)} {unit}s of every class, one each for {', '.join(reversed(sides))}",
        remedy=f"{', '.join(escapes)} or exclude the class",
    )


def _check_sides(index: DataIndex, sides: IndexArray, *, trained: bool) -> None:
    """Every class stands on every side that there is: spanning groups and excluded files may prevent it.

    Args:
        index: for names and labels.
        sides: the code of each image's side.
        trained: whether the training side is trained on by itself; with folds it is a part of each training.
    """
    needed = (Split.TRAIN, Split.VALIDATION) if trained else (Split.VALIDATION,)
    for code, side in enumerate(_SIDES):
        if side not in needed and (side is Split.TRAIN or not (sides == code).any()):
            continue
        lacking = np.setdiff1d(np.arange(len(index.class_names)), index.labels[sides == code])
        if len(lacking):
            raise DataError(
                f"class {index.class_names[lacking[0]]!r}",
                received=f"no image for {side}",
                expected="images of every class on every side",
                remedy="add images of this class, or check data.group and data.exclude",
            )


def _share_notes(index: DataIndex, sides: IndexArray, shares: dict[Split, float]) -> tuple[str, ...]:
    """Where a drawn side has missed its share by more than a point."""
    grouped = any(image.group for image in index.images)
    reason = "the nearest that whole groups allow" if grouped else "every class needs an image on every side"
    reached = {side: float(np.mean(sides == _SIDES.index(side))) for side in shares}
    return tuple(
        f"{side} holds {reached[side]:.1%} of the images instead of {share:.1%}: {reason}"
        for side, share in shares.items()
        if abs(reached[side] - share) > max(_NOTED_DIFFERENCE, 1 / len(sides))  # one image is mere rounding
    )
