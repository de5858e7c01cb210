"""What is wrong with the rows that ranks share is said by all of them, as by one process."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.arrays.collected_rows import RowsInMemory
from gdnet.data.columns.files import open_columns
from gdnet.data.columns.selection import select
from gdnet.data.columns.shared_rows import SharedRows
from gdnet.data.encoding.encoding import Options
from gdnet.data.encoding.file import Plan
from gdnet.data.files import read_table
from gdnet.data.parquet.file import ParquetFile
from gdnet.data.parts import parts_of
from gdnet.errors import DataError, RankFailed
from gdnet.ranks.communicator import Ranks
from tests.standins.fake_mpi import FakeComm, on_ranks
from tests.support.shared_tables import BAD, NAMES, M, trained, write
from tests.support.table_files import pa

pytestmark = pytest.mark.usefixtures("small_parts")


@pytest.mark.parametrize("name", ["t.parquet", "X.npy"])
def test_what_is_not_finite_is_said_by_all_ranks_alike(tmp_path: Path, name: str) -> None:
    for bad in (BAD, BAD[1:], [(1049, 0, np.nan)]):
        write(tmp_path, bad=bad)
        with pytest.raises(DataError) as alone:
            trained(None, tmp_path / name)
        for size in (2, 3):
            for error in on_ranks(size, partial(trained, path=tmp_path / name)):
                assert type(error) is DataError
                assert str(error) == str(alone.value)


def test_a_number_to_be_predicted_that_is_not_finite(tmp_path: Path) -> None:
    from pyarrow import parquet

    write(tmp_path, "number")
    table = parquet.read_table(tmp_path / "t.parquet")
    y = table["y"].to_numpy().copy()
    y[800] = np.nan
    parquet.write_table(table.set_column(4, "y", pa.array(y)), tmp_path / "t.parquet")
    with pytest.raises(DataError) as alone:
        trained(None, tmp_path / "t.parquet", task="regression")
    work = partial(trained, path=tmp_path / "t.parquet", task="regression")
    assert {str(error) for error in on_ranks(2, work)} == {str(alone.value)}


def test_what_one_rank_cannot_read_ends_all_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    append = RowsInMemory.append
    of_thread = threading.local()

    def fails(self: Any, rows: Any) -> None:
        if of_thread.rank == 1:
            raise OSError(5, "Input/output error", "t.parquet")
        append(self, rows)

    monkeypatch.setattr(RowsInMemory, "append", fails)

    def work(comm: FakeComm) -> Any:
        of_thread.rank = comm.Get_rank()
        return trained(comm, tmp_path / "t.parquet")

    first, second, third = on_ranks(3, work)
    assert isinstance(second, DataError)  # as of any file that cannot be read
    for error in (first, third):
        assert isinstance(error, RankFailed)
        assert "has failed: OSError: [Errno 5] Input/output error: 't.parquet'" in str(error)


def test_a_file_that_changes_while_it_is_trained_on_is_an_error(tmp_path: Path) -> None:
    write(tmp_path)

    def changes(comm: FakeComm) -> Any:
        rows = read_table(
            tmp_path / "t.parquet", target="y", labels=None, dtype="float32", ranks=Ranks(comm)
        ).X
        own = slice(0, 525) if comm.Get_rank() == 0 else slice(525, M)
        others = slice(520, 530)
        barrier.wait(60)
        if comm.Get_rank() == 0:
            write(tmp_path, "three")
        barrier.wait(60)
        assert len(rows[own]) == 525
        return rows[others]

    barrier = threading.Barrier(2)
    for error in on_ranks(2, changes):
        assert isinstance(error, DataError)
        assert "expected a file that stays as it is" in str(error)


def test_of_several_files_each_must_stay_as_it_is(tmp_path: Path) -> None:
    from pyarrow import parquet

    write(tmp_path)
    table = parquet.read_table(tmp_path / "t.parquet")
    (folder := tmp_path / "parts").mkdir()
    for name, part in (("1", table[:500]), ("2", table[500:])):
        parquet.write_table(part, folder / f"{name}.parquet")
    for data in (folder, [folder / "1.parquet", folder / "2.parquet"]):
        file = open_columns(parts_of(data), "auto")
        assert isinstance(file, ParquetFile)
        rows = SharedRows(file, select(file, "y", None), "float32", 2)
        assert len(rows[490:510]) == 20
        parquet.write_table(table[500:].slice(0, 540), folder / "2.parquet")
        with pytest.raises(DataError, match="expected a file that stays as it is"):
            rows[600:610]
        parquet.write_table(table[500:], folder / "2.parquet")


def test_text_is_encoded_by_a_process_alone(tmp_path: Path) -> None:
    from pyarrow import parquet

    write(tmp_path)
    table = parquet.read_table(tmp_path / "t.parquet")
    town = pa.array(["Rome", "Oslo", None] * (M // 3))
    parquet.write_table(table.append_column("town", town), tmp_path / "town.parquet")

    def read(comm: FakeComm, name: str, **options: Any) -> Any:
        plan = Plan(Options(**options))
        return read_table(
            tmp_path / name, target="y", labels=None, dtype="float32", plan=plan, ranks=Ranks(comm)
        )

    for name, options, got in (
        ("town.parquet", {}, "text or codes in 'town'"),
        ("t.parquet", {"missing": "drop"}, "missing='drop'"),
        ("t.parquet", {"na_values": ("9",)}, "na_values"),
    ):
        for error in on_ranks(2, partial(read, name=name, **options)):
            assert type(error) is DataError
            assert f"where several ranks train, got {got}; train in one process" in str(error)
    for found in on_ranks(2, partial(read, name="town.parquet", text="ignore")):
        assert found.feature_names == tuple(NAMES)
        assert found.ignored.keys() == {"town"}


def test_rows_that_look_like_identifiers_are_said_by_the_first_rank(tmp_path: Path) -> None:
    from pyarrow import parquet

    write(tmp_path)
    numbers = pa.array(np.arange(M) + 5)
    table = parquet.read_table(tmp_path / "t.parquet").append_column("id", numbers)
    parquet.write_table(table, tmp_path / "t.parquet", row_group_size=100)

    def notes(comm: FakeComm | None) -> Any:
        ranks = None if comm is None else Ranks(comm)
        return read_table(
            tmp_path / "t.parquet", target="y", labels=None, dtype="float32", ranks=ranks
        ).notes

    alone = notes(None)
    assert "id: whole numbers that differ in every row" in alone[0]
    assert on_ranks(2, notes) == [alone, ()]
