"""The ten equations against the lecture's published numbers, scalar loops and exact arithmetic."""

from __future__ import annotations

import functools
import math
from decimal import Decimal, getcontext
from typing import Any

import numpy as np
import pytest

from gdnet.activations import ACTIVATIONS, OUTPUTS, get_activation
from gdnet.backends import Backend
from gdnet.equations import Forward, backward, cost, forward, update
from gdnet.objective.reference import block_gradient
from gdnet.parameters import Gradients, Parameters, initialise
from tests.support.scalar_lecture import scalar_gradients

TANH, SIGMOID, SOFTMAX = ACTIVATIONS["tanh"], OUTPUTS["sigmoid"], OUTPUTS["softmax"]


def on(backend: Backend, *arrays: Any) -> list[Any]:
    return [None if a is None else backend.asarray(a) for a in arrays]


def small_problem(n2: int = 1, m: int = 7, dtype: str = "float64") -> tuple[Any, Any, Any, Any]:
    random = np.random.RandomState(3)
    parameters = initialise(2, 3, n2, random_state=random, dtype=dtype)
    parameters = Parameters(*(p + random.randn(*p.shape).astype(dtype) / 3 for p in parameters))
    X = random.randn(2, m).astype(dtype)
    Y = (random.rand(n2, m) > 0.5).astype(dtype)
    w = (random.rand(1, m) * 2).astype(dtype)
    return parameters, X, Y, w


# --- the lecture's lab ------------------------------------------------------------------------


def test_forward_gives_the_labs_means(backend: Backend, lab: Any) -> None:
    case = lab["forward_propagation"]["v2"]
    random = np.random.RandomState(1)
    X, b1 = random.randn(2, 3), random.randn(4, 1)
    parameters = Parameters(*on(backend, case["W1"], b1, case["W2"], [[-1.3]]))
    result = forward(parameters, backend.asarray(X), TANH, SIGMOID, backend.xp)
    for name, mean in case["expected_means"].items():
        assert backend.to_numpy(getattr(result, name)).mean() == pytest.approx(mean, rel=1e-14)


def test_cost_gives_the_labs_number(backend: Backend, lab: Any) -> None:
    case = lab["compute_cost"]["v2"]
    A2 = np.array(case["A2"])
    Z2, Y = on(backend, np.log(A2 / (1 - A2)), np.array(case["Y"], float))
    _, parts = SIGMOID.value(Z2, backend.xp)
    unused: Any = None
    J = cost(Forward(unused, unused, Z2, unused, parts), Y, SIGMOID, 3, backend.xp)
    assert float(J) == pytest.approx(case["expected"], rel=1e-12)


def test_backward_gives_the_labs_gradients(backend: Backend, lab: Any) -> None:
    cache = lab["backward_propagation"]["cache_v1_v2"]
    random = np.random.RandomState(1)
    X, Y = random.randn(2, 3), (random.randn(1, 3) > 0).astype(float)
    start = lab["forward_propagation"]["v2"]
    parameters = Parameters(*on(backend, start["W1"], np.zeros((4, 1)), start["W2"], [[0.0]]))
    X_, Y_, A1, A2 = on(backend, X, Y, cache["A1"], cache["A2"])
    unused: Any = None
    activations = Forward(unused, A1, unused, A2, unused)
    gradients = backward(parameters, X_, Y_, activations, TANH, 3, backend.xp)
    for name, expected in lab["backward_propagation"]["v2"]["expected"].items():
        got = backend.to_numpy(getattr(gradients, name))
        np.testing.assert_allclose(got, expected, rtol=0, atol=0.51e-8)


def test_update_gives_the_labs_parameters(backend: Backend, lab: Any) -> None:
    case = lab["update_parameters"]
    parameters = Parameters(*on(backend, *(case["parameters"][n] for n in Parameters._fields)))
    gradients = Gradients(*on(backend, *(case["grads"][n] for n in Gradients._fields)))
    updated = update(parameters, gradients, case["learning_rate"])
    for name, expected in case["expected"].items():
        got = backend.to_numpy(getattr(updated, name))
        np.testing.assert_allclose(got, expected, rtol=0, atol=0.51e-8)


def test_prediction_gives_the_labs_labels(backend: Backend, lab: Any) -> None:
    parameters = lab["update_parameters"]["parameters"]
    placed = Parameters(*on(backend, *(parameters[n] for n in Parameters._fields)))
    X = backend.asarray(np.random.RandomState(1).randn(2, 3))
    A2 = backend.to_numpy(forward(placed, X, TANH, SIGMOID, backend.xp).A2)
    assert (A2 > 0.5).astype(int).tolist() == lab["predict"]["expected"]


