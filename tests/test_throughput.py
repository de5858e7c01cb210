"""What `gdnet bench` measures: parity before speed, honest failures, the crossover."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gdnet.backends import BlockGradient, ReferenceGradient, get_backend
from gdnet.backends.cpu import CpuBackend
from gdnet.errors import DataError, DeviceUnavailable
from gdnet.throughput import Setup, Speed, crossover, measure


class WrongBackend(CpuBackend):
    """Gets every gradient wrong by a thousandth."""

    def block_gradient(self, reference: Callable[..., Any], **_: Any) -> BlockGradient:
        def wrong(*args: Any) -> Any:
            gradients, J = reference(*args)
            return gradients._replace(dW1=gradients.dW1 * 1.001), J

        return ReferenceGradient(wrong)


class FullBackend(CpuBackend):
    """Has no memory for a block."""

    def __init__(self, error: Exception) -> None:
        super().__init__(1)
        self._error = error

    def block_gradient(self, reference: Callable[..., Any], **_: Any) -> BlockGradient:
        def fail(*_: Any) -> Any:
            raise self._error

        return ReferenceGradient(fail)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_backend_is_measured_in_turns(dtype: str) -> None:
    turns = []
    backends = {"one": get_backend("cpu", threads=1), "two": get_backend("cpu", threads=2)}
    speeds = measure(
        Setup(3, 4, dtype), 50, backends, rounds=3, tick=lambda: turns.append(len(turns))
    )
    assert list(speeds) == ["one", "two"]
    assert len(turns) == 6
    for speed in speeds.values():
        assert isinstance(speed, Speed)
        assert 0 < speed.low <= speed.median <= speed.high
        assert speed.with_transfer > 0
        assert speed.error <= {"float32": 1e-5, "float64": 1e-15}[dtype]
        assert speed.memory is None or speed.memory >= 0


def test_wrong_numbers_and_a_full_memory_are_reasons_not_speeds() -> None:
    speeds = measure(
        Setup(3, 4),
        50,
        {
            "wrong": WrongBackend(1),
            "full": FullBackend(MemoryError("out of memory allocating 8 bytes")),
            "full device": FullBackend(DeviceUnavailable("no-memory", "the memory of cuda:0")),
            "right": CpuBackend(1),
        },
        rounds=1,
    )
    assert str(speeds["wrong"]).startswith("no parity: gradient or cost differ from float64 by ")
    assert speeds["full"] == "not enough memory: out of memory allocating 8 bytes"
    assert speeds["full device"] == "the memory of cuda:0"
    assert isinstance(speeds["right"], Speed)


def test_data_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdnet.throughput.available_memory", lambda: 1_000_000)
    with pytest.raises(DataError, match=r"m = 100,000: the data take 0\.0 GB.*choose a smaller m"):
        measure(Setup(28, 4), 100_000, {"cpu": CpuBackend(1)}, rounds=1)


def speed(seconds: float) -> Speed:
    return Speed(seconds, seconds, seconds, seconds, 0.0, None)


def test_crossover_is_interpolated_in_logarithms() -> None:
    # The ratio goes from 1/10 to 10 between 100 and 10 000: it is 1 at 1 000.
    speeds = {
        100: {"cpu": speed(1), "cuda": speed(10)},
        10_000: {"cpu": speed(100), "cuda": speed(10)},
    }
    assert crossover(speeds, "cpu", "cuda") == (
        "cuda is faster than cpu from about m = 1,000 on (10.00 times at m = 10,000)"
    )


def test_crossover_says_where_there_is_none() -> None:
    slow = {10: {"cpu": speed(1), "cuda": speed(2)}, 20: {"cpu": speed(1), "cuda": speed(4)}}
    fast = {10: {"cpu": speed(2), "cuda": speed(1)}, 20: {"cpu": speed(3), "cuda": speed(1)}}
    failed: dict[int, dict[str, Speed | str]] = {10: {"cpu": speed(2), "cuda": "not enough memory"}}
    assert crossover(slow, "cpu", "cuda") == (
        "cuda is not faster than cpu at the largest m measured (0.25 times at m = 20)"
    )
    assert crossover(fast, "cpu", "cuda") == (
        "cuda is faster than cpu at every m measured (3.00 times at m = 20)"
    )
    assert crossover(failed, "cpu", "cuda") == "cpu and cuda were not both measured at any m"
