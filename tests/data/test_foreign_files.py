"""Files as other programs write them: Parquet, arrays, streams."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.parquet.file import first_statistics
from gdnet.data.parts import parts_of
from gdnet.errors import DataError
from tests.support.command import command, environment, here
from tests.support.table_files import pa, read, write, write_parquet


def table_of(path: Path, header: str, *rows: str) -> Path:
    return write(path, "\n".join([header, *rows]) + "\n")


# Parquet that pyarrow does not open by itself, or stores otherwise


def test_integers_of_128_bits_of_polars(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"id": [1, 2, 3, 4], "x": [0.5, 1.5, 2.5, 3.5], "y": [0, 1, 0, 1]})
    frame = frame.with_columns(polars.col("id").cast(polars.Int128))
    frame.write_parquet(tmp_path / "d.parquet")
    why = "as which 128-bit integers are stored; save them as 64-bit integers"
    table = read(tmp_path / "d.parquet", target="y")
    assert table.X.tolist() == [[0.5], [1.5], [2.5], [3.5]]
    assert "is read without the schema of Arrow" in table.notes[0]
    assert table.ignored == {"id": f"type fixed_size_binary[16], {why}"}
    with pytest.raises(DataError, match=f"target column 'id', got type .*, {why}"):
        read(tmp_path / "d.parquet", target="id")


def test_truth_values_of_a_byte(tmp_path: Path) -> None:
    flags = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1, 1, 0], pa.int8()))
    path = write_parquet(tmp_path / "d.parquet", x=[0.5, 1, 2, 3], flag=flags, y=flags)
    table = read(path, target="y")
    assert table.X[:, 1].tolist() == [0, 1, 1, 0]
    assert table.target is not None
    assert table.target.tolist() == [False, True, True, False]


# Arrays


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3, [("a", "f4"), ("b", "f4")]), "fields a, b; save .*structured_to_unstructured"),
        (np.zeros((3, 8, 8)), r"got shape \(3, 8, 8\); save array.reshape\(len\(array\), -1\)"),
        (np.zeros((3, 2), "V2"), r"type \|V2, as which NumPy saves bfloat16; save .*'float32'"),
    ],
)
def test_arrays_of_other_shapes_get_their_cure(
    tmp_path: Path, array: np.ndarray[Any, Any], message: str
) -> None:
    np.save(tmp_path / "X.npy", array)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "X.npy", need_target=False)


def test_examples_as_columns_get_their_cure(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.ones((2, 60)))
    np.save(tmp_path / "Y.npy", np.ones((1, 60)))
    with pytest.raises(DataError, match=r"\(1, 60\); in files examples are rows: save X.T"):
        read(tmp_path / "X.npy", labels=tmp_path / "Y.npy")


def test_examples_as_columns_are_seen_by_their_number(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.ones((2, 60)))
    np.save(tmp_path / "y.npy", np.arange(60) % 2)
    with pytest.raises(DataError, match=r"got 60 labels of shape .*; .* save X.T"):
        read(tmp_path / "X.npy", labels=tmp_path / "y.npy")


def test_empty_label_of_an_array_is_missing(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.ones((3, 2)))
    np.save(tmp_path / "y.npy", np.array(["a", " ", "b"]))
    with pytest.raises(DataError, match=r"y\.npy: .* got an empty one in row 1 \(counted from 0\)"):
        read(tmp_path / "X.npy", labels=tmp_path / "y.npy")


def test_names_in_an_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x_train=np.ones((2, 2)), y_train=[0, 1])
    with pytest.raises(DataError, match=r"X=d\['x_train'\], y=d\['y_train'\]"):
        read(tmp_path / "d.npz")


# Streams


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_standard_input_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    table_of(tmp_path / "d.csv", "x,y", "1.5,0", "2.5,1")
    here("train", "d.csv", "--target", "y", "--out", "m", "--quiet", cwd=tmp_path)
    for words in (("predict", "m", name), ("train", name, "--target", "y")):
        done = subprocess.run(
            command(*words),
            input="x,y\n1,0\n",
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 2
        assert "data are read more than once" in done.stderr
        assert "write it to a file first" in done.stderr


def test_named_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    refused: list[str] = []

    def open_it() -> None:
        with pytest.raises(DataError) as caught:
            read(tmp_path / "pipe.csv", target="y")
        refused.append(str(caught.value))

    thread = threading.Thread(target=open_it, daemon=True)
    thread.start()
    thread.join(30)
    assert "got standard input, a pipe or a device" in refused[0]


class OtherwiseDescribed:
    """A Parquet file whose column is described as of another type than the schema has."""

    def __init__(self, file: Any, physical_type: str) -> None:
        self._file, self.asked = file, False
        self.physical_type, self.metadata, self.num_columns = physical_type, self, 1
        self.num_row_groups, self.schema = 1, file.metadata.schema
        self.path_in_schema, self.is_stats_set = "x", True

    def iter_batches(self, *what: Any, **how: Any) -> Any:
        return self._file.iter_batches(*what, **how)

    def row_group(self, k: int) -> OtherwiseDescribed:
        return self

    def column(self, k: int) -> OtherwiseDescribed:
        return self

    @property
    def statistics(self) -> str:
        self.asked = True
        return "statistics"


@pytest.mark.parametrize(
    ("physical_type", "expected"), [("DOUBLE", {"x": "statistics"}), ("INT64", {})]
)
def test_statistics_are_asked_for_where_the_description_is_sound(
    tmp_path: Path, physical_type: str, expected: dict[str, str]
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"x": [1.5, 2.5]}), tmp_path / "x.parquet")
    with parquet.ParquetFile(tmp_path / "x.parquet") as file:
        made_up = OtherwiseDescribed(file, physical_type)
        assert first_statistics(made_up) == expected
    assert made_up.asked == bool(expected)


def test_names_of_columns_that_are_not_utf_8_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_parquet(path, name=[1.5, 2.5], y=[0, 1])
    path.write_bytes(path.read_bytes().replace(b"name", b"\xe1\xe1\xe1\xe1"))
    with pytest.raises(DataError, match=r"x.parquet: expected a complete Parquet file, .*utf-8"):
        read(path)


def test_statistics_are_asked_for_once_and_not_in_every_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gdnet.data.parquet import file

    asked = []

    def counted(of: Any) -> dict[str, Any]:
        asked.append(of)
        return {}

    monkeypatch.setattr(file, "first_statistics", counted)
    write_parquet(tmp_path / "x.parquet", x=[1.5, 2.5, 3.5], z=[1, 2, 3], y=[0, 1, 0])
    opened = file.ParquetFile(parts_of(tmp_path / "x.parquet"))
    for _ in range(3):
        assert sum(batch.num_rows for batch in opened.batches(["x"], None)) == 3
    assert len(asked) == 1
