"""A fleet's costs are those of real trials, its copies are whole, and its queue is right where the answer is known."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sweep.records import TrialState
from sweep.store.results import open_database


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    """`fleet.py` and its parts, which find each other in their own folder."""
    names = ("fleet", "fleet_client", "fleet_database", "fleet_queue", "fleet_server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(Path(__file__).parent)])
        yield {name: importlib.import_module(name) for name in names}


def constant(queue: ModuleType, **seconds: float) -> Any:  # noqa: ANN401 - of a module that is found at run time
    known = dict.fromkeys(queue.Cost.__slots__, 0.0) | seconds
    return queue.Costs(terms={name: (value, 0.0, 0.0, 0.0) for name, value in known.items()})


def test_a_single_worker_waits_for_nobody(modules: dict[str, ModuleType]) -> None:
    queue = modules["fleet_queue"]
    costs = constant(queue, own=0.3, lock=0.1, server=0.6)
    fleet = queue.simulate(costs, workers=1, trials=50, length=0.0, cores=4)
    assert fleet.seconds == pytest.approx(50.0)
    assert (fleet.own, fleet.training, fleet.waiting) == pytest.approx((0.3, 0.0, 0.7))
    assert (fleet.lock, fleet.server) == pytest.approx((0.1, 0.15))


def test_the_slowest_desk_sets_the_pace(modules: dict[str, ModuleType]) -> None:
    """A lock of 0.1 s lets ten trials through a second, two cores with 0.5 s each four, whoever comes."""
    queue = modules["fleet_queue"]
    locked = queue.simulate(constant(queue, lock=0.1), workers=100, trials=2_000, length=1.0, cores=8)
    assert 2_000 / locked.seconds == pytest.approx(10, rel=0.02)
    assert locked.lock == pytest.approx(1, abs=0.02)
    served = queue.simulate(constant(queue, lock=0.01, server=0.5), workers=100, trials=2_000, length=1.0, cores=2)
    assert 2_000 / served.seconds == pytest.approx(4, rel=0.02)
    idle = queue.simulate(constant(queue, lock=0.001, own=1.0), workers=100, trials=10_000, length=9.0, cores=2)
    assert idle.training == pytest.approx(0.9, abs=0.02)
    shared = queue.simulate(constant(queue, own=0.5), workers=8, trials=200, length=0.0, cores=9, own_cores=2)
    assert 200 / shared.seconds == pytest.approx(4, rel=0.02)


def test_signs_of_life_count_where_trials_are_long(modules: dict[str, ModuleType]) -> None:
    queue = modules["fleet_queue"]
    # Trials of 600 s give twenty of them: 0.2 s of a server's core, or of the lock where there is no server.
    costs = constant(queue, beat=0.01, server=0.3)
    fleet = queue.simulate(costs, workers=4, trials=4_000, length=600.0, cores=1)
    assert fleet.server == pytest.approx(4 * 0.5 / 600, rel=0.03)
    alone = queue.simulate(constant(queue, beat=0.01), workers=4, trials=4_000, length=600.0, cores=1)
    assert alone.lock == pytest.approx(4 * 0.2 / 600, rel=0.03)


def test_a_fleet_is_too_large_where_the_busier_desk_has_no_idle_time(modules: dict[str, ModuleType]) -> None:
    queue = modules["fleet_queue"]
    saturated = queue.saturated_at
    assert saturated(constant(queue, lock=0.01), stored=0, length=9.99, cores=8) == 1_000
    # 8 cores and 0.16 s a trial: one every 0.02 s.
    assert saturated(constant(queue, lock=0.01, server=0.16), stored=0, length=9.83, cores=8) == 500
    growing = queue.Costs(terms={**constant(queue).terms, "lock": (0.0, 1e-7, 1e-5, 0.0)})
    # Workers w with w (0.01 + w / 100,000) = 10 + (0.01 + w / 100,000).
    assert saturated(growing, stored=100_000, length=10.0, cores=8) == 618 + 1


def test_costs_are_taken_apart_without_negative_terms(modules: dict[str, ModuleType]) -> None:
    queue = modules["fleet_queue"]
    places = [(1, 0, 1), (10, 0, 1), (100, 0, 1), (10, 0, 10), (10, 50, 1)]
    measured = [
        (
            {"stored": stored, "running": running, "known": known},
            queue.Cost(
                own=1 + 0.1 * known + 0.02 * running, lock=2 + 0.01 * stored, server=5.0, beat=0.5 - stored / 1e4
            ),
        )
        for stored, running, known in places
    ]
    costs = queue.fit_costs(measured)
    assert costs.terms["own"] == pytest.approx((1, 0, 0.02, 0.1), abs=1e-9)
    assert costs.terms["lock"] == pytest.approx((2, 0.01, 0, 0), abs=1e-9)
    assert min(costs.terms["beat"]) >= 0
    assert costs.at(stored=100, running=50).own == pytest.approx(1 + 10 + 1)


def test_the_lock_is_a_server_s_where_numbers_are_given_and_a_file_s_at_every_write(
    modules: dict[str, ModuleType],
) -> None:
    fleet, operations = modules["fleet"], modules["fleet_client"].OPERATIONS
    spent = {name: {"calls": 1.0, "processor_ms": 1.0, "server_ms": 2.0} for name in operations}
    point = {"operations": spent, "processor_ms": 100.0, "server_ms": 30.0}
    cost = fleet.cost_of("postgresql", point)
    assert (cost.own, cost.lock, cost.server, cost.beat) == pytest.approx((0.099, 0.003, 0.028, 0.002))
    alone = {name: {**one, "server_ms": 0.0} for name, one in spent.items()}
    cost = fleet.cost_of("sqlite", {**point, "operations": alone, "server_ms": 0.0})
    assert (cost.own, cost.lock, cost.server, cost.beat) == pytest.approx((0.094, 0.006, 0.0, 0.001))


def test_the_script_measures_real_trials_among_whole_copies(
    modules: dict[str, ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fleet, seen = modules["fleet"], []
    monkeypatch.setattr(fleet, "SEARCHED", 3)
    monkeypatch.setattr(fleet, "IMAGES", 60)
    add = fleet.add_running

    def add_and_look(location: str, count: int) -> None:
        add(location, count)
        with open_database(location) as opened:
            seen.extend(opened.trials("scale", with_predictions=True))

    monkeypatch.setattr(fleet, "add_running", add_and_look)
    output = tmp_path / "fleet.json"
    sizes = ["--levels", "12", "20", "--trials", "200", "--workers", "20", "--running", "3", "--each", "1"]
    clients = ["--clients", "1"]  # a process of its own
    assert fleet.main(["--storage", "sqlite", *sizes, *clients, "--output", str(output)]) == 0

    finished = [trial for trial in seen if trial.state is not TrialState.RUNNING]
    running = [trial for trial in seen if trial.state is TrialState.RUNNING]
    assert [trial.number for trial in seen] == list(range(len(seen)))
    assert (len(running), running) == (3, seen[-3:])
    assert all(len(trial.parameters) == 6 and trial.finished is None for trial in running)
    assert [trial.number for trial in finished if trial.baseline] == [0]
    copied = [trial for trial in finished[4:8] if trial.measurement is not None]
    assert copied
    assert all(trial.measurement.epochs and trial.measurement.predictions for trial in copied)

    found, printed = json.loads(output.read_text(encoding="utf-8")), capsys.readouterr().out
    first, last = found["points"][0], found["points"][-1]
    assert first["operations"]["queue a place"]["calls"] == first["operations"]["save"]["calls"] == 1
    assert first["operations"]["take and tell"]["calls"] == 2
    assert first["operations"]["draw"]["calls"] == 6
    assert first["server_ms"] == 0
    assert (last["running"], last["stored"]) == (3, 20)
    assert [one["length"] for one in found["fleets"]] == [10, 60, 600]
    assert all(0.5 < one["training"] < 1 for one in found["fleets"]), "20 workers are few"
    assert len(found["crowds"]) == 1
    assert "seconds a trial   hours  training %" in printed
