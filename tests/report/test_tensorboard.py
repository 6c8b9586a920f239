"""Runs for TensorBoard, read back by TensorBoard itself in a process without TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweep.errors import StoreError
from sweep.records import TrialState
from sweep.report.gather import Report
from sweep.report.tensorboard import write_tensorboard

# `tensorboard.compat.notf` is how TensorBoard is told to do without TensorFlow.
READER = """
import json, sys, types
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

folder, context = sys.argv[1], RequestContext()
every = EventMultiplexer().AddRunsFromDirectory(folder)
every.Reload()
plugin = backend_context.Context(TBContext(data_provider=MultiplexerDataProvider(every, folder)))
states = [api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_RUNNING, api_pb2.STATUS_UNKNOWN]
request = api_pb2.ListSessionGroupsRequest(start_index=0, slice_size=100, allowed_statuses=states)
groups = list_session_groups.Handler(context, plugin, "", request).run().session_groups
known = plugin.hparams_metadata(context, "")
experiment = plugin.experiment_from_metadata(context, "", True, known, [])
curves = EventAccumulator(folder + "/trial-0000/validation")
curves.Reload()
print(json.dumps({
    "experiment": experiment.name,
    "fields": {one.name: api_pb2.DataType.Name(one.type) for one in experiment.hparam_infos},
    "metrics": [one.name.tag for one in experiment.metric_infos],
    "sessions": {
        group.sessions[0].name: {
            "status": api_pb2.Status.Name(group.sessions[0].status),
            "fields": {
                name: value.string_value if value.HasField("string_value") else value.number_value
                for name, value in group.hparams.items()
            },
            "metrics": {one.name.tag: [one.value, one.training_step] for one in group.sessions[0].metric_values},
        }
        for group in groups
    },
    "tags": curves.Tags()["scalars"],
    "accuracy": [[one.step, one.value, one.wall_time] for one in curves.Scalars("accuracy")],
    "tensorflow": "tensorflow" in sys.modules,
}))
"""


@pytest.fixture(scope="module")
def read(toy_report: Report, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The toys and a trial that runs, written twice, as TensorBoard sees them."""
    folder = tmp_path_factory.mktemp("runs")
    running = replace(toy_report.trials[5], number=40, state=TrialState.RUNNING, measurement=None, objective=None)
    waiting = replace(running, number=41, state=TrialState.WAITING)
    report = replace(toy_report, trials=(*toy_report.trials, running, waiting))
    assert [write_tensorboard(report, folder) for _ in range(2)] == [40, 40], "one of 42 is a duplicate, one waits"
    done = subprocess.run([sys.executable, "-c", READER, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert not found["tensorflow"]
    return found


def test_the_plugin_knows_what_was_swept_and_measured(read: dict[str, Any]) -> None:
    assert read["experiment"] == "toys"
    assert read["fields"] == {
        "batch_size": "DATA_TYPE_FLOAT64",
        "dropout": "DATA_TYPE_FLOAT64",
        "head_width": "DATA_TYPE_STRING",
        "l2": "DATA_TYPE_FLOAT64",
        "unfrozen_layers": "DATA_TYPE_FLOAT64",
    }
    assert read["metrics"][:3] == ["validation_accuracy", "train_accuracy", "gap"]


def test_every_trial_that_has_begun_is_a_session_with_its_fate(read: dict[str, Any]) -> None:
    sessions = read["sessions"]
    assert len(sessions) == 40
    assert "trial-0030" not in sessions
    assert "trial-0041" not in sessions
    fates = {name: sessions[f"trial-{name}"]["status"] for name in ("0000", "0005", "0011", "0040")}
    assert list(fates.values()) == ["STATUS_SUCCESS", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
    assert sessions["trial-0011"]["metrics"] == {}


def test_a_session_has_its_fields_and_its_clean_numbers(read: dict[str, Any], toy_report: Report) -> None:
    session, trial = read["sessions"]["trial-0018"], toy_report.trials[18]
    assert session["fields"]["dropout"] == trial.parameters["dropout"]
    assert session["fields"]["head_width"] == str(trial.parameters["head_width"]), "texts and numbers are texts"
    assert trial.measurement is not None
    measured = trial.measurement
    assert session["metrics"]["gap"] == [pytest.approx(measured.gap_accuracy), measured.selected_epoch]
    assert session["metrics"]["objective"][0] == pytest.approx(trial.objective)


def test_both_sides_have_curves_of_the_same_names(read: dict[str, Any], toy_report: Report) -> None:
    assert read["tags"] == ["accuracy", "cross_entropy", "logged_accuracy", "logged_loss"]
    epochs = toy_report.epochs[0]
    assert [step for step, _, _ in read["accuracy"]] == [one.epoch for one in epochs]
    assert [value for _, value, _ in read["accuracy"]] == pytest.approx([one.validation_accuracy for one in epochs])
    first, *_, last = (moment for _, _, moment in read["accuracy"])
    assert last - first == pytest.approx(sum(one.seconds for one in epochs[1:]), abs=1e-3)


def test_a_folder_that_cannot_be_written_is_named(toy_report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="--tensorboard DIR"):
        write_tensorboard(toy_report, tmp_path / "file")
