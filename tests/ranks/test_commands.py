"""Ranks that evaluate and predict the rows of a file: what one process says and writes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.cli.main import build_parser
from gdnet.errors import DataError, RankFailed
from gdnet.model import rows as stream
from gdnet.model.file import save_model
from gdnet.ranks.communicator import Ranks
from tests.standins.fake_mpi import FakeComm, on_ranks
from tests.support.command import here
from tests.support.shared_tables import BAD, LABELS, M, trained, write
from tests.support.table_files import pa

pytestmark = pytest.mark.usefixtures("small_parts")


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
        for size in (1, 2, 4):
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
            for size in (1, 2, 4):
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
