"""Solvers as users choose them: --solver, --momentum, and the parameters of GDClassifier."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

import gdnet
from gdnet.checkpoint import Checkpoint
from gdnet.model.file import load_model
from gdnet.training.options import Settings
from tests.support.command import Done, here
from tests.support.labelled_problems import problem
from tests.support.noisy_fits import noise

QUICK: dict[str, Any] = {"n_hidden": 4, "random_state": 0, "device": "cpu", "tol": 0}
SOLVERS = [["--solver", "lbfgs"], ["--momentum", 0.9], ["--momentum", 0.9, "--nesterov"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    X, y = problem("binary")
    np.savez(tmp_path / "d.npz", X=X, y=np.where(np.arange(len(y)) % 9, y, noise(y)))
    return tmp_path


def train(folder: Path, *options: object) -> Done:
    return here("train", "d.npz", "--hidden", 4, "--device", "cpu", *options, cwd=folder)


def parameters(path: Path) -> list[bytes]:
    return [array.tobytes() for array in load_model(path).parameters]


def test_lbfgs_ends_by_itself_and_says_why(folder: Path) -> None:
    done = train(folder, "--solver", "lbfgs", "--l2", 1, "--out", "m")
    assert done.code == 0
    assert "computed    L-BFGS" in done.out
    assert " passes over the examples) in " in done.out
    assert "s, where there was no " in done.out
    found = train(folder, "--solver", "lbfgs", "--l2", 1, "--history", "h", "--json").json
    assert found["solver"] == "lbfgs"
    assert found["converged"] is True
    assert found["converged_why"].startswith("there was no ")
    assert found["iterations"] < found["passes"] < 1.5 * found["iterations"] < 1500
    lines = [json.loads(line) for line in (folder / "h").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == list(range(found["iterations"]))
    assert lines[-1]["passes"] == found["passes"]
    assert lines[0]["passes"] == 2
    model = load_model(folder / "m")
    assert model.settings["solver"] == "lbfgs"
    assert model.training["passes"] == found["passes"]
    # Lower than gradient descent after the same number of passes.
    plain = train(folder, "--l2", 1, "--iterations", found["passes"], "--json").json
    assert plain["passes"] == plain["iterations"] == found["passes"]
    assert found["cost"] < plain["cost"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--solver", "lbfgs", "--learning-rate", 0.5], "--learning-rate with --solver gd"),
        (["--solver", "lbfgs", "--momentum", 0], "--momentum with --solver gd"),
        (["--solver", "lbfgs", "--nesterov"], "--nesterov with --solver gd"),
        (["--nesterov"], "--momentum above 0, such as 0.9, with --nesterov"),
        (["--nesterov", "--momentum", 0], "--momentum above 0, such as 0.9, with --nesterov"),
        (["--momentum", 1], "a number below 1, got '1'"),
        (["--momentum", -0.1], "a finite number of at least 0, got '-0.1'"),
        (["--solver", "adam"], "invalid choice: 'adam'"),
        (["--patience", 0], "a whole number of at least 1, got '0'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    folder: Path, options: list[object], said: str
) -> None:
    before = sorted(folder.iterdir())
    done = train(folder, *options)
    assert done.code == 2
    assert said in done.err.splitlines()[-1]
    assert sorted(folder.iterdir()) == before


def test_momentum_is_named(folder: Path) -> None:
    done = train(
        folder, "--momentum", 0.9, "--nesterov", "--iterations", 3, "--engine", "reference"
    )
    assert "computed    Nesterov momentum 0.9\n" in done.out
    found = train(folder, "--momentum", 0.9, "--iterations", 3, "--json").json
    assert (found["solver"], found["momentum"], found["nesterov"]) == ("gd", 0.9, False)


@pytest.mark.parametrize("options", SOLVERS)
def test_a_training_is_resumed_to_the_same_bits(folder: Path, options: list[object]) -> None:
    some = ["--checkpoint", "c", "--resume", "--iterations"]
    assert train(folder, *options, *some, 7, "--out", "m").code == 0
    resumed = train(folder, *options, *some, 20, "--out", "m", "--threads", 1)
    assert "resuming after 7 iterations" in resumed.err
    train(folder, *options, "--iterations", 20, "--out", "whole")
    assert parameters(folder / "m") == parameters(folder / "whole")
    refused = train(folder, *some, 30)
    assert refused.code == 2
    assert "in the checkpoint and " in refused.err


@pytest.mark.parametrize(("rate", "iterations"), [(500, 50), (0.5, 4000)])
def test_a_descent_that_fails_names_lbfgs(folder: Path, rate: float, iterations: int) -> None:
    how = ["--learning-rate", rate, "--iterations", iterations, "--activation", "relu"]
    done = train(folder, *how, "--tol", 1e-2 if rate < 1 else 0)
    assert done.code == (0 if rate < 1 else 3)
    assert "--solver lbfgs" in (done.out if rate < 1 else done.err)


def test_patience_of_early_stopping_is_longer_for_lbfgs(folder: Path) -> None:
    how = ["--validation", 0.3, "--early-stopping", "--iterations", 3000, "--json"]
    for options, patience in (([], 10), (["--solver", "lbfgs"], 50)):
        for given in ([], ["--patience", "auto"], ["--patience", 7]):
            found = train(folder, *how, *options, *given).json
            if not found["converged_why"]:
                expected = 7 if given == ["--patience", 7] else patience
                assert found["iterations"] == found["kept_iteration"] + expected + 1
    assert Settings(solver="lbfgs").patience_in_iterations == 10
    assert Settings(solver="lbfgs", early_stopping=True).patience_in_iterations == 50


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (["--solver", "lbfgs"], {"solver": "lbfgs", "learning_rate": 7.0}),
        (["--momentum", 0.9], {"momentum": 0.9}),
        (["--momentum", 0.9, "--nesterov"], {"momentum": 0.9, "nesterov": True}),
    ],
)
def test_gdclassifier_gives_the_bits_of_the_command_line(
    folder: Path, options: list[object], settings: dict[str, Any]
) -> None:
    with np.load(folder / "d.npz") as data:
        X, y = data["X"], data["y"]
    how = ["--no-standardize", "--dtype", "float64", "--iterations", 25, "--seed", 0]
    assert train(folder, *how, *options, "--out", "m").code == 0
    clf = gdnet.GDClassifier(**QUICK, max_iter=25, **settings).fit(X, y)
    assert parameters(folder / "m") == [p.tobytes() for p in clf.parameters_]
    assert clf.n_passes_ == load_model(folder / "m").training["passes"]
    clf.save(folder / "saved")
    again = gdnet.load(folder / "saved")
    assert again.n_passes_ == clf.n_passes_
    for name in ("solver", "momentum", "nesterov", "n_iter_no_change"):
        assert getattr(again, name) == getattr(clf, name)


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
def test_classes_without_a_mistake_are_learnt_to_the_end(dtype: str) -> None:
    from sklearn.datasets import load_digits

    X, y = load_digits(n_class=2, return_X_y=True)
    X = ((X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)).astype(dtype)
    apart = np.repeat([[-1.0], [1.0]], 10, axis=0).astype(dtype)
    for seed in range(5):
        settings = QUICK | {"random_state": seed, "dtype": dtype, "max_iter": 2000}
        for rows, labels in (
            (X, y),
            (apart, np.repeat(["a", "b"], 10)),
            (np.array([[0.0], [1.0]]), [0, 1]),
            (np.array([[0.0], [1.0], [3.0]]), [0, 1, 2]),
        ):
            clf = gdnet.GDClassifier(solver="lbfgs", **settings).fit(rows, labels)
            assert clf.score(rows, labels) == 1
            assert 0 <= clf.loss_ < 1e-6


def test_a_patience_that_nothing_reads_is_said(folder: Path) -> None:
    said = "--patience has no use without --tol above 0 or --early-stopping"
    few = ["--iterations", 3, "--patience", 5]
    done = train(folder, *few)
    assert (done.code, said in done.err) == (0, True)
    for options in (["--quiet"], ["--tol", 1e-9]):
        assert said not in train(folder, *few, *options).err


def test_the_solver_is_kept_in_conversion() -> None:
    X, y = problem("binary")
    clf = gdnet.GDClassifier(**QUICK, solver="lbfgs", max_iter=10).fit(X, y)
    mlp = clf.to_sklearn()
    assert mlp.solver == "lbfgs"
    assert gdnet.GDClassifier.from_sklearn(mlp).solver == "lbfgs"
    plain = gdnet.GDClassifier(**QUICK, max_iter=10).fit(X, y).to_sklearn()
    assert gdnet.GDClassifier.from_sklearn(plain).solver == "gd"


def test_an_end_far_above_guessing_is_said(tmp_path: Path) -> None:
    X, y = problem("binary")
    np.savez(tmp_path / "d.npz", X=1e4 * X, y=y)
    how = ["--no-standardize", "--activation", "identity", "--iterations", 2, "--seed", 1]
    done = train(tmp_path, *how, "--learning-rate", 1e-12)
    assert done.code == 0
    assert "; guessing gives 0.693: look at the scale of the features" in done.out
    assert "guessing" not in train(tmp_path, "--iterations", 2).out


def test_a_search_over_solvers_and_learning_rates() -> None:
    X, y = problem("multiclass")
    grid = {"solver": ["gd", "lbfgs"], "learning_rate": [0.1, 1.0], "momentum": [0.0, 0.9]}
    search = GridSearchCV(gdnet.GDClassifier(**QUICK, max_iter=20), grid, cv=2, error_score="raise")
    search.fit(X, y)
    scores = search.cv_results_
    by_lbfgs = scores["mean_test_score"][scores["param_solver"] == "lbfgs"]
    assert len(set(by_lbfgs.tolist())) == 1


def test_lbfgs_converges_without_a_warning_and_gd_names_it() -> None:
    X, y = problem("binary")
    settings = QUICK | {"tol": 1e-6, "l2": 1.0, "max_iter": 300}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf = gdnet.GDClassifier(solver="lbfgs", **settings).fit(X, y)
    assert clf.converged_
    with pytest.warns(ConvergenceWarning, match="solver='lbfgs'"):
        plain = gdnet.GDClassifier(**settings | {"max_iter": 30}).fit(X, y)
    assert clf.loss_ < plain.loss_
    with pytest.warns(ConvergenceWarning, match="raise max_iter, standardise"):
        gdnet.GDClassifier(solver="lbfgs", **settings | {"max_iter": 3}).fit(X, y)


def test_a_warm_start_of_lbfgs_begins_with_no_pairs() -> None:
    X, y = problem("binary")
    clf = gdnet.GDClassifier(**QUICK, solver="lbfgs", warm_start=True, max_iter=5, l2=1.0)
    first_loss = clf.fit(X, y).loss_
    second = clf.fit(X, y)
    assert second.loss_ < first_loss
    assert len(second.loss_curve_) == 10
    assert second.loss_curve_[5] == pytest.approx(first_loss, rel=1e-12)
    # As a fit from these parameters, and not as one of ten iterations.
    assert (
        second.loss_
        != gdnet.GDClassifier(**QUICK, solver="lbfgs", max_iter=10, l2=1.0).fit(X, y).loss_
    )


def test_a_fit_of_lbfgs_is_resumed(tmp_path: Path) -> None:
    X, y = problem("multilabel")
    weights = np.linspace(0.5, 2, len(X))
    clf = gdnet.GDClassifier(**QUICK, solver="lbfgs", max_iter=15, l2=0.1)
    whole = clf.fit(X, y, weights).parameters_
    for iterations in (6, 15):
        clf.set_params(max_iter=iterations, n_jobs=iterations % 2 + 1)
        with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
            clf.fit(X, y, weights, checkpoint=checkpoint)
    for one, other in zip(clf.parameters_, whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_early_stopping_keeps_the_best_of_lbfgs() -> None:
    X, y = problem("binary")
    wrong = np.where(np.arange(len(y)) % 4, y, noise(y))
    clf = gdnet.GDClassifier(
        **QUICK | {"n_hidden": 16}, solver="lbfgs", early_stopping=True, max_iter=500
    ).fit(X, wrong)
    curve = np.array(clf.validation_loss_curve_)
    assert clf.converged_
    assert len(curve) == curve.argmin() + 51
    assert clf.loss_ == pytest.approx(clf.loss_curve_[curve.argmin()])


@pytest.mark.parametrize(
    "wrong",
    [
        {"solver": "adam"},
        {"momentum": 1.0},
        {"momentum": -0.5},
        {"nesterov": 2},
        {"n_iter_no_change": 0},
        {"n_iter_no_change": "never"},
    ],
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    X, y = problem("binary")
    with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter of GDClassifier"):
        gdnet.GDClassifier(**wrong).fit(X, y)
