"""What users write for a range, on the command line and in a study file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.errors import DefinitionError
from sweep.records import Scalar
from sweep.studyfile.ranges import read_range, written
from sweep.studyfile.space import Choices, FieldRange, NumberRange


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("dropout", "0.0:0.9", NumberRange(low=0.0, high=0.9)),
        ("dropout", " 0 : 0.9 ", NumberRange(low=0.0, high=0.9)),
        ("dropout", "0:0.9:0.3", NumberRange(low=0.0, high=0.9, step=0.3)),
        ("l2", "1e-6:1e-1:log", NumberRange(low=1e-6, high=0.1, log=True)),
        ("unfrozen_layers", "0:40:10", NumberRange(low=0, high=40, integer=True, step=10)),
        ("batch_size", "8:128:log", NumberRange(low=8, high=128, integer=True, log=True)),
        ("batch_size", "1e1:1e2", NumberRange(low=10, high=100, integer=True)),
        ("head_width", "16:512:log", NumberRange(low=16, high=512, integer=True, log=True)),
    ],
)
def test_numbers(field: str, text: str, expected: NumberRange) -> None:
    found = read_range(field, text)
    assert found == expected
    assert isinstance(found, NumberRange)
    assert type(found.low) is type(expected.low)  # 0 and 0.0 would give different digests


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("batch_size", "32,64,128", (32, 64, 128)),
        ("batch_size", "32", (32,)),
        ("dropout", "0.2, 0.5", (0.2, 0.5)),
        ("dropout", "0.2,0.5-0.3", (0.2, "0.5-0.3")),
        ("l2", "0,1e-4", (0.0, 1e-4)),
        ("head_width", "none,128,512-256", ("none", "128", "512-256")),
        ("pooling", "avg,max", ("avg", "max")),
        ("augment", "none,flip,flip-shift", ("none", "flip", "flip-shift")),
        ("weights", "imagenet,none,my.h5", ("imagenet", "none", "my.h5")),
    ],
)
def test_choices(field: str, text: str, expected: tuple[Scalar, ...]) -> None:
    assert read_range(field, text) == Choices(values=expected)


@pytest.mark.parametrize(
    ("field", "table", "expected"),
    [
        ("dropout", {"low": 0, "high": 0.9}, NumberRange(low=0.0, high=0.9)),
        ("l2", {"low": 1e-6, "high": 1e-1, "log": True}, NumberRange(low=1e-6, high=0.1, log=True)),
        ("epochs", {"low": 5, "high": 20, "log": False}, NumberRange(low=5, high=20, integer=True)),
        (
            "unfrozen_layers",
            {"low": 0, "high": 40, "step": 10},
            NumberRange(low=0, high=40, integer=True, step=10),
        ),
        ("head_width", {"choices": [64, [512, 256], [], "32-16"]}, Choices(values=("64", "512-256", "none", "32-16"))),
        ("dropout", {"choices": [0.2, [0.5, 0.3], [0.4]]}, Choices(values=(0.2, "0.5-0.3", "0.4"))),
        ("augment", {"choices": [[], ["flip"]]}, Choices(values=("none", "flip"))),
    ],
)
def test_tables(field: str, table: dict[str, object], expected: FieldRange) -> None:
    assert read_range(field, table) == expected


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("dropout", "0.9:0.1", r'low 0\.9, high 0\.1; expected low below high; write "0\.1:0\.9"'),
        ("dropout", "0.5:0.5", r'low 0\.5, high 0\.5; expected low below high; write "0\.5" for a single value'),
        ("dropout", "0:1", r"received 1\.0; expected a number below 1"),
        ("dropout", "0.2,1.0", r"received 1\.0; expected a number below 1"),
        ("dropout", "0.5-1.0", r"received 1\.0 in '0\.5-1\.0'; expected a number below 1"),
        ("l2", "0:0.1:log", r'a log range from 0\.0; expected a low end above 0.*write "1e-06:0\.1:log"'),
        ("unfrozen_layers", "0:40:log", 'a log range from 0; .*write "1:40:log"'),
        ("l2", {"low": 1e-6, "high": 0.1, "log": True, "step": 0.1}, "received log and a step; expected one of them"),
        ("l2", "1e-6:1e-1:0.1:log", "a step and log exclude each other"),
        ("unfrozen_layers", "0.5:40", r"received low 0\.5; expected a whole number"),
        ("unfrozen_layers", {"low": 0, "high": 7.5}, r"received high 7\.5; expected a whole number"),
        ("unfrozen_layers", "0:40:2.5", r"received step 2\.5; expected a whole number"),
        ("unfrozen_layers", "0:45:10", r'in steps of 10, which miss 45; .*write "0:40:10"'),
        ("dropout", "0:0.5:0.8", "expected a high end that the steps reach; write a smaller step"),
        ("dropout", "0:0.9:-0.1", r"received step -0\.1; expected a step above 0"),
        ("dropout", "0:0.9:fast", "received step 'fast'; expected a finite number"),
        ("batch_size", "16:inf", "received high inf; expected a finite number"),
        ("batch_size", {"low": True, "high": 32}, "received low True; expected a finite number"),
        ("l2", {"low": 0, "high": 10**400}, "expected a finite number"),
        ("head_width", "0:64", "received 0; expected a number of at least 1"),
        ("head_width", {"choices": [64, [128, 0]]}, r"received 0 in \[128, 0\]; expected a number of at least 1"),
        ("batch_size", {"choices": [16, "32"]}, "received '32'; expected a whole number"),
        ("batch_size", {"choices": [16, True]}, "received True; expected a whole number"),
        ("batch_size", "16,many", "received 'many'; expected a whole number"),
        ("pooling", "avg,mean", "received 'mean'; expected 'avg', 'max', 'max2d' or 'flatten'"),
        ("augment", "flip-flop", "received 'flop' in 'flip-flop'; expected 'flip', "),
        ("batch_size", {"choices": []}, "received no choices; expected at least one"),
        ("batch_size", "", "received no choices; expected at least one"),
        ("batch_size", {"choices": 16}, "received 16; expected a list"),
        ("batch_size", "16,32,16", "received the choice 16 twice"),
        ("head_width", {"choices": [64, [64]]}, "received the choice '64' twice"),
        ("pooling", "0:3", "the range '0:3' of a text field; expected choices; write \"avg,max\""),
        ("backbone", {"low": 0, "high": 3}, "the range '0:3' of a text field; expected choices"),
        ("batch_size", {"low": 16, "hihg": 32}, "the unknown key `hihg`; expected low, high.*; write high"),
        ("batch_size", {"low": 16}, "a table of low; expected low and high"),
        ("batch_size", {"low": 16, "high": 32, "choices": [16]}, "or choices alone"),
        ("batch_size", {"low": 16, "high": 32, "log": 1}, "received log = 1; expected true or false"),
        ("batch_size", [16, 32], r'received \[16, 32\]; expected a range; write "16,32"'),
    ],
)
def test_a_range_that_cannot_be(field: str, value: object, says: str) -> None:
    with pytest.raises(DefinitionError, match=rf"^\[space\] {field}: .*{says}"):
        read_range(field, value)


def test_an_unknown_field_is_told_the_nearest() -> None:
    with pytest.raises(DefinitionError, match="unknown field `droput`; expected `dropout` in"):
        read_range("droput", "0:0.9")


NUMBERS = st.floats(1e-9, 0.9).map(lambda number: float(f"{number:.6g}"))


@given(st.tuples(NUMBERS, NUMBERS).filter(lambda pair: pair[0] < pair[1]), st.booleans())
def test_a_written_range_is_read_back(span: tuple[float, float], log: bool) -> None:
    low, high = span
    text = f"{low}:{high}:log" if log else f"{low}:{high}"
    found = read_range("dropout", text)
    assert found == NumberRange(low=low, high=high, log=log)
    assert read_range("dropout", written(found)) == found
    assert read_range("dropout", found) == found


WIDTHS = st.lists(st.lists(st.integers(1, 999), max_size=3).map(tuple), min_size=1, max_size=5, unique=True)


@given(WIDTHS)
def test_written_choices_are_read_back(widths: list[tuple[int, ...]]) -> None:
    text = ",".join("-".join(map(str, layers)) or "none" for layers in widths)
    found = read_range("head_width", text)
    assert found == read_range("head_width", {"choices": [list(layers) for layers in widths]})
    assert read_range("head_width", written(found)) == found
