"""How fast an iteration is on each device: in turns, after a check that all compute the same."""

from __future__ import annotations

import itertools
import math
import operator
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

import numpy as np

from gdnet._typing import HostArray
from gdnet.backends import Backend, get_backend
from gdnet.backends.host import available_memory
from gdnet.data.source import RowSource
from gdnet.descent import DescentState, Next, descend
from gdnet.errors import DataError, DeviceUnavailable
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters, initialise

# Of the gradient and the cost, relative to float64. TF32 keeps 10 bits of each factor.
TOLERANCE = {"float32": 1e-5, "float64": 1e-11, "tf32": 1e-2}
LEARNING_RATE = 0.1
# A turn is as many iterations as take this long: the clock and the start must not be seen.
ROUND_SECONDS = 0.1
MAX_ITERATIONS = 5000
MEMORY_ITERATIONS = 2


@dataclass(frozen=True)
class Setup:
    """The network and how it is computed, but for the device and the engine.

    Attributes
    ----------
    features : int
        Input features n0.
    hidden : int
        Hidden units n1.
    dtype : {"float32", "float64"}
        What is computed in.
    precision : {"highest", "tf32"}
        Of matrix products in float32.
    """

    features: int = 28
    hidden: int = 128
    dtype: str = "float32"
    precision: str = "highest"

    def __str__(self) -> str:
        """Return the widths of the layers, the dtype, and a precision that is not the highest."""
        precision = "" if self.precision == "highest" else f", {self.precision}"
        return f"{self.network}, {self.dtype}{precision}"

    @property
    def shape(self) -> tuple[int, int, int]:
        """The widths of the layers."""
        return self.features, self.hidden, 1

    @property
    def network(self) -> str:
        """The widths of the layers, in words."""
        return "-".join(map(str, self.shape))

    def bytes_of(self, m: int) -> int:
        """Return the size of the inputs and labels of m examples."""
        return m * (self.features * np.dtype(self.dtype).itemsize + 1)


class Speed(NamedTuple):
    """An iteration on one device with one engine.

    Attributes
    ----------
    low, median, high : float
        Quartiles of the seconds of an iteration, with the data where the device wants them.
    with_transfer : float
        Seconds of the first iteration, which takes the data from the memory of the host.
    error : float
        Of gradient and cost, relative to float64.
    memory : int or None
        Bytes at the peak: beyond the data on a CPU, the data included on a GPU.
    """

    low: float
    median: float
    high: float
    with_transfer: float
    error: float
    memory: int | None


def engine_of(setup: Setup, backend: Backend) -> str:
    """Return the engine that a backend takes for the network, or the one that it was asked for."""
    try:
        return backend.block_gradient(
            _no_gradient,
            engine=backend.engine,
            g1="tanh",
            g2="sigmoid",
            shape=setup.shape,
            dtype=setup.dtype,
        ).name
    except (DataError, DeviceUnavailable):
        return backend.engine  # `measure` says what is wrong


def _no_gradient(*_: object) -> NoReturn:
    raise NotImplementedError


def measure(
    setup: Setup,
    m: int,
    backends: Mapping[str, Backend],
    *,
    rounds: int,
    tick: Callable[[], object] = lambda: None,
) -> dict[str, Speed | str]:
    """Measure an iteration of gradient descent over m examples on each backend.

    The data are seeded normal numbers in the memory of the host. Gradient and cost are compared
    with those in float64 on the CPU first. Then the backends take turns; who begins changes.

    Parameters
    ----------
    setup : Setup
        The network.
    m : int
        Number of examples.
    backends : mapping of str to Backend
        By the names under which they are reported.
    rounds : int
        Turns of each.
    tick : callable, optional
        Called after every turn.

    Returns
    -------
    dict of str to Speed or str
        In place of a speed the reason why there is none: wrong numbers, too little memory, or an
        engine that is asked for and not made for the network.

    Raises
    ------
    DataError
        If the data do not fit into the memory of the host.
    """
    free, needed = available_memory(), setup.bytes_of(m)
    if free is not None and needed > free:
        raise DataError(
            f"m = {m:,}: the data take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB of memory "
            "are free; choose a smaller m or fewer features"
        )
    source, start = _problem(setup, m)
    expected = _gradient_and_cost(
        FullBatch(source, get_backend("cpu", engine="reference"), n1=setup.hidden, dtype="float64"),
        start,
    )
    found: dict[str, Speed | str] = {}
    ready: dict[str, _Candidate] = {}
    for name, backend in backends.items():
        try:
            candidate = _Candidate(setup, source, start, backend, expected)
        except MemoryError as error:
            found[name] = f"not enough memory: {error}"
            continue
        except (DataError, DeviceUnavailable) as error:
            found[name] = str(error)
            continue
        tolerance = TOLERANCE["tf32" if setup.precision == "tf32" else setup.dtype]
        if candidate.error <= tolerance:
            ready[name] = candidate
        else:
            found[name] = (
                f"no parity: gradient or cost differ from float64 by {candidate.error:.1e} "
                f"(allowed {tolerance:.0e})"
            )
    order = list(ready)
    for _ in range(rounds):
        for name in order:
            ready[name].take_turn()
            tick()
        order = order[1:] + order[:1]
    found |= {name: candidate.speed() for name, candidate in ready.items()}
    return {name: found[name] for name in backends}


