"""Ranks that share the rows of a file: trained on to the bits of one process."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.arrays.row_file import RowFile
from gdnet.data.columns.shared_rows import SharedRows
from tests.standins.fake_mpi import FakeComm, on_ranks
from tests.support.shared_tables import M, assert_same, trained, write
from tests.support.table_files import pa

pytestmark = pytest.mark.usefixtures("small_parts")


SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("text", {}),
    ("text", {"validation_fraction": 0.3, "early_stopping": True, "solver": "lbfgs"}),
    ("three", {"class_weight": "balanced", "block_size": 400}),
    ("number", {"task": "regression", "learning_rate": 0.1}),
]


@pytest.mark.parametrize(("kind", "settings"), SETTINGS, ids=str)
@pytest.mark.parametrize("group", [100, M])
def test_parquet_is_trained_on_to_the_bits_of_one_process_and_of_npy(
    tmp_path: Path, kind: str, settings: dict[str, Any], group: int
) -> None:
    write(tmp_path, kind, group=group)
    alone = trained(None, tmp_path / "t.parquet", **settings)
    assert_same(trained(None, tmp_path / "X.npy", **settings), alone)
    for size in (1, 2, 3):
        for name in ("t.parquet", "X.npy"):
            for found in on_ranks(size, partial(trained, path=tmp_path / name, **settings)):
                assert_same(found, alone)
                in_memory = isinstance(found[1]._table.X, SharedRows)
                assert found[1].storage == ("memory" if in_memory else "file")


def test_where_they_do_not_fit_into_memory_each_rank_has_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path)
    alone = trained(None, tmp_path / "t.parquet")
    monkeypatch.setattr("gdnet.data.storage.available_memory", lambda: 1000)
    caplog.set_level("INFO", "gdnet")
    for found in on_ranks(3, partial(trained, path=tmp_path / "t.parquet")):
        assert_same(found, alone)
        assert found[1].storage == "temporary file"
        assert isinstance(found[1]._table.X._kept[0].rows, RowFile)
    said = [record.getMessage() for record in caplog.records]
    assert any("go to a temporary file by each of 3 ranks in" in each for each in said)
    assert {path.name for path in tmp_path.iterdir()} == {"t.parquet", "X.npy", "y.npy"}


def test_each_rank_reads_the_row_groups_that_hold_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyarrow import parquet

    write(tmp_path, group=50)
    of_thread = threading.local()
    read: dict[int, set[int]] = {0: set(), 1: set(), 2: set()}
    iter_batches = parquet.ParquetFile.iter_batches

    def noted(self: Any, size: int, row_groups: Any = None, columns: Any = None, **how: Any) -> Any:
        # A row, and the labels, are read by all, and few rows of each column by the first.
        if size > 1 and len(columns) > 1:
            groups = range(self.num_row_groups) if row_groups is None else row_groups
            read[of_thread.rank].update(groups)
        return iter_batches(self, size, row_groups, columns, **how)

    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", noted)

    def work(comm: FakeComm) -> Any:
        of_thread.rank = comm.Get_rank()
        return trained(comm, tmp_path / "t.parquet", checkpoint=tmp_path / "c", threads=1)

    for found in on_ranks(3, work):
        assert not isinstance(found, BaseException), found
    assert sorted(read[0] | read[1] | read[2]) == list(range(21))
    for rank, groups in read.items():
        # A block, or a part that is measured, may reach beyond the share of a rank.
        assert groups <= set(range(7 * rank - 1, 7 * rank + 8)), (rank, groups)


def test_a_checkpoint_goes_from_ranks_to_one_process_and_from_parquet_to_npy(
    tmp_path: Path,
) -> None:
    write(tmp_path)
    alone = trained(None, tmp_path / "X.npy", iterations=20)
    begun = partial(trained, path=tmp_path / "t.parquet", checkpoint=tmp_path / "c")
    on_ranks(3, partial(begun, iterations=9))
    on_ranks(2, partial(begun, iterations=15))
    found = trained(None, tmp_path / "X.npy", iterations=20, checkpoint=tmp_path / "c")
    assert_same(found, alone)


def test_points_to_be_drawn_come_from_all_ranks(tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    X = random.randn(M, 2).astype(np.float32)
    table = pa.table({"a": X[:, 0], "b": X[:, 1], "y": X[:, 0] > 0})
    from pyarrow import parquet

    parquet.write_table(table, tmp_path / "t.parquet", row_group_size=100)
    _, alone = trained(None, tmp_path / "t.parquet", iterations=1)
    for _, found in on_ranks(3, partial(trained, path=tmp_path / "t.parquet", iterations=1)):
        for one, other in zip(found.points, alone.points, strict=True):
            np.testing.assert_array_equal(one, other)
