"""The split: disjoint, complete, stratified, grouped, seeded; the sealed side moves for nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sweep.data.split import repeated_split, split_index
from sweep.errors import DataError
from sweep.records import DataIndex, ImageRecord, IndexArray, Split, SplitIndices
from sweep.studyfile.definition import DataSettings, FoldSettings

steady = settings(
    max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def index(
    labels: Sequence[int],
    groups: Sequence[str] | None = None,
    hashes: Sequence[str] | None = None,
    pins: Sequence[Split | None] | None = None,
) -> DataIndex:
    images = tuple(
        ImageRecord(
            path=f"{number:03d}.png",
            label=label,
            group=groups[number] if groups else "",
            content_hash=hashes[number] if hashes else str(number),
            pinned=pins[number] if pins else None,
        )
        for number, label in enumerate(labels)
    )
    return DataIndex(root="photos", class_names=tuple("abcdefghijklmnop"[: max(labels) + 1]), images=images)


def options(validation: float | FoldSettings = 0.2, test: float = 0.15, split_seed: int = 0) -> DataSettings:
    return DataSettings(source="photos", validation=validation, test=test, split_seed=split_seed)


def sides(split: SplitIndices) -> dict[Split, IndexArray]:
    return {Split.TRAIN: split.train, Split.VALIDATION: split.validation, Split.TEST: split.test}


def counts(found: DataIndex, images: IndexArray) -> list[int]:
    by_class: list[int] = np.bincount(found.labels[images], minlength=len(found.class_names)).tolist()
    return by_class


def equal(first: SplitIndices, second: SplitIndices) -> bool:
    return all(np.array_equal(sides(first)[side], sides(second)[side]) for side in Split)


def check_partition(found: DataIndex, split: SplitIndices) -> None:
    everything = np.concatenate([split.train, split.validation, split.test])
    assert sorted(everything.tolist()) == list(range(len(found.images)))
    for images in sides(split).values():
        assert images.dtype == np.int64
        assert (np.diff(images) > 0).all()


def check_whole(found: DataIndex, split: SplitIndices) -> None:
    """No hash and no group stands on two sides."""
    seen: dict[tuple[str, str], Split] = {}
    for side, images in sides(split).items():
        for position in images:
            image = found.images[position]
            for key in (("hash", image.content_hash), ("group", image.group)):
                assert key == ("group", "") or seen.setdefault(key, side) is side


# ---- properties ------------------------------------------------------------------------------------------------------


@steady
@given(
    class_sizes=st.lists(st.integers(3, 40), min_size=2, max_size=6),
    validation=st.floats(0.01, 0.5),
    test=st.one_of(st.just(0.0), st.floats(0.01, 0.45)),
    seed=st.integers(0, 2**32),
)
def test_without_groups_every_class_is_split_within_one_image_of_its_share(
    class_sizes: list[int], validation: float, test: float, seed: int
) -> None:
    found = index([label for label, size in enumerate(class_sizes) for _ in range(size)])
    split = split_index(found, options(validation, test, seed))
    check_partition(found, split)
    assert equal(split, split_index(found, options(validation, test, seed)))
    for images, share in ((split.validation, validation), (split.test, test)):
        for drawn, size in zip(counts(found, images), class_sizes, strict=True):
            assert abs(drawn - share * size) <= 1 + 1e-9
            assert (drawn >= 1) == (share > 0)
    assert min(counts(found, split.train)) >= 1


@steady
@given(
    data=st.data(),
    size=st.integers(8, 60),
    validation=st.floats(0.05, 0.5),
    test=st.one_of(st.just(0.0), st.floats(0.05, 0.4)),
)
def test_photos_and_groups_are_never_torn_apart(data: st.DataObject, size: int, validation: float, test: float) -> None:
    labels = data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    groups = data.draw(st.lists(st.sampled_from(["", *"pqrstuvwxyz"]), min_size=size, max_size=size))
    hashes = data.draw(st.lists(st.integers(0, 3 * size).map(str), min_size=size, max_size=size))
    assume(set(labels) == {0, 1, 2})
    found = index(labels, groups, hashes)
    try:
        split = split_index(found, options(validation, test))
    except DataError:
        assume(False)
    check_partition(found, split)
    check_whole(found, split)
    for side, images in sides(split).items():
        assert min(counts(found, images)) >= 1 or (side is Split.TEST and test == 0)


@steady
@given(
    group_sizes=st.lists(st.lists(st.integers(1, 9), min_size=3, max_size=12), min_size=2, max_size=4),
    validation=st.floats(0.05, 0.5),
    test=st.floats(0.05, 0.4),
)
def test_three_sources_a_class_can_always_be_split(
    group_sizes: list[list[int]], validation: float, test: float
) -> None:
    pairs = [
        (label, f"{label}/{number}")
        for label, numbers in enumerate(group_sizes)
        for number, size in enumerate(numbers)
        for _ in range(size)
    ]
    found = index([label for label, _ in pairs], [group for _, group in pairs])
    split = split_index(found, options(validation, test))
    check_partition(found, split)
    check_whole(found, split)
    assert all(min(counts(found, images)) >= 1 for images in sides(split).values())


# ---- the sealed side -------------------------------------------------------------------------------------------------

TWO_CLASSES = index([0] * 40 + [1] * 60)


@pytest.mark.parametrize("validation", [0.1, 0.3, 0.6])
def test_the_sealed_side_does_not_move_with_validation(validation: float) -> None:
    sealed = split_index(TWO_CLASSES, options()).test
    np.testing.assert_array_equal(split_index(TWO_CLASSES, options(validation)).test, sealed)


def test_another_split_seed_draws_another_split_of_the_same_sizes() -> None:
    first, second = (split_index(TWO_CLASSES, options(split_seed=seed)) for seed in (0, 1))
    assert not equal(first, second)
    assert counts(TWO_CLASSES, first.test) == counts(TWO_CLASSES, second.test) == [6, 9]
    assert counts(TWO_CLASSES, first.validation) == counts(TWO_CLASSES, second.validation) == [8, 12]


def test_without_a_test_share_nothing_is_sealed() -> None:
    split = split_index(TWO_CLASSES, options(test=0.0))
    assert (len(split.train), len(split.validation), len(split.test)) == (80, 20, 0)
    assert split.notes == ()


# ---- folds -----------------------------------------------------------------------------------------------------------


@steady
@given(
    data=st.data(),
    size=st.integers(30, 90),
    folds=st.integers(2, 4),
    repeats=st.integers(1, 3),
    test=st.sampled_from([0.0, 0.15, 0.3]),
    seed=st.integers(0, 2**33),
)
def test_folds_are_partitions_of_whole_sources_and_the_sealed_side_does_not_move(
    data: st.DataObject, size: int, folds: int, repeats: int, test: float, seed: int
) -> None:
    labels = data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    groups = data.draw(st.lists(st.sampled_from(["", *"pqrstuvwxyz"]), min_size=size, max_size=size))
    pins = data.draw(st.lists(st.sampled_from([None] * 9 + [Split.TRAIN]), min_size=size, max_size=size))
    assume(set(labels) == {0, 1, 2})
    found = index(labels, groups, pins=pins)
    wanted = options(FoldSettings(folds=folds, repeats=repeats), test, seed)
    try:
        split = split_index(found, wanted)
    except DataError:
        assume(False)
    np.testing.assert_array_equal(split.test, split_index(found, options(0.2, test, seed)).test)
    check_partition(found, split)
    check_whole(found, split)
    assert {position for position, pin in enumerate(pins) if pin} <= set(split.train.tolist())
    assert len(split.folds) == folds * repeats
    for repetition in range(repeats):
        dealt = split.folds[repetition * folds : (repetition + 1) * folds]
        np.testing.assert_array_equal(np.sort(np.concatenate(dealt)), split.validation)
        fold_of_group: dict[str, int] = {}
        for number, fold in enumerate(dealt):
            assert fold.dtype == np.int64
            assert (np.diff(fold) > 0).all()
            assert min(counts(found, np.setdiff1d(split.developed, fold))) >= 1
            for position in fold:
                assert not groups[position] or fold_of_group.setdefault(groups[position], number) == number
    again = split_index(found, wanted)
    assert [fold.tolist() for fold in again.folds] == [fold.tolist() for fold in split.folds]


def test_folds_of_single_images_are_stratified_and_told() -> None:
    split = split_index(TWO_CLASSES, options(FoldSettings(folds=5)))
    assert len(split.train) == 0
    assert [counts(TWO_CLASSES, fold) for fold in split.folds].count([7, 10]) >= 4  # 34 and 51 images of 40 and 60
    assert sorted(map(len, split.folds)) == [17] * 5
    assert split.notes == ("85 images are validated once each, in 5 folds of 17",)


def test_repetitions_draw_other_folds() -> None:
    first, second = split_index(TWO_CLASSES, options(FoldSettings(folds=2, repeats=2))).folds[::2]
    assert not np.array_equal(first, second)


def test_pinned_images_are_trained_on_in_every_fold_and_never_validated() -> None:
    found = index([0] * 12 + [1] * 12, pins=([None] * 8 + [Split.TRAIN] * 4) * 2)
    split = split_index(found, options(FoldSettings(folds=4), test=0.0))
    assert split.train.tolist() == [*range(8, 12), *range(20, 24)]
    assert split.validation.tolist() == [*range(8), *range(12, 20)]
    assert split.developed.tolist() == list(range(24))
    assert split.notes[-1] == "16 images are validated once each, in 4 folds of 4; 8 other images always trained on"


def test_folds_of_a_train_folder_beside_a_test_folder() -> None:
    found = index([0] * 60 + [1] * 60, pins=([None] * 50 + [Split.TEST] * 10) * 2)
    split = split_index(found, options(FoldSettings(folds=5)))
    assert split.test.tolist() == [*range(50, 60), *range(110, 120)]
    assert [counts(found, fold) for fold in split.folds] == [[10, 10]] * 5
    assert split.notes[0] == "the folder itself fixes test"


def test_folds_of_a_folder_that_fixes_validation() -> None:
    found = index([0, 1] * 6, pins=[Split.TRAIN] * 6 + [Split.VALIDATION] * 6)
    with pytest.raises(DataError, match=r"data.validation: received folds, though the folder itself fixes validation"):
        split_index(found, options(FoldSettings(folds=2), test=0.0))


def test_a_class_with_fewer_images_than_folds() -> None:
    found = index([0] * 40 + [1] * 6)
    with pytest.raises(DataError, match=r"class 'b': received 5 different images .* at least 6 .*\{folds = 5\}"):
        split_index(found, options(FoldSettings(folds=6)))
    assert len(split_index(found, options(FoldSettings(folds=5))).folds) == 5


# ---- repetitions -----------------------------------------------------------------------------------------------------


def test_repetition_zero_is_the_split_itself_and_others_draw_validation_anew() -> None:
    splits = [repeated_split(TWO_CLASSES, options(), repeat) for repeat in range(4)]
    assert equal(splits[0], split_index(TWO_CLASSES, options()))
    assert len({tuple(split.validation.tolist()) for split in splits}) == 4
    for split in splits:
        check_partition(TWO_CLASSES, split)
        np.testing.assert_array_equal(split.test, splits[0].test)
        assert counts(TWO_CLASSES, split.validation) == [8, 12]
    assert equal(splits[3], repeated_split(TWO_CLASSES, options(), 3))


def test_repetitions_of_folds_draw_folds_anew() -> None:
    own, other = (repeated_split(TWO_CLASSES, options(FoldSettings(folds=5)), repeat) for repeat in (0, 1))
    assert equal(own, other)
    assert not any(np.array_equal(mine, theirs) for mine, theirs in zip(own.folds, other.folds, strict=True))


def test_repetitions_of_a_fixed_validation_side_are_the_same_split() -> None:
    found = index([0] * 6 + [1] * 6, pins=[Split.TRAIN, Split.VALIDATION, Split.TEST] * 4)
    assert equal(repeated_split(found, options(), 0), repeated_split(found, options(), 7))


# ---- groups ----------------------------------------------------------------------------------------------------------


def test_shares_that_groups_do_not_allow_are_told() -> None:
    # Three groups of ten in each class: one each is the least, a third instead of 20 % and 15 %.
    labels = [label for label in (0, 1) for _ in range(30)]
    found = index(labels, [f"{number // 10}" for number in range(60)])
    split = split_index(found, options())
    assert (len(split.train), len(split.validation), len(split.test)) == (20, 20, 20)
    assert split.notes == (
        "test holds 33.3% of the images instead of 15.0%: the nearest that whole groups allow",
        "validation holds 33.3% of the images instead of 20.0%: the nearest that whole groups allow",
    )


def test_small_classes_bend_the_shares_too() -> None:
    split = split_index(index([0, 0, 0, 1, 1, 1]), options())
    assert (len(split.train), len(split.validation), len(split.test)) == (2, 2, 2)
    assert split.notes[0] == (
        "test holds 33.3% of the images instead of 15.0%: every class needs an image on every side"
    )


def test_a_real_set_is_split_by_source_at_nearly_its_shares(shared: Path) -> None:
    root = shared / "data" / "lego_shapes"
    paths = sorted(path.relative_to(root) for path in root.rglob("*.png"))
    names = sorted({path.parent.name for path in paths})
    found = index([names.index(path.parent.name) for path in paths], [path.name.split("_v")[0] for path in paths])
    split = split_index(found, options())
    check_partition(found, split)
    check_whole(found, split)
    assert len(split.test) / len(paths) == pytest.approx(0.15, abs=0.01)
    assert len(split.validation) / len(paths) == pytest.approx(0.20, abs=0.01)
    assert split.notes == ()


# ---- pins ------------------------------------------------------------------------------------------------------------


def test_a_split_that_the_folder_gives_is_left_as_it_is() -> None:
    pins = [Split.TRAIN, Split.VALIDATION, Split.TEST] * 4
    found = index([0] * 6 + [1] * 6, pins=pins)
    for seed in (0, 1):
        split = split_index(found, options(split_seed=seed))
        assert [split.train.tolist(), split.validation.tolist(), split.test.tolist()] == [
            [0, 3, 6, 9],
            [1, 4, 7, 10],
            [2, 5, 8, 11],
        ]
        assert split.notes == ("the folder itself fixes validation and test",)


def test_validation_is_carved_out_of_train_where_the_folder_gives_test_alone() -> None:
    found = index([0] * 60 + [1] * 60, pins=([None] * 50 + [Split.TEST] * 10) * 2)
    split = split_index(found, options())
    assert split.test.tolist() == [*range(50, 60), *range(110, 120)]
    assert counts(found, split.validation) == [10, 10]
    assert split.notes == ("the folder itself fixes test; validation is drawn from its train folder, 20% of it",)


def test_images_pinned_to_training_take_their_source_along_and_count_for_no_share() -> None:
    # Each class: 20 pictures, and 20 composites of which the first shows the source "p" of two of the pictures.
    pins = ([None] * 20 + [Split.TRAIN] * 20) * 2
    groups = ["p", "p", *[""] * 18, "p", *[""] * 19, *[""] * 40]
    found = index([0] * 40 + [1] * 40, groups, pins=pins)
    for seed in range(5):
        split = split_index(found, options(validation=0.25, test=0.25, split_seed=seed))
        assert {0, 1, *range(20, 40), *range(60, 80)} <= set(split.train.tolist())
        assert counts(found, split.test)[1] == counts(found, split.validation)[1] == 5
        assert split.notes == ()


# ---- bad input -------------------------------------------------------------------------------------------------------


def test_shares_that_leave_nothing_to_train_on() -> None:
    with pytest.raises(DataError, match=r"data.validation: received shares of 0.6 for validation and 0.4 for test"):
        split_index(TWO_CLASSES, options(0.6, 0.4))


def test_a_class_with_too_few_images() -> None:
    message = (
        r"class 'b': received 2 different images \(2 files\); expected at least 3 different images of every class, one "
        r"each for train, validation, test; add images, set data.test = 0 or exclude the class"
    )
    with pytest.raises(DataError, match=message):
        split_index(index([0, 0, 0, 1, 1]), options())
    assert len(split_index(index([0, 0, 0, 1, 1]), options(test=0.0)).validation) == 2


def test_copies_do_not_make_a_class_larger() -> None:
    with pytest.raises(DataError, match=r"class 'b': received 2 different images \(3 files\)"):
        split_index(index([0, 0, 0, 1, 1, 1], hashes=["1", "2", "3", "4", "5", "5"]), options())


def test_a_class_of_a_single_source() -> None:
    found = index([0] * 9 + [1] * 9, groups=[*"ppqqrrsst", *"uuuuuuuuu"])
    message = r"class 'b': received 1 source \(9 files\); .*; add images of other sources, set data.group = 'none', set"
    with pytest.raises(DataError, match=message):
        split_index(found, options())


def test_one_source_for_everything() -> None:
    found = index([0] * 9 + [1] * 9, groups=["p"] * 18)
    with pytest.raises(DataError, match=r"data.group: received one source for all 18 images; expected at least 3"):
        split_index(found, options())


def test_sources_that_cannot_give_every_class_to_every_side() -> None:
    # Each class has two sources, but any two classes share one: whatever validates leaves a class without training.
    found = index([0, 1, 1, 2, 2, 0], groups=[*"ppqqrr"])
    with pytest.raises(DataError, match=r"class '[abc]': received no image for (train|validation); .* data.group"):
        split_index(found, options(test=0.0))


def test_a_fixed_split_with_one_photo_on_two_sides() -> None:
    pins = [Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.VALIDATION, Split.TEST, Split.TEST]
    found = index([0, 1, 0, 1, 0, 1], hashes=["1", "2", "1", "3", "4", "5"], pins=pins)
    message = r"002.png: received an image the same photo as 000.png, .*\(1 stand.*; set data.deduplicate = true"
    with pytest.raises(DataError, match=message):
        split_index(found, options())


def test_a_photo_in_an_open_train_folder_and_in_a_fixed_test_folder() -> None:
    found = index([0, 1] * 4, hashes=[*"12345672"], pins=[*[None] * 6, Split.TEST, Split.TEST])
    with pytest.raises(DataError, match=r"007.png: received an image the same photo as 001.png"):
        split_index(found, options())


def test_a_fixed_split_with_one_group_on_two_sides() -> None:
    pins = [Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.VALIDATION]
    found = index([0, 1, 0, 1], groups=["p", "q", "r", "q"], pins=pins)
    with pytest.raises(
        DataError, match=r"003.png: received an image of the same group as 001.png.*data.group = 'none'"
    ):
        split_index(found, options(test=0.0))


def test_a_fixed_side_without_a_class() -> None:
    found = index([0, 1, 0], pins=[Split.TRAIN, Split.TRAIN, Split.VALIDATION])
    with pytest.raises(DataError, match="class 'b': received no image for validation; expected images of every class"):
        split_index(found, options(test=0.0))
