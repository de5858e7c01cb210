"""Any bytes in any file, and any words on the command line: refused in a sentence, or right."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gdnet.checkpoint.file import load
from gdnet.data.encoding.encoding import Options
from gdnet.data.encoding.file import Plan
from gdnet.data.files import iterate_table, read_table
from gdnet.errors import CheckpointError, DataError, ModelFileError
from gdnet.model.file import load_model
from gdnet.plots.curves import read_history
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import model_with_encoding
from tests.support.command import here, snapshot

# The same examples every time: what a search finds belongs into the tests, the search into CI.
few = settings(
    max_examples=60, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip


@pytest.fixture(scope="module")
def valid() -> dict[str, bytes]:
    """A file of each kind, as it should be."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = np.random.RandomState(0).randn(20, 3)
    out = io.BytesIO()
    columns = {"a": rows[:, 0], "t": ["u", "v", None, "w"] * 5, "y": rows[:, 1] > 0}
    parquet.write_table(pa.table(columns), out)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        model, checkpoint = seeds("model")[0], seeds("checkpoint")[1]
    lines = "".join(f"{a},{b},{int(a > 0)},{'uv'[int(b > 0)]}\n" for a, b, _ in rows)
    return {
        "x.npy": seeds("npy")[0],
        "x.npz": seeds("npz")[1],
        "x.csv": f"a,b,y,t\n{lines}".encode(),
        "x.parquet": out.getvalue(),
        "m": model,
        "e": model_with_encoding()[0],
        "c": checkpoint,
        "h": seeds("history")[0],
    }


def read(path: Path) -> None:
    """Read a file of any kind; raise nothing but the error of its kind."""
    if path.name in ("m", "e"):
        with contextlib.suppress(ModelFileError):
            load_model(path)
    elif path.name == "c":
        with contextlib.suppress(CheckpointError):
            load(path)
    elif path.name == "h":
        with contextlib.suppress(DataError):
            read_history(path)
    else:
        target = "y" if path.suffix in (".csv", ".parquet") else None
        with contextlib.suppress(DataError):
            table = read_table(path, target=target, labels=None, dtype="float64", need_target=False)
            assert np.isfinite(table.X[:]).all()
        with contextlib.suppress(DataError):
            for X, _ in iterate_table(path, target=target, dtype="float32", rows=7):
                assert np.isfinite(X).all()
        for missing in ("impute", "drop"):
            plan = Plan(Options(missing=missing))
            with contextlib.suppress(DataError):
                where: dict[str, Any] = {"labels": None, "dtype": "float64", "need_target": False}
                assert np.isfinite(read_table(path, target=target, plan=plan, **where).X[:]).all()


KINDS = ["x.npy", "x.npz", "x.csv", "x.parquet", "m", "e", "c", "h"]


