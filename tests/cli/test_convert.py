"""``gdnet convert``: what it writes is what training reads from the original."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from gdnet.data.columns import spool
from gdnet.data.files import read_table
from tests.support.command import gdnet, here, limited

CSV = "a,b,y\n1,2.5,no\n3,-4,yes\n5,6e-3,no\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pytest.importorskip("pyarrow")
    (tmp_path / "d.csv").write_text(CSV)
    return tmp_path


@pytest.mark.parametrize("rows_at_a_time", [1, 2, 65536])
def test_rows_and_labels_are_those_of_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, rows_at_a_time: int
) -> None:
    monkeypatch.setattr(spool, "ROWS_AT_A_TIME", rows_at_a_time)
    done = here("convert", "d.csv", "X.npy", "--target", "y", "--labels", "y.npy", cwd=folder)
    assert done.code == 0
    assert done.out == "X.npy: 3 rows, 2 features\ny.npy: 3 labels of y\n"
    table = read_table(folder / "d.csv", target="y", labels=None, dtype="float32")
    rows = np.load(folder / "X.npy")
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, table.X)
    assert table.target is not None
    assert np.load(folder / "y.npy").tolist() == table.target.tolist()


def test_what_is_no_number_is_left_out_and_named(folder: Path) -> None:
    done = here("convert", "d.csv", "X.npy", "--quiet", cwd=folder)
    assert done.out == "X.npy: 3 rows, 2 features\nignored: y (text such as 'no')\n"


def test_ignored_columns_are_left_out(folder: Path) -> None:
    (folder / "d.csv").write_text('id,a,"zip, code",y\n7,1,99,no\n8,3,98,yes\n')
    labels = ["--target", "y", "--labels", "y.npy"]
    done = here("convert", "d.csv", "X.npy", *labels, "--ignore", 'id,"zip, code"', cwd=folder)
    assert (done.code, done.err) == (0, "")
    assert "ignored: id (as asked), zip, code (as asked)\n" in done.out
    assert np.load(folder / "X.npy").tolist() == [[1], [3]]


def test_without_a_target_every_number_is_a_feature(folder: Path) -> None:
    done = gdnet("convert", "d.csv", "X.npy", "--dtype", "float64", cwd=folder)
    assert done.code == 0
    np.testing.assert_array_equal(np.load(folder / "X.npy"), [[1, 2.5], [3, -4], [5, 6e-3]])
    assert sorted(path.name for path in folder.iterdir()) == ["X.npy", "d.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["d.csv", "X.npy", "--target", "y"], "--target COL and --labels FILE.npy together"),
        (["d.csv", "X.npy", "--labels", "y.npy"], "--target COL and --labels FILE.npy together"),
        (["d.csv", "X.npz"], "expected the name of a .npy file"),
        (["d.csv", "X.npy", "--target", "y", "--labels", "X.npy"], "got one of them twice"),
        (["d.csv", "no/X.npy"], "does not exist"),
        (["no.csv", "X.npy"], "no.csv: expected a file, got none"),
        (["d.csv", "X.npy", "--target", "z", "--labels", "y.npy"], "expected a target column 'z'"),
        (["bad.csv", "X.npy"], "bad.csv"),
        (["d.csv", "X.npy", "--ignore", "c"], "expected a column to ignore 'c', got columns 'a'"),
        (["X.npy", "Z.npy"], "expected a file"),
    ],
)
def test_a_mistake_is_reported_and_leaves_every_file_as_it_was(
    folder: Path, arguments: list[str], message: str
) -> None:
    (folder / "bad.csv").write_text("a,b\n1,2\n3,\n")
    (folder / "y.npy").write_text("old")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = here("convert", *arguments, cwd=folder)
    assert done.code == 2
    assert message in done.err
    assert done.err.startswith("gdnet: ")
    assert done.err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.skipif(sys.platform != "linux", reason="limits of file sizes are Linux's")
def test_a_full_disk_is_not_the_fault_of_the_source(folder: Path) -> None:
    rows = "\n".join("1.5,2.5,no" for _ in range(20_000))
    (folder / "large.csv").write_text(f"a,b,y\n{rows}\n")
    done = limited("RLIMIT_FSIZE", 50_000, "convert", "large.csv", "X.npy", cwd=folder)
    assert (done.code, done.err) == (1, "gdnet: X.npy: File too large\n")
    assert sorted(path.name for path in folder.iterdir()) == ["d.csv", "large.csv"]
