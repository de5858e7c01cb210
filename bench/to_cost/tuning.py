"""Which setting brings a candidate soonest to each target."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from typing import NamedTuple

from bench.interleave import PAUSE_SECONDS, Worker
from bench.to_cost.candidates import Setting
from bench.to_cost.clock import first_below
from bench.to_cost.serve import Order, Ran
from bench.to_cost.tables import TARGETS, Plan
from bench.worker import Failed

# None of the starts that are measured: nobody has chosen a setting for them.
SEED, SEEDS_OF_FINALS = 100, (101, 102)
# From one start so close a lead, or so few seconds, say nothing: the soonest few run from others.
NEAR, CHEAP, MAX_FINALISTS = 1.5, 0.5, 3
# A final is over for who takes so many times as long as the best from the first start.
HOPELESS = 5.0


class Choice(NamedTuple):
    """A setting, the targets that it was chosen for, and the seconds of its set-up."""

    setting: Setting
    targets: tuple[str, ...]
    setup_seconds: float


class RunFailed(Exception):  # noqa: N818 - the run, not the program
    """Why a candidate does not go on."""


def ask(worker: Worker, order: Order) -> Ran:
    """Return the run that is asked for.

    Raises
    ------
    RunFailed
        If the candidate has failed.
    """
    time.sleep(PAUSE_SECONDS)
    ran: Ran | Failed = worker.ask(order)
    if isinstance(ran, Failed):
        raise RunFailed(ran.reason)
    return ran


def tuned(worker: Worker, settings: Sequence[Setting], plan: Plan) -> list[Choice]:
    """Return the setting that comes soonest to each target; one choice where they are the same.

    Where none comes to the cost, it is the one that comes lowest; where none comes to the log loss
    of the rows held out, the one that was chosen for the cost.

    Raises
    ------
    RunFailed
        If the candidate has failed.
    """
    limits = dict.fromkeys(TARGETS, plan.budget)
    seconds: dict[str, dict[int, float]] = {target: {} for target in TARGETS}
    setups, lowest = [], []
    for i, setting in enumerate(settings):
        ran = ask(worker, Order(setting, SEED, limits))
        setups.append(ran.setup_seconds)
        lowest.append(min((point.cost for point in ran.points), default=math.inf))
        for target in TARGETS:
            there = first_below(ran.points, target, plan.targets[target])
            if there is not None:
                seconds[target][i] = there.seconds
                # Who is later is not waited for.
                limits[target] = min(limits[target], max(NEAR * there.seconds, CHEAP))
    best = lowest.index(min(lowest))
    chosen: dict[int, tuple[str, ...]] = {}
    for target in TARGETS:
        if seconds[target]:
            best = _winner(worker, settings, plan, target, seconds[target])
        chosen[best] = (*chosen.get(best, ()), target)
    return [Choice(settings[i], targets, setups[i]) for i, targets in chosen.items()]


def _winner(
    worker: Worker,
    settings: Sequence[Setting],
    plan: Plan,
    target: str,
    seconds: dict[int, float],
) -> int:
    """Return which setting comes soonest to a target, after finals where several are close."""
    least = min(seconds.values())
    near = max(NEAR * least, CHEAP)
    close = sorted((i for i in seconds if seconds[i] <= near), key=seconds.__getitem__)
    if len(close) == 1:
        return close[0]
    limits = {target: min(plan.budget, max(HOPELESS * least, CHEAP))}

    def missed_and_median(i: int) -> tuple[int, float]:
        runs = (ask(worker, Order(settings[i], seed, limits)) for seed in SEEDS_OF_FINALS)
        points = [first_below(ran.points, target, plan.targets[target]) for ran in runs]
        arrived = [seconds[i], *(point.seconds for point in points if point is not None)]
        return points.count(None), statistics.median(arrived)

    return min(close[:MAX_FINALISTS], key=missed_and_median)
