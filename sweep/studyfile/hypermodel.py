"""What may stand beside `[model] hypermodel`, which names a model and its hyperparameters in somebody's own code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sweep.errors import DefinitionError
from sweep.records import Scalar
from sweep.studyfile.notation import stored
from sweep.studyfile.settings import ModelSettings, SearchSettings, Table, TrainingSettings
from sweep.studyfile.space import FieldRange

__all__ = ["HYPERMODEL", "TRAINING_FIELDS", "check_hypermodel", "stored_beside"]

HYPERMODEL = "hypermodel"
"""The field of `[model]`."""

TRAINING_FIELDS = ("batch_size", "epochs", "shuffle", "keep", "patience", "labels")
"""The fields of `[training]` that say something about a model that is compiled and fitted by its own code."""

_NAMED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_FREE_SAMPLERS = ("tpe", "random")


def check_hypermodel(
    model: ModelSettings, training: TrainingSettings, space: Mapping[str, FieldRange], search: SearchSettings
) -> None:
    """Refuse what contradicts a hypermodel: fields that its code decides, and samplers that must know the space."""
    if not model.hypermodel:
        return
    if not _NAMED.fullmatch(model.hypermodel):
        raise DefinitionError(
            f"[model] {HYPERMODEL}",
            received=repr(model.hypermodel),
            expected="module:object, a keras_tuner.HyperModel or a function that makes a compiled model",
            remedy=f'write for example {HYPERMODEL} = "my_model:build_model"',
        )
    for place, field in (
        *_changed("model", model),
        *_changed("training", training),
        *(("space", one) for one in space),
    ):
        if field not in (HYPERMODEL, *TRAINING_FIELDS):
            raise _decided_elsewhere(f"[{place}] {field}", model.hypermodel)
    if search.sampler not in _FREE_SAMPLERS:
        raise DefinitionError(
            "[search] sampler",
            received=f"{search.sampler!r} with a {HYPERMODEL}, whose hyperparameters become known as it is built",
            expected=f"one of {', '.join(map(repr, _FREE_SAMPLERS))}, which need not know the space beforehand",
            remedy='write sampler = "tpe"',
        )


def stored_beside(model: ModelSettings, training: TrainingSettings) -> dict[str, Scalar]:
    """The fields that mean anything beside a hypermodel, in the notation of the database."""
    return {HYPERMODEL: model.hypermodel, **{name: stored(getattr(training, name)) for name in TRAINING_FIELDS}}


def _changed(table: str, settings: Table) -> Iterator[tuple[str, str]]:
    """Table and name of every field that is not at its default."""
    for name, information in type(settings).model_fields.items():
        if getattr(settings, name) != information.default:
            yield table, name


def _decided_elsewhere(place: str, hypermodel: str) -> DefinitionError:
    return DefinitionError(
        place,
        received=f"a field that {hypermodel} decides in its own code",
        expected=f"nothing but {', '.join(TRAINING_FIELDS)} beside a {HYPERMODEL}",
        remedy="take it out, and make it a hyperparameter there",
    )
