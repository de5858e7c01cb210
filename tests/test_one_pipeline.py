"""The command line and GDClassifier train alike; and what a training can start from and end by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from gdnet import (
    Checkpoint,
    EarlyStopping,
    FullBatch,
    GDClassifier,
    Next,
    StopDescent,
    TimeLimit,
    descend,
    get_backend,
    initialise,
)
from gdnet.checkpoint_file import load as load_checkpoint
from gdnet.data.source import RowSource
from gdnet.data.table import Table
from gdnet.descent import DescentResult, DescentState
from gdnet.errors import CheckpointError, DataError, Diverged
from gdnet.model_file import Model, load_model
from gdnet.training.options import Settings
from gdnet.training.pipeline import Pipeline
from gdnet.training.table import Trained, Training
from tests.command import Done, here
from tests.test_estimator_parity import problem

ITERATIONS = 60
# It rises soon where labels are noise, so that early stopping has something to stop.
NOISY: dict[str, Any] = {"hidden": 8, "learning_rate": 3.0, "iterations": ITERATIONS, "seed": 3}


def as_table(X: Any, y: Any) -> Table:
    return Table(X, y, None, None, "a table", False)


def trained(X: Any, y: Any, others: Any = None, **settings: Any) -> Trained:
    chosen = Settings(**NOISY, dtype="float64", standardize=False, **settings)
    validation = None if others is None else as_table(*others)
    return Training(as_table(X, y), chosen, get_backend("cpu"), validation).run()


def classifier(**settings: Any) -> GDClassifier:
    return GDClassifier(
        8, learning_rate=3.0, max_iter=ITERATIONS, random_state=3, tol=0, n_jobs=1, **settings
    )


def assert_same(ours: Model, theirs: Any) -> None:
    for a, b in zip(ours.parameters, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def noise(y: Any) -> Any:
    return np.random.RandomState(0).permutation(y)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("stopped", [None, "fraction", "table"])
def test_command_line_and_classifier_train_to_the_same_bits(
    kind: str, class_weight: str | None, stopped: str | None
) -> None:
    X, y = problem(kind)
    y = noise(y) if stopped else y
    ours: dict[str, Any] = {"class_weight": class_weight}
    theirs = ours.copy()
    given: dict[str, Any] = {}
    if stopped:
        ours |= {"early_stopping": True, "patience": 12}
        theirs |= {"early_stopping": True, "n_iter_no_change": 12}
    if stopped == "fraction":
        ours["validation_fraction"] = theirs["validation_fraction"] = 0.3
    if stopped == "table":
        given["others"] = X[::2], noise(y)[::2]
    by_command = trained(X, y, **given, **ours)
    clf = classifier(**theirs).fit(X, y, eval_set=given.get("others"))
    assert_same(by_command.model, clf.parameters_)
    assert by_command.run.costs.tolist() == clf.loss_curve_
    assert by_command.outcome.cost == clf.loss_ == by_command.model.training["cost"]
    if stopped:
        assert by_command.run.validation_costs is not None
        assert by_command.run.validation_costs.tolist() == clf.validation_loss_curve_
        assert by_command.model.training["kept_iteration"] == by_command.outcome.iteration
        assert by_command.outcome.iteration < by_command.run.iterations
    else:
        assert by_command.outcome.iteration == ITERATIONS
        assert "kept_iteration" not in by_command.model.training


# The command line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Few examples, some with wrong labels: a network learns them by heart, and is worse on others.
    X, y = problem("binary")
    wrong = y.copy()
    wrong[::4] = noise(y)[::4]
    np.savez(tmp_path / "d.npz", X=X[:60], y=wrong[:60])
    np.savez(tmp_path / "v.npz", X=X[60:], y=y[60:])
    return tmp_path


NOISY_OPTIONS = ["--hidden", 8, "--learning-rate", 3, "--seed", 3, "--device", "cpu"]


def train(folder: Path, *options: object) -> Done:
    return here("train", "d.npz", *NOISY_OPTIONS, *options, cwd=folder)


def parameters(folder: Path, name: str) -> list[bytes]:
    return [array.tobytes() for array in load_model(folder / name).parameters]


STOPPED = ["--early-stopping", "--validation", "v.npz", "--patience", 12, "--iterations", 400]


def test_early_stopping_keeps_the_lowest_and_says_which(folder: Path) -> None:
    done = train(folder, *STOPPED, "--out", "m")
    assert done.code == 0
    found = train(folder, *STOPPED, "--out", "m", "--history", "h", "--json").json
    kept = found["kept_iteration"]
    assert kept == found["lowest_validation_cost_iteration"] < found["iterations"] < 400
    assert found["iterations"] == kept + 13
    assert found["converged"] is True
    assert f"after {kept} iterations; the parameters after {kept} are kept" in done.out
    assert "where the validation cost had stalled" in done.out
    lines = [json.loads(line) for line in (folder / "h").read_text().splitlines()]
    assert lines[kept]["cost"] == pytest.approx(found["cost"], rel=1e-6)
    assert train(folder, "--iterations", kept, "--out", "exact").code == 0
    assert parameters(folder, "m") == parameters(folder, "exact")
    model = load_model(folder / "m")
    assert model.training["cost"] == found["cost"]
    assert model.settings["early_stopping"] is True
    assert found["validation_log_loss"] == pytest.approx(found["lowest_validation_cost"], rel=1e-5)


def test_early_stopping_needs_validation_data(folder: Path) -> None:
    done = train(folder, "--early-stopping")
    assert (done.code, done.out) == (2, "")
    assert "expected --validation FILE or FRACTION with --early-stopping, got none" in done.err


def test_a_lowest_validation_cost_long_ago_is_hinted_at(folder: Path) -> None:
    options = ["--validation", "v.npz", "--iterations", 300]
    assert "--early-stopping keeps those parameters" in train(folder, *options).out
    np.savez(folder / "v.npz", **np.load(folder / "d.npz"))
    assert "--early-stopping" not in train(folder, *options).out


@pytest.mark.parametrize("at", [1, 20, 0])
def test_early_stopping_resumes_to_the_same_bits(folder: Path, at: int) -> None:
    """From before the lowest cost, from where it is known already, and after the end."""
    assert train(folder, *STOPPED, "--out", "whole").code == 0
    best = load_model(folder / "whole").training["kept_iteration"]
    made = best + 13
    stop = {1: best // 2, 20: best + 6, 0: made}[at]
    short = [*STOPPED[:-1], stop, "--checkpoint", "c"]
    assert train(folder, *short, "--out", "m").code == 0
    assert load_checkpoint(folder / "c").state.iteration == stop
    done = train(folder, *STOPPED, "--checkpoint", "c", "--resume", "--out", "m")
    assert done.code == 0, done.err
    assert parameters(folder, "m") == parameters(folder, "whole")
    assert load_model(folder / "m").training == load_model(folder / "whole").training
    other = train(folder, *STOPPED[1:], "--checkpoint", "c", "--resume", "--out", "m")
    assert other.code == 2
    assert "early_stopping is True in the checkpoint and False here" in other.err


@pytest.mark.parametrize("standardize", ["--standardize", "--no-standardize"])
def test_init_continues_from_a_model(folder: Path, standardize: str) -> None:
    float64 = ["--dtype", "float64", standardize]
    assert train(folder, *float64, "--iterations", 30, "--out", "half").code == 0
    assert train(folder, *float64, "--iterations", 60, "--out", "whole").code == 0
    more = ["train", "d.npz", "--learning-rate", 3, *float64, "--iterations", 30, "--init", "half"]
    found = here(*more, "--json", "--out", "more", cwd=folder).json
    assert found["hidden"] == 8
    whole, continued = load_model(folder / "whole"), load_model(folder / "more")
    assert found["first_cost"] == pytest.approx(load_model(folder / "half").training["cost"])
    for a, b in zip(continued.parameters, whole.parameters, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8 if standardize == "--standardize" else 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--hidden", 5], "expected the hidden units of the training, 5, got 8"),
        (["--activation", "relu"], "expected the activation of the training, relu, got tanh"),
    ],
)
def test_init_from_another_network_is_refused(folder: Path, options: Any, said: str) -> None:
    assert train(folder, "--iterations", 2, "--out", "m").code == 0
    done = here("train", "d.npz", "--init", "m", *options, "--out", "other", cwd=folder)
    assert done.code == 2
    assert said in done.err


def test_init_of_other_classes_is_refused(folder: Path) -> None:
    assert train(folder, "--iterations", 2, "--out", "m").code == 0
    data = dict(np.load(folder / "d.npz"))
    np.savez(folder / "d.npz", X=data["X"], y=np.where(data["y"] == "yes", "on", "off"))
    done = train(folder, "--init", "m", "--out", "other")
    assert done.code == 2
    assert "expected the classes of the training, off, on, got no, yes" in done.err


def test_init_may_not_be_overwritten_nor_missing(folder: Path) -> None:
    assert train(folder, "--init", "none").code == 2
    assert train(folder, "--iterations", 2, "--out", "m").code == 0
    done = train(folder, "--init", "m", "--out", "m")
    assert done.code == 2
    assert "files of their own for --init and --out" in done.err


def test_time_limit_ends_a_training_that_can_be_resumed(folder: Path) -> None:
    many = ["--iterations", 10**9, "--checkpoint", "c"]
    found = train(folder, *many, "--max-seconds", 0.2, "--json", "--out", "m").json
    made = found["iterations"]
    assert (found["time_limit_reached"], found["converged"]) == (True, False)
    assert 0 < made < 10**9
    assert found["seconds"] < 5
    assert load_model(folder / "m").training["iterations"] == made
    more = ["--iterations", made + 10, "--out", "m"]
    done = train(folder, *more, "--checkpoint", "c", "--resume")
    assert done.code == 0
    assert train(folder, *more[:2], "--out", "whole").code == 0
    assert parameters(folder, "m") == parameters(folder, "whole")
    assert "the time was up (--max-seconds)" in train(folder, *many[:2], "--max-seconds", 0.1).out


# Runs that diverge, and that end where the cost is not sound

DIVERGING = ["--l2", 150, "--learning-rate", 4.5, "--init-scale", 0.1, "--iterations", 300]


@pytest.mark.parametrize("rate", [4.5, 1000])
def test_early_stopping_of_a_run_that_diverges_keeps_the_best(folder: Path, rate: float) -> None:
    options = [*DIVERGING, "--early-stopping", "--patience", 1000, "--validation", "v.npz"]
    done = train(folder, *options, "--learning-rate", rate, "--json", "--out", "m")
    assert done.code == 3
    found, saved = done.json, load_model(folder / "m").training
    assert (found["diverged"], saved["diverged"]) == (True, True)
    for key in ("cost", "kept_iteration", "iterations"):
        assert found[key] == saved[key], key
    assert f"the best parameters, those after {saved['kept_iteration']} iterations" in done.err


def test_validation_costs_that_are_never_numbers_are_said(folder: Path) -> None:
    data = dict(np.load(folder / "v.npz"))
    np.savez(folder / "v.npz", X=np.sign(data["X"]) * 3.3e38, y=data["y"])
    options = ["--activation", "relu", "--validation", "v.npz", "--early-stopping", "--seed", 0]
    done = train(folder, *options, "--no-standardize", "--learning-rate", 0.1, "--iterations", 20)
    assert done.code == 0, done.err
    assert "the validation cost was never a finite number" in done.err


def rising(**settings: Any) -> tuple[Any, dict[str, Any]]:
    """A descent that does not come back, and its settings."""
    X, y = problem("binary")
    source = RowSource(X, (y == y[0]).reshape(1, -1).astype(np.uint8))
    batch = FullBatch(source, get_backend("cpu"), n1=8, dtype="float64", l2=150.0)
    start = initialise(X.shape[1], 8, 1, random_state=0, init_scale=0.1)
    return batch, {"parameters": start, "learning_rate": 4.5, "iterations": 400} | settings


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("stop", [5, 12, 60])
def test_a_run_resumed_while_it_diverges_keeps_its_last_good(tmp_path: Path, stop: int) -> None:
    batch, settings = rising()
    with pytest.raises(Diverged) as whole:
        descend(batch, **settings)
    good = whole.value.last_good
    assert good.iterations < 5
    with Checkpoint(tmp_path / "c", every=1) as checkpoint, pytest.raises(KeyboardInterrupt):
        descend(batch, **settings, callbacks=[checkpoint, Interrupt(stop)])
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint, pytest.raises(Diverged) as then:
        descend(batch, **settings, callbacks=[checkpoint])
    assert str(then.value) == str(whole.value)
    assert then.value.last_good.costs.tolist() == good.costs.tolist()
    np.testing.assert_array_equal(then.value.last_good.parameters.W1, good.parameters.W1)


def test_a_time_limit_at_a_cost_that_is_not_sound_can_be_resumed(tmp_path: Path) -> None:
    batch, settings = rising()

    def stop(state: DescentState) -> None:
        if state.iteration == 12:
            raise StopDescent(converged=False)

    with Checkpoint(tmp_path / "c") as checkpoint:
        run = descend(batch, **settings, callbacks=[checkpoint, stop])
    assert (run.iterations, run.converged) == (12, False)
    assert load_checkpoint(tmp_path / "c").state.iteration < 5


def test_a_time_limit_does_not_undo_that_the_cost_has_stalled(tmp_path: Path) -> None:
    X, y = problem("binary")
    source = RowSource(X, (y == y[0]).reshape(1, -1).astype(np.uint8))
    batch = FullBatch(source, get_backend("cpu"), n1=4, dtype="float64")
    start = initialise(X.shape[1], 4, 1, random_state=0)
    settings: dict[str, Any] = {"learning_rate": 0.5, "iterations": 5000, "tol": 2e-2}
    whole = descend(batch, start, **settings)

    def late(state: DescentState) -> None:
        if state.iteration == whole.iterations:
            raise StopDescent(converged=False)

    with Checkpoint(tmp_path / "c") as checkpoint:
        run = descend(batch, start, **settings, callbacks=[checkpoint, late])
    assert (run.iterations, run.converged) == (whole.iterations, True)
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        again = descend(batch, start, **settings, callbacks=[checkpoint])
    assert again.costs.tolist() == whole.costs.tolist()


def test_two_early_stoppings_with_a_checkpoint_are_refused(tmp_path: Path) -> None:
    X, y = problem("binary")
    with (
        Checkpoint(tmp_path / "c") as checkpoint,
        pytest.raises(DataError, match="expected one EarlyStopping in a run with a checkpoint"),
    ):
        classifier(early_stopping=True).fit(
            X, y, checkpoint=checkpoint, callbacks=[EarlyStopping()]
        )


# The classifier


class Interrupt:
    """A callback that is Ctrl-C."""

    def __init__(self, iteration: int) -> None:
        self._iteration = iteration

    def __call__(self, state: DescentState) -> None:
        if state.iteration == self._iteration:
            raise KeyboardInterrupt


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
    """A callback of scikit-learn: what it is told, and an accuracy after every iteration."""

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
