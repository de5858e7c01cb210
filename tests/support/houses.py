"""Houses whose prices are to be predicted, in files of every kind."""

from __future__ import annotations

import numpy as np

from tests.support.command import Rows

QUICK = ["--hidden", 6, "--iterations", 60, "--device", "cpu"]
NAMES = ["rooms", "age", "distance", "price"]
FEATURES = NAMES[:3]
M = 240


def prices(X: Rows) -> Rows:
    standardised = (X - X.mean(axis=0)) / X.std(axis=0)
    noise = np.random.RandomState(9).randn(M)
    exact: Rows = 200_000 + 40_000 * np.sin(standardised[:, 0]) - 30_000 * standardised[:, 1]
    return np.round(exact + 10_000 * noise, 2)


X = np.random.RandomState(8).randn(M, 3) * [1, 20, 3] + [6, 60, 5]
y = prices(X)
X.flags.writeable = y.flags.writeable = False

ASKED = ["houses.csv", "--target", "price", "--task", "regression"]
SOURCES = {
    "csv": ["houses.csv", "--target", "price"],
    "parquet": ["houses.parquet", "--target", "price"],
    "npy": ["X.npy", "--labels", "y.npy"],
    "npz": ["houses.npz"],
}
