"""Which card each rank takes, and the same kind of device on all of them."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from gdnet.backends import get_backend
from gdnet.backends.cuda.backend import CudaBackend
from gdnet.errors import DeviceUnavailable
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from gdnet.ranks.communicator import Ranks
from gdnet.ranks.devices import choose_on_ranks
from tests.standins.fake_cupy import make_fake_cupy
from tests.standins.fake_mpi import FakeComm, on_ranks
from tests.support.command import environment
from tests.support.rank_problems import SHAPE, source

HOST = socket.gethostname()
of_thread = threading.local()


def choose(comm: FakeComm, device: str = "cuda", **how: Any) -> tuple[str, str]:
    of_thread.rank = comm.Get_rank()
    choice = choose_on_ranks(Ranks(comm), device, threads=1, **how)
    return choice.backend.name, choice.brief_why


def see(
    monkeypatch: pytest.MonkeyPatch, counts: Sequence[int], cards: Sequence[str] | None = None
) -> None:
    """Let each rank see so many cards, and take the one of its name in `cards`."""
    monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy(devices=max(*counts, 1)))

    def count() -> int:
        if not counts[of_thread.rank]:
            raise DeviceUnavailable("no-device", "no device is there: see nvidia-smi")
        return int(counts[of_thread.rank])

    monkeypatch.setattr("gdnet.backends.cuda.backend.device_count", count)
    if cards is not None:
        monkeypatch.setattr(CudaBackend, "identifier", lambda _: cards[of_thread.rank])


def test_each_rank_of_a_machine_takes_the_card_of_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    see(monkeypatch, [2, 2, 2])
    expected = [("cuda:0", "asked for"), ("cuda:1", "asked for"), ("cuda:0", "asked for")]
    # The hosts have the same name here, and the cards of the last one another place on the bus.
    names = iter(["a", "b", "c"])
    monkeypatch.setattr(CudaBackend, "identifier", lambda self: f"{self.name} {next(names)}")
    assert on_ranks(3, choose, machines=[0, 0, 1]) == expected
    names = iter(["a", "b", "c"])
    found = on_ranks(3, partial(choose, device="auto"), machines=[0, 0, 1])
    assert found == [(name, "CUDA is available") for name, _ in expected]


def test_a_rank_that_sees_one_card_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # As CUDA_VISIBLE_DEVICES shows them: to each its own.
    see(monkeypatch, [1, 1], ["card 0", "card 1"])
    assert on_ranks(2, choose) == [("cuda:0", "asked for")] * 2


@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_ranks_that_would_share_a_card_are_an_error_of_all(
    monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    see(monkeypatch, [1, 1], ["the card", "the card"])
    for error in on_ranks(2, partial(choose, device=device)):
        assert isinstance(error, DeviceUnavailable)
        assert f"the 2 ranks on {HOST} have 1 CUDA device: start one rank" in str(error)
        assert "mpiexec -n 1" in str(error)
    see(monkeypatch, [2, 2, 2], ["a", "b", "c"])
    for error in on_ranks(3, choose):
        assert isinstance(error, DeviceUnavailable)
        assert f"the 3 ranks on {HOST} have 2 CUDA devices: start one rank" in str(error)
        assert error.reason == "bad-index"


def test_auto_takes_the_same_kind_on_all(monkeypatch: pytest.MonkeyPatch) -> None:
    see(monkeypatch, [1, 0], ["a", "b"])
    why = f"no CUDA: rank 1 on {HOST} has none, no device is there"
    assert on_ranks(2, partial(choose, device="auto")) == [("cpu", why)] * 2
    for error in on_ranks(2, choose):
        assert str(error) == f"rank 1 on {HOST} has none, no device is there: see nvidia-smi"
    see(monkeypatch, [1, 1], ["the card", "the card"])
    why = f"no CUDA: the 2 ranks on {HOST} have 1 CUDA device"
    assert on_ranks(2, partial(choose, device="auto")) == [("cpu", why)] * 2
    see(monkeypatch, [0, 0])
    why = "no CUDA: no device is there"
    assert on_ranks(2, partial(choose, device="auto")) == [("cpu", why)] * 2
    # An engine of CUDA is a demand.
    for error in on_ranks(2, partial(choose, device="auto", engine="cublas_fused")):
        assert isinstance(error, DeviceUnavailable)


def test_the_cpu_needs_no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    see(monkeypatch, [0, 0])
    assert on_ranks(2, partial(choose, device="cpu")) == [("cpu", "asked for")] * 2
    found = on_ranks(2, partial(choose, device="auto", engine="reference"))
    assert found == [("cpu", "no CUDA: no device is there")] * 2


def test_sums_of_a_device_travel_through_pinned_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    start = initialise(*SHAPE, random_state=1, dtype="float64")

    def gradient(comm: FakeComm | None) -> Any:
        # Each rank is a process, with a CuPy that no other thread uses.
        cupy = make_fake_cupy()
        with lock:
            monkeypatch.setitem(sys.modules, "cupy", cupy)
            backend = get_backend("cuda:0", engine="reference")
        ranks = None if comm is None else Ranks(comm)
        objective = FullBatch(
            source(), backend, n1=SHAPE[1], dtype="float64", block_columns=64, comm=ranks
        )
        with backend.activate():
            placed = objective.place(start)
            cupy.trace.clear()
            J, gradients = objective.value_and_gradient(placed)
            assert not cupy.trace.hazards
            if comm is not None:
                # Once for the parameters, whose bits are compared, and once for the sums.
                assert cupy.trace.syncs == ["stream.synchronize"] * 2
                assert cupy.trace.pinned
            return [backend.to_numpy(each) for each in (J, *gradients)]

    lock = threading.Lock()
    alone = gradient(None)
    for found in on_ranks(3, gradient):
        assert not isinstance(found, BaseException), found
        for one, other in zip(found, alone, strict=True):
            np.testing.assert_array_equal(one, other)


def test_ranks_on_the_cpu_load_nothing_of_cuda() -> None:
    code = """
import sys
from gdnet.ranks.communicator import Ranks
from gdnet.ranks.devices import choose_on_ranks
from tests.standins.fake_mpi import Board, FakeComm
choose_on_ranks(Ranks(FakeComm(0, Board(1))), "cpu", threads=1)
print("gdnet.backends.cuda.backend" in sys.modules)
"""
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
