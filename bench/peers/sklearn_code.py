"""scikit-learn's MLPClassifier set up as plain full-batch gradient descent."""

from __future__ import annotations

import math
import warnings

import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from bench.peers import Candidate, UnavailableError
from bench.peers.numpy_code import blas_threads
from bench.problems import Problem


def full_batch_classifier(problem: Problem, device: str) -> Candidate:
    """Fit from the given start: one batch of all examples, no momentum, no shuffling.

    Its fit also checks the data and encodes the labels. Calling its private gradient would leave
    that out, but that is no interface; a fit of one iteration is subtracted instead.
    """
    if device != "cpu":
        raise UnavailableError("scikit-learn computes on the CPU only")
    W1, b1, W2, b2 = problem.parameters
    X, y, m = problem.rows, problem.labels, problem.m
    classifier = MLPClassifier(
        (problem.shape[1],),
        activation="tanh",
        solver="sgd",
        alpha=0,
        batch_size=m,
        learning_rate="constant",
        learning_rate_init=problem.learning_rate,
        momentum=0,
        nesterovs_momentum=False,
        shuffle=False,
        tol=0,
        n_iter_no_change=math.inf,
        warm_start=True,
        max_iter=1,
    )

    def run(iterations: int) -> list[float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            if not hasattr(classifier, "coefs_"):
                classifier.fit(X, y)  # makes what the start is then written to
            classifier.coefs_ = [W1.T.copy(), W2.T.copy()]
            classifier.intercepts_ = [b1.ravel().copy(), b2.ravel().copy()]
            classifier.loss_curve_ = []
            # It holds the arrays that were there before.
            del classifier._optimizer
            classifier.set_params(max_iter=iterations).fit(X, y)
        return list(map(float, classifier.loss_curve_))

    about = f"scikit-learn {sklearn.__version__}, {blas_threads()} BLAS threads"
    return Candidate(run, about, setup_is_foreign=True)
