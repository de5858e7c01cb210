"""The command line on ranks of MPI: who started them, who speaks, and what is refused."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gdnet.cli.ranks import (
    Launched,
    join,
    launched,
    only_the_first_speaks,
    own_threads,
    signals_held_back,
)
from gdnet.errors import DataError, RankFailed
from gdnet.ranks.communicator import DEADLINE_SECONDS, Ranks
from tests.standins.fake_mpi import Board, FakeComm, fake_mpi4py, on_ranks
from tests.support.command import here


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"PMI_SIZE": "4", "PMI_RANK": "2"}, ("mpiexec", 4, 2)),
        ({"PMI_SIZE": "1", "PMI_RANK": "0"}, None),
        (
            {"OMPI_COMM_WORLD_SIZE": "3", "OMPI_COMM_WORLD_RANK": "0"},
            ("mpiexec of Open MPI", 3, 0),
        ),
        ({"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "7"}, ("srun", 8, 7)),
        # In a batch script, where no srun has started this process.
        ({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, None),
    ],
)
def test_who_has_started_it(
    variables: dict[str, str], expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert launched() == (None if expected is None else Launched(*expected))


def test_processes_of_torchrun_are_no_ranks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "4")
    done = here("train", "planar", cwd=tmp_path)
    assert done.code == 2
    assert "torchrun has started 4 processes, each of which would train alone" in done.err
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert launched() is None


def test_only_the_first_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    for rank in (0, 1):
        with only_the_first_speaks(Launched("mpiexec", 2, rank)):
            print(rank, flush=True)  # noqa: T201
            print(f"error {rank}", file=sys.stderr)  # noqa: T201
    said = capsys.readouterr()
    assert (said.out, said.err) == ("0\n", "error 0\n")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("DataError", 2),
        ("Diverged", 3),
        ("DeviceUnavailable", 4),
        ("OSError", 1),
        (None, 1),
        ("Terminated", 143),
    ],
)
def test_all_ranks_end_with_the_exit_code_of_the_one_that_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str | None, code: int
) -> None:
    def fails(_: object) -> int:
        raise RankFailed("rank 1 on host has failed", kind)

    monkeypatch.setattr("gdnet.cli.main._run", fails)
    done = here("info", cwd=tmp_path)
    assert (done.code, done.err) == (code, "gdnet: rank 1 on host has failed\n")


def test_a_signal_waits_until_a_rank_can_tell_the_others() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    reached = []

    def start(process: Launched | None, *, joins: bool) -> None:
        with signals_held_back(process) as let_through:
            signal.raise_signal(signal.SIGINT)
            reached.append("MPI has started")
            if joins:
                let_through()
            reached.append("all have joined")

    try:
        for joins in (True, False):
            with pytest.raises(KeyboardInterrupt):
                start(Launched("mpiexec", 2, 1), joins=joins)
        with pytest.raises(KeyboardInterrupt):
            start(None, joins=True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert reached == ["MPI has started", "MPI has started", "all have joined"]


def test_another_command_is_as_if_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PMI_SIZE", "2")
    for rank in (0, 1):
        monkeypatch.setenv("PMI_RANK", str(rank))
        done = here("info", "--json", cwd=tmp_path)
        assert done.code == 0
        assert done.out.startswith('{"gdnet"')


def test_ranks_of_a_machine_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.setattr("gdnet.backends.host.usable_cpus", lambda: 8)

    def threads(comm: FakeComm) -> int | None:
        return own_threads(Ranks(comm))

    assert on_ranks(4, threads, machines=[0, 0, 0, 1]) == [2, 2, 2, None]
    assert on_ranks(9, threads) == [1] * 9
    # A launcher that has given each rank some of its own.
    monkeypatch.setattr("gdnet.backends.host.usable_cpus", lambda: 4)
    assert on_ranks(2, threads) == [None, None]


def test_without_mpi4py_there_are_no_ranks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    done = here("train", "planar", cwd=tmp_path)
    assert done.code == 2
    assert "mpiexec has started 2 processes, and they need mpi4py" in done.err
    assert "pip install 'gdnet-xp[mpi]'" in done.err


def test_lonely_processes_of_another_mpi_are_no_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", fake_mpi4py(FakeComm(0, Board(1))))
    with pytest.raises(DataError, match="of which mpi4py sees 1: it uses another MPI") as caught:
        join(Launched("mpiexec", 4, 0), 30)
    assert "(Open MPI v5.0.11)" in str(caught.value)


def test_mpi_is_ended_once_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    comm = FakeComm(0, Board(1))
    mpi = fake_mpi4py(comm).MPI
    monkeypatch.setitem(sys.modules, "mpi4py", SimpleNamespace(MPI=mpi))
    monkeypatch.setattr(signal, "pthread_sigmask", lambda how, signals: None)
    at_exit: list[Any] = []
    monkeypatch.setattr("atexit.register", lambda *call: at_exit.append(call))
    ended = []

    def fails() -> None:
        ended.append(True)
        raise RuntimeError("an error of MPI")

    mpi.Is_finalized, mpi.Finalize = lambda: bool(ended), fails
    for _ in range(2):  # two commands of one process
        join(Launched("mpiexec", 1, 0), 30)
    for end, *arguments in at_exit:
        end(*arguments)
    assert ended == [True]


def test_tables_that_ranks_cannot_share_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", fake_mpi4py(FakeComm(0, Board(1))))
    # One rank that takes itself for one of several: its exchanges are with itself.
    monkeypatch.setattr("gdnet.cli.main.launched", lambda: Launched("mpiexec", 1, 0))
    (tmp_path / "t.csv").write_text("a,y\n1,0\n2,1\n")
    done = here("train", "t.csv", "--target", "y", cwd=tmp_path)
    assert done.code == 2
    assert "t.csv: expected a .npy or .parquet" in done.err
    assert "make one: gdnet convert t.csv X.npy" in done.err
    np.save(tmp_path / "X.npy", np.arange(8.0).reshape(4, 2))
    np.save(tmp_path / "y.npy", np.array([0, 1, 0, 1]))
    done = here(
        *("train", "X.npy", "--labels", "y.npy", "--iterations", "3", "--json"),
        *("--history", "h", "--checkpoint", "c", "--validation", "0.5"),
        cwd=tmp_path,
    )
    assert done.code == 0, done.err
    assert '"ranks": 1' in done.out
    assert {"h", "c", "model.safetensors"} <= {path.name for path in tmp_path.iterdir()}
    done = here("train", "X.npy", "--labels", "y.npy", "--validation", "t.csv", cwd=tmp_path)
    assert "t.csv: expected a .npy or .parquet" in done.err
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    for town in ("Oslo", "Rome"):
        (tmp_path / "sales" / f"town={town}").mkdir(parents=True)
        rows = pa.table({"a": [1.0, 2.0], "y": [0, 1]})
        parquet.write_table(rows, tmp_path / "sales" / f"town={town}" / "part.parquet")
    train = ["train", "sales", "--target", "y", "--iterations", "1"]
    done = here(*train, cwd=tmp_path)
    assert done.code == 2
    assert "got text or codes in 'town'; train in one process" in done.err
    assert "leave columns of text out: --text ignore" in done.err
    assert here(*train, "--text", "ignore", cwd=tmp_path).code == 0


def test_the_deadline_is_that_of_the_library() -> None:
    from gdnet.cli.main import build_parser

    for words in (["train", "planar"], ["evaluate", "m", "planar"], ["predict", "m", "planar"]):
        options = build_parser().parse_args(words)
        assert options.mpi_timeout == DEADLINE_SECONDS
        assert options.ranks is None
