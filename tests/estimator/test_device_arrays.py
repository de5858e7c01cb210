"""GDClassifier on arrays of other libraries, on the CPU and on CUDA."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from gdnet import GDClassifier, GDRegressor
from gdnet.data.device_arrays import origin_of
from gdnet.data.source import RowSource
from gdnet.errors import DataError
from tests.support.checkout import ROOT
from tests.support.device_arrays import METHODS, QUICK, get
from tests.support.labelled_problems import problem


def as_torch(a: Any) -> Any:
    return pytest.importorskip("torch").from_numpy(np.array(a))


def as_strict(a: Any) -> Any:
    return pytest.importorskip("array_api_strict").asarray(np.array(a))


@pytest.mark.parametrize("make", [as_torch, as_strict])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_arrays_of_other_libraries_on_the_cpu(make: Any, kind: str) -> None:
    X, y = problem(kind)
    X, y = X.astype(np.float32), (y == "yes") * 3 if kind == "binary" else y
    weights = np.linspace(0, 1, len(X), dtype=np.float32)
    expected = GDClassifier(**QUICK, device="cpu").fit(X, y, weights, eval_set=(X, y))
    X_, y_, weights_ = make(X), make(y), make(weights)
    clf = GDClassifier(**QUICK, device="cpu").fit(X_, y_, weights_, eval_set=(X_, y_, weights_))
    np.testing.assert_array_equal(clf.parameters_.W1, expected.parameters_.W1)
    assert isinstance(clf.parameters_.W1, np.ndarray)
    for method in METHODS:
        result = getattr(clf, method)(X_)
        assert type(result) is type(X_)
        np.testing.assert_array_equal(np.asarray(result), getattr(expected, method)(X))
        assert type(getattr(clf, method)(X)) is np.ndarray  # of that call's input
    assert clf.score(X_, y_, weights_) == expected.score(X, y, weights)


@pytest.mark.parametrize("make", [as_torch, as_strict])
def test_numbers_of_other_libraries_on_the_cpu(make: Any) -> None:
    X = problem("binary")[0].astype(np.float32)
    y = np.sin(X[:, :2])
    expected = GDRegressor(**QUICK, device="cpu").fit(X, y, eval_set=(X, y))
    X_, y_ = make(X), make(y)
    reg = GDRegressor(**QUICK, device="cpu").fit(X_, y_, eval_set=(X_, y_))
    np.testing.assert_array_equal(reg.parameters_.W1, expected.parameters_.W1)
    assert type(reg.predict(X_)) is type(X_)
    np.testing.assert_array_equal(np.asarray(reg.predict(X_)), expected.predict(X))
    assert reg.score(X_, y_) == expected.score(X, y)


def test_memory_of_another_library_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    X, y = problem("binary")
    tensor = torch.from_numpy(X)
    read: list[int] = []
    init = RowSource.__init__

    def spy(self: Any, rows: Any, *args: Any, **keywords: Any) -> None:
        read.append(rows.ctypes.data)
        init(self, rows, *args, **keywords)

    monkeypatch.setattr(RowSource, "__init__", spy)
    GDClassifier(**QUICK).fit(tensor, y)
    assert read == [tensor.data_ptr()]


# JAX is for a process of its own: once it is imported, every fork of the process is warned of.
JAX = """
import warnings
import numpy as np
import jax.numpy as jnp
from gdnet import GDClassifier
from tests.support.labelled_problems import problem

warnings.simplefilter("error")
settings = {"n_hidden": 4, "max_iter": 20, "tol": 0, "random_state": 0, "device": "cpu"}
X, y = problem("multiclass")
X = X.astype(np.float32)
X_, y_ = jnp.asarray(X), jnp.asarray(y.astype(np.int32))  # it has no long integers by default
expected = GDClassifier(**settings).fit(X, y)
clf = GDClassifier(**settings).fit(X_, y_, eval_set=(X_, y_))
assert (clf.parameters_.W1 == expected.parameters_.W1).all()
for method in ("predict", "predict_proba", "decision_function"):
    result = getattr(clf, method)(X_)
    assert type(result) is type(X_), method
    assert (np.asarray(result) == getattr(expected, method)(X)).all(), method
    assert type(getattr(clf, method)(X)) is np.ndarray, method
assert clf.score(X_, y_) == expected.score(X, y)

# What it cannot hold stays with NumPy: text, and labels that it would cut off.
for labels in (np.where(y > 0, "yes", "no"), np.where(y > 0, 2**40 + 5, 3)):
    predicted = GDClassifier(**settings).fit(X_, labels).predict(X_)
    assert type(predicted) is np.ndarray
    assert set(predicted.tolist()) == set(labels.tolist())
