"""Candidates take turns, each in a process of its own; parity comes before every timing.

On a shared machine the speed drifts, so only ratios within a round mean anything.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.cases import Case
from bench.limits import Rates, limit_seconds
from bench.peers import precision, variables_of
from bench.problems import save
from bench.worker import Failed, Ready, serve_candidate, serve_probe

REFERENCE = "gdnet"
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
TOLERANCE_OF_TF32 = 5e-3
# Thread pools keep spinning for a while after their last call.
PAUSE_SECONDS = 0.05
# Of the time that there is, how much candidates have to become ready.
PREPARATION = 0.85
# Up to this size each process draws its data again.
DRAWN_AT_ONCE = 2**24
NO_TIME = Failed("no time was left for it")


class Quartiles(NamedTuple):
    """Of the turns."""

    low: float
    median: float
    high: float


class Result(NamedTuple):
    """A candidate on a case; `failed` says why there are no numbers, or no rank.

    Attributes
    ----------
    about : str
        Version, threads, layout.
    failed : str or None
        Why it is not ranked.
    cost_difference : float or None
        The largest relative difference of a cost from gdnet's.
    peak_mib : float or None
        Peak memory beyond libraries and data.
    ms : Quartiles or None
        Of an iteration.
    ratio : Quartiles or None
        Its time in a turn divided by gdnet's time in the same round.
    times_limit : float or None
        The median of its times divided by `bench.limits.limit_seconds` of the same round.
    all_ms : sequence of float
        Every turn.
    """

    about: str = ""
    failed: str | None = None
    cost_difference: float | None = None
    peak_mib: float | None = None
    ms: Quartiles | None = None
    ratio: Quartiles | None = None
    times_limit: float | None = None
    all_ms: Sequence[float] = ()


class Comparison(NamedTuple):
    """All candidates on a case, the rates of the machine meanwhile, and what they imply."""

    case: Case
    rounds: int
    results: dict[str, Result]
    rates: Rates
    limit_ms: float | None

    def fastest_other(self) -> str | None:
        """Return the fastest ranked candidate but gdnet."""
        ratios = {
            name: result.ratio.median
            for name, result in self.results.items()
            if result.ratio is not None and not name.startswith(REFERENCE)
        }
        return min(ratios, key=ratios.__getitem__, default=None)


class Worker:
    """A process that answers when it is asked."""

    def __init__(
        self,
        serve: Callable[..., None],
        *args: Any,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, *args))
        with _set(variables or {}):
            self._process.start()
        theirs.close()

    def receive(self, until: float = math.inf) -> Any:
        """Return what it has sent, or Failed if it ended instead, or had not by that time."""
        left = until - time.monotonic()
        try:
            if left < math.inf and not self._connection.poll(max(0.0, left)):
                self._process.kill()
                return NO_TIME
            return self._connection.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            killed = " (killed, maybe for want of memory)" if code == -9 else ""
            return Failed(f"its process ended with status {code}{killed}")

    def ask(self, question: Any) -> Any:
        """Send it the question and return its answer."""
        with contextlib.suppress(BrokenPipeError):
            self._connection.send(question)
        return self.receive()

    def end(self) -> None:
        """Ask it to end, and see to it."""
        with contextlib.suppress(BrokenPipeError):
            self._connection.send(None)
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()
        self._connection.close()


@contextlib.contextmanager
def _set(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for what is started meanwhile."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def compare(
    case: Case,
    device: str,
    rounds: int,
    makers: Mapping[str, str],
    tell: Callable[[str], None],
    within: float = math.inf,
) -> Comparison:
    """Let every candidate that is there take `rounds` turns; see `bench.peers.MAKERS`.

    `within` is the time in seconds after which no more is begun than one round: who is not ready
    by most of it does not take part.
    """
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        prepared = _prepared(case, device, stack)

        def start(serve: Callable[..., None], *args: Any, **variables: str) -> Worker:
            worker = Worker(serve, *args, variables=variables)
            stack.callback(worker.end)
            return worker

        workers: dict[str, Worker] = {}
        results: dict[str, Result] = {}
        reports: dict[str, Ready] = {}
        for name, maker in makers.items():
            # One after the other, so that compiling and choosing a layout are not disturbed.
            given = variables_of(name, device)
            worker = start(serve_candidate, maker, prepared, device, **given)
            report = worker.receive(began + PREPARATION * within)
            if isinstance(report, Failed):
                tell(f"{name}: {report.reason}")
                results[name] = Result(failed=report.reason)
            else:
                workers[name], reports[name] = worker, report
                results[name] = _after_parity(report, reports.get(REFERENCE), case.dtype)
        probe = start(serve_probe, case, device)
        probe.receive()
        times, rates = _take_turns(workers, probe, rounds, case.iterations, began + within)

    limits = [limit_seconds(case, each, device) for each in rates]
    known = [seconds for seconds in limits if seconds is not None]
    ours = times.get(REFERENCE)
    for name, seconds in times.items():
        if isinstance(seconds, Failed):
            results[name] = results[name]._replace(failed=seconds.reason)
            continue
        ratio = None
        if results[name].failed is None and isinstance(ours, list):
            ratio = quartiles(np.divide(seconds, ours))
        results[name] = results[name]._replace(
            ms=quartiles(np.multiply(seconds, 1e3)),
            ratio=ratio,
            times_limit=float(np.median(np.divide(seconds, known))) if known else None,
            all_ms=[1e3 * each for each in seconds],
        )
    return Comparison(
        case,
        len(rates),
        results,
        Rates(*np.median(rates, axis=0).tolist()),
        1e3 * float(np.median(known)) if known else None,
    )


def _after_parity(report: Ready, reference: Ready | None, dtype: str) -> Result:
    result = Result(about=report.about, peak_mib=report.peak_mib)
    if reference is None:
        return result._replace(failed=f"{REFERENCE} has no costs to compare with")
    difference = float(np.max(np.abs(np.divide(report.costs, reference.costs) - 1)))
    result = result._replace(cost_difference=difference)
    if difference <= (TOLERANCE_OF_TF32 if precision() == "tf32" else TOLERANCE[dtype]):
        return result
    return result._replace(failed=f"no parity: its costs differ from gdnet's by {difference:.1e}")


def _prepared(case: Case, device: str, stack: contextlib.ExitStack) -> Case:
    """Return the case with its data in files, where drawing them takes long: large ones of GPUs."""
    if device == "cpu" or case.data_bytes < DRAWN_AT_ONCE:
        return case
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    save(case.problem(), folder)
    return case._replace(folder=folder)


def _take_turns(
    workers: dict[str, Worker], probe: Worker, rounds: int, iterations: int, until: float
) -> tuple[dict[str, list[float] | Failed], list[Rates]]:
    """Return the seconds an iteration of each turn, and the rates of each round."""
    times: dict[str, list[float] | Failed] = {name: [] for name in workers}
    rates = []
    names = list(workers)
    orders = random.Random(0)
    for done in range(rounds):
        if done and time.monotonic() > until:
            break
        # Each time another order: nobody always follows the same one, whose threads still spin.
        orders.shuffle(names)
        for name in names:
            so_far = times[name]
            if isinstance(so_far, Failed):
                continue
            time.sleep(PAUSE_SECONDS)
            seconds = workers[name].ask(iterations)
            if isinstance(seconds, Failed):
                times[name] = seconds
            else:
                so_far.append(seconds)
        time.sleep(PAUSE_SECONDS)
        rates.append(probe.ask(1))
    return times, rates


def quartiles(values: Any) -> Quartiles:
    """Return the quartiles of some numbers."""
    return Quartiles(*(float(q) for q in np.percentile(values, (25, 50, 75))))
