"""scikit-learn's MLPClassifier: L-BFGS, and Adam and SGD on batches."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any
from unittest import mock

import numpy as np
import scipy.optimize
import sklearn
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from bench.to_cost.candidates import Candidate, Setting, grid
from bench.to_cost.clock import Clock
from bench.to_cost.tables import Task
from gdnet._typing import HostArray
from gdnet.backends.host import usable_cpus
from gdnet.parameters import Parameters

WITHOUT_END = 10**9
# Of BLAS. More than one slow small batches down.
THREADS = (1, usable_cpus())
ABOUT = f"scikit-learn {sklearn.__version__}"


def adam(task: Task) -> Candidate:
    batches = _batches(task, task.plan.batches)
    return _on_batches(task, "adam", grid(rate=(0.01, 0.001), batch=batches, threads=THREADS))


def sgd(task: Task) -> Candidate:
    batches = _batches(task, task.plan.batches[::2])
    return _on_batches(task, "sgd", grid(rate=(0.1, 0.01), batch=batches, threads=THREADS))


def lbfgs(task: Task) -> Candidate:
    X, y = task.training.rows, task.training.labels
    n0, n1, n2 = task.shape
    ends = np.cumsum([n0 * n1, n1 * n2, n1])
    minimize = scipy.optimize.minimize

    def run(start: Parameters[HostArray], setting: Setting, seed: int, clock: Clock) -> None:
        del seed  # there are no batches
        classifier = _started(task, start, solver="lbfgs", max_fun=WITHOUT_END)

        def ticking(fun: Any, x0: Any, **options: Any) -> Any:
            passes = 0

            def counted(*args: Any) -> Any:
                nonlocal passes
                passes += 1
                return fun(*args)

            def tick(x: Any) -> None:
                W1, W2, b1, b2 = np.split(x, ends)
                parameters = Parameters(
                    W1.reshape(n0, n1).T, b1[:, None], W2.reshape(n1, n2).T, b2[:, None]
                )
                clock.tick(parameters, passes)

            clock.start()
            return minimize(counted, x0, callback=tick, **options)

        # MLPClassifier has no callback, and what it calls has one.
        with (
            _quiet(),
            threadpool_limits(setting["threads"]),
            mock.patch.object(scipy.optimize, "minimize", ticking),
        ):
            classifier.fit(X, y)

    return Candidate(grid(threads=THREADS), run, ABOUT)


def _batches(task: Task, sizes: Sequence[int]) -> list[int]:
    return [min(size, task.training.m) for size in sizes]


def _on_batches(task: Task, solver: str, settings: Sequence[Setting]) -> Candidate:
    X, y = task.training.rows, task.training.labels
    parts = task.parts()

    def run(start: Parameters[HostArray], setting: Setting, seed: int, clock: Clock) -> None:
        with _quiet(), threadpool_limits(setting["threads"]):
            classifier = _started(
                task,
                start,
                solver=solver,
                batch_size=setting["batch"],
                learning_rate_init=setting["rate"],
                # From a number each call would draw the same order.
                random_state=np.random.RandomState(seed),
            )
            clock.start()
            passes = 0.0
            while True:
                for part in parts:
                    classifier.partial_fit(X[part], y[part])
                    passes += 1 / len(parts)
                    clock.tick(_parameters(classifier), passes)

    return Candidate(settings, run, ABOUT)


def _started(task: Task, start: Parameters[HostArray], **settings: Any) -> Any:
    """Return a classifier with these first parameters."""
    classifier = MLPClassifier(
        (task.shape[1],),
        activation="tanh",
        alpha=0,
        tol=0,
        n_iter_no_change=math.inf,
        max_iter=WITHOUT_END,
        warm_start=True,
        **settings,
    )
    few = _a_row_of_each_class(task)
    X, y = task.training.rows[few], task.training.labels[few]
    with _quiet():
        # Makes what the start is then written to.
        if classifier.solver == "lbfgs":
            classifier.set_params(max_iter=1).fit(X, y).set_params(max_iter=WITHOUT_END)
        else:
            classifier.set_params(batch_size=1).partial_fit(X, y, classes=np.unique(y))
            classifier.set_params(batch_size=settings["batch_size"])
            # It holds the arrays that were there before, and their moments.
            del classifier._optimizer
    W1, b1, W2, b2 = start
    classifier.coefs_ = [W1.T.copy(), W2.T.copy()]
    classifier.intercepts_ = [b1.ravel().copy(), b2.ravel().copy()]
    return classifier


def _a_row_of_each_class(task: Task) -> Any:
    return np.unique(task.training.labels, return_index=True)[1]


def _parameters(classifier: Any) -> Parameters:
    (W1, W2), (b1, b2) = classifier.coefs_, classifier.intercepts_
    return Parameters(W1.T, b1[:, None], W2.T, b2[:, None])


def _quiet() -> Any:
    """Silence warnings of runs that are cut short and of batches larger than what is left."""
    return warnings.catch_warnings(action="ignore")
