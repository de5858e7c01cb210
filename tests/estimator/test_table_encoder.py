"""TableEncoder: frames of any library, in scikit-learn's pipelines, and a model file as one."""

from __future__ import annotations

import csv
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gdnet
from gdnet.errors import DataError
from tests.support.command import here, train

pytest.importorskip("sklearn")
pytest.importorskip("narwhals")
pa = pytest.importorskip("pyarrow")

from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.model_selection import cross_val_score  # noqa: E402
from sklearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from gdnet import GDClassifier, GDRegressor, TableEncoder  # noqa: E402

COLUMNS: dict[str, list[Any]] = {
    "age": [30.0, None, 50.0, 20.0],
    "late": [True, False, None, True],
    "town": ["York", None, "Hull", "York"],
}
NAMES = [
    "age",
    "late",
    "age is missing",
    "late is missing",
    "town=York",
    "town=Hull",
    "town is missing",
]
EXPECTED: list[list[float]] = [
    [30, 1, 0, 0, 1, 0, 0],
    [100 / 3, 0, 1, 0, 0, 0, 1],
    [50, 2 / 3, 0, 1, 0, 1, 0],
    [20, 1, 0, 0, 1, 0, 0],
]


def frame_of(library: str, columns: dict[str, list[Any]]) -> Any:
    if library == "pyarrow":
        return pa.table(columns)
    return pytest.importorskip(library).DataFrame(columns)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames(library: str) -> None:
    frame = frame_of(library, COLUMNS)
    encoder = TableEncoder()
    np.testing.assert_allclose(encoder.fit_transform(frame), EXPECTED, rtol=1e-15)
    assert encoder.get_feature_names_out().tolist() == NAMES
    assert encoder.feature_names_in_.tolist() == list(COLUMNS)
    assert encoder.n_features_in_ == 3
    assert encoder.left_out_ == {}
    # Found by name, in any order and among others.
    others = {"more": [1, 2, 3, 4], **dict(reversed(COLUMNS.items()))}
    np.testing.assert_allclose(encoder.transform(frame_of(library, others)), EXPECTED, rtol=1e-15)


def test_types_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "whole": pandas.array([1, None, 3], "Int64"),
            "kind": pandas.Categorical(["a", "b", None]),
            "when": pandas.to_datetime(["2020-01-01"] * 3),
            "text": pandas.array(["x", "y", "x"], "string"),
            "coded": pandas.Categorical([7, 8, 7]),
        },
        index=[5, 6, 7],
    )
    encoder = TableEncoder()
    with pytest.warns(UserWarning, match="left out: when \\(type timestamp"):
        found = encoder.fit_transform(frame)
    assert encoder.get_feature_names_out().tolist() == [
        "whole", "coded", "whole is missing", "kind=a", "kind=b", "kind is missing", "text=x",
        "text=y",
    ]  # fmt: skip
    assert found.tolist() == [
        [1, 7, 0, 1, 0, 0, 1, 0], [2, 8, 1, 0, 1, 0, 0, 1], [3, 7, 0, 0, 0, 1, 1, 0],
    ]  # fmt: skip
    mixed = pandas.DataFrame({"m": ["a", 1, 2.5]})
    with pytest.raises(DataError, match="column 'm': expected values of one type"):
        TableEncoder().fit(mixed)


def test_types_of_polars() -> None:
    polars = pytest.importorskip("polars")
    with pytest.warns(UserWarning, match=r"left out: nothing \(no value in any row\)"):
        TableEncoder().fit(polars.DataFrame({"nothing": [None, None], "x": [1, 2]}))
    frame = polars.DataFrame(
        {"a": polars.Series(["u", "v", "u"], dtype=polars.Categorical), "n": [None, None, 1]}
    )
    assert TableEncoder().fit_transform(frame).tolist() == [
        [1, 1, 1, 0],
        [1, 1, 0, 1],
        [1, 0, 1, 0],
    ]


def test_frames_without_names_and_frames_that_are_not_in_memory() -> None:
    pandas = pytest.importorskip("pandas")
    X = np.array([[1.0, 2], [np.nan, 4]])
    encoder = TableEncoder().fit(pandas.DataFrame(X))
    assert encoder.get_feature_names_out().tolist() == ["x0", "x1", "x0 is missing"]
    assert encoder.transform(X).tolist() == [[1, 2, 0], [1, 4, 1]]
    polars = pytest.importorskip("polars")
    with pytest.raises(DataError, match=r"got a LazyFrame; X.collect\(\) is one"):
        TableEncoder().fit(polars.LazyFrame({"a": [1]}))


