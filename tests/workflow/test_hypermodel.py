"""A study of somebody's own hypermodel, from its file to the opened seal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import pytest
import tensorflow as tf
from keras_tuner.src.applications import efficientnet  # to take its download away

from sweep.errors import DefinitionError, SearchError, UsageError
from sweep.progress import Silent
from sweep.records import TrialState
from sweep.report.page import render_page
from sweep.report.tables import render_table
from sweep.search import runner
from sweep.workflow.dry_run import describe_run
from sweep.workflow.holdout import check_holdout, open_holdout
from sweep.workflow.opened import OpenedStudy, open_study
from sweep.workflow.report import load_report
from sweep.workflow.resolve import Overrides, resolve_study
from sweep.workflow.run import run_study

CODE = """
import keras
import keras_tuner
from keras import layers

class Mine(keras_tuner.HyperModel):
    def __init__(self, input_shape, classes):
        super().__init__()
        self.input_shape, self.classes = input_shape, classes

    def build(self, hp):
        drop = hp.Float("drop", 0.0, 0.6, step=0.2, default=0.2)
        hidden = hp.Boolean("hidden")
        with hp.conditional_scope("hidden", [True]):
            width = hp.Int("width", 4, 16, step=4)
        parts = [layers.Dense(width, activation="relu")] if hidden else []
        model = keras.Sequential(
            [
                keras.Input(self.input_shape),
                layers.Rescaling(1 / 255),
                layers.GlobalAveragePooling2D(),
                layers.Dropout(drop),
                *parts,
                layers.Dense(self.classes, activation="softmax"),
            ]
        )
        rate = hp.Float("rate", 0.1, 1.0, sampling="log", default=0.5)
        model.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch", [8, 16]), **kwargs)

def reversed_rate(hp):
    hp.Float("rate", 0.1, 1.0, sampling="reverse_log")
"""
STUDY = """
name = "mine"
[data]
source = "photos"
image_size = 16
validation = {validation}
[model]
hypermodel = "workflow_mine:{named}"
[training]
epochs = 2
patience = 0
[search]
trials = 3
finalists = 1
repeats = 1
seed = 1
pruner = "none"
"""


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def clean_path() -> Iterator[None]:
    """Python's path as it was, and the module forgotten."""
    before = list(sys.path)
    yield
    sys.path[:] = before
    sys.modules.pop("workflow_mine", None)


def write(folder: Path, *, named: str = "Mine", validation: str = "0.3") -> Path:
    """The study file, its module beside it."""
    (folder / "workflow_mine.py").write_text(CODE)
    path = folder / "mine.toml"
    path.write_text(STUDY.format(named=named, validation=validation))
    return path


@dataclass(frozen=True)
class Finished:
    file: Path
    database: Path
    study: OpenedStudy
    notes: list[str]


@pytest.fixture(scope="module")
def mine(noisy_photos: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory, clean_path: None) -> Finished:
    """Run to its three trials, and the finalists once more."""
    root = tmp_path_factory.mktemp("mine")
    noisy_photos(root / "photos", {"cat": 90, "dog": 150}, count=20, size=16)
    notes = Notes()
    file, database = write(root), root / "study.db"
    return Finished(file, database, run_study(str(file), database=database, progress=notes), notes.notes)


def test_every_trial_is_recorded_with_what_was_active(mine: Finished) -> None:
    trials = mine.study.trials
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 3
    assert trials[0].parameters == {"drop": 0.2, "hidden": False, "rate": 0.5, "batch": 8}
    for trial in trials:
        assert ("width" in trial.parameters) == trial.parameters["hidden"]
        assert trial.configuration["hypermodel"] == "workflow_mine:Mine"
        assert trial.measurement is not None
        assert (trial.measurement.engine, trial.measurement.modes_reason) == ("plain", "")
    assert any("width" in trial.parameters for trial in trials), "or the tests below say nothing"
    best = max(trial.measurement.validation_accuracy for trial in trials if trial.measurement)
    assert best > 0.9, "two colours that differ by two deviations"


def test_what_is_trained_is_said_before_and_after(mine: Finished) -> None:
    sizes = "baseline: 8 trainable of 8 parameters; weights file 0.0 MB; nothing of it is computed ahead"
    assert sizes in mine.notes
    assert any(note.startswith('nothing of the model is computed ahead: the layer "dropout"') for note in mine.notes)


def test_the_finalists_are_trained_again(mine: Finished) -> None:
    repetitions = mine.study.report.repetitions
    assert {record.number for record in repetitions} >= {0}
    assert all(record.new_split for record in repetitions)


def test_a_finished_study_has_nothing_left_to_do(mine: Finished) -> None:
    again = run_study(str(mine.file), database=mine.database)
    assert [trial.number for trial in again.trials] == [0, 1, 2]


def test_the_report_shows_conditional_hyperparameters(mine: Finished) -> None:
    report = load_report(mine.database)
    assert report.swept == ("drop", "hidden", "rate", "batch", "width")
    space = report.definition["space"]
    assert space["drop"] == {"low": 0.0, "high": 0.6, "step": 0.2}
    assert space["hidden"] == {"choices": [False, True]}
    assert space["width"] == {"low": 4, "high": 16, "step": 4}
    missing = [row for row in report.rows if report.parameters(row)["width"] is None]
    assert missing
    assert "hidden" in render_table(report, "markdown")
    assert '"width": null' in render_table(report, "json")
    page = render_page(report)
    assert "width" in page
    assert "needs 10 complete trials" in report.importances_reason


