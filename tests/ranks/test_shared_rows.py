"""Ranks that share the rows of a file: trained on, evaluated and predicted, to the bits of one."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.checkpoint import Checkpoint
from gdnet.cli.main import build_parser
from gdnet.data.arrays import npy_file as arrays
from gdnet.data.arrays.collected_rows import RowsInMemory
from gdnet.data.arrays.row_file import RowFile
from gdnet.data.columns import shared_rows
from gdnet.data.columns.files import open_columns
from gdnet.data.columns.selection import select
from gdnet.data.columns.shared_rows import SharedRows
from gdnet.data.encoding.encoding import Options
from gdnet.data.encoding.file import Plan
from gdnet.data.files import read_table
from gdnet.data.parquet.file import ParquetFile
from gdnet.data.parts import parts_of
from gdnet.errors import DataError, RankFailed
from gdnet.model import rows as stream
from gdnet.model.file import save_model
from gdnet.ranks.communicator import Ranks
from gdnet.training.options import Settings
from gdnet.training.table import Training
from tests.standins.fake_mpi import FakeComm, on_ranks
from tests.support.command import here

pa = pytest.importorskip("pyarrow")
M, NAMES = 1050, ["a", "b", "c", "d"]
LABELS: dict[str, Callable[[Any], Any]] = {
    "text": lambda X: np.where(X[:, 0] * X[:, 1] > 0, "late", "on time"),
    "three": lambda X: np.digitize(X[:, 0], [-0.5, 0.5]),
    "number": lambda X: X[:, 0] * X[:, 1] + 100,
}


def write(folder: Path, kind: str = "text", *, group: int = 100, bad: Any = ()) -> Any:
    """Write the same rows as t.parquet and X.npy with y.npy; return what is in them."""
    from pyarrow import parquet

    random = np.random.RandomState(0)
    X = random.randn(M, len(NAMES)).astype(np.float32)
    y = LABELS[kind](X)
    for row, column, value in bad:
        X[row, column] = value
    columns = [*X.T, y]
    table = pa.table(dict(zip([*NAMES, "y"], map(pa.array, columns), strict=True)))
    parquet.write_table(table, folder / "t.parquet", row_group_size=group)
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", y)
    return X, y


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_rows, "CHECKED_AT_A_TIME", 4 * 30)
    monkeypatch.setattr(arrays, "CHECKED_AT_A_TIME", 4 * 30)
    monkeypatch.setattr("gdnet.data.moments.CHECKED_AT_A_TIME", 4 * 30)
    monkeypatch.setattr("gdnet.descent.fingerprint.NUMBERS_A_SAMPLE", 4 * 40)


def trained(
    comm: FakeComm | None,
    path: Path,
    *,
    checkpoint: Path | None = None,
    threads: int = 2,
    **settings: Any,
) -> Any:
    ranks = None if comm is None else Ranks(comm)
    by_name = path.suffix == ".parquet"
    regression = settings.get("task") == "regression"
    table = read_table(
        path,
        target="y" if by_name else None,
        labels=None if by_name else path.with_name("y.npy"),
        dtype="float32",
        continuous=regression,
        ranks=ranks,
    )
    given: dict[str, Any] = {"hidden": 5, "iterations": 8, "seed": 0, "block_size": 64} | settings
    training = Training(table, Settings(**given), get_backend("cpu", threads=threads), ranks=ranks)
    saved = None
    if checkpoint is not None:
        saved = Checkpoint(checkpoint, resume=True, comm=ranks)
    try:
        return training.run(checkpoint=saved), training
    finally:
        if saved is not None:
            saved.close()


def assert_same(found: Any, expected: Any) -> None:
    assert not isinstance(found, BaseException), found
    for one, other in zip(found[0].model.parameters, expected[0].model.parameters, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(found[0].run.costs, expected[0].run.costs)
    for one, other in zip(found[0].train, expected[0].train, strict=True):
        np.testing.assert_array_equal(one, other)
    if expected[0].validation is not None:
        for one, other in zip(found[0].validation, expected[0].validation, strict=True):
            np.testing.assert_array_equal(one, other)


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


BAD = [(5, 1, np.nan), (700, 1, np.inf), (701, 3, np.nan)]


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


# What is evaluated, and predicted


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stream, "MAX_NUMBERS", 4 * 30)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(comm: FakeComm | None, *words: object) -> int:
    options: argparse.Namespace = build_parser().parse_args(list(map(str, words)))
    options.ranks = None if comm is None else Ranks(comm)
    return int(options.run(options))


def everywhere(size: int, *words: object) -> list[Any]:
    return on_ranks(size, lambda comm: command(comm, *words))


OF_CPU = ("--device", "cpu", "--threads", 1)


@pytest.mark.parametrize(
    "kind",
    [each if each == "number" else pytest.param(each, marks=pytest.mark.slow) for each in LABELS],
)
def test_evaluating_and_predicting_have_the_bits_of_one_process(
    models: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(models, kind)
    settings: dict[str, Any] = {}
    if kind == "number":
        settings = {"task": "regression", "learning_rate": 0.1}
    save_model(trained(None, models / "t.parquet", **settings)[0].model, models / "m")
    for data in (["t.parquet"], ["X.npy", "--labels", "y.npy"], ["t.parquet", "--labels", "y.npy"]):
        words = ["evaluate", "m", *data, "--json", *OF_CPU]
        assert command(None, *words) == 0
        alone = capsys.readouterr().out
        assert '"examples": 1050' in alone
        for size in (1, 2, 3, 4):
            assert everywhere(size, *words) == [0] * size
            # By the process alone the others are silent. Threads may end their lines later.
            said = capsys.readouterr().out.replace("\n", "")
            assert said == alone.rstrip("\n") * size
    ways = [["--out", "p.csv"], ["--out", "p.npy"]]
    if kind != "number":
        ways += [["--out", "q.csv", "--proba"], ["--out", "q.npy", "--logits"]]
    for file in ("t.parquet", "X.npy"):
        for way in ways:
            predict = ["predict", "m", file, *way, *OF_CPU]
            assert command(None, *predict) == 0
            alone_bytes = Path(way[1]).read_bytes()
            for size in (1, 2, 3, 4):
                Path(way[1]).unlink()
                assert everywhere(size, *predict) == [0] * size
                assert Path(way[1]).read_bytes() == alone_bytes
    names = {path.name for path in models.iterdir()}
    assert not [name for name in names if name.startswith(".")]


def test_a_model_that_encodes_text_is_used_by_ranks(
    models: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    from pyarrow import parquet

    write(models)
    table = parquet.read_table("t.parquet")
    town = np.array(["Rome", "Oslo", "Bonn"] * (M // 3), object)
    parquet.write_table(table.append_column("town", pa.array(town)), "seen.parquet")
    train = ["train", "seen.parquet", "--target", "y", "--iterations", 3, "--out", "m", "--quiet"]
    assert command(None, *train, *OF_CPU) == 0
    town[[5, 700]], town[1000] = "Kyiv", None
    parquet.write_table(table.append_column("town", pa.array(town)), "new.parquet", 100)
    capsys.readouterr()
    evaluate = ["evaluate", "m", "new.parquet", "--json", *OF_CPU]
    predict = ["predict", "m", "new.parquet", "--keep", "town", "--out", "p.csv", *OF_CPU]

    def used(size: int) -> tuple[str, str, set[str]]:
        caplog.clear()
        for words in (evaluate, predict):
            codes = everywhere(size, *words) if size else [command(None, *words)]
            assert set(codes) == {0}
        said = {record.getMessage() for record in caplog.records}
        # Threads may end their lines later than they write them.
        return capsys.readouterr().out.replace("\n", ""), Path("p.csv").read_text(), said

    out, rows, said = used(0)
    assert rows.splitlines()[0] == "town,prediction"
    assert any("town (2)" in sentence for sentence in said)
    for size in (1, 2, 3):
        # By the process alone the others are silent.
        assert used(size) == (out * size, rows, said)


@pytest.mark.parametrize("data", ["t.parquet", "X.npy"])
def test_bad_rows_end_all_ranks_alike_and_leave_the_old_predictions(
    models: Path, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(models)
    save_model(trained(None, models / "t.parquet")[0].model, models / "m")
    write(models, bad=BAD[1:])
    Path("p.csv").write_text("old")
    labels = ["--labels", "y.npy"]
    for words in (["predict", "m", data, "--out", "p.csv"], ["evaluate", "m", data, *labels]):
        with pytest.raises(DataError) as alone:
            command(None, *words, *OF_CPU)
        for error in everywhere(3, *words, *OF_CPU):
            assert type(error) is DataError
            assert str(error) == str(alone.value)
    assert Path("p.csv").read_text() == "old"
    assert not list(models.glob(".*"))
    capsys.readouterr()


def test_a_full_disk_of_the_first_rank_ends_all(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(models)
    save_model(trained(None, models / "t.parquet")[0].model, models / "m")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gdnet.cli.row_order.pickle.dump", full)

    def work(comm: FakeComm) -> Any:
        ranks = Ranks(comm)
        from gdnet.ranks.communicator import together

        words = ["predict", "m", "X.npy", "--out", "p.csv", *OF_CPU]
        options = build_parser().parse_args(list(map(str, words)))
        options.ranks = ranks
        with together(ranks):
            return options.run(options)

    first, second = on_ranks(2, work)
    assert isinstance(first, OSError)
    assert first.filename == str(models)
    assert isinstance(second, RankFailed)
    assert "No space left on device" in str(second)
    assert not Path("p.csv").exists()


def test_other_files_are_refused_with_a_remedy(models: Path) -> None:
    write(models)
    save_model(trained(None, models / "t.parquet")[0].model, models / "m")
    Path("t.csv").write_text("a,b,c,d,y\n1,2,3,4,late\n")
    np.savez("t.npz", X=np.zeros((2, 4)), y=np.zeros(2))
    for words in (["predict", "m"], ["evaluate", "m"]):
        for data, remedy in (("t.csv", "gdnet convert t.csv X.npy"), ("t.npz", "numpy.save")):
            (error,) = everywhere(1, *words, data, *OF_CPU)
            assert f"{data}: expected a .npy or .parquet" in str(error)
            assert remedy in str(error)
    assert here("predict", "m", "t.csv", "--device", "cpu", cwd=models).code == 0
