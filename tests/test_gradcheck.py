"""Central differences agree with the six equations, and the check notices when they do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdnet.activations import ACTIVATIONS, OUTPUTS, Activation
from gdnet.backends import Backend
from gdnet.errors import DataError
from gdnet.gradcheck import check_gradients
from gdnet.objective.reference import block_gradient
from gdnet.parameters import Parameters, initialise


def problem(n2: int, output: str) -> tuple[Any, Any, Any, Any]:
    random = np.random.RandomState(11)
    m = 12
    X = random.randn(3, m)
    Y = np.eye(n2)[:, np.arange(m) % n2] if output == "softmax" else (random.rand(n2, m) > 0.5)
    if output == "identity":
        Y = random.randn(n2, m)
    start = initialise(3, 5, n2, random_state=random)
    start = Parameters(*(p + 0.1 * random.randn(*p.shape) for p in start))
    return start, X, Y.astype(float), random.rand(1, m) + 0.1


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("n2", "output"),
    [(1, "sigmoid"), (3, "sigmoid"), (3, "softmax"), (1, "identity"), (3, "identity")],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_six_equations_agree_with_central_differences(
    backend: Backend, activation: str, n2: int, output: str, weighted: bool
) -> None:
    start, X, Y, w = problem(n2, output)
    check = check_gradients(
        start, X, Y, activation=activation, output=output, weights=w if weighted else None
    )
    assert check.passed, str(check)
    # The check computes with NumPy; on every backend the equations give what was checked.
    gradients, _ = block_gradient(
        Parameters(*map(backend.asarray, start)), backend.asarray(X), backend.asarray(Y),
        ACTIVATIONS[activation], OUTPUTS[output], float(w.sum()) if weighted else 12.0,
        backend.xp, backend.asarray(w) if weighted else None,
    )  # fmt: skip
    for got, want in zip(gradients, check.analytic, strict=True):
        np.testing.assert_allclose(backend.to_numpy(got), want, rtol=1e-12, atol=1e-15)


def test_report_shows_both_values_side_by_side() -> None:
    start, X, Y, _ = problem(1, "sigmoid")
    check = check_gradients(start, X, Y)
    report = str(check)
    for name, analytic in zip(("dW1", "db1", "dW2", "db2"), check.analytic, strict=True):
        line = next(line for line in report.splitlines() if line.startswith(name))
        assert any(f"{value:.6g}"[:6] in line for value in analytic.ravel()), line
    assert report.splitlines()[-1].startswith("passed: largest relative error")


def test_a_wrong_derivative_is_found_and_named() -> None:
    start, X, Y, _ = problem(1, "sigmoid")
    wrong = Activation("wrong", lambda Z, xp: xp.tanh(Z), lambda A, xp: 1 - A)
    check = check_gradients(start, X, Y, activation=wrong)
    assert not check.passed
    errors = check.relative_errors
    assert errors["dW1"] > 1e-3
    assert errors["db1"] > 1e-3
    assert errors["dW2"] < 1e-6
    assert errors["db2"] < 1e-6
    lines = str(check).splitlines()
    assert "too large" in lines[1]
    assert "too large" not in lines[3]
    assert lines[-1].startswith("FAILED")


def test_own_right_pair_passes_and_inputs_are_left_alone() -> None:
    start, X, Y, _ = problem(3, "sigmoid")
    before = [p.copy() for p in start]
    own = Activation("cube", lambda Z, xp: Z**3, lambda Z, xp: 3 * Z**2, slope_needs_Z1=True)
    assert check_gradients(start, X, Y, activation=own).passed
    for a, b in zip(start, before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_shapes_that_do_not_fit_are_refused() -> None:
    start, X, Y, _ = problem(1, "sigmoid")
    with pytest.raises(DataError, match=r"W1: expected shape \(5, 2\), got \(5, 3\)"):
        check_gradients(start, X[:2], Y)
    with pytest.raises(DataError, match="one column for each of the 12 examples"):
        check_gradients(start, X, Y[:, :5])