# --- against other formulations ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("n2", "output"),
    [(1, "sigmoid"), (3, "sigmoid"), (3, "softmax"), (1, "identity"), (3, "identity")],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_equations_equal_scalar_loops(
    backend: Backend, n2: int, weighted: bool, output: str
) -> None:
    parameters, X, Y, w = small_problem(n2)
    if output == "softmax":
        Y = np.eye(n2)[:, np.arange(X.shape[1]) % n2]
    w = w if weighted else None
    m = X.shape[1] if w is None else w.sum()
    placed = Parameters(*on(backend, *parameters))
    X_, Y_, w_ = on(backend, X, Y, w)
    gradients, J = block_gradient(placed, X_, Y_, TANH, OUTPUTS[output], float(m), backend.xp, w_)
    expected, expected_J = scalar_gradients(parameters, X, Y, output, w)
    assert float(J) == pytest.approx(expected_J, rel=1e-12)
    for got, want in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(backend.to_numpy(got), want, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("n2", [1, 3])
@pytest.mark.parametrize("m", [1, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_rank_1_array_and_one_dtype(backend: Backend, n2: int, m: int, dtype: str) -> None:
    parameters, X, Y, w = small_problem(n2, m, dtype)
    placed = Parameters(*on(backend, *parameters))
    X_, Y_, w_ = on(backend, X, Y, w)
    activations = forward(placed, X_, TANH, SIGMOID, backend.xp)
    gradients = backward(placed, X_, Y_, activations, TANH, m, backend.xp, w_)
    shapes = {"Z1": (3, m), "A1": (3, m), "Z2": (n2, m), "A2": (n2, m)}
    for name, shape in shapes.items():
        assert getattr(activations, name).shape == shape
    for gradient, parameter in zip(gradients, parameters, strict=True):
        assert gradient.shape == parameter.shape
        assert backend.to_numpy(gradient).dtype == dtype
    J = cost(activations, Y_, SIGMOID, m, backend.xp, w_)
    assert J.shape == ()
    assert backend.to_numpy(J).dtype == dtype
    for new, old in zip(update(placed, gradients, 0.1), placed, strict=True):
        assert new.shape == old.shape
        assert backend.to_numpy(new).dtype == dtype


def test_inputs_are_never_written() -> None:
    parameters, X, Y, w = small_problem(3)
    for array in (*parameters, X, Y, w):
        array.flags.writeable = False
    for g1 in ACTIVATIONS.values():
        for g2 in OUTPUTS.values():
            gradients, _ = block_gradient(parameters, X, Y, g1, g2, 7, np, w)
            for gradient in map(np.asarray, gradients):
                gradient.flags.writeable = False
            update(parameters, gradients, 0.1)


def test_shares_of_blocks_add_up_to_the_full_batch(backend: Backend) -> None:
    parameters, X, Y, w = small_problem(3, m=50)
    placed = Parameters(*on(backend, *parameters))
    m = float(w.sum())

    def share(lo: int, hi: int) -> list[Any]:
        X_, Y_, w_ = on(backend, X[:, lo:hi], Y[:, lo:hi], w[:, lo:hi])
        gradients, J = block_gradient(placed, X_, Y_, TANH, SIGMOID, m, backend.xp, w_)
        return [backend.to_numpy(a) for a in (*gradients, J)]

    whole, left, right = share(0, 50), share(0, 13), share(13, 50)
    for a, b, c in zip(whole, left, right, strict=True):
        np.testing.assert_allclose(b + c, a, rtol=1e-13, atol=1e-16)


def test_whole_weights_are_repetitions(backend: Backend) -> None:
    parameters, X, Y, _ = small_problem(1, m=5)
    placed = Parameters(*on(backend, *parameters))
    times = np.array([[1, 0, 2, 3, 1]])
    X_, Y_, w_ = on(backend, X, Y, times.astype(float))
    weighted = block_gradient(placed, X_, Y_, TANH, SIGMOID, 7.0, backend.xp, w_)
    X_, Y_ = on(backend, np.repeat(X, times[0], axis=1), np.repeat(Y, times[0], axis=1))
    repeated = block_gradient(placed, X_, Y_, TANH, SIGMOID, 7.0, backend.xp)
    for a, b in zip((*weighted[0], weighted[1]), (*repeated[0], repeated[1]), strict=True):
        np.testing.assert_allclose(backend.to_numpy(a), backend.to_numpy(b), rtol=1e-13, atol=1e-16)


# --- accuracy at any Z2 -----------------------------------------------------------------------

getcontext().prec = 400  # log(1 + 1e-324) needs them


@functools.cache
def exact_sigmoid(z: float) -> Decimal:
    return 1 / (1 + (-Decimal(z)).exp())


@functools.cache
def exact_exp(z: Decimal) -> Decimal:
    return z.exp()


@functools.cache
def exact_ln(z: Decimal) -> Decimal:
    return z.ln()


@functools.cache
def exact_loss(z: float, y: int) -> Decimal:
    return (1 + (Decimal(z) if y == 0 else -Decimal(z)).exp()).ln()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_and_loss_are_accurate_for_any_Z2(backend: Backend, dtype: str) -> None:
    info = np.finfo(dtype)
    values = np.concatenate(
        [
            [0.0, 1e-30, 1e4, 17.0, 37.5, 88.0, 104.0, 710.0, 745.0],
            np.logspace(-8, 4, 80),
        ]
    )
    Z = np.concatenate([values, -values]).astype(dtype)[None, :]
    Z_ = backend.asarray(Z)
    A2, parts = SIGMOID.value(Z_, backend.xp)
    for i, got in enumerate(backend.to_numpy(A2)[0]):
        assert_close(float(got), exact_sigmoid(float(Z[0, i])), 4, info)
    for y in (0, 1):
        Y = backend.asarray(np.full_like(Z, y))
        L = backend.to_numpy(SIGMOID.loss(Z_, parts, Y, backend.xp))
        for i, got in enumerate(L[0]):
            assert_close(float(got), exact_loss(float(Z[0, i]), y), 4, info)


def assert_close(got: float, want: Decimal, ulps: int, info: Any) -> None:
    # A GPU flushes numbers below `tiny` to zero, and exp of NumPy may; that much is allowed.
    allowed = ulps * float(info.eps) * abs(float(want)) + float(info.tiny)
    assert abs(float(Decimal(got) - want)) <= allowed, (got, want)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_and_loss_are_accurate_for_any_Z2(backend: Backend, dtype: str) -> None:
    info = np.finfo(dtype)
    random = np.random.RandomState(0)
    spread = np.array([1e-6, 1, 10, 30, 1e3, 1e4])
    Z = (random.uniform(-1, 1, (3, 60)) * np.repeat(spread, 10)).astype(dtype)
    Z[:, 0] = 5.0  # three equal
    Z[:, 1] = [7.0, 7.0, -40.0]  # two equal
    labels = np.arange(60) % 3
    Y = np.eye(3)[:, labels].astype(dtype)
    Z_, Y_ = on(backend, Z, Y)
    A2_, parts = SOFTMAX.value(Z_, backend.xp)
    A2 = backend.to_numpy(A2_)
    L = backend.to_numpy(SOFTMAX.loss(Z_, parts, Y_, backend.xp))
    assert L.shape == (1, 60)
    for i in range(60):
        exact = [Decimal(float(z)) for z in Z[:, i]]
        total = sum((exact_exp(z - max(exact)) for z in exact), Decimal(0))
        # exp(d) of a rounded difference d is off by |d| eps: relative to the exponent.
        ulps = 8 + int(max(abs(z - max(exact)) for z in exact if max(exact) - z < 800))
        for k in range(3):
            assert_close(float(A2[k, i]), exact_exp(exact[k] - max(exact)) / total, ulps, info)
        loss = exact_ln(total) - (exact[labels[i]] - max(exact))
        assert_close(float(L[0, i]), loss, ulps, info)


def test_loss_of_a_sure_and_right_prediction_is_tiny_not_zero(backend: Backend) -> None:
    Z2, Y = on(backend, np.array([[30.0]], "f4"), np.array([[1.0]], "f4"))
    _, parts = SIGMOID.value(Z2, backend.xp)
    assert float(SIGMOID.loss(Z2, parts, Y, backend.xp)[0, 0]) == pytest.approx(
        math.exp(-30), rel=1e-6
    )
    Z2, Y = on(backend, np.array([[30.0], [0.0]], "f4"), np.array([[1.0], [0.0]], "f4"))
    _, parts = SOFTMAX.value(Z2, backend.xp)
    assert float(SOFTMAX.loss(Z2, parts, Y, backend.xp)[0, 0]) == pytest.approx(
        math.exp(-30), rel=1e-6
    )


def test_g1_with_slope_of_Z1_gets_Z1(backend: Backend) -> None:
    parameters, X, Y, _ = small_problem(1)
    placed = Parameters(*on(backend, *parameters))
    X_, Y_ = on(backend, X, Y)
    by_A = block_gradient(placed, X_, Y_, TANH, SIGMOID, 7.0, backend.xp)[0]
    from_Z = type(TANH)(
        "tanh of Z", TANH.value, lambda Z, xp: 1 - xp.tanh(Z) ** 2, slope_needs_Z1=True
    )
    by_Z = block_gradient(placed, X_, Y_, get_activation(from_Z), SIGMOID, 7.0, backend.xp)[0]
    for a, b in zip(by_A, by_Z, strict=True):
        np.testing.assert_allclose(backend.to_numpy(a), backend.to_numpy(b), rtol=1e-13)
