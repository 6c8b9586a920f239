"""Where does a fleet's time go, and when is Optuna's storage its limit? A thousand workers, a hundred thousand trials.

Nobody has a thousand machines to find out, so one machine measures and paper does the rest. Measured is what a real
worker's trial costs beside its training: `run_search` against a real database (a SQLite file, a PostgreSQL server
started for it), with a trainer that trains nothing (`fleet_client.py`), once there are more trials stored
(`fleet_database.py`), once other workers run theirs, once the worker itself knows more of them, and with several
clients side by side. Simulated is the queue that 1,000 such workers form (`fleet_queue.py`). Processor time is what
counts, since other programs lengthen the wall's; a network's delays are not in it.

    python tests/benchmarks/fleet.py --storage postgresql --output fleet.json

The simulation is held against what the clients side by side were measured to do.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from fleet_client import measure
from fleet_database import add_running, begin, fill
from fleet_queue import Cost, Costs, fit_costs, saturated_at, simulate
from fleet_server import find_programs, running_server

LENGTHS = (10.0, 60.0, 600.0)  # seconds of training a trial
SERVER_CORES = 8
IMAGES = 500
SEARCHED = 10  # trials that the others are copies of
KNOWN = 200
_PATIENCE, _TO_END = 600.0, 10.0  # seconds for all trials of a client, and for leaving afterwards
_WRITES = ("queue a place", "draw", "report", "note", "save", "take and tell")

Values = dict[str, Any]


@contextmanager
def opened(storage: str) -> Iterator[tuple[str, int | None]]:
    """An empty database's location, and the process id of its server."""
    if storage == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield str(Path(folder) / "study.db"), None
        return
    programs = find_programs()
    if programs is None:
        raise SystemExit("no PostgreSQL server is installed: apt-get install postgresql, or --storage sqlite")
    with running_server(programs) as server:
        yield server.location, server.pid


def measure_storage(
    storage: str, *, levels: Sequence[int], known: int, trials: int, running: int, clients: Sequence[int]
) -> Values:
    """What a trial costs on a growing database, with so many clients and beside so many running trials.

    Args:
        storage: "sqlite" or "postgresql".
        levels: the numbers of trials in the database, rising.
        known: of how many the worker has a copy, once; otherwise of few, so that it need not read them all.
        trials: that each client runs.
        running: trials of others that run, once.
        clients: how many work side by side, one measurement each.
    """
    points, crowds = [], []
    with opened(storage) as (location, server):
        begin(location, trials=SEARCHED, images=IMAGES)
        plan = {"location": location, "trials": trials, "images": IMAGES, "server": server, "known": KNOWN}
        for level in levels:
            fill(location, level)
            points.append(_point(plan, stored=level))
            if level == levels[0]:
                crowds = [_crowd(plan, count, level) for count in clients]
        if known > KNOWN:
            points.append(_point({**plan, "known": known}, stored=levels[-1]))
        add_running(location, running)
        points.append(_point(plan, stored=levels[-1], running=running))
    return {"storage": storage, "points": points, "crowds": crowds}


def _point(plan: Mapping[str, Any], *, stored: int, running: int = 0) -> Values:
    found = measure(plan)
    print(f"{stored:,} trials stored, {running:,} running: {found['processor_ms']:.0f} ms", file=sys.stderr, flush=True)
    return {"stored": stored, "running": running, "known": min(stored, plan["known"]), **found}


def _crowd(plan: Mapping[str, Any], count: int, stored: int) -> Values:
    """Several clients at once: from the first one's second trial to the last one's last."""
    found = _clients(plan, count)
    seconds = max(one["ended"] for one in found) - min(one["began"] for one in found)
    print(f"{count} clients side by side: {seconds:.0f} s", file=sys.stderr, flush=True)
    return {
        "clients": count,
        "stored": stored,
        "trials_a_second": sum(one["trials"] for one in found) / seconds,
        "processor_ms": statistics.mean(one["processor_ms"] for one in found),
        "load": os.getloadavg()[0],
    }


def _clients(plan: Mapping[str, Any], count: int) -> list[Values]:
    """Each in a process of its own."""
    context = multiprocessing.get_context("spawn")
    barrier, told = context.Barrier(count), context.Queue()
    processes = [context.Process(target=_client, args=(plan, barrier, told)) for _ in range(count)]
    for process in processes:
        process.start()
    try:
        return [told.get(timeout=_PATIENCE) for _ in processes]
    finally:
        for process in processes:
            process.join(timeout=_TO_END)
            process.kill()


def _client(plan: Mapping[str, Any], barrier: Barrier, told: Queue[Values]) -> None:
    told.put(measure(plan, barrier))


def cost_of(storage: str, point: Values) -> Cost:
    """What is the worker's own of a measured trial, what keeps the others waiting, and what the server's.

    PostgreSQL makes workers wait for one another where Optuna numbers a new trial, under a lock on the study's row.
    SQLite lets one write at a time, whatever it writes.
    """
    operations = point["operations"]
    locked = ("queue a place",) if storage == "postgresql" else _WRITES
    processor, server = (sum(operations[name][clock] for name in locked) for clock in ("processor_ms", "server_ms"))
    beat = operations["sign of life"]["server_ms" if storage == "postgresql" else "processor_ms"]
    return Cost(
        own=max(0.0, point["processor_ms"] - processor) / 1000,
        lock=(processor + server) / 1000,
        server=max(0.0, point["server_ms"] - server) / 1000,
        beat=beat / 1000,
    )


