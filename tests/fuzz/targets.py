"""What is fuzzed: every reader of a file that may come from anywhere.

A target takes any bytes, and raises nothing: the reader refuses them with its own error, or what it
returns is sound. Memory is limited, so that an allocation beyond a small factor of the file's size
fails, and counts as a crash.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gdnet import initialise
from gdnet.checkpoint.file import _checksum, load
from gdnet.data.arrays.npz_file import MAX_TIMES_LARGER
from gdnet.data.csv.text import CsvText, count_lines
from gdnet.data.encoding.encoding import Column, Encoding, Options
from gdnet.data.encoding.file import Plan
from gdnet.data.encoding.from_json import encoding_from_json
from gdnet.data.files import iterate_table, read_table
from gdnet.data.parts import parts_of
from gdnet.errors import CheckpointError, DataError, ModelFileError
from gdnet.model.file import load_model, save_model
from gdnet.model.model import Model
from gdnet.plots.curves import read_history
from tests.fuzz.packers import PACKERS


def model(data: bytes, folder: Path) -> None:
    """Read a model file."""
    path = written(folder / "m", data)
    try:
        found = load_model(path)
    except ModelFileError:
        return
    assert all(np.isfinite(array).all() for array in found.parameters)
    assert found.parameters.W1.shape == found.shape[1::-1]
    assert len(found.class_names) == len(found.classes or ())
    if found.encoding is not None:
        assert found.encoding.feature_names == found.feature_names
        assert len({*found.encoding.feature_names}) == found.shape[0]
        json.dumps(found.encoding.describe(), allow_nan=False)


def encoding(data: bytes, folder: Path) -> None:
    """Read a model file with these bytes where it says how columns are encoded."""
    content, at = model_with_encoding()
    path = written(
        folder / "m", content.replace(at, json.dumps(data.decode("latin1"))[1:-1].encode())
    )
    size = int.from_bytes(content[:8], "little") + path.stat().st_size - len(content)
    path.write_bytes(size.to_bytes(8, "little") + path.read_bytes()[8:])
    model(path.read_bytes(), folder)


def checkpoint(data: bytes, folder: Path) -> None:
    """Read a checkpoint; half of them get the right checksum, which no mutation would hit."""
    if data[:1] < b"\x80":
        data = with_checksum(data)
    path = written(folder / "c", data)
    try:
        state = load(path).state
    except CheckpointError:
        return
    assert state.seconds.shape == (state.iteration,)
    assert np.isfinite(state.costs).all()


def npy(data: bytes, folder: Path) -> None:
    """Read an array of rows."""
    check_table(written(folder / "x.npy", data), len(data))


def npz(data: bytes, folder: Path) -> None:
    """Read an archive of arrays; half of them are whole archives of damaged arrays."""
    if data[:1] < b"\x80":
        data = as_archive(data[1:])
    check_table(written(folder / "x.npz", data), len(data))


def csv(data: bytes, folder: Path) -> None:
    """Read a table; the first byte tells the extension, and whether there is a header."""
    first = data[0] if data else 0
    header = ("auto", "yes", "no")[first % 3]
    path = written(folder / ("x.tsv" if first & 64 else "x.csv"), data[1:])
    where: dict[str, Any] = {"labels": None, "dtype": "float32", "header": header}
    try:
        table = read_table(path, target=None, need_target=False, **where)
    except DataError:
        return
    assert table.feature_names is not None
    assert np.isfinite(table.X).all()
    assert len(table.X) <= count_lines(CsvText(parts_of(path)))
    planned = _encoded_table(path, where)
    features = table.feature_names
    if planned is not None:
        assert len(planned.X) == len(table.X)
    stream = iterate_table(path, features=features, dtype="float32", rows=3, header=header)
    np.testing.assert_array_equal(np.concatenate([rows for rows, _ in stream]), table.X)
    cut = data.find(b"\n", len(data) // 2) + 1
    if cut > 1 and header == "no" and table.notes == ():
        check_parts(path, data[1:cut], data[cut:], table.X, where)
    try:
        typed = read_table(path, target=features[-1], **where).target
        texts = read_table(path, target=features[-1], typed=False, **where).target
    except DataError:
        return
    assert typed is not None
    assert texts is not None
    assert len({*typed.tolist()}) == len({*texts.tolist()})


def _encoded_table(path: Path, where: dict[str, Any]) -> Any:
    """Read a table with its text and gaps encoded; a stream by that encoding has the same bits."""
    for missing in ("drop", "impute"):
        plan = Plan(Options(max_categories=2, missing=missing, na_values=("two",)))
        try:
            table = read_table(path, target=None, need_target=False, plan=plan, **where)
        except DataError:
            continue
        assert np.isfinite(table.X).all()
        if table.encoding is None or missing == "drop":
            continue
        again = encoding_from_json(json.loads(json.dumps(table.encoding.to_json())))
        assert again.feature_names == table.feature_names
        stream = iterate_table(
            path, encoding=again, dtype="float32", rows=3, header=where["header"]
        )
        np.testing.assert_array_equal(np.concatenate([rows for rows, _ in stream]), table.X)
        return table
    return None


def check_parts(path: Path, one: bytes, other: bytes, expected: Any, where: Any) -> None:
    """Read a table of which a line, and no cell, is cut: two files are as one, or are refused."""
    parts = [written(path.with_stem("y"), one), written(path.with_stem("z"), other)]
    try:
        X = read_table(parts, target=None, need_target=False, **where).X
    except DataError:
        return
    np.testing.assert_array_equal(X, expected)


def packed(data: bytes, folder: Path) -> None:
    """Read a packed table; half of them are whole archives of damaged tables."""
    first = data[0] if data else 0
    suffix, pack = PACKERS[first % len(PACKERS)]
    plain = written(folder / "x.csv", data[1:])
    path = written(folder / f"y.csv{suffix}", pack(data[1:]) if first < 128 else data[1:])
    where: dict[str, Any] = {"target": None, "labels": None, "dtype": "float32"}
    try:
        table = read_table(path, need_target=False, **where)
    except DataError:
        return
    assert np.isfinite(table.X).all()
    if first < 128:
        np.testing.assert_array_equal(table.X, read_table(plain, need_target=False, **where).X)


def pandas(data: bytes, folder: Path) -> None:
    """Read a Parquet file with these bytes where pandas says what its index is."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({"x": [0.5], "__index_level_0__": [1]})
    path = folder / "x.parquet"
    parquet.write_table(table.replace_schema_metadata({"pandas": data}), path)
    check_table(path, len(data))