def test_the_seal_is_opened_for_those_who_trust_the_code(mine: Finished, tmp_path: Path) -> None:
    database = Path(shutil.copy(mine.database, tmp_path / "study.db"))
    with pytest.raises(UsageError, match=r"^workflow_mine:Mine: received code that would be run"):
        check_holdout(database)
    check_holdout(database, trust=True)
    report = open_holdout(database, top=2, trust=True, progress=Silent())
    for result in report.openings[0].record.results:
        measured = mine.study.trials[result.number].measurement
        assert measured is not None
        assert result.validation_accuracy == measured.validation_accuracy, "trained again as the trial was"


def test_a_dry_run_lists_the_hyperparameters(mine: Finished) -> None:
    lines = describe_run(resolve_study(str(mine.file), Overrides(), Silent()), progress=Silent())
    assert "[model] hypermodel=workflow_mine:Mine" in lines
    assert lines[-1] == "hyperparameters: drop 0:0.6:0.2, hidden False,True, rate 0.1:1:log"


def test_folds_are_averaged(mine: Finished, tmp_path: Path) -> None:
    folder = mine.file.parent
    (folder / "folds.toml").write_text(STUDY.format(named="Mine", validation="{folds = 2}").replace("median", "none"))
    sets = ("search.trials=1", "search.finalists=0", "training.epochs=1")
    study = run_study(str(folder / "folds.toml"), database=tmp_path / "study.db", sets=sets)
    measured = study.trials[0].measurement
    assert measured is not None
    assert (measured.folds, measured.validation_images) == (2, 17)


def test_a_kind_that_cannot_be_searched_is_refused_before_any_trial(mine: Finished, tmp_path: Path) -> None:
    folder = mine.file.parent
    (folder / "reversed.toml").write_text(STUDY.format(named="reversed_rate", validation="0.3"))
    with pytest.raises(DefinitionError, match='hyperparameter "rate": received sampling="reverse_log"'):
        run_study(str(folder / "reversed.toml"), database=tmp_path / "study.db")
    assert open_study(tmp_path / "study.db").trials == ()


def test_a_bundled_study_does_not_vouch_for_code_that_an_option_names(tmp_path: Path) -> None:
    option = "model.hypermodel=workflow_mine:Mine"
    with pytest.raises(UsageError, match="add --trust"):
        run_study("hypermodel", database=tmp_path / "study.db", sets=[option])


# ---- KerasTuner's own ------------------------------------------------------------------------------------------------


AT_ONCE = pytest.mark.filterwarnings("ignore:Even though the .* option is set:UserWarning")


@pytest.fixture
def untraced() -> Iterator[None]:
    """Steps are computed layer by layer: a handful of them in a deep network take less time than tracing one."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def apply(
    mine: Finished, untraced: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, int], OpenedStudy]:
    """Run the baseline of one of `keras_tuner.applications`, whose modes would take long, for an epoch."""
    monkeypatch.setattr("sweep.training.measurement.measure_modes", lambda *data, **options: ())
    monkeypatch.setattr("sweep.workflow.hypermodel._lines", lambda *data: ())  # which builds it once more

    def run(name: str, size: int) -> OpenedStudy:
        file = mine.file.with_name(f"{name}.toml")
        text = mine.file.read_text().replace("workflow_mine:Mine", f"keras_tuner.applications:{name}")
        file.write_text(text)
        sets = (f"data.image_size={size}", "training.epochs=1", "search.trials=1", "search.finalists=0")
        return run_study(str(file), database=tmp_path / "study.db", sets=sets)

    return run


@pytest.mark.slow
@AT_ONCE
@pytest.mark.parametrize(
    ("name", "size", "parameters"),
    [
        ("HyperXception", 16, {"activation": "relu", "num_dense_layers": 1, "dense_use_bn": True}),
        ("HyperResNet", 16, {"version": "v2", "conv4_depth": 6, "optimizer": "adam", "learning_rate": 0.01}),
    ],
)
def test_models_of_keras_tuner_run(
    apply: Callable[[str, int], OpenedStudy], name: str, size: int, parameters: dict[str, object]
) -> None:
    (trial,) = apply(name, size).trials
    assert trial.state is TrialState.COMPLETE, trial.failure
    assert parameters.items() <= dict(trial.parameters).items()


@pytest.mark.slow
@AT_ONCE
def test_hyper_efficient_net_runs_where_its_weights_are(
    apply: Callable[[str, int], OpenedStudy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It enlarges every image to 224 pixels and trains the whole network; here to 32, and without weights."""

    def unweighted(**options: object) -> keras.Model:
        return keras.applications.EfficientNetB0(weights=None, **options)

    monkeypatch.setitem(efficientnet.EFFICIENTNET_MODELS, "B0", unweighted)
    monkeypatch.setitem(efficientnet.EFFICIENTNET_IMG_SIZE, "B0", 32)
    (trial,) = apply("HyperEfficientNet", 16).trials
    assert trial.state is TrialState.COMPLETE, trial.failure
    assert trial.parameters["version"] == "B0"


def test_hyper_efficient_net_without_a_network_says_in_one_line_which_file_goes_where(
    apply: Callable[[str, int], OpenedStudy], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    address = "https://storage.googleapis.com/keras-applications/efficientnetb0_notop.h5"

    def unreachable(**options: object) -> keras.Model:
        print(f"Downloading data from {address}")  # noqa: T201 - as Keras does
        raise Exception(f"URL fetch failure on {address}: None -- no network")  # as Keras does

    monkeypatch.setattr(runner, "FIRST_FAILURES", 2)
    for version in efficientnet.EFFICIENTNET_MODELS:
        monkeypatch.setitem(efficientnet.EFFICIENTNET_MODELS, version, unreachable)
    with pytest.raises(
        SearchError, match=r"build: received .*no network; expected .*efficientnetb0_notop.h5 in"
    ) as one:
        apply("HyperEfficientNet", 16)
    assert "\n" not in str(one.value)
    assert capfd.readouterr().out == ""  # standard output is for data