"""


def test_arrays_of_jax() -> None:
    if importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    done = subprocess.run([sys.executable, "-c", JAX], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_arrays_that_cannot_be_shared_are_reported_as_such() -> None:
    torch = pytest.importorskip("torch")
    X, y = problem("binary")
    clf = GDClassifier(**QUICK).fit(X, y)
    with pytest.raises(
        ValueError, match=r"X: expected an array .* Tensor of torch.float32 .*detach"
    ):
        clf.predict(torch.ones(3, 5, requires_grad=True))
    with pytest.raises(ValueError, match=r"Tensor of torch\.float8_e5m2 .* float32 or float64"):
        clf.predict(torch.ones(3, 5).to(torch.float8_e5m2))


class Lazy:
    """An array that holds the negative of its numbers, and whose library knows that.

    PyTorch gives such tensors for the imaginary part of a conjugate, and DLPack shares what they
    hold.
    """

    def __init__(self, held: Any, *, negative: bool) -> None:
        self.held, self.negative = held, negative
        self.dtype, self.shape = held.dtype, held.shape

    def __len__(self) -> int:
        return len(self.held)

    def resolve_neg(self) -> Lazy:
        return Lazy(-self.held if self.negative else self.held, negative=False)

    def __dlpack__(self, **keywords: Any) -> Any:
        return self.held.__dlpack__(**keywords)

    def __dlpack_device__(self) -> Any:
        return self.held.__dlpack_device__()

    def __array_namespace__(self) -> Any:
        return SimpleNamespace(from_dlpack=lambda result: result)


def check_lazy(of: Any, lazy: Any) -> None:
    X, y = problem("multiclass")
    weights = np.linspace(0.5, 1, len(X))
    data = tuple(of(a) for a in (X, y, weights))
    lazily = tuple(map(lazy, data))
    expected = GDClassifier(**QUICK).fit(data[0], data[1], data[2], data)
    clf = GDClassifier(**QUICK).fit(lazily[0], lazily[1], lazily[2], lazily)
    np.testing.assert_array_equal(clf.parameters_.W1, expected.parameters_.W1)
    np.testing.assert_array_equal(clf.classes_, expected.classes_)
    assert clf.validation_loss_curve_ == expected.validation_loss_curve_
    np.testing.assert_array_equal(
        get(clf.predict_proba(lazily[0])), get(expected.predict_proba(data[0]))
    )
    assert clf.score(*lazily) == expected.score(*data)


def test_arrays_that_hold_their_negative_are_resolved() -> None:
    check_lazy(np.asarray, lambda a: Lazy(-a, negative=True))


def test_arrays_on_cuda_that_hold_their_negative_are_resolved(cupy: Any) -> None:
    check_lazy(cupy.asarray, lambda a: Lazy(-a, negative=True))


def test_a_lazily_negative_tensor_of_torch() -> None:
    torch = pytest.importorskip("torch")

    def lazy(a: Any) -> Any:
        a = torch.from_numpy(np.array(a, np.float64))
        negative = torch.complex(torch.zeros_like(a), -a).conj().imag
        assert negative.is_neg()
        assert torch.equal(negative, a)
        return negative

    check_lazy(np.asarray, lazy)


def bfloat16(a: Any) -> Any:
    """Return float32 numbers that bfloat16 holds exactly, by dropping the other digits."""
    return (np.ascontiguousarray(a, np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)


class Half:
    """An array of bfloat16, of a library as JAX is: it has a namespace and `astype`."""

    dtype = "bfloat16"

    def __init__(self, a: Any, on: Any = np) -> None:
        self.exact = on.asarray(bfloat16(a))
        self.shape = self.exact.shape

    def __len__(self) -> int:
        return len(self.exact)

    def astype(self, dtype: Any) -> Any:
        assert dtype == np.float32
        return self.exact

    def __dlpack__(self, **keywords: Any) -> Any:
        raise BufferError("bfloat16 is not shared")

    def __dlpack_device__(self) -> Any:
        return self.exact.__dlpack_device__()

    def __array_namespace__(self) -> Any:
        return SimpleNamespace(from_dlpack=lambda result: result, float32=np.float32)


def check_bfloat16(of: Any, half: Any) -> None:
    X, y = problem("multiclass")
    y = y.astype(np.float32)
    X, weights = bfloat16(X), bfloat16(np.linspace(0.5, 1, len(X)))
    data = tuple(of(a) for a in (X, y, weights))
    halves = tuple(half(a) for a in (X, y, weights))
    expected = GDClassifier(**QUICK).fit(data[0], data[1], data[2], data)
    clf = GDClassifier(**QUICK).fit(halves[0], halves[1], halves[2], halves)
    assert clf.parameters_.W1.dtype == np.float32
    np.testing.assert_array_equal(clf.parameters_.W1, expected.parameters_.W1)
    assert clf.validation_loss_curve_ == expected.validation_loss_curve_
    np.testing.assert_array_equal(
        get(clf.predict_proba(halves[0])), get(expected.predict_proba(data[0]))
    )
    assert clf.score(*halves) == expected.score(*data)


def test_bfloat16_becomes_float32() -> None:
    check_bfloat16(np.asarray, Half)


def test_bfloat16_on_cuda_becomes_float32(cupy: Any) -> None:
    check_bfloat16(cupy.asarray, lambda a: Half(a, cupy))


def test_bfloat16_of_other_packages() -> None:
    torch = pytest.importorskip("torch")
    check_bfloat16(np.asarray, lambda a: torch.from_numpy(np.array(a)).to(torch.bfloat16))
    ml_dtypes = pytest.importorskip("ml_dtypes")
    check_bfloat16(np.asarray, lambda a: a.astype(ml_dtypes.bfloat16))


def test_a_device_of_another_kind_is_refused() -> None:
    class Metal:
        def __dlpack_device__(self) -> tuple[int, int]:
            return 8, 0

        def __array_namespace__(self) -> Any:
            return SimpleNamespace(from_dlpack=None)

    with pytest.raises(DataError, match=r"number 8 of DLPack.*move it to the CPU"):
        origin_of(Metal())
