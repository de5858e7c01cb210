"""Checkpoints, callbacks and Ctrl-C of `GDClassifier.fit`, and the callbacks of scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from gdnet import Checkpoint, GDClassifier, Next, StopDescent, TimeLimit
from gdnet.checkpoint.file import load as load_checkpoint
from gdnet.descent import DescentResult, DescentState
from gdnet.errors import CheckpointError, DataError
from gdnet.model.file import load_model
from gdnet.training.pipeline import Pipeline
from tests.support.labelled_problems import problem
from tests.support.noisy_fits import ITERATIONS, Interrupt, classifier, noise


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_fit_resumes_from_its_checkpoint(tmp_path: Path, early_stopping: bool) -> None:
    X, y = problem("multiclass")
    clf = classifier(early_stopping=early_stopping, n_iter_no_change=ITERATIONS)
    whole = clone(clf).fit(X, y)
    with (
        Checkpoint(tmp_path / "c") as checkpoint,
        pytest.warns(UserWarning, match="interrupted after 40"),
    ):
        clf.fit(X, y, checkpoint=checkpoint, callbacks=[Interrupt(40)])
    assert load_checkpoint(tmp_path / "c").state.iteration == 39
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        resumed = clone(clf).fit(X, y, checkpoint=checkpoint)
    assert resumed.loss_curve_ == whole.loss_curve_
    assert resumed.validation_loss_curve_ == whole.validation_loss_curve_
    for a, b in zip(resumed.parameters_, whole.parameters_, strict=True):
        np.testing.assert_array_equal(a, b)
    with (
        Checkpoint(tmp_path / "c", resume=True) as checkpoint,
        pytest.raises(CheckpointError, match=r"l2 is 0.0 in the checkpoint and 0.5 here"),
    ):
        clf.set_params(l2=0.5).fit(X, y, checkpoint=checkpoint)


def test_callbacks_of_a_fit() -> None:
    X, y = problem("binary")
    seen: list[int] = []

    def seldom(state: DescentState) -> Next:
        seen.append(state.iteration)
        return Next(iterations=25)

    classifier().fit(X, y, callbacks=[seldom])
    assert seen == [1, 26, 51, 60]

    def stop(state: DescentState) -> None:
        if state.iteration == 7:
            raise StopDescent

    clf = classifier().fit(X, y, callbacks=[stop])
    assert (clf.n_iter_, clf.converged_) == (7, True)
    limit = TimeLimit(1e-9)
    clf = classifier().fit(X, y, callbacks=[limit])
    assert (clf.n_iter_, clf.converged_, limit.reached) == (1, False, True)


class Recorder:
    """A callback of scikit-learn: what it is reported, and an accuracy after every iteration."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.accuracies: list[float] = []
        self.tasks: list[str] = []
        self._stop_after = stop_after

    def setup(self, estimator: Any, context: Any) -> None:
        self.tasks.append("setup")

    def teardown(self, estimator: Any, context: Any) -> None:
        self.tasks.append("teardown")

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.tasks.append(f"begin {context.task_name}")

    def on_fit_task_end(
        self,
        estimator: Any,
        context: Any,
        *,
        X: Any = None,
        y: Any = None,
        fitted_estimator: Any = None,
    ) -> bool:
        self.tasks.append(f"end {context.task_name}")
        if context.task_name != "iteration":
            return False
        self.accuracies.append(fitted_estimator.score(X, y))
        return len(self.accuracies) == self._stop_after


def test_callbacks_of_scikit_learn() -> None:
    pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 has the first callbacks")
    X, y = problem("multiclass")
    recorder = Recorder()
    clf = classifier().set_callbacks(recorder).fit(X, y)
    plain = classifier().fit(X, y)
    for a, b in zip(clf.parameters_, plain.parameters_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert recorder.accuracies[-1] == plain.score(X, y)
    assert len(recorder.accuracies) == ITERATIONS
    each = ["begin iteration", "end iteration"] * ITERATIONS
    assert recorder.tasks == ["setup", "begin fit", *each, "end fit", "teardown"]
    stopping = Recorder(stop_after=9)
    clf = classifier().set_callbacks(stopping).fit(X, y)
    assert (clf.n_iter_, clf.converged_) == (9, True)
    assert stopping.accuracies == recorder.accuracies[:9]


NAMES = ("iteration", "fit")


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_scoring_monitor_of_scikit_learn(early_stopping: bool) -> None:
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 has the first")
    X, y = problem("binary")
    y = noise(y)
    weights = np.random.RandomState(0).rand(len(y))
    clf = classifier(early_stopping=early_stopping, n_iter_no_change=ITERATIONS)
    for seed in (3, 4):  # the second fit must not be judged by the first
        monitor = callback.ScoringMonitor(scoring="accuracy")
        clf.set_params(random_state=seed).set_callbacks(monitor)
        clf.fit(X, y, sample_weight=weights)
        rows = monitor.get_logs().data
        scores = {name: [r["accuracy"] for r in rows if r["task_name"] == name] for name in NAMES}
        assert len(scores["iteration"]) == ITERATIONS
        assert scores["fit"] == [clf.score(X, y, sample_weight=weights)]
        if not early_stopping:
            assert scores["iteration"][-1] == scores["fit"][0]


def test_the_progress_bar_of_scikit_learn_in_a_search() -> None:
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 has the first")
    from sklearn.model_selection import GridSearchCV

    X, y = problem("binary")
    search = GridSearchCV(classifier(), {"l2": [0.0, 0.1]}, cv=2)
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=2))
    assert search.fit(X, y).score(X, y) > 0.5