class _Candidate:
    """A backend with the data, checked and warmed up."""

    def __init__(
        self,
        setup: Setup,
        source: RowSource,
        start: Parameters[HostArray],
        backend: Backend,
        expected: HostArray,
    ) -> None:
        def prepare() -> FullBatch:
            return FullBatch(source, backend, n1=setup.hidden, dtype=setup.dtype)

        self._start = start
        self._memory = backend.peak_memory(lambda: self._seconds(prepare(), MEMORY_ITERATIONS))
        self._batch, self._with_transfer = self._first_iteration(prepare)
        self.error = _difference(_gradient_and_cost(self._batch, start), expected)
        one = self._seconds(self._batch, 1)
        self._iterations = min(max(1, math.ceil(ROUND_SECONDS / one)), MAX_ITERATIONS)
        self._taken: list[float] = []

    def take_turn(self) -> None:
        self._taken.append(self._seconds(self._batch, self._iterations))

    def speed(self) -> Speed:
        low, median, high = np.percentile(self._taken, (25, 50, 75)).tolist()
        return Speed(low, median, high, self._with_transfer, self.error, self._memory)

    def _first_iteration(self, prepare: Callable[[], FullBatch]) -> tuple[FullBatch, float]:
        began = time.perf_counter()
        batch = prepare()
        return batch, time.perf_counter() - began + self._seconds(batch, 1)

    def _seconds(self, batch: FullBatch, iterations: int) -> float:
        """Return the seconds of an iteration, without those of the cost after the last one."""
        seconds: list[float] = []

        def keep_time(state: DescentState) -> Next:
            seconds.append(float(state.seconds[-1]))
            return Next()

        descend(
            batch,
            self._start,
            learning_rate=LEARNING_RATE,
            iterations=iterations,
            callbacks=[keep_time],
        )
        return seconds[-1] / iterations


def _problem(setup: Setup, m: int) -> tuple[RowSource, Parameters[HostArray]]:
    random = np.random.default_rng(1)
    rows = random.standard_normal((m, setup.features), np.dtype(setup.dtype))
    labels = (rows[:, :1] * rows[:, -1:] > 0.5).T.astype(np.uint8)
    start = initialise(setup.features, setup.hidden, 1, random_state=0, dtype=setup.dtype)
    return RowSource(rows, labels), start


def _gradient_and_cost(batch: FullBatch, start: Parameters) -> HostArray:
    """Return gradient and cost as one vector."""
    with batch.backend.activate():
        J, gradients = batch.value_and_gradient(batch.place(start))
        return batch.backend.gathered_on_host((*gradients, J)).astype(np.float64)


def _difference(ours: HostArray, expected: HostArray) -> float:
    """Return the larger one of the relative errors of the gradient and of the cost."""
    gradient = np.linalg.norm(ours[:-1] - expected[:-1]) / np.linalg.norm(expected[:-1])
    cost = abs(ours[-1] / expected[-1] - 1)
    return float(max(gradient, cost))


def crossover(speeds: Mapping[int, Mapping[str, Speed | str]], one: str, other: str) -> str:
    """Return in a sentence from which m on `other` is faster than `one`.

    Between two numbers of examples the logarithm of the ratio is interpolated.

    Parameters
    ----------
    speeds : mapping of int to mapping of str to Speed or str
        What `measure` returned for each m.
    one, other : str
        Two of the names in it.
    """
    ratios = [
        (m, a.median / b.median)
        for m, of in sorted(speeds.items())
        if isinstance(a := of[one], Speed) and isinstance(b := of[other], Speed)
    ]
    if not ratios:
        return f"{one} and {other} were not both measured at any m"
    for (m, before), (next_m, after) in itertools.pairwise(ratios):
        if before <= 1 < after:
            part = math.log(before) / (math.log(before) - math.log(after))
            at = float(f"{m * (next_m / m) ** part:.2g}")
            return (
                f"{other} is faster than {one} from about m = {at:,.0f} on "
                f"({after:.2f} times at m = {next_m:,})"
            )
    if all(ratio > 1 for _, ratio in ratios):
        m, ratio = max(ratios, key=operator.itemgetter(1))
        verdict = f"is faster than {one} at every m measured"
    else:
        m, ratio = ratios[-1]
        verdict = f"is not faster than {one} at the largest m measured"
    return f"{other} {verdict} ({ratio:.2f} times at m = {m:,})"
