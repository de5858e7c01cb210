"""GDClassifier on arrays of other libraries, on the CPU and on CUDA."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from gdnet import GDClassifier, GDRegressor, backends
from gdnet.data.device_arrays import origin_of
from gdnet.data.source import RowSource
from gdnet.errors import DataError
from gdnet.estimator import base, fitting
from gdnet.estimator.device import CHOICES, choose
from tests.standins.fake_cupy import make_fake_cupy
from tests.support.checkout import ROOT
from tests.support.labelled_problems import problem

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
QUICK: dict[str, Any] = {"n_hidden": 4, "max_iter": 20, "tol": 0, "random_state": 0}


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


@pytest.fixture(params=["cuda-standin", "cuda"])
def cupy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """CuPy where there is a GPU, and its strict stand-in with two devices."""
    CHOICES.clear()
    if request.param == "cuda":
        request.getfixturevalue("cuda")
        yield pytest.importorskip("cupy")
    else:
        monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy(devices=2))
        yield sys.modules["cupy"]
    CHOICES.clear()


def get(a: Any) -> Any:
    return a.get() if hasattr(a, "get") else np.asarray(a)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("device", ["auto", "cuda", "cuda:0"])
def test_arrays_on_cuda(cupy: Any, kind: str, device: str) -> None:
    X, y = problem(kind)
    y = (y == "yes") * 3 if kind == "binary" else y
    weights = np.linspace(0, 1, len(X))
    expected = GDClassifier(**QUICK, device="cpu").fit(X, y, weights, eval_set=(X, y))
    X_, y_, weights_ = cupy.asarray(X), cupy.asarray(y), cupy.asarray(weights)
    clf = GDClassifier(**QUICK, device=device).fit(X_, y_, weights_, eval_set=(X_, y_))
    assert clf.device_ == "cuda:0"
    np.testing.assert_allclose(clf.parameters_.W1, expected.parameters_.W1, rtol=1e-9)
    curves = clf.validation_loss_curve_, expected.validation_loss_curve_
    assert curves[0] == pytest.approx(curves[1], rel=1e-9)
    for method in METHODS:
        result = getattr(clf, method)(X_)
        assert isinstance(result, cupy.ndarray)
        np.testing.assert_allclose(get(result), getattr(expected, method)(X), rtol=1e-9)
        # Fitted there, it predicts here; and fitted here, there.
        on_host = getattr(clf.set_params(device="cpu"), method)(X)
        assert type(on_host) is np.ndarray
        np.testing.assert_allclose(on_host, getattr(expected, method)(X), rtol=1e-9)
        assert isinstance(getattr(expected, method)(X_), cupy.ndarray)
        clf.set_params(device=device)
        assert type(getattr(clf, method)(X)) is np.ndarray
    assert clf.score(X_, y_, weights_) == pytest.approx(expected.score(X, y, weights))


@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("solver", ["gd", "lbfgs"])
def test_numbers_on_cuda(cupy: Any, targets: int, solver: str) -> None:
    X = problem("binary")[0]
    y = np.sin(X[:, 0] + 1) if targets == 1 else np.sin(X[:, :2] + 1)
    weights = np.linspace(0, 1, len(X))
    settings = {**QUICK, "solver": solver}
    expected = GDRegressor(**settings, device="cpu").fit(X, y, weights, eval_set=(X, y))
    X_, y_, weights_ = cupy.asarray(X), cupy.asarray(y), cupy.asarray(weights)
    reg = GDRegressor(**settings).fit(X_, y_, weights_, eval_set=(X_, y_))
    assert reg.device_ == "cuda:0"
    for got, want in zip(reg.parameters_, expected.parameters_, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-9)
    result = reg.predict(X_)
    assert isinstance(result, cupy.ndarray)
    assert result.shape == y.shape
    np.testing.assert_allclose(get(result), expected.predict(X), rtol=1e-7)
    assert reg.score(X_, y_, weights_) == pytest.approx(expected.score(X, y, weights), rel=1e-7)


def test_labels_of_text_come_back_as_numpy(cupy: Any) -> None:
    X, y = problem("binary")
    X_ = cupy.asarray(X)
    clf = GDClassifier(**QUICK).fit(X_, y)
    predicted = clf.predict(X_)
    assert type(predicted) is np.ndarray
    np.testing.assert_array_equal(
        predicted, GDClassifier(**QUICK, device="cpu").fit(X, y).predict(X)
    )


@pytest.mark.parametrize(
    ("settings", "order", "dtype"),
    [
        *(({}, order, dtype) for order in "CF" for dtype in (np.float32, np.float64, np.int16)),
        *(({"early_stopping": True}, order, np.float32) for order in "CF"),
        *(({"class_weight": "balanced"}, order, np.float64) for order in "CF"),
    ],
)
def test_layouts_types_and_settings_on_cuda(
    cupy: Any, settings: dict[str, Any], order: Any, dtype: Any
) -> None:
    X, y = problem("multiclass", m=700)
    X = np.asarray(9 * X, dtype)
    settings = {**QUICK, **settings, "block_size": 100, "learning_rate": 0.01}
    expected = GDClassifier(**settings, device="cpu").fit(X, y)
    clf = GDClassifier(**settings, device="cuda").fit(cupy.asarray(X, order=order), y)
    rtol = 1e-4 if dtype == np.float32 else 1e-9
    np.testing.assert_allclose(clf.parameters_.W1, expected.parameters_.W1, rtol=rtol, atol=rtol)
    assert clf.parameters_.W1.dtype == expected.parameters_.W1.dtype


def test_auto_finds_cuda_again_after_it_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = problem("binary")
    CHOICES.clear()
    monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy(devices=0))
    clf = GDClassifier(**QUICK).fit(X, y)
    assert clf.device_ == "cpu"
    first = choose("auto", None, "highest", "auto")
    assert clf.fit(X, y).device_ == "cpu"
    assert choose("auto", None, "highest", "auto").backend is first.backend
    monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy())
    assert clf.fit(X, y).device_ == "cuda:0"
    chosen = choose("auto", None, "highest", "auto", again=True)
    assert choose("auto", None, "highest", "auto", again=True) is chosen
    CHOICES.clear()


def test_data_on_the_device_do_not_leave_it() -> None:
    fake = make_fake_cupy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cupy", fake)
        CHOICES.clear()
        X, y = problem("binary", m=5000)
        X_ = fake.asarray(X)
        GDClassifier(**QUICK).fit(X_, y)  # the probe of the device is behind us
        fake.trace.clear()
        clf = GDClassifier(**QUICK).fit(X_, y)
        # The hint at the scale looks at 1000 rows; the costs and the parameters come back.
        assert fake.trace.bytes_to_host < X.nbytes / 3
        assert fake.trace.bytes_to_device < X.nbytes / 3
        fake.trace.clear()
        clf.decision_function(X_)
        assert fake.trace.bytes_to_host == 0 + 8  # whether the sum of X is finite
        CHOICES.clear()


def test_bad_arrays_on_cuda_are_refused(cupy: Any) -> None:
    X, y = problem("binary")
    clf = GDClassifier(**QUICK).fit(cupy.asarray(X), y)
    spoilt = X.copy()
    spoilt[7, 2] = np.nan
    for bad, message in (
        (spoilt, "contains NaN, infinity"),
        (X[:, 0], r"got float64 of shape \(150,\)"),
        (X[:, :3], "3 features, but GDClassifier is expecting 5"),
        (X[:0], r"shape \(0, 5\)"),
        (X.astype(complex), "complex128"),
    ):
        with pytest.raises(ValueError, match=message):
            clf.predict(cupy.asarray(bad))
    large = cupy.asarray(np.full((150, 5), 3e38, np.float32))  # their sum overflows, they do not
    single = GDClassifier(**QUICK).fit(cupy.asarray(X.astype(np.float32)), y)
    with np.errstate(over="ignore", invalid="ignore"):
        assert single.predict(large).shape == (150,)
    with pytest.raises(ValueError, match="X is on cuda:0, and device='cpu' was asked for: move"):
        GDClassifier(device="cpu").fit(cupy.asarray(X), y)
    with pytest.raises(ValueError, match="eval_set: X is on cuda:0, and expected on cpu"):
        GDClassifier(device="cpu").fit(X, y, eval_set=(cupy.asarray(X), y))


def test_arrays_on_different_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = make_fake_cupy(devices=2)
    monkeypatch.setitem(sys.modules, "cupy", fake)
    CHOICES.clear()
    X, y = problem("binary")
    X0 = fake.asarray(X)
    with fake.cuda.Device(1):
        X1 = fake.asarray(X)
        y1 = fake.asarray((y == "yes").astype(int))
    with pytest.raises(ValueError, match="X is on cuda:1, and device='cuda:0' was asked for"):
        GDClassifier(**QUICK, device="cuda:0").fit(X1, y)
    with pytest.raises(ValueError, match="X is on cuda:1, and expected on cuda:0"):
        GDClassifier(**QUICK).fit(X0, y, eval_set=(X1, y))
    for device in ("auto", "cuda", "cuda:1"):
        clf = GDClassifier(**QUICK, device=device).fit(X1, y1)
        assert clf.device_ == "cuda:1"
        assert clf.predict(X1).device.id == 1
        assert clf.predict(X0).device.id == 0
    clf = GDClassifier(**QUICK).fit(X0, y1)  # labels may be anywhere: they are encoded on the host
    assert clf.device_ == "cuda:0"
    CHOICES.clear()


class Foreign:
    """An array of a library that shares memory of CUDA through DLPack."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.dtype, self.shape = inner.dtype, inner.shape

    def __dlpack__(self, **keywords: Any) -> Any:
        return self.inner.__dlpack__(**keywords)

    def __dlpack_device__(self) -> Any:
        return self.inner.__dlpack_device__()

    def __array_namespace__(self) -> Any:
        return SimpleNamespace(from_dlpack=Foreign)


