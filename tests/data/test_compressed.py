"""CSV that is compressed: the same bits as the plain file, no memory for what is not a table."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gdnet.data.csv.text import MAX_LINE
from gdnet.data.files import iterate_table
from gdnet.errors import DataError
from tests.support.command import here, limited, train, write_parquet
from tests.support.table_files import N0, NAMES, M, pa, read, write, write_csv


def zstd(data: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as file:
        file.write(data)
    return bytes(out.getvalue())


PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd,
}


@pytest.mark.parametrize("suffix", PACK)
def test_same_rows_as_the_plain_file(tmp_path: Path, suffix: str) -> None:
    X = np.random.RandomState(0).randn(M, N0)
    plain = write_csv(tmp_path / "d.csv", X, np.arange(M) % 2)
    content = plain.read_bytes()
    packed = write(tmp_path / f"d.csv{suffix}", PACK[suffix](content))
    expected, found = (read(path, np.float64, target="y") for path in (plain, packed))
    assert np.array_equal(found.X, expected.X)
    assert found.target.tolist() == expected.target.tolist()
    stream = iterate_table(packed, features=NAMES[:2], dtype="float64", rows=100)
    assert np.array_equal(np.concatenate([rows for rows, _ in stream]), X[:, :2])
    # As cat and pigz leave them: one part after the other.
    half = content.index(b"\n", len(content) // 2) + 1
    write(packed, PACK[suffix](content[:half]) + PACK[suffix](content[half:]))
    assert np.array_equal(read(packed, np.float64, target="y").X, X)


@pytest.mark.parametrize("suffix", PACK)
def test_damaged_file(tmp_path: Path, suffix: str) -> None:
    random = np.random.RandomState(0).randint(0, 10, 30_000)
    text = b"a,b\n" + b"\n".join(b"%d,%d" % (k, k % 3) for k in random) + b"\n"
    whole = PACK[suffix](text)
    for content in (whole[: len(whole) // 2], whole[: len(whole) // 2] + bytes(200), b"a,b\n1,2\n"):
        path = write(tmp_path / f"d.csv{suffix}", content)
        with pytest.raises(DataError, match=rf"d\.csv{suffix}: expected a complete .*file"):
            read(path, need_target=False)


def test_memory_that_a_file_asks_for(tmp_path: Path) -> None:
    many = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**29}]
    path = write(tmp_path / "d.csv.xz", lzma.compress(b"a\n1\n", filters=many))
    with pytest.raises(DataError, match="Memory usage limit exceeded"):
        read(path, need_target=False)
    # Zeros between streams.
    write(path, lzma.compress(b"a\n1\n") + bytes(8) + lzma.compress(b"2\n") + bytes(4))
    assert read(path, need_target=False).X.tolist() == [[1], [2]]


@pytest.mark.parametrize("name", ["d.dat.gz", "d.DATA.GZ", "d.tsv.gz", "d.txt.gz"])
def test_names(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, gzip.compress(b"a\ty\n1\t2\n"))
    assert read(path, target="y").feature_names == ("a",)


@pytest.mark.parametrize("name", ["d.gz", "d.npy.gz", "d.parquet.zst", "d.csv.zip", "d.csv.gz.gz"])
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"expected a file named .csv or .*; decompress it first"):
        read(write(tmp_path / name, "x"), need_target=False)


def test_lines_are_those_of_the_plain_file(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv.gz", gzip.compress(b"a,b\n1,2\n\n3,x\n4,5\n"))
    with pytest.raises(DataError, match=r"got 'x' in line 4, column 'b'"):
        read(path, need_target=False)


@pytest.mark.parametrize(
    "content",
    [b",", *(pytest.param(each, marks=pytest.mark.slow) for each in (b"a", b"1,2,", b'"', b" "))],
)
def test_what_unpacks_to_much_takes_no_memory(tmp_path: Path, content: bytes) -> None:
    """Half a GiB of one thing, which is half a megabyte of file, under 700 MB of address space."""
    write_parquet(tmp_path / "t.parquet", np.arange(20.0).reshape(10, 2), [0, 1] * 5, "abc")
    train(tmp_path, "t.parquet", "--target", "c", "--iterations", 1, "--quiet")
    with gzip.open(tmp_path / "d.csv.gz", "wb", compresslevel=1) as file:
        file.write(b"a,b\n1,2\n")
        piece = content * (2**20 // len(content))
        for _ in range(2**29 // len(piece)):
            file.write(piece)
    options = ("predict", "m", "d.csv.gz", "--device", "cpu", "--out", "p.csv", "--quiet")
    done = limited("RLIMIT_AS", 7 * 10**8, *options, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "memory" not in done.err
    assert MAX_LINE < 2**29


def test_compressed_from_the_command_line(tmp_path: Path) -> None:
    rows = "".join(f"{k}.5 {k % 2}\n" for k in range(60))
    write(tmp_path / "d.data.zst", zstd(b"x y\n" + rows.encode()))
    summary = train(tmp_path, "d.data.zst", "--target", "y", "--iterations", 9, "--quiet")
    assert summary["examples"] == 60
    assert summary["notes"][:1] == ["the cells of d.data.zst are taken to stand between blanks"]
    assert here("predict", "m", "d.data.zst", cwd=tmp_path).out.count("\n") == 61
    done = here("convert", "d.data.zst", "X.npy", "--quiet", cwd=tmp_path)
    assert (done.code, done.out) == (0, "X.npy: 60 rows, 2 features\n")
