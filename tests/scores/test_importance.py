"""What shuffling a column costs: scikit-learn's numbers, and their picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.cli.plot_importance import as_numbers
from gdnet.errors import DataError
from gdnet.scores.importance import Importance, column_importance, sampled
from tests.support.command import here, train
from tests.support.table_files import pa, write

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

RANDOM = np.random.RandomState(0)
X = RANDOM.randn(300, 3)
Y = (X[:, 0] + 0.2 * X[:, 1] > 0).astype(int)


class Threshold:
    """A model that looks at the first two columns, whatever holds them."""

    def score(self, rows: Any, y: Any) -> float:
        columns = rows.T if isinstance(rows, np.ndarray) else [c.to_numpy() for c in rows.columns]
        return float((((columns[0] + 0.2 * columns[1]) > 0) == y).mean())


def test_same_numbers_as_scikit_learn() -> None:
    from sklearn.inspection import permutation_importance
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(X, Y)
    expected = permutation_importance(model, X, Y, n_repeats=4, random_state=7)
    found = column_importance(model, X, Y, "abc", repeats=4, seed=7)
    assert found.mean.tolist() == expected.importances_mean.tolist()
    assert found.deviation.tolist() == expected.importances_std.tolist()
    assert found.score == model.score(X, Y)
    assert (found.names, found.rows, found.repeats, found.seed) == (("a", "b", "c"), 300, 4, 7)


def test_columns_of_a_table() -> None:
    table = pa.table({name: X[:, j] for j, name in enumerate("abc")})
    found, expected = (column_importance(Threshold(), rows, Y, "abc") for rows in (table, X))
    assert found.mean.tolist() == expected.mean.tolist()
    assert found.mean[0] > found.mean[1] > found.mean[2] == 0


@pytest.mark.parametrize("as_table", [False, True])
def test_rows_that_are_drawn_do_not_depend_on_the_blocks(as_table: bool) -> None:
    rows = np.arange(1000)

    def blocks(size: int) -> Any:
        for lo in range(0, 1000, size):
            part = rows[lo : lo + size]
            yield pa.table({"x": part}) if as_table else part[:, None], part

    drawn = [sampled(blocks(size), 50, seed=3) for size in (1, 7, 333, 1000)]
    for _, y in drawn:
        assert y.tolist() == drawn[0][1].tolist()
    found, y = drawn[0]
    assert (found["x"].to_numpy() if as_table else found[:, 0]).tolist() == y.tolist()
    assert len({*y.tolist()}) == 50
    assert (np.diff(y) > 0).all()
    assert y.max() > 900
    assert len(sampled(blocks(100), 5000, 0)[1]) == 1000


def test_pictures(tmp_path: Path) -> None:
    lines = [f"{a},{b},{c},{'yn'[y]},{a + b}" for (a, b, c), y in zip(X.tolist(), Y, strict=True)]
    write(tmp_path / "d.csv", "\n".join(["a,b,c,y,z", *lines]) + "\n")
    for options in (["y", "--ignore", "z"], ["z", "--ignore", "y", "--task", "regression"]):
        train(tmp_path, "d.csv", "--target", *options, "--iterations", 60, "--quiet")
        done = here("plot", "importance", "m", "d.csv", "--rows", 100, "--repeats", 2, cwd=tmp_path)
        assert (done.code, done.out, done.err) == (0, "importance.png\n", "")
        assert (tmp_path / "importance.png").stat().st_size > 5000
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", Y)
    train(tmp_path, "X.npy", "--labels", "y.npy", "--iterations", 5, "--quiet")
    done = here(
        "plot", "importance", "m", "X.npy", "--labels", "y.npy", "--out", "i.svg", cwd=tmp_path
    )
    assert done.code == 0
    drawn = (tmp_path / "i.svg").read_text()
    assert "feature 2" in drawn
    assert "300 rows, 10 times, seed 0" in drawn


def test_bars() -> None:
    from gdnet.plots import plot_importance

    numbers = np.arange(50.0)
    names = tuple(f"$c_{k}$" for k in range(50))
    figure = plot_importance(Importance(names, numbers, numbers / 9, 0.75, 9, 3, 1), score="R²")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()][:2] == ["$c_49$", "$c_48$"]
    assert len(axes.patches) == 40
    assert "(40 of 50 columns)" in figure.get_suptitle()
    assert axes.get_xlabel().startswith("fall of the R² of 0.75 where the column is shuffled")
    with pytest.raises(DataError, match="at least 1 column"):
        plot_importance(Importance((), numbers[:0], numbers[:0], 0, 1, 1, 1), score="R²")


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.inspection", None)
    with pytest.raises(DataError, match=r"needs scikit-learn, .*: pip install scikit-learn"):
        column_importance(Threshold(), X, Y, "abc")


def test_cells_as_numbers() -> None:
    table = pa.table({"a": ["1", " 2.5", "NA", "TRUE", "x"], "b": ["1"] * 5, "c": range(5)})
    found = as_numbers(table, {"a", "c"})
    assert found["a"].to_pylist() == [1, 2.5, None, 1, None]
    assert found["b"].to_pylist() == ["1"] * 5
    assert found["c"].to_pylist() == [0, 1, 2, 3, 4]
