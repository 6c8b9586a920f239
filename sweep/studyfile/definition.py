"""The frozen definition of a study: a whole study file, resolved and checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_serializer, field_validator, model_validator

from sweep.errors import DefinitionError
from sweep.records import Scalar
from sweep.studyfile.crossing import (
    FOLD_PRUNER,
    check_causes,
    check_group,
    check_loss,
    check_loss_of_space,
    check_pruner,
    check_rates,
    check_rates_of_space,
    check_shares,
    check_views,
    check_views_of_space,
)
from sweep.studyfile.faults import first_fault
from sweep.studyfile.fields import SWEPT_FIELDS, TABLE_OF, unknown_field
from sweep.studyfile.hypermodel import HYPERMODEL, check_hypermodel, stored_beside
from sweep.studyfile.notation import stored
from sweep.studyfile.ranges import read_range, written
from sweep.studyfile.settings import (
    CheckSettings,
    DataSettings,
    FoldSettings,
    ModelSettings,
    SearchSettings,
    Table,
    TrainingSettings,
)
from sweep.studyfile.space import FieldRange, NumberRange, contains
from sweep.studyfile.structure import check_structures, structural_parameters

__all__ = [
    "CheckSettings",
    "Configuration",
    "DataSettings",
    "FoldSettings",
    "ModelSettings",
    "SearchSettings",
    "StudyDefinition",
    "TrainingSettings",
    "stored",
]


class Configuration(Table):
    """What one trial trains: the baseline with the trial's parameters put in.

    Attributes:
        hyperparameters: names and values that a hypermodel is built with; where one is missing, its default counts.
    """

    model: ModelSettings
    training: TrainingSettings
    hyperparameters: tuple[tuple[str, Scalar], ...] = ()

    @model_validator(mode="after")
    def _check_fields_together(self) -> Self:
        check_rates(self.model)
        check_views(self.training)
        check_loss(self.training)
        return self

    def stored(self) -> dict[str, Scalar]:
        """Every field, flat, in the notation of the database; a hypermodel's hyperparameters stand in their place."""
        if self.model.hypermodel:
            return {**stored_beside(self.model, self.training), **dict(self.hyperparameters)}
        fields = {**self.model.model_dump(exclude={HYPERMODEL}), **self.training.model_dump()}
        return {name: stored(value) for name, value in fields.items()}

    def replaced(self, parameters: Mapping[str, Scalar]) -> Configuration:
        """This configuration with `parameters` (stored notation) put in.

        Raises:
            DefinitionError: a parameter is unknown, has a value that its field can't have, or does not fit the others.
        """
        if unknown := [name for name in parameters if name not in SWEPT_FIELDS]:
            raise unknown_field(unknown[0], "space", f"parameter {unknown[0]}")
        tables = {"model": self.model.model_dump(), "training": self.training.model_dump()}
        for name, value in parameters.items():
            tables[TABLE_OF[name]][name] = value
        try:
            return Configuration.model_validate(tables)
        except ValidationError as error:
            raise _refused(error, depth=2, what="parameter ") from error