def test_arrays() -> None:
    X = np.array([[1.0, np.nan], [3, 4], [5, 6]])
    encoder = TableEncoder().fit(X)
    assert encoder.transform(X).tolist() == [[1, 5, 1], [3, 4, 0], [5, 6, 0]]
    assert encoder.get_feature_names_out().tolist() == ["x0", "x1", "x1 is missing"]
    assert not hasattr(encoder, "feature_names_in_")
    mixed = np.array([["a", 1], ["b", None], ["a", 3]], object)
    assert TableEncoder().fit_transform(mixed).tolist() == [
        [1, 0, 1, 0], [2, 1, 0, 1], [3, 0, 1, 0],
    ]  # fmt: skip
    with pytest.raises(DataError, match="X has 3 features, but TableEncoder is expecting 2"):
        encoder.transform(np.ones((2, 3)))
    for wrong in (np.ones(3), np.ones((0, 2)), 5):
        with pytest.raises(ValueError, match="array"):
            TableEncoder().fit(wrong)


def test_what_fit_has_not_seen_is_said() -> None:
    encoder = TableEncoder().fit(pa.table({"x": [1.0, 3.0, 5.0], "t": ["a", "b", "a"]}))
    new = pa.table({"x": [None, 1.0], "t": ["z", "a"]})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert encoder.transform(new).tolist() == [[3, 0, 0], [1, 1, 0]]
    assert [str(each.message) for each in said] == [
        "missing where training had every number, taken to be the mean: x (1)",
        "values that training did not have, taken as none of those it had: t (1)",
    ]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_categories": 0}, "max_categories: expected an integer of at least 1, got 0"),
        ({"max_categories": True}, "max_categories: expected an integer"),
        ({"text": "hash"}, "text: expected one of encode, ignore, got 'hash'"),
        ({"missing": "drop"}, "missing: expected one of impute, error, got 'drop'"),
        ({"categorical": "age"}, "categorical: expected a list, got the text 'age'"),
        ({"categorical": ["ages"]}, "categorical: expected columns of X, got 'ages'"),
        ({"missing": "error"}, r"got missing ones in age \(1\), late \(1\), town \(1\)"),
    ],
)
def test_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        TableEncoder(**parameters).fit(pa.table(COLUMNS))


def test_other_mistakes() -> None:
    with pytest.raises(NotFittedError):
        TableEncoder().transform(pa.table(COLUMNS))
    with pytest.raises(DataError, match=r"infinite ones in x \(1\)"):
        TableEncoder().fit(pa.table({"x": [1.0, np.inf], "t": ["a", "b"]}))
    encoder = TableEncoder().fit(pa.table(COLUMNS))
    with pytest.raises(DataError, match=r"infinite ones in age \(1\)"):
        encoder.transform(pa.table({**COLUMNS, "age": [1.0, 2.0, -np.inf, 3.0]}))
    with pytest.raises(DataError, match="expected a column 'town', got 'age', 'late'"):
        encoder.transform(pa.table(COLUMNS).drop_columns("town"))
    with pytest.raises(DataError, match="expected numbers in column 'age', got type string"):
        encoder.transform(pa.table({**COLUMNS, "age": ["x"] * 4}))
    with pytest.raises(DataError, match="at least one column that can be encoded"):
        TableEncoder().fit(pa.table({"id": [f"u{i}" for i in range(100)]}))


def test_text_that_stands_for_codes() -> None:
    encoder = TableEncoder().fit(pa.table({"grade": ["1", "2", "A"]}))
    assert encoder.transform(pa.table({"grade": [1, 2, 1]})).tolist() == [
        [1, 0, 0], [0, 1, 0], [1, 0, 0],
    ]  # fmt: skip
    categorical = TableEncoder(categorical=["age"], na_values=[50]).fit(pa.table(COLUMNS))
    assert "age=30" in categorical.get_feature_names_out().tolist()
    assert "age=50" not in categorical.get_feature_names_out().tolist()


def test_it_is_a_transformer() -> None:
    encoder = TableEncoder(8, missing="impute", categorical=["late"])
    copy = clone(encoder)
    assert copy.get_params() == encoder.get_params()
    fitted = pickle.loads(pickle.dumps(encoder.fit(pa.table(COLUMNS))))
    np.testing.assert_array_equal(
        fitted.transform(pa.table(COLUMNS)), encoder.transform(pa.table(COLUMNS))
    )
    pandas = pytest.importorskip("pandas")
    out = TableEncoder().set_output(transform="pandas").fit_transform(pandas.DataFrame(COLUMNS))
    assert list(out.columns) == NAMES


