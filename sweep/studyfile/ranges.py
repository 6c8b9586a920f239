"""What a user writes for a range becomes a `FieldRange`: `0.0:0.9`, `1e-6:1e-1:log`, `0:40:10`, `32,64,128`, tables.

Which numbers, texts or lists a field takes is asked of the settings themselves: both ends and every choice must be
values that the field itself may have.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import get_args

from pydantic import ValidationError

from sweep.errors import DefinitionError
from sweep.records import Scalar
from sweep.studyfile.faults import first_fault, shown
from sweep.studyfile.fields import SWEPT_FIELDS, TABLE_OF, TABLES, is_truth, nearest, number_type, unknown_field
from sweep.studyfile.notation import stored
from sweep.studyfile.space import Choices, FieldRange, NumberRange

__all__ = ["read_range", "written"]

_NUMBER = r"[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_NUMBERS_APART = re.compile(rf"\s*{_NUMBER}\s*:\s*{_NUMBER}\s*(?::.*)?")
_TRUTH = {"true": True, "false": False}
_KEYS = ("low", "high", "log", "step")
_EXAMPLES = {
    "augment": "none,flip,flip-shift",
    "backbone": "efficientnet-lite0,mobilenet-v2",
    "dropout": "0.0:0.9",
    "head_width": "none,128,512-256",
    "weights": "imagenet,none",
}


def read_range(field: str, value: object) -> FieldRange:
    """The range of a field, from a text, a table or a finished range.

    Raises:
        DefinitionError: the field is unknown or the range is not one that it can have; the place is "[space] field".
    """
    if field not in SWEPT_FIELDS:
        raise unknown_field(field, "space", f"[space] {field}")
    if isinstance(value, (NumberRange, Choices)):
        value = written(value)
    if isinstance(value, str):
        return _read_text(field, value)
    if isinstance(value, Mapping):
        return _read_table(field, value)
    raise _wrong(
        field,
        received=shown(value),
        expected="a range",
        remedy=f"write {_example(field)}",
    )


def written(values: FieldRange) -> dict[str, object]:
    """The range as a table of the study file, which `read_range` reads back."""
    if isinstance(values, Choices):
        return {"choices": list(values.values)}
    table: dict[str, object] = {"low": values.low, "high": values.high}
    if values.log:
        table["log"] = True
    if values.step is not None:
        table["step"] = values.step
    return table


# ---- the two forms -------------------------------------------------------------------------------------------------


def _read_text(field: str, text: str) -> FieldRange:
    kind = number_type(field)
    if kind is None:
        if _NUMBERS_APART.fullmatch(text):
            raise _no_numbers(field, text)
        words = [part.strip() for part in text.split(",")]
        return _choices(field, [_TRUTH.get(word, word) for word in words] if is_truth(field) else words)
    if ":" not in text:
        return _choices(field, [_number_or_text(part) for part in text.split(",")] if text.strip() else [])
    low, high, *options = (part.strip() for part in text.split(":"))
    log = options == ["log"]
    step = _number_or_text(options[0]) if options and not log else None
    if len(options) > 1:
        raise _wrong(
            field,
            received=repr(text),
            expected="LOW:HIGH, LOW:HIGH:STEP or LOW:HIGH:log; a step and log exclude each other",
            remedy=f"write {_example(field)}",
        )
    return _numbers(field, _number_or_text(low), _number_or_text(high), log=log, step=step)


def _read_table(field: str, table: Mapping[str, object]) -> FieldRange:
    if "choices" in table and len(table) == 1:
        choices = table["choices"]
        if isinstance(choices, (list, tuple)):
            return _choices(field, choices)
        raise _wrong(field, received=shown(choices), expected="a list", remedy="write {choices = [...]}")
    if unknown := [key for key in table if key not in (*_KEYS, "choices")]:
        near = nearest(unknown[0], (*_KEYS, "choices"))
        raise _wrong(
            field,
            received=f"the unknown key `{unknown[0]}`",
            expected="low, high, log and step, or choices",
            remedy=f"write {near}" if near else f"write {_example(field)}",
        )
    if "choices" in table or "low" not in table or "high" not in table:
        raise _wrong(
            field,
            received=f"a table of {', '.join(table) or 'nothing'}",
            expected="low and high (with log or step), or choices alone",
            remedy=f"write {_example(field)}",
        )
    log = table.get("log", False)
    if not isinstance(log, bool):
        raise _wrong(field, received=f"log = {shown(log)}", expected="true or false", remedy="write log = true")
    return _numbers(field, table["low"], table["high"], log=log, step=table.get("step"))


# ---- choices -------------------------------------------------------------------------------------------------------


def _choices(field: str, raw: Sequence[object]) -> Choices:
    if not raw:
        raise _wrong(field, received="no choices", expected="at least one", remedy=f"write {_example(field)}")
    values = tuple(_stored_value(field, choice) for choice in raw)
    if len(set(values)) < len(values):
        twice = next(value for position, value in enumerate(values) if value in values[:position])
        raise _wrong(field, received=f"the choice {twice!r} twice", expected="each once", remedy="take one of them out")
    return Choices(values=values)


def _stored_value(field: str, raw: object) -> Scalar:
    """A value of the field in stored notation, by way of the settings that know what is allowed."""
    settings = TABLES[TABLE_OF[field]]
    try:
        return stored(getattr(settings.model_validate({field: raw}), field))
    except ValidationError as error:
        fault = first_fault(error, depth=1)
        raise _wrong(
            field,
            received=fault.received if fault.received == shown(raw) else f"{fault.received} in {shown(raw)}",
            expected=fault.expected,
            remedy=f"change it, as in {_example(field)}",
        ) from error


# ---- numbers -------------------------------------------------------------------------------------------------------


def _numbers(field: str, low: object, high: object, *, log: bool, step: object) -> NumberRange:
    kind = number_type(field)
    if kind is None:
        raise _no_numbers(field, f"{low}:{high}")
    first, last = _number(field, kind, low, "low"), _number(field, kind, high, "high")
    if first >= last:
        raise _wrong(
            field,
            received=f"low {first}, high {last}",
            expected="low below high",
            remedy=f'write "{last}:{first}"' if first > last else f'write "{first}" for a single value',
        )
    for end in (first, last):
        _stored_value(field, end)
    if log and first <= 0:
        raise _wrong(
            field,
            received=f"a log range from {first}",
            expected="a low end above 0, since the logarithm of 0 is not finite",
            remedy=f'write "{1 if kind is int else 1e-6}:{last}:log"',
        )
    distance = None if step is None else _step(field, kind, (first, last), step, log=log)
    return NumberRange(low=first, high=last, integer=kind is int, log=log, step=distance)


def _number(field: str, kind: type[int] | type[float], raw: object, role: str) -> float:
    """One number of a range, whole where the field is; so that equal ranges are equal text, of exactly that type."""
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not abs(raw) <= sys.float_info.max:
        expected = "a finite number"
    elif kind is int and raw != int(raw):
        expected = "a whole number"
    else:
        return kind(raw)
    raise _wrong(field, received=f"{role} {shown(raw)}", expected=expected, remedy=f"write {_example(field)}")


def _step(field: str, kind: type[int] | type[float], span: tuple[float, float], raw: object, *, log: bool) -> float:
    if log:
        raise _wrong(field, received="log and a step", expected="one of them", remedy="take one of them out")
    step = _number(field, kind, raw, "step")
    low, high = span
    if step <= 0:
        raise _wrong(field, received=f"step {step}", expected="a step above 0", remedy=f"write {_example(field)}")
    steps, rest = divmod(Decimal(repr(high)) - Decimal(repr(low)), Decimal(repr(step)))
    if rest:
        reached = kind(Decimal(repr(low)) + steps * Decimal(repr(step)))
        raise _wrong(
            field,
            received=f"{low} to {high} in steps of {step}, which miss {high}",
            expected="a high end that the steps reach",
            remedy=f'write "{low}:{reached}:{step}"' if steps else "write a smaller step",
        )
    return step


def _number_or_text(text: str) -> object:
    """A number where the text is one, for what the command line gives as text."""
    text = text.strip()
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


# ---- messages ------------------------------------------------------------------------------------------------------


def _example(field: str) -> str:
    """A range that the field can have, in quotes as a study file needs them and a shell takes them off."""
    kind = number_type(field)
    if field in _EXAMPLES:
        return f'"{_EXAMPLES[field]}"'
    if is_truth(field):
        return '"true,false"'
    if kind is None:
        return f'"{",".join(get_args(TABLES[TABLE_OF[field]].model_fields[field].annotation)[:2])}"'
    return '"16,32"' if kind is int else '"1e-5:1e-2:log"'


def _no_numbers(field: str, received: str) -> DefinitionError:
    return _wrong(
        field,
        received=f"the range {received!r} of a text field",
        expected="choices",
        remedy=f"write {_example(field)}",
    )


def _wrong(field: str, *, received: str, expected: str, remedy: str) -> DefinitionError:
    return DefinitionError(f"[space] {field}", received=received, expected=expected, remedy=remedy)