class StudyDefinition(Table):
    """A whole study file, resolved: overrides applied, defaults filled in.

    Raises:
        DefinitionError: fields contradict each other, or a range is not one that its field can have.
        pydantic.ValidationError: a single field is wrong; `load.resolve` puts it in our words.
    """

    schema_version: Annotated[Literal[1], Field(alias="schema")] = 1
    name: Annotated[str, Field(min_length=1)]
    question: str = ""
    data: DataSettings
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    space: Mapping[str, FieldRange] = {}
    search: SearchSettings = SearchSettings()
    check: CheckSettings = CheckSettings()

    @model_validator(mode="before")
    @classmethod
    def _choose_pruner(cls, document: object) -> object:
        """With folds, a study that names no pruner gets the one that compares fold by fold."""
        if not isinstance(document, Mapping) or not _has_folds(document.get("data")):
            return document
        search = document.get("search", {})
        named = search.model_dump(exclude_unset=True) if isinstance(search, SearchSettings) else search
        if not isinstance(named, Mapping):
            return document
        return {**document, "search": {"pruner": FOLD_PRUNER, **named}}

    @field_validator("space", mode="before")
    @classmethod
    def _read_space(cls, space: object) -> object:
        """Ranges in the order of the fields: the order in a file decides nothing."""
        if not isinstance(space, Mapping):
            return space
        ranges = {field: read_range(field, value) for field, value in space.items()}
        return dict(sorted(ranges.items(), key=lambda item: SWEPT_FIELDS.index(item[0])))

    @field_serializer("space")
    def _write_space(self, space: Mapping[str, FieldRange]) -> dict[str, dict[str, object]]:
        return {field: written(values) for field, values in space.items()}

    @model_validator(mode="after")
    def _check_fields_together(self) -> Self:
        check_shares(self.data)
        check_group(self.data.group)
        check_pruner(self.data, self.search)
        check_causes(self.check)
        check_rates(self.model)
        check_rates_of_space(self.model, self.space)
        check_views(self.training)
        check_views_of_space(self.training, self.space)
        check_loss(self.training)
        check_loss_of_space(self.training, self.space)
        check_hypermodel(self.model, self.training, self.space, self.search)
        return self

    @property
    def baseline(self) -> Configuration:
        """The user's configuration of today."""
        return Configuration(model=self.model, training=self.training)

    def configuration(self, parameters: Mapping[str, Scalar]) -> Configuration:
        """The baseline with `parameters` (stored notation) put in; raises `DefinitionError` where one is invalid.

        Beside a hypermodel, those that are not in the space are its hyperparameters.
        """
        if not self.model.hypermodel:
            return self.baseline.replaced(parameters)
        fields = {name: value for name, value in parameters.items() if name in self.space}
        theirs = tuple((name, value) for name, value in parameters.items() if name not in self.space)
        return self.baseline.replaced(fields).model_copy(update={"hyperparameters": theirs})

    def with_data(self, changes: Mapping[str, Scalar]) -> StudyDefinition:
        """This definition with fields of [data] changed; raises `DefinitionError` where one is invalid."""
        try:
            data = DataSettings.model_validate(self.data.model_dump() | dict(changes))
        except ValidationError as error:
            raise _refused(error, depth=1, what="data.") from error
        check_shares(data)
        check_group(data.group)
        return self.model_copy(update={"data": data})

    def baseline_parameters(self) -> dict[str, Scalar] | None:
        """The baseline's stored values of the swept fields, or None if one of them lies outside its range."""
        fields = self.baseline.stored()
        widths = self.model.head_width
        if len(widths) == 1 and isinstance(self.space.get("head_width"), NumberRange):
            fields["head_width"] = widths[0]  # drawn as the number itself: one layer
        inside = all(contains(values, fields[field]) for field, values in self.space.items())
        return {field: fields[field] for field in self.space} if inside else None

    def structural_configurations(self) -> tuple[Configuration, ...]:
        """The baseline and every combination of the swept fields that decide what of the backbone is computed ahead.

        Fields that decide nothing of it stay at the baseline.

        Raises:
            DefinitionError: there are more than 5,000 combinations.
        """
        check_structures(self.space)
        combinations = (self.configuration(parameters) for parameters in structural_parameters(self.space))
        return tuple(dict.fromkeys((self.baseline, *combinations)))

    def canonical_json(self) -> str:
        """The definition as JSON with sorted keys: equal definitions give equal text."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True, ensure_ascii=False)

    @property
    def digest(self) -> str:
        """SHA-256 of what decides about a trial, hexadecimal: all but [check] and the numbers of trials and repeats."""
        content: dict[str, Any] = json.loads(self.canonical_json())
        del content["check"]
        for field in ("trials", "finalists", "repeats"):
            del content["search"][field]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _refused(error: ValidationError, *, depth: int, what: str) -> DefinitionError:
    fault = first_fault(error, depth=depth)
    return DefinitionError(
        f"{what}{fault.path[-1]}",
        received=fault.received,
        expected=fault.expected,
        remedy="change the parameter",
    )


def _has_folds(data: object) -> bool:
    """Whether a table [data], checked or not, asks for cross-validation."""
    validation = data.get("validation") if isinstance(data, Mapping) else getattr(data, "validation", None)
    return isinstance(validation, (Mapping, FoldSettings))
