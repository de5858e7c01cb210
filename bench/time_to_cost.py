"""How long gdnet and its peers take to the same cost on real data: flights, late or not.

    python -m bench.time_to_cost --json FILE --plot FILE

All contestants of `bench.compare` make the same iterations from the same start, in turns, and so
come by the same costs; what differs is the time, compiling and placing the data left out. Beside
them stands another method: scikit-learn's Adam on batches of 200 examples, its defaults, whose cost
over all examples is taken after every epoch, with the clock stopped.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from bench.cases import Case
from bench.environment import environment
from bench.interleave import REFERENCE, TOLERANCE, Worker
from bench.peers import MAKERS, variables_of
from bench.problems import Problem
from bench.worker import Failed, Ready, serve_contestant
from gdnet.backends import get_backend
from gdnet.data.builtin import load_builtin
from gdnet.data.scaling import Scaling
from gdnet.data.targets import encode_target
from gdnet.descent import descend
from gdnet.parameters import initialise

HIDDEN, LEARNING_RATE = 16, 2.0
ITERATIONS, EPOCHS = 300, 8
ADAM = "scikit-learn, Adam (another method)"


class Flights(Case):
    """The flights of 2013 from New York, standardised; iterations are those of a whole run."""

    def problem(self) -> Problem:
        """Return the data and the start; the same numbers in every process."""
        table = load_builtin("flights", "float32")
        rows = np.array(table.X, np.float32)
        Scaling.of(rows, "float32").apply_in_place(rows)
        labels = encode_target(table.target).codes.astype(np.uint8)
        start = initialise(*self.shape, random_state=0, dtype=self.dtype)
        return Problem(self.shape, rows, labels, start, LEARNING_RATE)


def serve_adam(connection: Connection, case: Case, epochs: int) -> None:
    """Send the seconds and the cost of all examples after each epoch."""
    from sklearn.metrics import log_loss
    from sklearn.neural_network import MLPClassifier

    problem = case.problem()
    classifier = MLPClassifier((HIDDEN,), activation="tanh", alpha=0, random_state=0)
    seconds, points = 0.0, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(epochs):
            began = time.perf_counter()
            classifier.partial_fit(problem.rows, problem.labels, classes=[0, 1])
            seconds += time.perf_counter() - began
            probabilities = classifier.predict_proba(problem.rows)
            points.append((seconds, float(log_loss(problem.labels, probabilities))))
    connection.send(points)


def measure(iterations: int, rounds: int, device: str) -> dict[str, Any]:
    """Return the costs of the iterations, the seconds of each contestant, and Adam's curve."""
    table = load_builtin("flights", "float32")
    shape = (table.X.shape[1], HIDDEN, 1)
    case = Flights(shape, len(table.X), "float32", iterations, 0.0)
    problem = case.problem()
    gradient = problem.full_batch(get_backend("cpu"))
    run = descend(gradient, problem.parameters, learning_rate=LEARNING_RATE, iterations=iterations)
    workers: dict[str, Worker] = {}
    for name, maker in MAKERS.items():
        given = variables_of(name, device)
        worker = Worker(serve_contestant, maker, case, device, variables=given)
        report = worker.receive()
        refused = _refusal(report, run.costs)
        if refused is None:
            workers[name] = worker
        else:
            print(f"{name}: {refused}")
            worker.end()
    taken: dict[str, list[float]] = {name: [] for name in workers}
    names, orders = list(workers), random.Random(0)
    for _ in range(rounds):
        orders.shuffle(names)
        for name in names:
            taken[name].append(workers[name].ask(iterations) * iterations)
    for worker in workers.values():
        worker.end()
    adam = Worker(serve_adam, case, EPOCHS)
    points = adam.receive()
    return {
        "shape": shape,
        "m": case.m,
        "iterations": iterations,
        "rounds": rounds,
        "costs": run.costs.tolist(),
        "seconds": taken,
        "adam": [] if isinstance(points, Failed) else points,
    }


def _refusal(report: Ready | Failed, costs: np.ndarray[Any, Any]) -> str | None:
    if isinstance(report, Failed):
        return report.reason
    difference = np.abs(np.divide(report.costs, costs[: len(report.costs)]) - 1).max()
    return f"its costs differ by {difference:.1e}" if difference > TOLERANCE["float32"] else None


def draw(measured: dict[str, Any], hardware: str, path: Path) -> None:
    """Write the costs over the seconds that each contestant needs for them."""
    from matplotlib.figure import Figure

    figure = Figure((8, 5), layout="constrained", facecolor="white")
    axes = figure.subplots()
    costs = measured["costs"]
    for name, seconds in sorted(measured["seconds"].items(), key=lambda item: item[1][0]):
        whole = statistics.median(seconds)
        line = {"lw": 2.6, "color": "#1b6ca8", "zorder": 3} if name == REFERENCE else {"lw": 1.3}
        axes.plot(np.linspace(0, whole, len(costs)), costs, label=f"{name}: {whole:.2f} s", **line)
    if measured["adam"]:
        x, y = zip(*measured["adam"], strict=True)
        axes.plot(x, y, "o--", ms=4, lw=1, color="#555555", label=f"{ADAM}: {len(x)} epochs")
    axes.set(xlabel="seconds", ylabel="cost over all examples", ylim=(None, costs[5]))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    n0, n1, n2 = measured["shape"]
    axes.set_title(
        f"{measured['m']:,} flights, {n0}-{n1}-{n2}, {measured['iterations']} iterations\n"
        f"{hardware}",
        fontsize=10,
    )
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--iterations", type=int, default=ITERATIONS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    options = parser.parse_args()
    measured = measure(options.iterations, options.rounds, options.device)
    facts = environment()
    print(f"{measured['iterations']} iterations, cost {measured['costs'][-1]:.5f}")
    for name, seconds in measured["seconds"].items():
        print(f"  {name:28} {statistics.median(seconds):8.2f} s")
    for seconds, cost in measured["adam"]:
        print(f"  {ADAM}: cost {cost:.5f} after {seconds:.2f} s")
    if options.json:
        options.json.write_text(json.dumps({"environment": facts} | measured, indent=1) + "\n")
    if options.plot:
        draw(measured, f"{facts['gpu'] or facts['cpu']}, {facts['cores']} CPU cores", options.plot)


if __name__ == "__main__":
    main()
