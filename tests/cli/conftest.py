"""What tests of regression have in common: houses, and a model of their prices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.command import train, write_csv, write_parquet
from tests.support.houses import ASKED, NAMES, QUICK, X, y


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    """Return a folder with houses and their prices in files of every kind."""
    write_csv(tmp_path / "houses.csv", X, y.tolist(), NAMES)
    write_parquet(tmp_path / "houses.parquet", X, y, NAMES)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    np.savez(tmp_path / "houses.npz", X=X, y=y)
    return tmp_path


@pytest.fixture
def regression_model(houses: Path) -> Path:
    """Return the folder, with a model of the prices."""
    train(houses, *ASKED, *QUICK)
    return houses
