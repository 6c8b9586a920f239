"""KerasTuner's hyperparameters, fed from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import keras_tuner
import pytest

from sweep.errors import DefinitionError
from sweep.records import Scalar
from sweep.search.hyper_loading import make_hypermodel
from sweep.search.keras_tuner import Candidates, SuppliedHyperParameters, TunedModel
from sweep.studyfile.definition import Configuration, ModelSettings, TrainingSettings
from sweep.studyfile.space import Choices, FieldRange, NumberRange

Declare = Callable[[keras_tuner.HyperParameters], object]


class Asked:
    """Answers with what it was told, or with the default, and writes down what it was asked for."""

    def __init__(self, **answers: Scalar) -> None:
        self.answers = answers
        self.ranges: dict[str, FieldRange] = {}
        self.times = 0

    def __call__(self, name: str, values: FieldRange, default: Scalar) -> Scalar:
        self.times += 1
        self.ranges[name] = values
        return self.answers.get(name, default)


@pytest.mark.parametrize(
    ("declare", "expected", "default"),
    [
        (lambda hp: hp.Int("n", 2, 9), NumberRange(low=2, high=9, integer=True), 2),
        (lambda hp: hp.Int("n", 2, 9, step=3, default=5), NumberRange(low=2, high=9, integer=True, step=3), 5),
        (lambda hp: hp.Int("n", 2, 64, sampling="log"), NumberRange(low=2, high=64, integer=True, log=True), 2),
        (lambda hp: hp.Float("n", 0, 0.6, step=0.1), NumberRange(low=0.0, high=0.6, step=0.1), 0.0),
        (lambda hp: hp.Float("n", 1e-4, 1e-1, sampling="log"), NumberRange(low=1e-4, high=0.1, log=True), 1e-4),
        (lambda hp: hp.Choice("n", ["a", "b"], default="b"), Choices(values=("a", "b")), "b"),
        (lambda hp: hp.Boolean("n"), Choices(values=(False, True)), False),
    ],
    ids=["int", "int step", "int log", "float step", "float log", "choice", "boolean"],
)
def test_each_kind_has_its_range(declare: Declare, expected: FieldRange, default: Scalar) -> None:
    asked = Asked()
    assert declare(SuppliedHyperParameters(asked)) == default
    assert asked.ranges == {"n": expected}


def test_a_fixed_value_is_not_asked_for() -> None:
    asked = Asked()
    hyperparameters = SuppliedHyperParameters(asked)
    assert hyperparameters.Fixed("n", 7) == 7
    assert asked.times == 0
    assert hyperparameters.values == {"n": 7}


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda hp: hp.Float("rate", 1e-4, 1.0, sampling="reverse_log"), r'"rate": received sampling="reverse_log"'),
        (lambda hp: hp.Int("width", 2, 64, sampling="reverse_log"), r'"width": received sampling="reverse_log"'),
        (
            lambda hp: hp.Int("width", 2, 64, step=2, sampling="log"),
            r'"width": received step=2 with sampling="log", which multiplies.*list the values in a Choice',
        ),
    ],
)
def test_what_has_no_twin_is_refused_by_name(declare: Declare, message: str) -> None:
    hyperparameters = SuppliedHyperParameters(Asked())
    with pytest.raises(DefinitionError, match=f"hyperparameter {message}"):
        declare(hyperparameters)
    assert isinstance(hyperparameters.fault, DefinitionError)  # though somebody's code may swallow it


def conditional(hp: keras_tuner.HyperParameters) -> None:
    with hp.name_scope("head"):
        hp.Choice("kind", ["flat", "deep"])
        with hp.conditional_scope("kind", ["deep"]):
            hp.Int("layers", 1, 3)
            with hp.conditional_scope("layers", [2, 3]):
                hp.Float("dropout", 0.0, 0.5)
    hp.Boolean("last")


@pytest.mark.parametrize(
    ("answers", "values"),
    [
        ({}, {"head/kind": "flat", "last": False}),
        ({"head/kind": "deep"}, {"head/kind": "deep", "head/layers": 1, "last": False}),
        (
            {"head/kind": "deep", "head/layers": 3, "head/dropout": 0.2},
            {"head/kind": "deep", "head/layers": 3, "head/dropout": 0.2, "last": False},
        ),
    ],
    ids=["inactive", "active", "nested"],
)
def test_what_is_inactive_is_neither_asked_for_nor_known(answers: dict[str, Scalar], values: dict[str, Scalar]) -> None:
    asked = Asked(**answers)
    hyperparameters = SuppliedHyperParameters(asked)
    conditional(hyperparameters)
    assert hyperparameters.values == values
    assert set(asked.ranges) == set(values)


def test_the_same_name_in_two_open_scopes_has_one_value() -> None:
    asked = Asked(width=16)
    hyperparameters = SuppliedHyperParameters(asked)
    hyperparameters.Boolean("wide")
    assert hyperparameters.Int("width", 8, 16) == 16
    with hyperparameters.conditional_scope("wide", [False]):
        assert hyperparameters.Int("width", 8, 16) == 16
    assert asked.times == 2


class Counting(keras_tuner.HyperModel):  # type: ignore[misc]
    """Gives values for models; the batch size is declared in `fit`."""

    def declare_hyperparameters(self, hp: keras_tuner.HyperParameters) -> None:
        hp.Boolean("declared")

    def build(self, hp: keras_tuner.HyperParameters) -> dict[str, Scalar]:
        hp.Float("rate", 0.0, 1.0, default=0.5)
        hp.Fixed("constant", 3)
        return dict(hp.values)

    def fit(self, hp: keras_tuner.HyperParameters, model: object, *data: object, **options: object) -> object:
        return hp.Choice("batch_size", [16, 32]), data, options


def configuration(*hyperparameters: tuple[str, Scalar]) -> Configuration:
    return Configuration(
        model=ModelSettings(hypermodel="a:b"), training=TrainingSettings(), hyperparameters=hyperparameters
    )


def test_a_configuration_is_replayed_with_defaults_where_it_says_nothing() -> None:
    candidate = Candidates(Counting(), "a:b")(configuration(("rate", 0.25)))
    assert candidate.build() == {"declared": False, "rate": 0.25, "constant": 3}
    assert candidate.fit("model", 1, 2, epochs=3) == (16, (1, 2), {"epochs": 3})
    assert candidate.values == {"declared": False, "rate": 0.25, "constant": 3, "batch_size": 16}


def test_within_a_drawing_every_candidate_is_the_one_that_draws_and_draws_once() -> None:
    candidates, asked, settled = Candidates(Counting(), "a:b"), Asked(rate=0.75), list[str]()
    with candidates.drawing(asked, lambda: settled.append("now")) as tuned:
        first, second = candidates(configuration()), candidates(configuration())
        assert first is second is tuned
        assert first.build() == second.build()
        first.settle()
    assert asked.times == 2
    assert settled == ["now"]
    assert isinstance(candidates(configuration()), TunedModel)
    assert candidates(configuration()) is not tuned


def test_a_function_is_a_hypermodel_too() -> None:
    hypermodel = make_hypermodel(lambda hp: hp.Int("n", 1, 3), "a:b", input_shape=(8, 8, 3), num_classes=2)
    assert Candidates(hypermodel, "a:b")(configuration(("n", 2))).build() == 2
