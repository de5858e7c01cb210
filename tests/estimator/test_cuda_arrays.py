"""GDClassifier and GDRegressor on arrays that are on a GPU."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gdnet import GDClassifier, GDRegressor, backends
from gdnet.estimator import base, fitting
from gdnet.estimator.device import CHOICES, choose
from tests.standins.fake_cupy import make_fake_cupy
from tests.support.device_arrays import METHODS, QUICK, get
from tests.support.labelled_problems import problem


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
