"""What every format of named columns does; one that is new in the registry is tested as well."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.data.columns import spool
from gdnet.data.files import iterate_table
from gdnet.data.formats import (
    ARRAYS,
    COMPRESSED,
    EXTENSIONS,
    NAMED_COLUMNS,
    TABLES,
    Format,
    reader_of,
    table_of,
)
from gdnet.data.parts import parts_of
from gdnet.errors import DataError
from gdnet.model.file import load_model
from gdnet.model.rows import count_rows
from tests.support.checkout import ROOT
from tests.support.command import train
from tests.support.table_files import pa, parquet, read

dataset = pytest.importorskip("pyarrow.dataset")

M = 1000
RANDOM = np.random.RandomState(0)
TABLE = pa.table(
    {
        "a": RANDOM.randn(M),
        "b": RANDOM.randint(-9, 9, M),
        "c": RANDOM.rand(M) < 0.5,
        "note": [f"n{k}" for k in range(M)],
        "kind": np.array(["x", "y", "z"])[np.arange(M) % 3],
        "label": np.arange(M) % 2,
    }
)
X = np.column_stack([TABLE[name].to_numpy() for name in "abc"]).astype(np.float64)
Y = np.arange(M) % 2

every_format = pytest.mark.parametrize("form", TABLES, ids=lambda form: form.name)


def write(path: Path, form: Format, table: Any = TABLE) -> Path:
    """Write a file by pyarrow, which calls the formats as messages do."""
    folder = path.with_name(f"{path.name} in pieces")
    how = {"max_rows_per_group": 64, "max_rows_per_file": M}
    dataset.write_dataset(table, folder, format=form.name.lower(), **how)
    (only,) = folder.iterdir()
    only.rename(path)
    folder.rmdir()
    return path


def of_format(folder: Path, form: Format, **how: Any) -> Path:
    return write(folder / f"d{form.extensions[0]}", form, **how)


@pytest.mark.parametrize("extension", NAMED_COLUMNS)
@pytest.mark.parametrize("in_memory", [True, False])
def test_the_rows_are_those_that_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str, in_memory: bool
) -> None:
    monkeypatch.setattr(spool, "fits_in_memory", lambda size: in_memory)
    form = table_of(extension)
    assert form is not None
    path = write(tmp_path / f"d{extension.upper()}", form)
    table = read(path, np.float64, target="label")
    assert np.array_equal(table.X[:M], X)
    assert np.asarray(table.target).tolist() == Y.tolist()
    assert (table.feature_names, table.target_name) == (("a", "b", "c"), "label")
    assert set(table.ignored) == {"note", "kind"}
    assert table.name == path.name


@every_format
def test_blocks_are_the_rows(tmp_path: Path, form: Format) -> None:
    path = of_format(tmp_path, form)
    blocks = [*iterate_table(path, target="label", dtype=np.float64, rows=99)]
    assert [len(rows) for rows, _ in blocks] == [99] * 10 + [10]
    assert np.array_equal(np.concatenate([rows for rows, _ in blocks]), X)
    assert [*map(int, np.concatenate([y for _, y in blocks if y is not None]))] == Y.tolist()
    (rows, _), *_ = iterate_table(path, features=["c", "a"], dtype=np.float32, rows=M)
    assert np.array_equal(rows, X[:, [2, 0]].astype(np.float32))


@every_format
def test_several_files_are_one_and_so_is_a_folder_where_it_may_be(
    tmp_path: Path, form: Format
) -> None:
    cuts = [TABLE.slice(0, 1), TABLE.slice(1, 699), TABLE.slice(700)]
    end = form.extensions[0]
    (tmp_path / "d").mkdir()
    files = [write(tmp_path / "d" / f"{k}{end}", form, cut) for k, cut in enumerate(cuts)]
    for data in (files, str(tmp_path / "d" / f"*{end}"), *[tmp_path / "d"] * form.in_folders):
        table = read(data, np.float64, target="label")  # type: ignore[arg-type]
        assert np.array_equal(table.X, X)
        assert np.asarray(table.target).tolist() == Y.tolist()
    for other in {*TABLES} - {form}:
        with pytest.raises(DataError, match="expected several files to be all"):
            parts_of([files[0], of_format(tmp_path, other)])


@every_format
def test_a_file_that_is_none_of_its_format(tmp_path: Path, form: Format) -> None:
    path = tmp_path / f"d{form.extensions[0]}"
    path.write_bytes(b"\x00\xff\xfe garbage \x93" * 30)
    with pytest.raises(DataError, match=rf"d\{path.suffix}: expected"):
        read(path, target="label")


@every_format
def test_rows_of_a_file_that_knows_them(tmp_path: Path, form: Format) -> None:
    path = of_format(tmp_path, form)
    reader = reader_of(form.extensions[0])
    assert reader is not None
    assert count_rows(path) == (M if reader.knows_rows else None)
    file: Any = reader(parts_of(path))
    assert file.most_rows >= M
    for lo, hi in ((0, M), (0, 1), (63, 65), (64, 128), (130, 700), (999, M), (5, 5)):
        if reader.knows_rows:
            found = [*file.batches(["a"], "label", rows=range(lo, hi))]
            assert [v for batch in found for v in batch.column(0).to_pylist()] == X[
                lo:hi, 0
            ].tolist()


@every_format
def test_a_model_is_bitwise_that_of_parquet(tmp_path: Path, form: Format) -> None:
    parquet.write_table(TABLE, tmp_path / "other.parquet")
    name = of_format(tmp_path, form).name
    how = ("--target", "label", "--ignore", "note", "--iterations", 5, "--quiet")
    models = []
    for data in (name, "other.parquet"):
        train(tmp_path, data, *how, out=f"{data}.model")
        models.append(load_model(tmp_path / f"{data}.model"))
    one, two = models
    assert all(map(np.array_equal, one.parameters, two.parameters))
    assert one.feature_names == two.feature_names
    assert one.shape[0] == 6  # with three kinds


def test_no_extension_is_of_two_formats() -> None:
    assert len({*EXTENSIONS}) == len(EXTENSIONS) == len(NAMED_COLUMNS) + len(ARRAYS)
    assert all(each == each.lower() and each.startswith(".") for each in EXTENSIONS)
    assert not {*EXTENSIONS} & {*COMPRESSED}


@pytest.mark.sources
def test_the_registry_alone_knows_extensions() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for folder in ("data", "model", "training", "estimator")
        for path in sorted((ROOT / "gdnet" / folder).rglob("*.py"))
        if path.name != "formats.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in EXTENSIONS
    ]
    assert wrong == []
