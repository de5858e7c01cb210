"""Where rows are kept is decided, and said, before they are read."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gdnet.data import storage
from gdnet.data.ahead import read_ahead
from gdnet.errors import DataError
from tests.support.command import here, write_csv, write_parquet
from tests.support.table_files import read

GIB = 2**30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pytest.importorskip("pyarrow")
    X = np.random.RandomState(0).randn(400, 3).astype(np.float32)
    write_parquet(tmp_path / "d.parquet", X, X[:, 0] > 0, [*"abc", "y"])
    write_csv(tmp_path / "d.csv", X, (X[:, 0] > 0).astype(int), [*"abc", "y"])
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "F.npy", np.asfortranarray(X))
    np.save(tmp_path / "y.npy", X[:, 0] > 0)
    return tmp_path


def trained(folder: Path, data: str) -> tuple[str, str]:
    """Where the rows of a training were, and what was said before."""
    where = ["--labels", "y.npy"] if data.endswith("npy") else ["--target", "y"]
    words = ["train", data, *where, "--iterations", 2, "--device", "cpu", "--json"]
    done = here(*words, cwd=folder)
    assert done.code == 0
    return done.json["storage"], done.err


@pytest.mark.parametrize("data", ["d.parquet", "d.csv", "X.npy", "F.npy"])
def test_few_rows_are_not_worth_a_word(folder: Path, data: str) -> None:
    assert trained(folder, data) == ("file" if data == "X.npy" else "memory", "")


def test_many_rows_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "WORTH_A_WORD", 1000)
    monkeypatch.setattr(storage, "available_memory", lambda: 3 * GIB)
    for data in ("d.parquet", "d.csv", "F.npy"):
        said = f"gdnet: {data}: 0.0 GiB of rows are read into memory (3.0 GiB free)\n"
        assert trained(folder, data) == ("memory", said)
    said = "gdnet: X.npy: 0.0 GiB of rows are read from the file as needed\n"
    assert trained(folder, "X.npy") == ("file", said)


def test_rows_that_do_not_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "available_memory", lambda: 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5 * GIB))
    for data, how in (("d.parquet", ""), ("d.csv", "at most ")):
        where, said = trained(folder, data)
        assert where == "temporary file"
        assert said == (
            f"gdnet: {data} does not fit into memory: {how}0.0 GiB of rows go to a temporary file "
            f"in {folder} (5.0 GiB free) and are read in every iteration\n"
        )
    where, said = trained(folder, "X.npy")
    assert (where, said.count("\n")) == ("file", 1)
    assert "X.npy does not fit into memory: 0.0 GiB are read in every iteration" in said


def test_the_folder_for_temporary_files_is_the_second_choice(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    second = tmp_path_factory.mktemp("second")
    free = {folder: 100, second: 10**6}
    monkeypatch.setattr(tempfile, "tempdir", str(second))
    monkeypatch.setattr(storage, "available_memory", lambda: 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda f: SimpleNamespace(free=free[Path(f)]))
    assert f"in {second} (" in trained(folder, "d.parquet")[1]
    free[second] = 100
    said = r"expected 0.0 GiB of free memory, or of disk in one of the folders .* set TMPDIR"
    with pytest.raises(DataError, match=said):
        read(folder / "d.parquet", target="y")
    read(folder / "d.csv", target="y")  # whose size is known when it has been read
    free |= dict.fromkeys(free, 0)
    with pytest.raises(DataError, match=said):
        read(folder / "d.csv", target="y")
    assert [path.name for path in second.iterdir()] == []


def test_a_folder_that_may_not_be_written_to(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = tempfile.TemporaryFile

    def refuse(*, dir: Path) -> Any:
        if Path(dir) == folder:
            raise PermissionError
        return real(dir=dir)

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(storage, "available_memory", lambda: 1000)
    with caplog.at_level(logging.INFO, "gdnet"):
        table = read(folder / "d.parquet", target="y")
    assert table.storage == "temporary file"
    assert f"in {tempfile.gettempdir()} (" in caplog.text


def test_reading_ahead_gives_all_parts_in_order_and_the_error_in_its_place() -> None:
    def parts() -> Any:
        yield from range(5)
        raise DataError("the sixth")

    found = read_ahead(parts())
    assert [next(found) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(DataError, match="the sixth"):
        next(found)
    assert list(read_ahead([])) == []
    stream = read_ahead(iter(range(10**9)))
    assert next(stream) == 0
    stream.close()  # type: ignore[attr-defined]