def history(data: bytes, folder: Path) -> None:
    """Read the costs of a run."""
    path = written(folder / "h", data)
    try:
        curve = read_history(path)
    except DataError:
        return
    assert curve.costs.ndim == 1


def written(path: Path, data: bytes) -> Path:
    """Write a file and return its name."""
    path.write_bytes(data)
    return path


def check_table(path: Path, size: int) -> None:
    """Read a file of rows; what is found is finite, and no more than was in the file."""
    try:
        table = read_table(path, target=None, labels=None, dtype="float32", need_target=False)
    except DataError:
        return
    rows = table.X[: len(table.X)]
    assert rows.ndim == 2
    assert rows.size
    assert rows.size <= max(2**26, MAX_TIMES_LARGER * size)
    assert np.isfinite(rows).all()


def with_checksum(data: bytes) -> bytes:
    """Return a checkpoint with the checksum that its content has."""
    found = re.search(rb'checksum\\": \\"([0-9a-f]{64})', data)
    if found is None:
        return data
    at = found.start(1)
    return data[:at] + _checksum(data, at).encode() + data[at + 64 :]


def as_archive(data: bytes) -> bytes:
    """Return an archive whose two members share the bytes."""
    out = io.BytesIO()
    cut = int.from_bytes(data[:2], "little")
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("X.npy", data[2 : 2 + cut])
        archive.writestr("y.npy", data[2 + cut :])
    return out.getvalue()


@cache
def model_with_encoding() -> tuple[bytes, bytes]:
    """Return a model file, and the part of it that says how columns are encoded."""
    columns = [Column("n", 0.5, missing=True), Column("t", None, ("a", "b"), other=True)]
    encoding = Encoding(columns, Options())
    parameters = initialise(5, 3, 1, random_state=0, dtype="float32")
    found = Model(
        parameters, "tanh", "sigmoid", "binary", ("a", "b"), encoding.feature_names,
        encoding=encoding,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m")
        save_model(found, path)
        content = path.read_bytes()
    return content, json.dumps(json.dumps(encoding.to_json()))[1:-1].encode()
