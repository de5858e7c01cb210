"""Rows read from the disk stand in for an array, and a training cannot tell them apart."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from gdnet.backends import get_backend, host
from gdnet.data import files, storage
from gdnet.data.arrays.npy_writer import NpyWriter
from gdnet.data.arrays.row_file import RowFile
from gdnet.data.row_subset import RowSubset
from gdnet.data.source import RowSource
from gdnet.descent import descend
from gdnet.errors import DataError
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from tests.support.command import here, limited


def saved(tmp_path: Path, m: int = 1000, n0: int = 5, dtype: str = "float32") -> Path:
    rows = np.random.RandomState(0).randn(m, n0)
    np.save(tmp_path / "X.npy", (10 * rows).astype(dtype))
    return tmp_path / "X.npy"


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", ">f4"])
def test_slices_are_those_of_the_array(tmp_path: Path, dtype: str) -> None:
    path = saved(tmp_path, dtype=dtype)
    rows, expected = RowFile(path), np.load(path)
    assert (rows.shape, rows.dtype, len(rows)) == (expected.shape, expected.dtype, 1000)
    for part in (slice(0, 10), slice(990, 2000), slice(5, 5), slice(-3, None), slice(None)):
        np.testing.assert_array_equal(rows[part], expected[part])
    with pytest.raises(IndexError, match="step of 1"):
        rows[::2]


def test_threads_read_at_the_same_time(tmp_path: Path) -> None:
    path = saved(tmp_path, 4000)
    rows, expected = RowFile(path), np.load(path)
    wrong: list[int] = []

    def read(seed: int) -> None:
        for lo in np.random.RandomState(seed).randint(0, 3900, 300):
            if not np.array_equal(rows[lo : lo + 100], expected[lo : lo + 100]):
                wrong.append(int(lo))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_file_cut_short_while_it_is_read_is_reported(tmp_path: Path) -> None:
    path = saved(tmp_path)
    rows = RowFile(path)
    os.truncate(path, 5000)
    with pytest.raises(DataError, match="changed while it was read"):
        rows[900:1000]


def test_what_is_no_array_of_rows_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(DataError, match="changed while it was read"):
        RowFile(path)
    path.write_bytes(b"no array")
    with pytest.raises(DataError, match=r"expected a complete \.npy file"):
        RowFile(path)
    for array, message in [
        (np.zeros(3), r"got shape \(3,\)"),
        (np.asfortranarray(np.zeros((3, 2))), "in Fortran order"),
        (np.array([[None]]), "of type object"),
    ]:
        np.save(path, array, allow_pickle=True)
        with pytest.raises(DataError, match=message):
            RowFile(path)


@pytest.mark.parametrize("share", [0.001, 0.3, 1])
@pytest.mark.parametrize("m", [1000, 4096, 20_000])
@pytest.mark.parametrize("width", [7, 300, 9000])
def test_subset_is_the_chosen_rows_in_order(
    tmp_path: Path, width: int, m: int, share: float
) -> None:
    path = saved(tmp_path, m)
    expected = np.load(path)
    chosen = np.random.RandomState(1).rand(m) < share
    chosen[-1] = True
    for rows in (RowFile(path), expected):
        subset = RowSubset(rows, chosen)
        assert subset.shape == (chosen.sum(), 5)
        parts = [subset[lo : lo + width] for lo in range(0, len(subset), width)]
        np.testing.assert_array_equal(np.concatenate(parts), expected[chosen])
        assert subset[3:3].shape == (0, 5)


def test_a_thin_subset_reads_little_more_than_its_rows(tmp_path: Path) -> None:
    path = saved(tmp_path, 100_000, 2)
    read: list[int] = []

    class Counted(RowFile):
        def __getitem__(self, rows: slice) -> np.ndarray[Any, Any]:
            block = super().__getitem__(rows)
            read.append(len(block))
            return block

    chosen = np.arange(100_000) % 20_000 == 0
    subset = RowSubset(Counted(path), chosen)[0:5]
    np.testing.assert_array_equal(subset, np.load(path)[chosen])
    assert sum(read) == 5


def test_training_from_the_disk_gives_the_bits_of_memory(tmp_path: Path) -> None:
    path = saved(tmp_path, 5000)
    Y = (np.load(path)[:, :1].T > 0).astype(np.uint8)

    def trained(rows: Any, threads: int) -> bytes:
        gradient = FullBatch(
            RowSource(rows, Y), get_backend("cpu", threads=threads), n1=4, block_columns=512
        )
        start = initialise(5, 4, 1, random_state=0)
        run = descend(gradient, start, learning_rate=0.01, iterations=20)
        return b"".join(p.tobytes() for p in run.parameters)

    in_memory = trained(np.load(path), 1)
    assert {trained(RowFile(path), threads) for threads in (1, 2, 4)} == {in_memory}


@pytest.fixture
def _no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "available_memory", lambda: 1000)


@pytest.mark.parametrize("validation", [[], ["--validation", "0.3"]])
@pytest.mark.parametrize("standardize", ["--standardize", "--no-standardize"])
def test_command_line_gives_the_same_model_with_and_without_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, validation: list[str], standardize: str
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    csv, parquet = (pytest.importorskip(f"pyarrow.{name}") for name in ("csv", "parquet"))
    rows = np.random.RandomState(0).randn(3000, 4).astype(np.float32)
    labels = np.where(rows[:, 0] * rows[:, 1] > 0, "yes", "no")
    table = pyarrow.table({**{f"x{j}": rows[:, j] for j in range(4)}, "y": labels})
    csv.write_csv(table, tmp_path / "d.csv")
    parquet.write_table(table, tmp_path / "d.parquet")
    np.save(tmp_path / "d.npy", rows)
    np.save(tmp_path / "y.npy", labels)

    def trained(name: str) -> bytes:
        where = ["--labels", str(tmp_path / "y.npy")] if name == "d.npy" else ["--target", "y"]
        out = tmp_path / "model"
        arguments = [
            "train", str(tmp_path / name), *where, *validation, standardize,
            "--iterations", "20", "--quiet", "--out", str(out), "--block-size", "500",
        ]  # fmt: skip
        assert here(*arguments, cwd=tmp_path).code == 0
        arrays = safetensors.numpy.load_file(out)
        return b"".join(arrays[key].tobytes() for key in ("W1", "b1", "W2", "b2"))

    names = ("d.csv", "d.parquet", "d.npy")
    in_memory = {trained(name) for name in names}
    monkeypatch.setattr(storage, "available_memory", lambda: 1000)
    assert isinstance(
        files.read_table(tmp_path / "d.csv", target="y", labels=None, dtype="float32").X,
        RowFile,
    )
    from_disk = {trained(name) for name in names}
    assert len(in_memory | from_disk) == 1


@pytest.mark.usefixtures("_no_memory")
def test_a_temporary_copy_leaves_nothing_behind(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "d.csv").write_text("a,y\n1,0\n2,1\n")
    table = files.read_table(tmp_path / "d.csv", target="y", labels=None, dtype="float32")
    assert [path.name for path in tmp_path.iterdir()] == ["d.csv"]
    np.testing.assert_array_equal(table.X[0:2], [[1], [2]])


@pytest.mark.skipif(sys.platform != "linux", reason="limits of the address space are Linux's")
def test_a_file_larger_than_the_address_space_is_trained_on(tmp_path: Path) -> None:
    limit = 2**30
    m = limit // (300 * 4) + 1000
    with (tmp_path / "X.npy").open("wb") as file:  # sparse: zeros that take no disk
        header = {"descr": "<f4", "fortran_order": False, "shape": (m, 300)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + m * 300 * 4)
    np.save(tmp_path / "y.npy", (np.arange(m) % 3 == 0).astype(np.uint8))
    arguments = ["train", "X.npy", "--labels", "y.npy", "--hidden", 1, "--iterations", 1]
    arguments += ["--no-standardize", "--threads", 2, "--json"]
    done = limited("RLIMIT_AS", limit, *arguments, cwd=tmp_path)
    assert done.code == 0, done.err
    assert f'"examples": {m}' in done.out


def test_available_memory_is_the_least_of_the_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "PROC", tmp_path)
    monkeypatch.setattr(host, "CGROUP", tmp_path)
    assert host.available_memory() is None
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable: 5000 kB\n")
    assert host.available_memory() == 5000 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("3000\n")
    (tmp_path / "memory.stat").write_text("anon 1\nactive_file 200\ninactive_file 300\n")
    assert host.available_memory() == 5000 * 1024
    (tmp_path / "memory.max").write_text("10000\n")
    assert host.available_memory() == 10000 - 3000 + 500


def test_writer_makes_what_numpy_loads(tmp_path: Path) -> None:
    with (tmp_path / "w.npy").open("wb") as file:
        writer = NpyWriter(file)
        with pytest.raises(RuntimeError, match="append before finish"):
            writer.finish()
        for lo in range(0, 10, 3):
            writer.append(np.arange(20.0).reshape(10, 2)[lo : lo + 3])
        writer.finish()
    np.testing.assert_array_equal(np.load(tmp_path / "w.npy"), np.arange(20.0).reshape(10, 2))