@pytest.mark.parametrize("name", KINDS)
@few
@given(content=st.binary(max_size=300))
def test_any_bytes(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    read(tmp_path / name)


@pytest.mark.parametrize("name", KINDS)
@few
@given(data=st.data())
def test_damaged_files(
    tmp_path: Path, valid: dict[str, bytes], name: str, data: st.DataObject
) -> None:
    content = bytearray(valid[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        how = data.draw(st.sampled_from(["flip", "cut", "insert", "repeat"]))
        if how == "flip":
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        elif how == "cut" and at:
            del content[at : at + data.draw(st.integers(1, 40))]
        elif how == "insert":
            content[at:at] = data.draw(st.binary(min_size=1, max_size=12))
        else:
            content[at:at] = content[at : at + 30]
    (tmp_path / name).write_bytes(bytes(content))
    read(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@few
@given(
    descr=st.one_of(
        st.sampled_from(["<f4", "<f8", ">i2", "|O", "<U7", "|V8", "<c16", "<f16", "<M8[s]", "|b1"]),
        st.text(max_size=6),
        st.lists(st.tuples(st.text(max_size=3), st.sampled_from(["<f4", "|O"])), max_size=2),
    ),
    order=st.sampled_from([True, False, 0, None, "C"]),
    shape=st.one_of(
        st.tuples(), st.tuples(st.integers()), st.tuples(st.integers(), st.integers()),
        st.tuples(st.floats(), st.none()), st.integers(), st.text(max_size=3),
    ),
    content=st.binary(max_size=64),
)  # fmt: skip
def test_any_npy_header(tmp_path: Path, descr: Any, order: Any, shape: Any, content: bytes) -> None:
    header = repr({"descr": descr, "fortran_order": order, "shape": shape}).encode(
        "latin1", "replace"
    )
    length = len(header).to_bytes(2, "little")
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00" + length + header + content)
    read(tmp_path / "x.npy")


CELLS = st.one_of(
    st.text(max_size=8), st.floats().map(str), st.integers().map(str),
    st.sampled_from(["", "nan", "inf", "1e999", "0x10", "1_000", "true", '"', "a\x00b", "\ufeff"]),
)  # fmt: skip


@few
@given(table=st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=6))
def test_any_csv_cells(tmp_path: Path, table: list[list[str]]) -> None:
    lines = "\n".join(",".join(row) for row in [["a", "b", "y"], *table])
    (tmp_path / "x.csv").write_bytes(lines.encode("utf-8", "surrogatepass"))
    read(tmp_path / "x.csv")


# The command line

OPTIONS = [
    "--hidden", "--activation", "--learning-rate", "--iterations", "--tol", "--patience", "--l2",
    "--init-scale", "--seed", "--dtype", "--device", "--threads", "--block-size", "--validation",
    "--validation-labels", "--class-weight", "--standardize", "--no-standardize", "--target",
    "--labels", "--history", "--checkpoint", "--checkpoint-every", "--checkpoint-seconds",
    "--resume", "--json", "--quiet", "--nonsense", "-h",
]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from([
        "0", "1", "2", "-1", "0.5", "1e9", "1e-9", "nan", "inf", "-inf", "", " ", "auto", "tanh",
        "relu", "softmax", "float64", "cpu", "cuda:99", "balanced", "d.npz", "X.npy", "y.npy", "c",
        "h", "no/such", "/dev/null", ".", "--", "-5", "99999999999999999999", "é", "\udcff",
    ]),
    st.text(st.characters(exclude_characters="\x00/"), max_size=5),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("commands")
    X = np.random.RandomState(0).randn(30, 3)
    np.savez(folder / "d.npz", X=X, y=(X[:, 0] > 0).astype(int))
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", (X[:, 0] > 0).astype(int))
    before = snapshot(folder.parent)
    yield folder
    # Nothing is written but in the folder, and the data stay as they are.
    after = snapshot(folder.parent)
    for name, content in before.items():
        assert after[name] == content
    assert all(name.startswith(folder.name) for name in after.keys() - before.keys())


@few
@given(
    data=st.sampled_from(["d.npz", "X.npy", "planar", "none", ""]),
    words=st.lists(st.tuples(st.sampled_from(OPTIONS), st.none() | VALUES), max_size=5),
)
def test_any_words_on_the_command_line(
    folder: Path, data: str, words: list[tuple[str, str | None]]
) -> None:
    # Later values count; what takes long or much memory is not what is looked for.
    flat = [word for pair in words for word in pair if word is not None]
    bound = ["--iterations", "3"] if "--iterations" not in flat else []
    done = here("train", data, "--out", "m", *bound, *few_of(flat), cwd=folder)
    assert done.code in (0, 1, 2, 3, 4)
    assert "Traceback" not in done.err


def few_of(words: list[str]) -> list[str]:
    """Return the words with fewer hidden units and iterations where there are many."""
    return ["7" if word == "1e9" or (word.isdigit() and len(word) > 3) else word for word in words]