class Interface:
    """An array that is only known by its ``__cuda_array_interface__``."""

    def __init__(self, inner: Any) -> None:
        self.shape = inner.shape
        # The stand-in takes an array in place of a pointer.
        own = getattr(inner, "__cuda_array_interface__", None)
        self.__cuda_array_interface__ = own or {"data": inner}


def test_other_libraries_on_cuda(cupy: Any) -> None:
    X, y = problem("multiclass")
    X_ = cupy.asarray(X)
    expected = GDClassifier(**QUICK).fit(X_, y)
    foreign = GDClassifier(**QUICK).fit(Foreign(X_), Foreign(cupy.asarray(y)))
    interface = GDClassifier(**QUICK).fit(Interface(X_), Interface(cupy.asarray(y)))
    for clf in (foreign, interface):
        np.testing.assert_array_equal(clf.parameters_.W1, expected.parameters_.W1)
    for method in METHODS:
        result = getattr(foreign, method)(Foreign(X_))
        assert isinstance(result, Foreign)
        np.testing.assert_array_equal(get(result.inner), get(getattr(expected, method)(X_)))
        assert isinstance(getattr(interface, method)(Interface(X_)), cupy.ndarray)


def test_torch_on_cuda(cuda: str) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("PyTorch without CUDA")
    X, y = problem("multiclass")
    X_, y_ = torch.from_numpy(X).to(cuda), torch.from_numpy(y).to(cuda)
    clf = GDClassifier(**QUICK).fit(X_, y_)
    assert clf.device_ == cuda
    expected = GDClassifier(**QUICK, device="cpu").fit(X, y)
    for method in METHODS:
        result = getattr(clf, method)(X_)
        assert isinstance(result, torch.Tensor)
        assert result.device == X_.device
        np.testing.assert_allclose(result.cpu().numpy(), getattr(expected, method)(X), rtol=1e-9)
    assert clf.score(X_, y_) == expected.score(X, y)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_strict_backend(kind: str, early_stopping: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("array_api_strict")
    from tests.standins.strict import StrictBackend

    X, y = problem(kind)
    settings = {**QUICK, "early_stopping": early_stopping}
    expected = GDClassifier(**settings, device="cpu").fit(X, y)
    strict = backends.Choice(StrictBackend(), "a test")
    for module in (base, fitting):
        monkeypatch.setattr(module, "choose", lambda *args, **keywords: strict)
    clf = GDClassifier(**settings).fit(X, y)
    assert clf.device_ == "strict"
    np.testing.assert_allclose(clf.parameters_.W1, expected.parameters_.W1, rtol=1e-12)
    np.testing.assert_array_equal(clf.predict(X), expected.predict(X))
    for method in METHODS[1:]:
        np.testing.assert_allclose(
            getattr(clf, method)(X), getattr(expected, method)(X), rtol=1e-12
        )
