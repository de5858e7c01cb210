"""Folders with files, which several tests of commands work in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support import small_trainings
from tests.support.command import train, write_csv, write_parquet
from tests.support.houses import ASKED, NAMES, QUICK, X, y
from tests.support.mistakes import write_files


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


@pytest.fixture(scope="module")
def mistakes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with good and bad files, and a model; every test leaves it as it is."""
    folder = tmp_path_factory.mktemp("mistakes")
    write_files(folder)
    return folder


@pytest.fixture
def small_table(tmp_path: Path) -> Path:
    """Return a folder with d.npz, of which one class is four times as large as the other."""
    np.savez(tmp_path / "d.npz", X=small_trainings.X, y=small_trainings.y)
    return tmp_path


@pytest.fixture
def sixty_rows(tmp_path: Path) -> Path:
    """Return a folder with d.npz, 60 rows of two classes."""
    X = np.random.RandomState(0).randn(60, 3)
    np.savez(tmp_path / "d.npz", X=X, y=(X[:, 0] > 0).astype(int))
    return tmp_path


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """Return a folder with the same examples as d.npz and as X.npy with y.npy."""
    X = np.random.RandomState(0).randn(600, 3).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(np.uint8)
    np.savez(tmp_path / "d.npz", X=X, y=y)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    return tmp_path
