"""Every g1 against its definition, its derivative, and in which other forms there is one."""

from __future__ import annotations

import math
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any, NamedTuple

import numpy as np
import pytest

from gdnet.activations import ACTIVATIONS, Activation, get_activation, get_output
from gdnet.backends import Backend
from gdnet.errors import DataError

# Where gdnet has more of an activation than its formula in arrays, which every engine "reference",
# both estimators, model files and JSON do with: a kernel, or what an export writes.
FORMS = {
    "cpu": "gdnet.backends.cpu_compiled:ACTIVATIONS",
    "cuda": "gdnet.backends.cuda.sources:G1",
    "onnx": "gdnet.export.onnx.operators:ACTIVATIONS",
    "c": "gdnet.export.c_header:ACTIVATIONS",
    "sklearn": "gdnet.estimator.sklearn_networks:SKLEARN_NAMES",
}


class Row(NamedTuple):
    value: Callable[[float], float]
    derivative: Callable[[float], float]
    forms: str = ""


def logistic(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def gate(z: float) -> tuple[float, float]:
    """The gate of gelu, 1 + tanh(u) halved, and its derivative."""
    c = math.sqrt(2 / math.pi)
    t = math.tanh(c * (z + 0.044715 * z**3))
    return 0.5 * (1 + t), 0.5 * (1 - t * t) * c * (1 + 3 * 0.044715 * z * z)


ONE: Any = lambda A, xp: 1  # noqa: E731 - a number, which is made an array of
TABLE = {
    "tanh": Row(math.tanh, lambda z: 1 - math.tanh(z) ** 2, "cpu cuda onnx c sklearn"),
    "sigmoid": Row(logistic, lambda z: logistic(z) * logistic(-z), "cpu cuda onnx c sklearn"),
    "relu": Row(lambda z: max(z, 0), lambda z: float(z > 0), "cpu cuda onnx c sklearn"),
    "leaky_relu": Row(
        lambda z: z if z > 0 else 0.01 * z, lambda z: 1 if z > 0 else 0.01, "cpu cuda onnx c"
    ),
    "identity": Row(lambda z: z, lambda z: 1, "cpu cuda onnx c sklearn"),
    "softplus": Row(lambda z: math.log(1 + math.exp(z)), logistic, "cpu cuda onnx c"),
    "gelu": Row(lambda z: z * gate(z)[0], lambda z: gate(z)[0] + z * gate(z)[1], "onnx c"),
    "silu": Row(
        lambda z: z * logistic(z), lambda z: logistic(z) * (1 + z * logistic(-z)), "onnx c"
    ),
}


def test_every_activation_is_in_the_table() -> None:
    assert set(TABLE) == set(ACTIVATIONS)


@pytest.mark.parametrize("form", FORMS)
def test_forms_are_those_of_the_table(form: str) -> None:
    if form == "sklearn":
        pytest.importorskip("sklearn")
    assert {name for name, row in TABLE.items() if form in row.forms.split()} == set(
        resolve_name(FORMS[form])
    )


def test_no_row_has_a_form_that_is_not_known() -> None:
    assert {form for row in TABLE.values() for form in row.forms.split()} == set(FORMS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_and_derivative_are_those_of_the_table(backend: Backend, name: str) -> None:
    g1, xp, row = ACTIVATIONS[name], backend.xp, TABLE[name]
    z = np.linspace(-6, 6, 120)  # an even number: not at the kink of relu
    Z = backend.asarray(z[None, :])
    A = g1.value(Z, xp)
    for got, of in ((A, row.value), (g1.derivative(Z, A, xp), row.derivative)):
        np.testing.assert_allclose(
            backend.to_numpy(got), [[of(each) for each in z]], rtol=1e-12, atol=1e-14
        )


@pytest.mark.parametrize("name", TABLE)
def test_derivative_of_the_table_is_the_slope_of_its_value(name: str) -> None:
    value, derivative, _ = TABLE[name]
    h = 1e-6
    for z in np.linspace(-6, 6, 120):
        numeric = (value(z + h) - value(z - h)) / (2 * h)
        assert derivative(z) == pytest.approx(numeric, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept_and_extremes_are_finite(backend: Backend, name: str, dtype: str) -> None:
    g1, xp = ACTIVATIONS[name], backend.xp
    Z = backend.asarray(np.array([[-1e4, -100, -1, 0, 1, 100, 1e4]], dtype))
    A = g1.value(Z, xp)
    for array in (A, g1.derivative(Z, A, xp)):
        on_host = backend.to_numpy(array)
        assert on_host.dtype == dtype
        assert np.isfinite(on_host).all()


def test_derivatives_far_from_zero_keep_their_relative_accuracy(backend: Backend) -> None:
    Z = backend.asarray(np.array([[-50.0]]))
    for name in ("sigmoid", "softplus"):
        g1 = ACTIVATIONS[name]
        slope = g1.derivative(Z, g1.value(Z, backend.xp), backend.xp)
        assert float(slope[0, 0]) == pytest.approx(math.exp(-50), rel=1e-12)


def test_gelu_keeps_its_digits_in_float32(backend: Backend) -> None:
    g1 = ACTIVATIONS["gelu"]
    z = np.array([-1.0, -3.0, -5.0, -6.0, -8.0, 4.0])
    twice_u = 2 * math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)
    Z = backend.asarray(z[None, :].astype(np.float32))
    got = backend.to_numpy(g1.value(Z, backend.xp))[0]
    np.testing.assert_allclose(got, z / (1 + np.exp(-twice_u)), rtol=2e-5)
    far = backend.asarray(np.array([[-1e20, 1e20]], np.float32))
    slope = backend.to_numpy(g1.derivative(far, g1.value(far, backend.xp), backend.xp))
    np.testing.assert_array_equal(slope, [[0, 1]])


def test_names_are_looked_up_and_own_pairs_are_taken() -> None:
    own = Activation("cube", lambda Z, xp: Z**3, lambda Z, xp: 3 * Z**2, slope_needs_Z1=True)
    Z = np.array([[0.5, -2.0]])
    np.testing.assert_array_equal(get_activation(own).value(Z, np), Z**3)
    assert get_activation("relu").name == "relu"
    assert get_output("softmax").name == "softmax"


@pytest.mark.parametrize(
    "own",
    [
        Activation("exp", lambda Z, xp: xp.exp(Z), lambda A, xp: A),
        Activation("half square", lambda Z, xp: Z * Z / 2, lambda Z, xp: Z, slope_needs_Z1=True),
        Activation("same", lambda Z, xp: Z, ONE),
        Activation("float64", lambda Z, xp: np.float64(2) * Z, lambda A, xp: np.full(A.shape, 2.0)),
    ],
    ids=lambda own: own.name,
)
def test_backward_may_write_to_any_slope(own: Activation) -> None:
    g1 = get_activation(own)
    Z = np.array([[0.5, -2.0]], np.float32)
    A = g1.value(Z, np)
    assert A.dtype == Z.dtype
    slope = g1.derivative(Z, A, np)
    assert slope.shape == Z.shape
    assert slope.dtype == Z.dtype
    assert not np.shares_memory(slope, Z)
    assert not np.shares_memory(slope, A)
    np.testing.assert_array_equal(slope, own.slope(Z if own.slope_needs_Z1 else A, np))


@pytest.mark.parametrize("name", ["Tanh", "", None, 3, ["tanh"]])
def test_unknown_names_are_refused_with_the_known_ones(name: object) -> None:
    with pytest.raises(DataError, match=r"unknown activation.*tanh, sigmoid, relu"):
        get_activation(name)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"unknown output.*softmax"):
        get_output(name)  # type: ignore[arg-type]