def many(m: int, seed: int = 0) -> tuple[dict[str, list[Any]], np.ndarray[Any, Any]]:
    random = np.random.RandomState(seed)
    town = random.choice(["York", "Hull", "Bath"], m)
    age = random.randint(18, 80, m)
    y = (town == "York") ^ (random.rand(m) < 0.1)
    ages = [None if gap else int(a) for gap, a in zip(random.rand(m) < 0.2, age, strict=True)]
    fare = random.randn(m).astype(np.float32).astype(float)
    return {"age": ages, "town": town.tolist(), "fare": fare.tolist()}, y.astype(int)


def test_in_a_pipeline_that_is_cross_validated() -> None:
    pandas = pytest.importorskip("pandas")
    columns, y = many(300)
    network = GDClassifier(8, max_iter=100, tol=0, random_state=0, learning_rate=2)
    pipeline = make_pipeline(TableEncoder(), StandardScaler(), network)
    assert cross_val_score(pipeline, pandas.DataFrame(columns), y, cv=3).mean() > 0.85


def saved_csv(path: Path, columns: dict[str, list[Any]], y: Any) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*columns, "y"])
        for *cells, label in zip(*columns.values(), y.tolist(), strict=True):
            writer.writerow(["" if cell is None else cell for cell in cells] + [label])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_model_file_as_a_pipeline(tmp_path: Path, dtype: str, library: str) -> None:
    columns, y = many(400)
    saved_csv(tmp_path / "d.csv", columns, y)
    train(tmp_path, "d.csv", "--target", "y", "--quiet", "--iterations", 20, "--dtype", dtype)
    pipeline = gdnet.load(tmp_path / "m")
    assert isinstance(pipeline, Pipeline)
    assert [type(step).__name__ for _, step in pipeline.steps] == ["TableEncoder", "GDClassifier"]
    new, answer = many(200, seed=1)
    saved_csv(tmp_path / "new.csv", new, answer)
    done = here("predict", "m", "new.csv", "--proba", "--out", "p.npy", cwd=tmp_path)
    assert done.code == 0
    frame = frame_of(library, new)
    np.testing.assert_array_equal(pipeline.predict_proba(frame), np.load(tmp_path / "p.npy"))
    assert pipeline.score(frame, answer) > 0.8
    pipeline[-1].save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "m").read_bytes()


def test_other_model_files_are_estimators_as_before(tmp_path: Path) -> None:
    columns, y = many(100)
    saved_csv(tmp_path / "d.csv", {"fare": columns["fare"]}, y)
    train(tmp_path, "d.csv", "--target", "y", "--quiet", "--iterations", 2)
    assert isinstance(gdnet.load(tmp_path / "m"), GDClassifier)


def test_a_pipeline_as_a_model_file(tmp_path: Path) -> None:
    columns, y = many(300)
    table = pa.table(columns)
    for network in (
        GDClassifier(8, max_iter=50, tol=0, random_state=0),
        GDRegressor(8, max_iter=50, tol=0, random_state=0),
    ):
        pipeline = make_pipeline(TableEncoder(), StandardScaler(), network).fit(table, y)
        encoder, scaler, fitted = (step for _, step in pipeline.steps)
        fitted.save(tmp_path / "m", scaler=scaler, encoder=encoder)
        again = gdnet.load(tmp_path / "m")
        np.testing.assert_allclose(again.predict(table), pipeline.predict(table), rtol=1e-9)
        saved_csv(tmp_path / "d.csv", columns, y)
        done = here("predict", "m", "d.csv", "--out", "p.npy", cwd=tmp_path)
        assert done.code == 0
        np.testing.assert_array_equal(np.load(tmp_path / "p.npy"), again.predict(table))
        with pytest.raises(DataError, match="expected a TableEncoder, got StandardScaler"):
            fitted.save(tmp_path / "m", encoder=scaler)
        with pytest.raises(DataError, match="expected one of 6 features, as the network, got 3"):
            fitted.save(tmp_path / "m", encoder=TableEncoder().fit(table.drop_columns("town")))
        with pytest.raises(DataError, match="fitted to a data frame"):
            fitted.save(tmp_path / "m", encoder=TableEncoder().fit(np.ones((3, 2))))


def test_names_that_are_not_those_of_the_columns_are_errors() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match="every column name once, got more than one 'a'; rename"):
        TableEncoder().fit(pandas.DataFrame([[1, 2, 3], [3, 4, 5]], columns=["a", "b", "a"]))
    encoder = TableEncoder().fit(pandas.DataFrame({"a": [1, 2], "b": [1, 4]}))
    assert encoder.get_feature_names_out(["a", "b"]).tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        encoder.get_feature_names_out(["a"])
