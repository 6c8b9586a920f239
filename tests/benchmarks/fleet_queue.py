"""A fleet of workers on paper: what one trial was measured to cost, and who waits for whom when there are thousands.

A worker's turn: its own work (drawing, and its list of all trials), which nobody else waits for; the lock, which one
worker holds at a time; the server's processors, which the first to come get; the training; the processors again.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

__all__ = ["Cost", "Costs", "Fleet", "fit_costs", "saturated_at", "simulate"]

HEARTBEAT_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one trial takes, seconds.

    Attributes:
        own: of the worker's processor.
        lock: for which one lock is held that all workers need.
        server: of one of the server's processors, outside of the lock.
        beat: of the same, for each sign of life; of the lock where there is no server.
    """

    own: float
    lock: float
    server: float
    beat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """The same as sums of a constant and what is proportional to three numbers, none of them negative.

    Attributes:
        terms: by field of `Cost`: the constant; for each trial stored; for each running; for each that a worker knows.
    """

    terms: Mapping[str, tuple[float, ...]]

    def at(self, *, stored: float, running: float) -> Cost:
        """With so many trials stored, all of which every worker knows, and so many running."""
        given = (1.0, stored, running, stored)
        return Cost(
            **{name: sum(a * b for a, b in zip(terms, given, strict=True)) for name, terms in self.terms.items()}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What a fleet has done.

    Attributes:
        seconds: from the first trial's beginning to the last one's end.
        training: share of the workers' time that they train.
        own: share that they do their own work beside it.
        waiting: share that they wait for the lock or the server, being served included.
        lock: share of the time that the lock is held.
        server: share of the server's processors that are busy.
    """

    seconds: float
    training: float
    own: float
    waiting: float
    lock: float
    server: float


def fit_costs(measured: Sequence[tuple[Mapping[str, float], Cost]]) -> Costs:
    """Least squares without negative terms over what was measured with "stored", "running" and "known" trials.

    What a worker knows costs nobody but itself.
    """
    given = np.array([[1.0, where["stored"], where["running"], where["known"]] for where, _ in measured])
    scale = np.maximum(given.max(axis=0), 1.0)
    fitted = {}
    for name in Cost.__slots__:
        columns = len(scale) if name == "own" else len(scale) - 1
        terms, _ = nnls((given / scale)[:, :columns], np.array([getattr(cost, name) for _, cost in measured]))
        fitted[name] = tuple((np.append(terms, 0.0)[: len(scale)] / scale).tolist())
    return Costs(terms=fitted)


class _Desk:
    """So many clerks, who serve those that wait in the order in which they came."""

    def __init__(self, clerks: int) -> None:
        self.busy = 0.0
        self._free = [0.0] * clerks

    def serve(self, now: float, seconds: float) -> float:
        """When somebody who comes now leaves; nobody may come who came earlier."""
        start = max(now, self._free[0])
        heapq.heapreplace(self._free, start + seconds)
        self.busy += seconds
        return start + seconds


def simulate(
    costs: Costs,
    *,
    workers: int,
    trials: int,
    length: float,
    cores: int,
    own_cores: int | None = None,
    stored: int = 0,
    seed: int = 0,
) -> Fleet:
    """Run the fleet until its trials are done.

    Args:
        costs: of a trial.
        workers: who all begin at once.
        trials: of the study, together.
        length: seconds that training takes on average; a trial's own is drawn from a gamma distribution of shape 4.
        cores: processors of the database server.
        own_cores: where the workers have no machines of their own: the processors that they share, with the server.
        stored: trials that were there before.
        seed: of the lengths.
    """
    lengths = np.random.default_rng(seed).gamma(4.0, length / 4.0, trials) if length else np.zeros(trials)
    lock, server = _Desk(1), _Desk(own_cores or cores)
    events = [(0.0, worker, 0) for worker in range(workers)]
    trial: dict[int, tuple[Cost, float]] = {}
    begun, training, own, end = 0, 0.0, 0.0, 0.0
    while events:
        now, worker, stage = heapq.heappop(events)
        if stage == 0:
            end = max(end, now)
            if begun == trials:
                continue
            running = min(workers, trials - begun)
            trial[worker] = costs.at(stored=stored + begun, running=running), float(lengths[begun])
            begun += 1
        cost, seconds = trial[worker]
        beats = cost.beat * (seconds / HEARTBEAT_SECONDS)
        if stage == 0:
            then = server.serve(now, cost.own) if own_cores else now + cost.own
            own += cost.own
        elif stage == 1:
            then = lock.serve(now, cost.lock + (0.0 if cost.server else beats))
        elif stage == 3:
            then = now + seconds
            training += seconds
        else:
            then = server.serve(now, (cost.server + (beats if cost.server else 0.0)) / 2)
        heapq.heappush(events, (then, worker, (stage + 1) % 5))
    whole = workers * end
    return Fleet(
        seconds=end,
        training=training / whole,
        own=own / whole,
        waiting=1 - (training + own) / whole,
        lock=lock.busy / end,
        server=server.busy / (end * (own_cores or cores)),
    )


def saturated_at(costs: Costs, *, stored: int, length: float, cores: int, most: int = 1_000_000) -> int:
    """The number of workers from which lock or server have no idle time left; `most` where even that is too few."""
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _load(costs, middle, stored, length, cores) >= 1 else (middle + 1, high)
    return low


def _load(costs: Costs, workers: int, stored: int, length: float, cores: int) -> float:
    """Of the busier of the two, if nobody had to wait."""
    cost = costs.at(stored=stored, running=workers)
    beats = cost.beat * length / HEARTBEAT_SECONDS
    at_server = (cost.server + beats) / cores if cost.server else 0.0
    at_lock = cost.lock + (0.0 if cost.server else beats)
    turn = length + cost.own + cost.lock + cost.server
    return workers * max(at_lock, at_server) / turn