def fitted(measured: Values) -> Costs:
    """The costs of a storage as sums that can be continued to any fleet."""
    return fit_costs([(point, cost_of(measured["storage"], point)) for point in measured["points"]])


def on_paper(measured: Values, *, workers: int, trials: int) -> list[Values]:
    """The fleet with trials of each length, and how many workers of that length would be too many at its end."""
    costs = fitted(measured)
    found = []
    for length in LENGTHS:
        fleet = simulate(costs, workers=workers, trials=trials, length=length, cores=SERVER_CORES)
        limit = saturated_at(costs, stored=trials, length=length, cores=SERVER_CORES)
        found.append({"length": length, "limit": limit, **asdict(fleet)})
    return found


def checked(measured: Values) -> list[Values]:
    """What the simulation says of the clients that were measured side by side on this machine's few cores."""
    costs, cores = fitted(measured), os.cpu_count() or 1
    return [{**crowd, "simulated": 200 / _closed(costs, crowd, cores)} for crowd in measured["crowds"]]


def _closed(costs: Costs, crowd: Values, cores: int) -> float:
    """Seconds for 200 trials of no length."""
    stored, workers = crowd["stored"], crowd["clients"]
    return simulate(costs, workers=workers, trials=200, length=0.0, cores=cores, own_cores=cores, stored=stored).seconds


def lines(
    measured: Values, fleets: Sequence[Values], crowds: Sequence[Values], workers: int, trials: int
) -> Iterator[str]:
    """What is printed."""
    yield f"{measured['storage']}: a trial beside its training, milliseconds"
    yield "  stored  running  known    wall  worker's  server's   under the lock"
    for point in measured["points"]:
        cost = cost_of(measured["storage"], point)
        yield (
            f"{point['stored']:8,} {point['running']:8,} {point['known']:6,} {point['wall_ms']:7.0f} "
            f"{point['processor_ms']:9.0f} {point['server_ms']:9.1f} {1000 * cost.lock:16.1f}"
        )
    yield "  of it, worker's and server's, with the fewest stored and beside the running ones"
    first, last = measured["points"][0], measured["points"][-1]
    for name, spent in first["operations"].items():
        crowded = last["operations"][name]
        yield (
            f"  {name:24} {spent['calls']:3.0f} calls {spent['processor_ms']:7.1f} {spent['server_ms']:6.1f} "
            f"{crowded['processor_ms']:9.1f} {crowded['server_ms']:6.1f}"
        )
    for crowd in crowds:
        yield (
            f"  {crowd['clients']} clients side by side: {crowd['trials_a_second']:.1f} trials a second of "
            f"{crowd['processor_ms']:.0f} ms of their processor; simulated {crowd['simulated']:.1f}, "
            f"with nothing else on the cores ({crowd['load']:.1f} programs were)"
        )
    yield f"  {workers:,} workers, {trials:,} trials, a server of {SERVER_CORES} cores"
    yield "  seconds a trial   hours  training %  own work %  waiting %  lock busy %  server busy %  limit (workers)"
    for fleet in fleets:
        shares = (fleet[name] for name in ("training", "own", "waiting", "lock", "server"))
        widths = (12, 12, 11, 13, 15)
        row = "".join(f"{100 * share:{width}.1f}" for share, width in zip(shares, widths, strict=True))
        yield f"  {fleet['length']:15.0f} {fleet['seconds'] / 3600:7.2f}{row} {fleet['limit']:16,}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was measured and what follows from it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--storage", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--workers", type=int, default=1_000, help="of the fleet on paper (1,000)")
    parser.add_argument("--trials", type=int, default=100_000, help="that it runs (100,000)")
    parser.add_argument(
        "--levels", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="trials that are really stored, rising"
    )
    parser.add_argument("--known", type=int, default=5_000, help="trials that a worker holds a copy of, once (5,000)")
    parser.add_argument("--running", type=int, default=200, help="trials of others that run at once (200)")
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 2, 4, 8], help="that really work side by side")
    parser.add_argument("--each", type=int, default=8, help="trials that each of them runs (8)")
    parser.add_argument("--output", type=Path, help="write everything as JSON")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, {load:.1f} programs running on average at the start", flush=True)
    measured = measure_storage(
        options.storage,
        levels=options.levels,
        known=options.known,
        trials=options.each,
        running=options.running,
        clients=options.clients,
    )
    fleets, crowds = on_paper(measured, workers=options.workers, trials=options.trials), checked(measured)
    print(*lines(measured, fleets, crowds, options.workers, options.trials), sep="\n")
    if options.output:
        found = {"cores": os.cpu_count(), "load": load, **measured, "crowds": crowds, "fleets": fleets}
        options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server is left behind
    sys.exit(main())