class InterruptAtTheEnd:
    """A callback during whose end somebody presses Ctrl-C, once."""

    def __init__(self) -> None:
        self.ends = 0

    def __call__(self, state: DescentState) -> Next:
        return Next()

    def end(self, state: DescentState, error: BaseException | None) -> None:
        self.ends += 1
        if self.ends == 1:
            raise KeyboardInterrupt


@pytest.mark.parametrize("early_stopping", [False, True])
def test_ctrl_c_after_the_last_iteration_keeps_all_of_them(
    early_stopping: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = problem("binary")
    settings: dict[str, Any] = {"early_stopping": early_stopping, "n_iter_no_change": ITERATIONS}
    whole = classifier(**settings).fit(X, y)
    with pytest.warns(UserWarning, match=f"interrupted after {ITERATIONS} of {ITERATIONS}"):
        clf = classifier(**settings).fit(X, y, callbacks=[InterruptAtTheEnd()])
    np.testing.assert_array_equal(clf.parameters_.W1, whole.parameters_.W1)
    keep, times = Pipeline.keep, []

    def interrupted(pipeline: Pipeline, run: DescentResult) -> Any:
        times.append(run)
        if len(times) == 1:
            raise KeyboardInterrupt
        return keep(pipeline, run)

    monkeypatch.setattr(Pipeline, "keep", interrupted)
    with pytest.warns(UserWarning, match=f"interrupted after {ITERATIONS} of"):
        clf = classifier(**settings).fit(X, y)
    np.testing.assert_array_equal(clf.parameters_.W1, whole.parameters_.W1)


def test_numbers_of_numpy_in_a_checkpoint_and_a_model(tmp_path: Path) -> None:
    X, y = problem("binary")
    clf = classifier(block_size=np.int64(50), l2=np.float32(0.5), early_stopping=np.bool_(False))
    with Checkpoint(tmp_path / "c") as checkpoint:
        clf.fit(X, y, checkpoint=checkpoint)
    clf.save(tmp_path / "m")
    assert load_model(tmp_path / "m").training["block_size"] == 50


def test_a_time_limit_is_not_max_iter() -> None:
    X, y = problem("binary")
    clf = GDClassifier(max_iter=10**6, tol=1e-9, learning_rate=0.01, random_state=0)
    clf.fit(X, y, callbacks=[TimeLimit(0.05)])  # a warning would be an error here
    assert clf.n_iter_ < 10**6


def test_a_fit_that_diverged_says_so_in_its_file(tmp_path: Path) -> None:
    X, y = problem("binary")
    clf = classifier(l2=150.0, init_scale=0.1).set_params(learning_rate=4.5, max_iter=400)
    with pytest.warns(ConvergenceWarning, match="diverges"):
        clf.fit(X, y)
    clf.save(tmp_path / "m")
    facts = load_model(tmp_path / "m").training
    assert facts["diverged"] is True
    assert facts["iterations"] == clf.n_iter_ - 1
    exact = classifier(l2=150.0, init_scale=0.1)
    exact.set_params(learning_rate=4.5, max_iter=facts["iterations"]).fit(X, y)
    np.testing.assert_array_equal(clf.parameters_.W1, exact.parameters_.W1)


@pytest.mark.parametrize("callbacks", [None, print, [1]])
def test_callbacks_of_another_kind_are_refused(callbacks: Any) -> None:
    X, y = problem("binary")
    with pytest.raises(DataError, match="callbacks: expected"):
        classifier().fit(X, y, callbacks=callbacks)


def test_a_checkpoint_of_another_kind_or_without_a_seed_is_refused(tmp_path: Path) -> None:
    X, y = problem("binary")
    with pytest.raises(DataError, match=r"checkpoint: expected a gdnet\.Checkpoint"):
        classifier().fit(X, y, checkpoint="c")  # type: ignore[arg-type]
    with (
        Checkpoint(tmp_path / "c") as checkpoint,
        pytest.raises(DataError, match="expected a random_state"),
    ):
        GDClassifier().fit(X, y, checkpoint=checkpoint)
