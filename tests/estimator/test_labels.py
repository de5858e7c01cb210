"""Labels of any library: GDClassifier predicts them as they are, and names missing ones."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

import gdnet
from gdnet import GDClassifier
from gdnet.errors import DataError
from gdnet.estimator.labels import as_labels

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")

X = np.random.RandomState(0).randn(60, 2)
CODES = (X[:, 0] > 0).astype(int)
TEXTS = np.array(["no", "yes"])[CODES]
LARGE = np.array([2**60 + 1, 2**60 + 2])[CODES]
QUICK: dict[str, Any] = {
    "n_hidden": 4, "learning_rate": 2.0, "max_iter": 100, "tol": 0, "random_state": 0,
    "device": "cpu",
}  # fmt: skip


def series(values: Any, dtype: str | None = None) -> Any:
    return pandas.Series(values, dtype=dtype)


def arrow(values: Any, dtype: Any) -> Any:
    return pandas.Series(values, dtype=pandas.ArrowDtype(dtype))


LABELS = {
    "StringDType": (TEXTS.astype(np.dtypes.StringDType()), TEXTS),
    "pandas string": (series(TEXTS, "string"), TEXTS),
    "pandas string[pyarrow]": (series(TEXTS, "string[pyarrow]"), TEXTS),
    "pandas text of Arrow": (arrow(TEXTS, pyarrow.string()), TEXTS),
    "pandas category": (series(pandas.Categorical(TEXTS, ["maybe", "yes", "no"])), TEXTS),
    "pandas category of Int64": (series(pandas.Categorical(series(LARGE, "Int64"))), LARGE),
    "pandas Int64": (series(LARGE, "Int64"), LARGE),
    "pandas boolean": (series(CODES == 1, "boolean"), CODES == 1),
    "pandas integers of Arrow": (arrow(LARGE, pyarrow.int64()), LARGE),
    "pandas booleans of Arrow": (arrow(CODES == 1, pyarrow.bool_()), CODES == 1),
    "pandas frame": (pandas.DataFrame({"y": series(LARGE, "Int64")}), LARGE),
    "polars String": (polars.Series(TEXTS), TEXTS),
    "polars Categorical": (polars.Series(TEXTS.tolist(), dtype=polars.Categorical), TEXTS),
    "polars Enum": (polars.Series(TEXTS.tolist(), dtype=polars.Enum(["yes", "no"])), TEXTS),
    "polars Boolean": (polars.Series(CODES == 1), CODES == 1),
    "polars Int64": (polars.Series(LARGE), LARGE),
    "Arrow text": (pyarrow.array(TEXTS.tolist()), TEXTS),
    "Arrow dictionary": (pyarrow.array(TEXTS.tolist()).dictionary_encode(), TEXTS),
    "Arrow integers": (pyarrow.chunked_array([LARGE[:9], LARGE[9:]]), LARGE),
    "list of integers": (LARGE.tolist(), LARGE),
    "objects of integers": (LARGE.astype(object), LARGE),
    "objects of booleans": ((CODES == 1).astype(object), CODES == 1),
    "objects of floats": (CODES.astype(float).astype(object), CODES.astype(float)),
    "2^63 and above": ((LARGE.astype(np.uint64) * 8).tolist(), LARGE.astype(np.uint64) * 8),
}


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_labels_keep_their_values(name: str, tmp_path: Path) -> None:
    y, expected = LABELS[name]
    clf = GDClassifier(**QUICK).fit(X, y, eval_set=(X, y))
    assert clf.classes_.tolist() == np.unique(expected).tolist()
    assert clf.classes_.dtype.kind == expected.dtype.kind
    np.testing.assert_array_equal(clf.predict(X), expected)
    assert clf.validation_loss_curve_ == clf.loss_curve_
    clf.save(tmp_path / "model")
    loaded = gdnet.load(tmp_path / "model").predict(X)
    assert loaded.dtype.kind == expected.dtype.kind
    np.testing.assert_array_equal(loaded, expected)


def missing(values: list[Any]) -> dict[str, Any]:
    texts = [None if value is None else str(value) for value in values]
    truth = [None if value is None else value > 0 for value in values]
    return {
        "float": np.array(values, float),
        "float16": np.array(values, np.float16),
        "list": [np.nan if text is None else text for text in texts],
        "tuple": tuple(texts),
        "objects": np.array(values, object),
        "StringDType": np.array(texts, np.dtypes.StringDType(na_object=None)),
        "StringDType of NaN": np.array(
            [np.nan if text is None else text for text in texts],
            np.dtypes.StringDType(na_object=np.nan),
        ),
        "pandas text": pandas.Series(texts),
        "pandas string": series(texts, "string"),
        "pandas string[pyarrow]": series(texts, "string[pyarrow]"),
        "pandas Int64": series(values, "Int64"),
        "pandas boolean": series(truth, "boolean"),
        "pandas category": series(pandas.Categorical(texts)),
        "pandas integers of Arrow": arrow(values, pyarrow.int64()),
        "polars Int64": polars.Series(values),
        "polars String": polars.Series(texts),
        "polars Boolean": polars.Series(truth),
        "Arrow integers": pyarrow.array(values),
        "Arrow text": pyarrow.array(texts),
    }


@pytest.mark.parametrize("name", missing([1, None]))
def test_a_missing_label_is_named(name: str) -> None:
    values = [*CODES.tolist()]
    values[7] = None
    y = missing(values)[name]
    clf = GDClassifier(**QUICK)
    message = r"expected a label in every row, got (NaN|None|nan|<NA>) in row 7 \(counted from 0\)"
    with pytest.raises(DataError, match=message):
        clf.fit(X, y)
    with pytest.raises(DataError, match=f"eval_set: {message}"):
        clf.fit(X, CODES, eval_set=(X, y))


@pytest.mark.parametrize("of", [np.asarray, pandas.DataFrame, polars.DataFrame])
def test_a_missing_label_of_several_is_named_with_its_column(of: Any) -> None:
    Y = np.array([CODES, 1 - CODES], float).T
    Y[4, 1] = np.nan
    with pytest.raises(DataError, match=r"got NaN in row 4, column 1 \(counted from 0\)"):
        GDClassifier(**QUICK).fit(X, of(Y))


def test_several_labels_in_nullable_columns() -> None:
    Y = pandas.DataFrame({"a": series(CODES, "Int64"), "b": series(CODES == 0, "boolean")})
    expected = GDClassifier(**QUICK).fit(X, np.array([CODES, 1 - CODES]).T)
    clf = GDClassifier(**QUICK).fit(X, Y)
    np.testing.assert_array_equal(clf.parameters_.W1, expected.parameters_.W1)


def test_the_text_nan_is_a_label() -> None:
    y = np.where(CODES == 1, "nan", "none")
    for labels in (y, y.tolist(), pandas.Series(y, dtype="string")):
        np.testing.assert_array_equal(GDClassifier(**QUICK).fit(X, labels).predict(X), y)


@pytest.mark.parametrize("values", [[2**63 + 5, -1], [2**70, 1]])
@pytest.mark.parametrize("of", [list, lambda values: np.array(values, object)])
def test_integers_that_no_type_holds_are_refused(values: list[int], of: Any) -> None:
    y = of([values[code] for code in CODES])
    with pytest.raises(DataError, match=f"got {min(values)} to {max(values)}; give them as text"):
        GDClassifier(**QUICK).fit(X, y)


@pytest.mark.parametrize(
    ("values", "types"),
    [
        ([1, "a"], "int, str"),
        (["a", True], "bool, str"),
        ([1, 2.5], "float, int"),
        ([Decimal(1), Decimal(2)], "Decimal"),
        ([b"a", b"b"], "bytes"),
    ],
)
def test_labels_of_several_types_are_refused(values: list[Any], types: str) -> None:
    y = np.array([values[code] for code in CODES], object)
    with pytest.raises(DataError, match=rf"got {types}; give them as text: \[str\(label\)"):
        GDClassifier(**QUICK).fit(X, y)
    if "float" not in types:
        with pytest.raises(DataError, match=f"got {types}; give them as text"):
            GDClassifier(**QUICK).fit(X, y.tolist())


def test_arrays_of_numpy_are_not_copied() -> None:
    for labels in (CODES, TEXTS, LARGE, CODES == 1):
        assert as_labels(labels) is labels


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_score_tells_labels_apart(name: str) -> None:
    y, expected = LABELS[name]
    clf = GDClassifier(**QUICK | {"max_iter": 1, "learning_rate": 1e-9}).fit(X, y)
    assert clf.score(X, y) == (clf.predict(X) == expected).mean() < 1


def test_score_names_a_missing_label() -> None:
    clf = GDClassifier(**QUICK).fit(X, TEXTS)
    y = [None if row == 7 else text for row, text in enumerate(TEXTS.tolist())]
    with pytest.raises(DataError, match="got None in row 7"):
        clf.score(X, y)
