"""KerasTuner's hyperparameters with values from elsewhere: drawn by an Optuna trial, or stored by an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds

from sweep.errors import DefinitionError
from sweep.records import Scalar
from sweep.studyfile.definition import Configuration
from sweep.studyfile.space import Choices, FieldRange, NumberRange

__all__ = ["Candidates", "SuppliedHyperParameters", "Supply", "TunedModel", "range_of"]

Supply = Callable[[str, FieldRange, Scalar], Scalar]
"""Gives the value of a hyperparameter: its full name, its range, its default."""


class SuppliedHyperParameters(keras_tuner.HyperParameters):  # type: ignore[misc]
    """Asks for the value of a hyperparameter when it is declared, if it is active.

    Attributes:
        fault: the first error of asking.
    """

    def __init__(self, supply: Supply) -> None:
        super().__init__()
        self.fault: Exception | None = None
        self._supply = supply

    def _retrieve(self, hp: Any) -> Scalar | None:  # noqa: ANN401 - KerasTuner's signature, without a public twin
        """A value for what is declared; None where it is inactive."""
        known = hp.name in self.values or self._exists(hp.name, hp.conditions)
        if not known and self._conditions_are_active(hp.conditions):
            try:
                self.values[hp.name] = self._value(hp)
            except Exception as error:
                self.fault = self.fault or error
                raise
        value: Scalar | None = super()._retrieve(hp)
        return value

    def _value(self, hp: Any) -> Scalar:  # noqa: ANN401
        if isinstance(hp, kinds.Fixed):
            fixed: Scalar = hp.value
            return fixed
        return self._supply(hp.name, range_of(hp), hp.default)


def range_of(hp: Any) -> FieldRange:  # noqa: ANN401 - KerasTuner has no types
    """The range of a hyperparameter.

    Raises:
        DefinitionError: its values cannot be drawn here; the place is its name.
    """
    if isinstance(hp, kinds.Boolean):
        return Choices(values=(False, True))
    if isinstance(hp, kinds.Choice):
        return Choices(values=tuple(dict.fromkeys(hp.values)))
    if not isinstance(hp, (kinds.Int, kinds.Float)):
        raise _unmapped(hp, f"a {type(hp).__name__}", "an Int, Float, Choice, Boolean or Fixed", "declare one of them")
    log = hp.sampling == "log"
    if hp.sampling == "reverse_log":
        raise _unmapped(hp, 'sampling="reverse_log"', '"linear" or "log"', 'write sampling="linear"')
    if log and hp.step is not None:
        raise _unmapped(
            hp,
            f'step={hp.step:g} with sampling="log", which multiplies',
            'a step that adds, or sampling="log" without one',
            "take one of them out, or list the values in a Choice",
        )
    integer = isinstance(hp, kinds.Int)
    step = None if hp.step is None or (integer and hp.step == 1) else hp.step
    return NumberRange(low=hp.min_value, high=hp.max_value, integer=integer, log=log, step=step)


class TunedModel:
    """A hypermodel with the values of one trial: what training knows of it.

    Attributes:
        name: as the study file has it.
    """

    def __init__(
        self,
        hypermodel: keras_tuner.HyperModel,
        name: str,
        supply: Supply,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._hypermodel = hypermodel
        self._hyperparameters = SuppliedHyperParameters(supply)
        self._settle = settle

    @property
    def fault(self) -> Exception | None:
        """What went wrong while a value was asked for."""
        return self._hyperparameters.fault

    @property
    def values(self) -> dict[str, Scalar]:
        """The active hyperparameters that were declared so far, fixed ones too."""
        return dict(self._hyperparameters.values)

    def build(self) -> Any:  # noqa: ANN401 - Keras has its own rooms
        """A new compiled model."""
        self._hypermodel.declare_hyperparameters(self._hyperparameters)
        return self._hypermodel.build(self._hyperparameters)

    def fit(self, model: object, *data: object, **options: object) -> object:
        """Train it as the hypermodel does."""
        return self._hypermodel.fit(self._hyperparameters, model, *data, **options)

    def settle(self) -> None:
        """Tell the search that every value is known."""
        self._settle()


class Candidates:
    """Gives a hypermodel the values of a configuration; within `drawing`, those that a trial draws when asked.

    Args:
        hypermodel: of the user's.
        name: as the study file has it.
    """

    def __init__(self, hypermodel: keras_tuner.HyperModel, name: str) -> None:
        self._hypermodel = hypermodel
        self._name = name
        self._drawing: TunedModel | None = None

    def __call__(self, configuration: Configuration) -> TunedModel:
        """The hypermodel with the configuration's values; where one is missing, the default."""
        if self._drawing is not None:
            return self._drawing
        known = dict(configuration.hyperparameters)
        return TunedModel(self._hypermodel, self._name, lambda name, _, default: known.get(name, default))

    @contextmanager
    def drawing(self, supply: Supply, settle: Callable[[], None]) -> Iterator[TunedModel]:
        """Within it, every candidate is the one that is yielded.

        Args:
            supply: draws a value; asked once for each hyperparameter, however often the model is built.
            settle: called whenever a training is about to begin.
        """
        self._drawing = TunedModel(self._hypermodel, self._name, supply, settle)
        try:
            yield self._drawing
        finally:
            self._drawing = None


def _unmapped(hp: Any, received: str, expected: str, remedy: str) -> DefinitionError:  # noqa: ANN401
    return DefinitionError(f'hyperparameter "{hp.name}"', received=received, expected=expected, remedy=remedy)
