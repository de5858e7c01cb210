"""The same rows as Parquet and .npy, and trainings on them by any number of ranks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gdnet.backends import get_backend
from gdnet.checkpoint import Checkpoint
from gdnet.data.files import read_table
from gdnet.ranks.communicator import Ranks
from gdnet.training.options import Settings
from gdnet.training.table import Training
from tests.standins.fake_mpi import FakeComm
from tests.support.table_files import pa

M, NAMES = 1050, ["a", "b", "c", "d"]
LABELS: dict[str, Callable[[Any], Any]] = {
    "text": lambda X: np.where(X[:, 0] * X[:, 1] > 0, "late", "on time"),
    "three": lambda X: np.digitize(X[:, 0], [-0.5, 0.5]),
    "number": lambda X: X[:, 0] * X[:, 1] + 100,
}


def write(folder: Path, kind: str = "text", *, group: int = 100, bad: Any = ()) -> Any:
    """Write the same rows as t.parquet and X.npy with y.npy; return what is in them."""
    from pyarrow import parquet

    random = np.random.RandomState(0)
    X = random.randn(M, len(NAMES)).astype(np.float32)
    y = LABELS[kind](X)
    for row, column, value in bad:
        X[row, column] = value
    columns = [*X.T, y]
    table = pa.table(dict(zip([*NAMES, "y"], map(pa.array, columns), strict=True)))
    parquet.write_table(table, folder / "t.parquet", row_group_size=group)
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", y)
    return X, y


def trained(
    comm: FakeComm | None,
    path: Path,
    *,
    checkpoint: Path | None = None,
    threads: int = 2,
    **settings: Any,
) -> Any:
    ranks = None if comm is None else Ranks(comm)
    by_name = path.suffix == ".parquet"
    regression = settings.get("task") == "regression"
    table = read_table(
        path,
        target="y" if by_name else None,
        labels=None if by_name else path.with_name("y.npy"),
        dtype="float32",
        continuous=regression,
        ranks=ranks,
    )
    given: dict[str, Any] = {"hidden": 5, "iterations": 8, "seed": 0, "block_size": 64} | settings
    training = Training(table, Settings(**given), get_backend("cpu", threads=threads), ranks=ranks)
    saved = None
    if checkpoint is not None:
        saved = Checkpoint(checkpoint, resume=True, comm=ranks)
    try:
        return training.run(checkpoint=saved), training
    finally:
        if saved is not None:
            saved.close()


def assert_same(found: Any, expected: Any) -> None:
    assert not isinstance(found, BaseException), found
    for one, other in zip(found[0].model.parameters, expected[0].model.parameters, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(found[0].run.costs, expected[0].run.costs)
    for one, other in zip(found[0].train, expected[0].train, strict=True):
        np.testing.assert_array_equal(one, other)
    if expected[0].validation is not None:
        for one, other in zip(found[0].validation, expected[0].validation, strict=True):
            np.testing.assert_array_equal(one, other)


BAD = [(5, 1, np.nan), (700, 1, np.inf), (701, 3, np.nan)]
