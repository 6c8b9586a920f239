"""File names that tell sources, and numbering that does not."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pytest

from sweep.data.groups import detect_group


def names(form: str, *, sources: int = 10, each: int = 6, classes: tuple[str, ...] = ("cat", "dog")) -> list[str]:
    """Paths of `classes` × `sources` × `each` files; `{k}` counts through a whole class."""
    return [
        f"{label}/" + form.format(label=label, source=source, copy=copy, k=source * each + copy)
        for label in classes
        for source in range(sources)
        for copy in range(each)
    ]


@pytest.mark.parametrize(
    ("form", "pattern", "sources"),
    [
        ("{label}{source}_v{copy:03d}.png", r"^(.+)_v\d+", 20),
        ("1545_{source}__v{copy:03d}.png", r"^(.+)_v\d+", 10),
        ("IMG_{source}_frame{copy:02d}.png", r"^(.+)_frame\d+", 10),
        ("burst{source:02d}_{copy:02d}.jpg", r"^(.+)_\d+", 10),
        ("{label}_burst{source:02d}_{copy:02d}.jpg", r"^(.+)_\d+", 20),
        ("video{source}-f{copy}.png", r"^(.+)-f\d+", 10),
        ("scan {source} slice {copy}.png", r"^(.+) slice \d+", 10),
        ("p{source}_aug_{copy}.png", r"^(.+)_aug_\d+", 10),
        ("cat{source}.{copy}.png", r"^(.+)\.\d+", 10),
        ("{label}{source}_jpg.rf.0123456789abcdef{copy}.jpg", r"^(.+)\.rf\.", 20),
    ],
)
def test_a_source_repeated_under_a_suffix_is_found(form: str, pattern: str, sources: int) -> None:
    paths = names(form)
    guess = detect_group(paths)
    assert guess is not None
    assert (guess.pattern, guess.sources, guess.files) == (pattern, sources, 120)
    # The pattern does what the guess says when it is searched in whole file names.
    found = {match[1] for path in paths if (match := re.search(guess.pattern, PurePosixPath(path).name))}
    assert len(found) == sources


@pytest.mark.parametrize(
    "form",
    [
        "{label}_{k:03d}.jpg",
        "{label}.{k}.jpg",
        "{label} ({k}).jpg",
        "IMG_{k:04d}.jpg",
        "DSC{k:05d}.jpg",
        "{k}.jpg",
        "{label}_v{k:03d}.png",  # one source a class is no source
        "camera{source}_{k:04d}.jpg",  # the counter runs through the class: sources are only labelled
        "IMG_2024011{source}_{k:06d}.jpg",  # a time of day
        "photo{source}{copy}.jpg",
    ],
)
def test_plain_numbering_is_no_source(form: str) -> None:
    assert detect_group(names(form)) is None


def test_two_subsets_of_a_collection_are_no_sources() -> None:
    paths = [
        f"{label}/{part}_{number:06d}.jpg" for label in ("a", "b") for part in ("tv", "test") for number in range(99)
    ]
    assert detect_group(paths) is None


def test_single_files_a_source_are_no_sources() -> None:
    assert detect_group(names("{label}{source}_v{copy}.png", each=1)) is None
    singles = names("{label}{source}_v{copy}.png", each=1, sources=20)
    mostly_single = [*singles, *names("{label}_x_v{k}.png", sources=1, each=90)]
    assert detect_group(mostly_single) is None


def test_crops_of_one_scene_may_show_two_classes() -> None:
    guess = detect_group(names("scene{source}_crop1.png", each=1))
    assert guess is not None
    assert (guess.sources, guess.files) == (10, 20)
    assert detect_group(names("scene{source}_1.png", each=1)) is None  # without the word it may be chance


def test_fewer_than_two_sources_a_class_are_none() -> None:
    assert detect_group(names("{label}{source}_v{copy}.png", sources=2, each=50)) is not None
    assert detect_group([*names("{label}{source}_v{copy}.png", sources=2, each=50), "bird/bird_v01.png"]) is None


def test_one_name_that_does_not_fit_spoils_the_guess() -> None:
    """A pattern that some file does not match would stop the run."""
    assert detect_group([*names("cat{source}_v{copy}.png"), "dog/odd.png"]) is None
    assert detect_group([*names("cat{source}_v{copy}.png"), "dog/dog1_frame01.png"]) is None


def test_sides_above_the_classes_do_not_count_as_classes() -> None:
    paths = names("{label}{source}_v{copy}.png", sources=2)
    split = [f"train/{path}" for path in paths] + [f"val/{path.replace('_v', 'x_v')}" for path in paths]
    guess = detect_group(split)
    assert guess is not None
    assert guess.sources == 8


def test_no_files_no_guess() -> None:
    assert detect_group([]) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lego_shapes", (r"^(.+)_v\d+", 124, 4404)),
        ("cats_dogs_small", None),
        ("nksid_sonar", None),
        ("sonar_human", None),
    ],
)
def test_real_folders(shared: Path, name: str, expected: tuple[str, int, int] | None) -> None:
    root = shared / "data" / name
    guess = detect_group([path.relative_to(root).as_posix() for path in root.rglob("*.*")])
    assert (guess and (guess.pattern, guess.sources, guess.files)) == expected
