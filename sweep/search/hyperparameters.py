"""The hyperparameters that a hypermodel declares while it is built, drawn by an Optuna trial one after the other."""

from __future__ import annotations

from collections.abc import Container

import optuna

from sweep.errors import DefinitionError
from sweep.records import Scalar
from sweep.search.samplers import SeededSampler
from sweep.search.suggest import draw
from sweep.studyfile.space import FieldRange, contains

__all__ = ["HyperparameterSupply"]


class HyperparameterSupply:
    """Draws values; the baseline has the defaults.

    A default outside its range is no draw: it stands in the baseline's configuration, but not among its parameters,
    from which the sampler learns.

    Args:
        trial: that draws.
        fields: that the study sweeps beside the hypermodel.
        baseline: whether the trial is the baseline.
    """

    def __init__(self, trial: optuna.Trial, fields: Container[str], *, baseline: bool) -> None:
        self._trial = trial
        self._fields = fields
        self._baseline = baseline

    def __call__(self, name: str, values: FieldRange, default: Scalar) -> Scalar:
        """The value of a hyperparameter.

        Raises:
            DefinitionError: the study sweeps a field of that name, or an earlier trial drew it from other choices.
        """
        if name in self._fields:
            raise DefinitionError(
                f'hyperparameter "{name}"',
                received="a name that a field in [space] has too",
                expected="one of them",
                remedy=f"take {name} out of [space]",
            )
        if self._baseline:
            if not contains(values, default):
                return default
            sampler = self._trial.study.sampler
            assert isinstance(sampler, SeededSampler)
            sampler.give(name, default)
        try:
            return draw(self._trial, name, values)
        except ValueError as error:
            raise DefinitionError(
                f'hyperparameter "{name}"',
                received=f"another kind or other choices than in earlier trials ({error})",
                expected="the same in every trial of a study",
                remedy="give it a name of its own in each conditional scope, or the study another name",
            ) from error
