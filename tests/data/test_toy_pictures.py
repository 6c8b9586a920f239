"""What the sets consist of, and that a picture is made of its numbers alone."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.data.toy_pictures import CLASSES, PER_CLASS, TOYS, ToyPicture, list_pictures, render_picture


def pixels(picture: ToyPicture) -> NDArray[np.int16]:
    return np.asarray(render_picture(picture)).astype(np.int16)


def corner_difference(one: ToyPicture, other: ToyPicture) -> float:
    """Mean difference of the upper corners, where no toy stands; 0 to 255."""
    difference = np.abs(pixels(one) - pixels(other))[:40]
    return float(np.concatenate([difference[:, :30], difference[:, -30:]], axis=1).mean())


@pytest.mark.parametrize(("name", "per_class"), list(zip(TOYS, (750, 750, 900), strict=True)))
def test_every_class_has_750_pictures_and_every_path_is_unique(name: str, per_class: int) -> None:
    pictures = list_pictures(name)
    assert PER_CLASS == 750
    assert Counter(CLASSES[picture.label] for picture in pictures) == {
        **dict.fromkeys(("bear_a", "bear_b", "bear_c", "bear_d"), per_class),
        "negative": 750,
    }
    assert len({picture.path for picture in pictures}) == len(pictures)
    assert all(picture.path.startswith(f"{CLASSES[picture.label]}/") for picture in pictures)


def test_names_tell_the_burst_and_a_burst_has_fifteen_frames() -> None:
    pictures = list_pictures("toys-bursts", per_class=30)
    assert pictures[17].path == "bear_a/bear_a_burst001_02.jpg"
    bursts = Counter(re.sub(r"_\d+\.jpg$", "", picture.path.split("/")[1]) for picture in pictures)
    assert (len(bursts), set(bursts.values())) == (10, {15})


def test_composites_are_named_so_and_added_to_the_same_pictures() -> None:
    plain, with_composites = set(list_pictures("toys", 10)), set(list_pictures("toys-composites", 10))
    added = sorted(picture.path for picture in with_composites - plain)
    assert plain < with_composites
    assert added[:3] == [
        "bear_a/composite_bear_a_000.jpg",
        "bear_a/composite_bear_a_001.jpg",
        "bear_b/composite_bear_b_000.jpg",
    ]
    assert len(added) == 8, "nothing is pasted for `negative`"


@pytest.mark.parametrize("name", TOYS)
def test_the_same_numbers_give_the_same_picture(name: str) -> None:
    picture = list_pictures(name, 10)[-1]
    assert render_picture(picture).tobytes() == render_picture(picture).tobytes()


def test_frames_of_a_burst_share_their_background_and_differ_in_pose() -> None:
    first, second, other = (list_pictures("toys-bursts", 30)[number] for number in (0, 8, 15))
    assert corner_difference(first, second) < 12, "noise and a little blur"
    assert corner_difference(first, other) > 20
    assert np.abs(pixels(first) - pixels(second))[60:180, 60:180].mean() > 12


def test_every_picture_of_toys_has_a_background_of_its_own() -> None:
    first, second = list_pictures("toys", 2)[:2]
    assert corner_difference(first, second) > 20
