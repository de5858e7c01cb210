"""Ctrl-C during a fit of GDClassifier."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gdnet import Activation, GDClassifier
from gdnet.activations import TANH
from tests.support.checkout import ROOT
from tests.support.command import environment
from tests.support.labelled_problems import problem

X, y = problem("binary")
FINISHED = 12
# An activation of one's own is computed by the equations.
LIKE_IT: dict[str, Any] = {"random_state": 0, "engine": "reference"}


class Interrupted:
    """A tanh at whose nth use somebody presses Ctrl-C; later uses are as usual."""

    def __init__(self, use: int) -> None:
        self.left = use

    def __call__(self, Z: Any, xp: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return TANH.value(Z, xp)


def interrupted(use: int, **settings: Any) -> GDClassifier:
    """Return a classifier, with one use of its activation an iteration, that is interrupted."""
    tanh = Activation("tanh", Interrupted(use), TANH.slope)
    return GDClassifier(4, activation=tanh, random_state=0, **settings)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_what_was_finished_is_kept(kind: str) -> None:
    X, y = problem(kind)
    clf = interrupted(FINISHED + 1, max_iter=30, tol=0)
    message = f"interrupted after {FINISHED} of 30 iterations: the parameters so far are kept"
    with pytest.warns(UserWarning, match=message) as reported:
        assert clf.fit(X, y) is clf
    assert reported[0].filename == __file__
    whole = GDClassifier(4, **LIKE_IT, max_iter=FINISHED, tol=0).fit(X, y)
    for ours, theirs in zip(clf.parameters_, whole.parameters_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert clf.loss_curve_ == whole.loss_curve_
    assert clf.n_iter_ == FINISHED
    assert not clf.converged_
    assert clf.validation_loss_curve_ is None
    np.testing.assert_array_equal(clf.predict(X), whole.predict(X))


def test_a_warm_start_goes_on_to_the_same_bits() -> None:
    clf = interrupted(FINISHED + 1, max_iter=30, tol=0, warm_start=True)
    with pytest.warns(UserWarning, match="interrupted"):
        clf.fit(X, y)
    clf.set_params(max_iter=30 - FINISHED).fit(X, y)
    whole = GDClassifier(4, **LIKE_IT, max_iter=30, tol=0).fit(X, y)
    np.testing.assert_array_equal(clf.parameters_.W1, whole.parameters_.W1)
    assert clf.loss_curve_ == whole.loss_curve_


def test_early_stopping_keeps_the_best_so_far() -> None:
    # Two uses an iteration: of the training and of the validation.
    noise = np.random.RandomState(0).permutation(y)
    settings: dict[str, Any] = {"early_stopping": True, "learning_rate": 3.0, "tol": 0}
    clf = interrupted(2 * FINISHED + 1, max_iter=30, n_iter_no_change=30, **settings)
    with pytest.warns(UserWarning, match="interrupted after 12 "):
        clf.fit(X, y, eval_set=(X, noise))
    curve = clf.validation_loss_curve_
    assert curve is not None
    assert len(curve) == clf.n_iter_ == FINISHED
    best = int(np.argmin(curve))
    assert 0 < best < FINISHED - 1
    exact = GDClassifier(4, **LIKE_IT, max_iter=best, learning_rate=3.0, tol=0)
    np.testing.assert_array_equal(clf.parameters_.W1, exact.fit(X, y).parameters_.W1)


def test_before_the_first_iteration_there_is_nothing_to_keep() -> None:
    clf = interrupted(1)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    with pytest.raises(NotFittedError):
        clf.predict(X)


def test_a_second_ctrl_c_ends_it_at_once() -> None:
    class Twice(Interrupted):
        def __call__(self, Z: Any, xp: Any) -> Any:
            self.left -= 1
            if self.left <= 0:
                raise KeyboardInterrupt
            return TANH.value(Z, xp)

    clf = GDClassifier(4, activation=Activation("tanh", Twice(FINISHED), TANH.slope))
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)


def test_in_a_pipeline_it_is_as_alone() -> None:
    pipeline = make_pipeline(StandardScaler(), interrupted(FINISHED + 1))
    with pytest.warns(UserWarning, match="interrupted"):
        pipeline.fit(X, y)
    assert pipeline[-1].n_iter_ == FINISHED
    assert pipeline.score(X, y) > 0.5


@pytest.mark.parametrize(
    "fit",
    [
        lambda clf: clone(clf).fit(X, y),
        lambda clf: GridSearchCV(clf, {"l2": [0.0, 0.1]}, cv=2).fit(X, y),
        lambda clf: cross_val_score(make_pipeline(StandardScaler(), clf), X, y, cv=2),
        lambda clf: VotingClassifier([("one", clf), ("two", clf)]).fit(X, y),
    ],
    ids=["clone", "search", "cross-validation", "ensemble"],
)
def test_clones_let_it_through(fit: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(interrupted(FINISHED + 1))


class Telling:
    """A tanh that says when the descent is on its way."""

    def __init__(self) -> None:
        self.uses = 0

    def __call__(self, Z: Any, xp: Any) -> Any:
        self.uses += 1
        if self.uses == FINISHED:
            sys.stderr.write("descending\n")
        return TANH.value(Z, xp)


PROBLEM = """
import sys, warnings
from gdnet import Activation, GDClassifier
from gdnet.activations import TANH
from tests.estimator.test_interruption import Telling, X, y
tanh = Activation("tanh", Telling(), TANH.slope)
clf = GDClassifier(4, activation=tanh, max_iter=10**9, tol=0, random_state=0)
"""
ALONE = """
with warnings.catch_warnings(record=True) as reported:
    warnings.simplefilter("always")
    clf.fit(X, y)
assert ["interrupted" in str(each.message) for each in reported] == [True], reported
assert clf.n_iter_ == len(clf.loss_curve_) >= 10
again = GDClassifier(4, max_iter=clf.n_iter_, tol=0, random_state=0, engine="reference").fit(X, y)
assert all((a == b).all() for a, b in zip(clf.parameters_, again.parameters_))
"""
SEARCH = """
from sklearn.model_selection import GridSearchCV
GridSearchCV(clf, {"l2": [0.0, 0.1]}, cv=2, n_jobs=int(sys.argv[1])).fit(X, y)
"""


def run_until_ctrl_c(code: str, *arguments: str) -> tuple[int, str]:
    """Run code, and press Ctrl-C in the terminal of all its processes once it is descending."""
    child = subprocess.Popen(
        [sys.executable, "-c", PROBLEM + code, *arguments],
        cwd=ROOT,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stderr is not None
    try:
        said = ""
        while "descending" not in said:
            line = child.stderr.readline()
            assert line, said
            said += line
        os.killpg(child.pid, signal.SIGINT)
        _, rest = child.communicate(timeout=60)  # until all processes have ended
        return child.returncode, said + rest
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        child.stderr.close()


def test_a_real_signal() -> None:
    code, said = run_until_ctrl_c(ALONE)
    assert code == 0, said


@pytest.mark.parametrize("n_jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_a_real_signal_ends_a_search(n_jobs: str) -> None:
    code, said = run_until_ctrl_c(SEARCH, n_jobs)
    assert code == -signal.SIGINT, said
    # joblib's resource tracker may still warn after the traceback has ended.
    assert "KeyboardInterrupt" in said.splitlines(), said
