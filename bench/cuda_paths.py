"""Compare gdnet's own ways to compute on CUDA, and the CPU: right first, then fast, in turns.

    python -m bench.cuda_paths --json paths.json

The ways: the equations as they stand (reference), cuBLAS with one kernel between its products
(cublas_fused), the fused kernel, also with all examples in one block, cublas_fused with TF32, and
cublas_fused and fused with every block copied in every pass
(streamed), and the CPU. Each must have the gradient of the reference in float64; then they take
turns, in another order each time. Beside them stands what the device can do: matrix products,
copies on it and to it.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.device_rates import device_rates
from bench.environment import environment
from bench.problems import Problem, Shape, lab, name_of, problem
from gdnet.backends import Backend, get_backend
from gdnet.backends.cuda.backend import CudaBackend
from gdnet.backends.cuda.fused import why_not_fused
from gdnet.backends.cuda.precision import TF32_CAPABILITY
from gdnet.descent.pace import MAX_QUEUED
from gdnet.errors import DeviceUnavailable
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters

CASES: tuple[tuple[Shape, int], ...] = (
    ((28, 128, 1), 11_000_000),
    ((2, 4, 1), 11_000_000),
    ((784, 256, 10), 1_000_000),
    ((784, 2048, 10), 250_000),
    ((2, 4, 1), 400),
)
TINY_EXAMPLES = 2_000
ONE_BLOCK = "fused, one block"
# Of fewer one block would have to wait for itself.
MIN_STREAMED = 10_000

# The largest difference from the reference in float64: of the gradients relative to the largest of
# their numbers, of the cost to the cost. Sums of 11 million terms that nearly cancel cost float32
# digits; products in TF32 alone would be off by 3e-4.
TOLERANCE = {"highest": 1e-4, "tf32": 5e-3}

ROUND_SECONDS = 0.15
MAX_ITERATIONS = 2_000
# A way that takes longer than this for an iteration has one turn.
SLOW_SECONDS = 1.0


class Case(NamedTuple):
    """A network and its data, as all ways have them."""

    problem: Problem
    name: str


def ways(device: str, case: Case) -> dict[str, Backend]:
    """Return the ways that apply to a case, each as its backend."""
    cpu = get_backend("cpu")
    if device == "cpu":
        return {"CPU": cpu}
    make = functools.partial(CudaBackend, int(device.partition(":")[2] or 0))
    cublas_fused = make()
    found: dict[str, Backend] = {
        "reference": make(engine="reference"),
        "cublas_fused": cublas_fused,
    }
    problem = case.problem
    fuses = why_not_fused("tanh", problem.output, problem.shape, np.float32) is None
    if fuses:
        found["fused"] = make(engine="fused")
        if problem.m > cublas_fused.block_columns(problem.m, *problem.shape, 4):
            found[ONE_BLOCK] = make(engine="fused")
    if int(cublas_fused.device().compute_capability) >= TF32_CAPABILITY:
        found["cublas_fused, TF32"] = make(precision="tf32")
    if problem.m >= MIN_STREAMED:
        found["cublas_fused, streamed"] = make(keeps_blocks=False)
        if fuses:
            found["fused, streamed"] = make(engine="fused", keeps_blocks=False)
    return found | {"CPU": cpu}


class Candidate:
    """A way on a case, with its data in place."""

    def __init__(self, case: Case, name: str, backend: Backend) -> None:
        self.backend = backend
        columns = case.problem.m if name == ONE_BLOCK else None
        if not getattr(backend, "keeps_blocks", True):
            # At least six blocks, or there is nothing to copy while another is computed with.
            most = self.backend.block_columns(case.problem.m, *case.problem.shape, 4)
            columns = min(most, -(-case.problem.m // 6))
        self.batch = batch_of(case.problem, self.backend, columns)
        with self.backend.activate():
            self._alpha = self.backend.asarray(np.array(case.problem.learning_rate, np.float32))
            self._start = self.batch.place(case.problem.parameters)
            self._parameters = self._start
            self.run(1)

    def run(self, iterations: int) -> float:
        """Return the seconds of an iteration; the descent continues from where it was."""
        with self.backend.activate():
            self.backend.synchronize()
            began = time.perf_counter()
            if self.batch.descends:
                for lo in range(0, iterations, MAX_QUEUED):
                    self._parameters = self.batch.descend(
                        self._parameters, self._alpha, min(MAX_QUEUED, iterations - lo)
                    )[1]
            else:
                for _ in range(iterations):
                    _, self._parameters = self.batch.step(self._parameters, self._alpha)
            self.backend.synchronize()
            return (time.perf_counter() - began) / iterations

    def gradient(self) -> list[Any]:
        """Return the gradients and the cost at the start, as NumPy arrays."""
        with self.backend.activate():
            J, gradients = self.batch.value_and_gradient(self._start)
            return [self.backend.to_numpy(a).astype(np.float64) for a in (*gradients, J)]


def batch_of(
    case: Problem, backend: Backend, columns: int | None, dtype: str = "float32"
) -> FullBatch:
    """Return the full batch of a problem, in blocks of a given width."""
    batch = case.full_batch(backend, dtype)
    if columns is None:
        return batch
    _, n1, _ = case.shape
    return FullBatch(
        batch.source, backend, n1=n1, output=case.output, dtype=dtype, block_columns=columns
    )


def exact_gradient(case: Problem, backend: Backend) -> list[Any]:
    """Return the gradients and the cost at the start by the reference in float64."""
    batch = batch_of(case, backend, None, "float64")
    with backend.activate():
        start = batch.place(Parameters(*(p.astype(np.float64) for p in case.parameters)))
        J, gradients = batch.value_and_gradient(start)
        result = [backend.to_numpy(a) for a in (*gradients, J)]
    batch.release()
    return result


def difference(got: list[Any], exact: list[Any]) -> float:
    """Return the largest difference of gradients and cost, see `TOLERANCE`."""
    scale = max(float(np.abs(b).max()) for b in exact[:4])
    scales = [scale] * 4 + [float(exact[4])]
    return max(float(np.abs(a - b).max()) / s for a, b, s in zip(got, exact, scales, strict=True))


def compare(
    case: Case,
    device: str,
    seconds: float,
    tell: Callable[[str], None],
    results: dict[str, dict[str, Any]],
    write: Callable[[], None],
) -> None:
    """Put what is found on a case into `results`, and write it as it comes."""
    found = ways(device, case)
    # By the CPU where the device fails: what is wrong with it then shows in every way.
    exact = exact_gradient(case.problem, found["CPU"])
    candidates: dict[str, Candidate] = {}
    for name, backend in found.items():
        try:
            candidates[name] = candidate = Candidate(case, name, backend)
            error = difference(candidate.gradient(), exact)
        except Exception as failure:  # one that fails must not end the others
            candidates.pop(name, None)
            results[name] = {"failed": f"{type(failure).__name__}: {failure}"}
            tell(f"{name}: FAILED, {results[name]['failed']}")
            write()
            continue
        tolerance = TOLERANCE[backend.precision]
        results[name] = {
            "engine": candidate.batch.engine,
            "blocks": len(candidate.batch.grid),
            "gradient_error": error,
            "right": error <= tolerance,
            "tolerance": tolerance,
        }
        tell(f"{name}: gradient differs by {error:.1e}" + " - WRONG" * (not error <= tolerance))
        write()
    for name, times in take_turns(candidates, seconds).items():
        low, median, high = (1e3 * float(q) for q in np.percentile(times, (25, 50, 75)))
        results[name] |= {"ms": median, "ms_quartiles": [low, high], "turns": len(times)}
        results[name]["gb_a_second"] = case.problem.data_bytes / median / 1e6
        tell(f"{name}: {median:.4g} ms ({low:.4g} .. {high:.4g})")


def take_turns(candidates: dict[str, Candidate], seconds: float) -> dict[str, list[float]]:
    """Return the seconds an iteration of each turn."""
    times: dict[str, list[float]] = {}
    iterations = {}
    for name, candidate in candidates.items():
        once = candidate.run(1)
        iterations[name] = max(1, min(MAX_ITERATIONS, math.ceil(ROUND_SECONDS / once)))
        times[name] = [once] if once > SLOW_SECONDS else []
    names = [name for name in candidates if not times[name]]
    orders = random.Random(0)
    until = time.perf_counter() + seconds
    while names and (len(times[names[0]]) < 3 or time.perf_counter() < until):
        orders.shuffle(names)
        for name in names:
            times[name].append(candidates[name].run(iterations[name]))
    return times


def made(shape: Shape, m: int, *, tiny: bool) -> Case:
    """Return a case; the lecture's lab where m is 400."""
    if m == 400:
        return Case(lab(), "lab, 2-4-1, m = 400")
    m = min(m, TINY_EXAMPLES) if tiny else m
    return Case(problem(shape, m), f"{name_of(shape)}, m = {m:_}".replace("_", " "))


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status: 0 if every way was right."""
    parser = argparse.ArgumentParser(prog="python -m bench.cuda_paths", description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda (default), cuda:N, or cpu")
    parser.add_argument("--only", action="append", type=int, help="number of a case, from 0")
    parser.add_argument("--seconds", type=float, default=5.0, help="of the turns of a case")
    parser.add_argument("--tiny", action="store_true", help="few examples, to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything here")
    parser.add_argument(
        "--within",
        type=float,
        default=math.inf,
        metavar="SECONDS",
        help="begin no case after so long",
    )
    options = parser.parse_args(arguments)
    until = time.perf_counter() + options.within
    try:
        print(get_backend(options.device).describe(), flush=True)
    except DeviceUnavailable as unavailable:
        print(f"{options.device}: {unavailable}", file=sys.stderr)
        return 4
    report: dict[str, Any] = {"environment": environment(), "limits": {}, "cases": []}

    def write() -> None:
        if options.json:
            options.json.write_text(json.dumps(report, indent=1) + "\n")

    def tell(line: str) -> None:
        print(f"  {line}", flush=True)

    right = True
    try:
        report["limits"] = device_rates(options.device, tiny=options.tiny)
    except Exception as failure:  # the ways can be compared without them
        tell(f"limits: FAILED, {type(failure).__name__}: {failure}")
        right = False
    for name, rate in report["limits"].items():
        print(f"{name}: {rate:.4g}", flush=True)
    write()
    for number, (shape, m) in enumerate(CASES):
        if options.only and number not in options.only:
            continue
        if time.perf_counter() > until:
            print(f"\nno time was left for case {number}: --only {number}")
            continue
        case = made(shape, m, tiny=options.tiny)
        print(f"\n{case.name}", flush=True)
        ways_of_case: dict[str, dict[str, Any]] = {}
        report["cases"].append({"case": case.name, "m": case.problem.m, "ways": ways_of_case})
        try:
            compare(case, options.device, options.seconds, tell, ways_of_case, write)
        except Exception as failure:  # nor must a case that fails
            tell(f"FAILED, {type(failure).__name__}: {failure}")
            right = False
        right &= all(way.get("right", False) for way in ways_of_case.values())
        write()
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
