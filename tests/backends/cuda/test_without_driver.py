"""The real CuPy on a machine without an NVIDIA driver: no surprise, and the reason reported."""

from __future__ import annotations

import inspect
import operator
import subprocess
import sys

import pytest

from gdnet.backends import available_devices, choose_backend
from gdnet.errors import DeviceUnavailable

cupy = pytest.importorskip("cupy")


@pytest.fixture(autouse=True)
def _no_driver() -> None:
    if cupy.cuda.runtime.driverGetVersion() != 0:
        pytest.skip("this machine has an NVIDIA driver")


def test_auto_takes_the_cpu_and_says_why_in_one_line() -> None:
    choice = choose_backend("auto")
    assert choice.backend.name == "cpu"
    assert "no NVIDIA driver" in choice.why
    assert "\n" not in choice.why


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
def test_cuda_is_refused_with_the_reason(device: str) -> None:
    with pytest.raises(DeviceUnavailable, match="no NVIDIA driver") as caught:
        choose_backend(device)
    assert caught.value.reason == "no-driver"


def test_only_the_cpu_is_available() -> None:
    assert available_devices() == ["cpu"]


@pytest.mark.parametrize(
    "name",
    [
        "_core.get_compute_type",
        "_core.set_compute_type",
        "_core._routines_linalg.COMPUTE_TYPE_DEFAULT",
        "_core._routines_linalg.COMPUTE_TYPE_TF32",
        "RawModule.get_function",
        "cuda.alloc",
        "cuda.Device.compute_capability",
        "cuda.Device.mem_info",
        "cuda.Event.record",
        "cuda.Event.synchronize",
        "cuda.get_current_stream",
        "cuda.MemoryPointer.copy_from_host_async",
        "cuda.PinnedMemory",
        "cuda.PinnedMemoryPointer",
        "cuda.runtime.deviceGetAttribute",
        "cuda.runtime.getDeviceProperties",
        "cuda.Stream.synchronize",
        "cuda.Stream.wait_event",
        "get_default_memory_pool",
        "get_default_pinned_memory_pool",
    ],
)
def test_the_names_that_gdnet_uses_are_there(name: str) -> None:
    assert operator.attrgetter(name)(cupy) is not None


def test_an_event_and_a_stream_take_the_options_that_gdnet_gives() -> None:
    event = inspect.signature(cupy.cuda.Event.__init__).parameters
    stream = inspect.signature(cupy.cuda.Stream.__init__).parameters
    assert {"block", "disable_timing"} < set(event)
    assert "non_blocking" in stream


def test_import_of_gdnet_does_not_import_cupy() -> None:
    code = "import sys, gdnet.backends, gdnet.descent; print('cupy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
