from __future__ import annotations

import builtins
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from gdnet.backends import available_devices, choose_backend, get_backend
from gdnet.backends.cuda.probe import device_count, is_out_of_memory
from gdnet.errors import DeviceUnavailable
from tests.standins import fake_errors
from tests.standins.fake_cupy import make_fake_cupy
from tests.standins.fake_errors import CUBLASError, CUDARuntimeError


def install(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Any:
    cupy = make_fake_cupy(**settings)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    return cupy


def refusal(device: str) -> DeviceUnavailable:
    with pytest.raises(DeviceUnavailable) as caught:
        get_backend(device)
    return caught.value


def test_a_working_device_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    cupy = install(monkeypatch)
    assert get_backend("cuda").name == "cuda:0"
    assert "matmul" in cupy.trace.launches  # all three were tried, not only asked for
    assert "sum" in cupy.trace.launches
    assert "multiply" in cupy.trace.launches


def test_auto_takes_cuda_when_the_probe_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    choice = choose_backend("auto")
    assert (choice.backend.name, choice.why) == ("cuda:0", "CUDA is available")


def test_a_device_is_taken_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, devices=2)
    choice = choose_backend("cuda:1")
    assert (choice.backend.name, choice.why) == ("cuda:1", "asked for")


@pytest.mark.parametrize(
    ("devices", "found"), [(1, "1 CUDA device, cuda:0"), (2, "2, cuda:0 to cuda:1")]
)
def test_an_index_out_of_range(monkeypatch: pytest.MonkeyPatch, devices: int, found: str) -> None:
    install(monkeypatch, devices=devices)
    assert refusal(f"cuda:{devices}").reason == "bad-index"
    error = refusal("cuda:7")
    assert error.reason == "bad-index"
    assert str(error) == (
        f"there is no cuda:7: found {found}; CUDA_VISIBLE_DEVICES may hide others"
    )


def test_cupy_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    error = refusal("cuda")
    assert error.reason == "no-cupy"
    assert "pip install 'cupy-cuda13x[ctk]'" in str(error)
    assert "'cupy-cuda12x[ctk]'" in str(error)
    choice = choose_backend("auto")
    assert choice.backend.name == "cpu"
    assert choice.why == f"no CUDA: {error}"
    assert available_devices() == ["cpu"]


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (
            ImportError("libcudart.so.13: cannot open"),
            "(ImportError: libcudart.so.13: cannot open)",
        ),
        (ModuleNotFoundError("No module named 'fastrlock'", name="fastrlock"), "'fastrlock'"),
        (AttributeError("numpy has no attribute"), "(AttributeError: numpy has no attribute)"),
    ],
)
def test_cupy_that_does_not_import(
    monkeypatch: pytest.MonkeyPatch, error: Exception, shown: str
) -> None:
    banner = ImportError("=====\nFailed to import CuPy.\n=====")
    banner.__cause__ = error
    genuine = builtins.__import__

    def failing(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if name == "cupy":
            raise error if isinstance(error, ModuleNotFoundError) else banner
        return genuine(name, globals, locals, fromlist, level)

    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr(builtins, "__import__", failing)
    unavailable = refusal("cuda")
    assert unavailable.reason == "broken-cupy"
    assert shown in str(unavailable)
    assert "pip uninstall" in str(unavailable)


@pytest.mark.parametrize("version", ["13.6.0", "14.1.1", "14.0.0a1", "unknown"])
def test_a_cupy_that_is_too_old(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    install(monkeypatch, version=version)
    error = refusal("cuda")
    assert error.reason == "old-cupy"
    assert f"expected CuPy 14.2 or later, found {version}: pip install --upgrade" in str(error)


@pytest.mark.parametrize("version", ["14.2.0", "14.10.0", "15.0.0a1"])
def test_a_cupy_that_is_new_enough(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    install(monkeypatch, version=version)
    assert get_backend("cuda").name == "cuda:0"


@pytest.mark.parametrize(
    ("status", "driver", "reason", "said"),
    [
        (35, 0, "no-driver", "no NVIDIA driver is loaded: install one"),
        (
            35,
            12040,
            "old-driver",
            "supports CUDA 12.4, and this CuPy needs 13.2: update the driver, or "
            "pip uninstall cupy-cuda13x and pip install 'cupy-cuda12x[ctk]'",
        ),
        (
            35,
            11080,
            "old-driver",
            "supports CUDA 11.8, and this CuPy needs 13.2: update the driver",
        ),
        (100, 13000, "no-device", "(CUDA 13.0) shows no device"),
        (803, 13000, "cuda-error", "CUDA does not start: cudaErrorSystemDriverMismatch"),
    ],
)
def test_a_cuda_that_does_not_start(
    monkeypatch: pytest.MonkeyPatch, status: int, driver: int, reason: str, said: str
) -> None:
    cupy = install(monkeypatch, driver=driver)
    cupy.faults["devices"] = CUDARuntimeError(status)
    error = refusal("cuda")
    assert error.reason == reason
    assert said in str(error)
    assert ("cupy-cuda12x[ctk]" in str(error)) == (driver == 12040)
    with pytest.raises(DeviceUnavailable) as caught:
        device_count()
    assert caught.value.reason == reason
    assert choose_backend("auto").why == f"no CUDA: {error}"


def test_a_driver_that_counts_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, devices=0)
    assert refusal("cuda").reason == "no-device"


@pytest.mark.parametrize(
    ("runtime", "remedy"), [(13020, "'cupy-cuda13x[ctk]'"), (12090, "'cupy-cuda12x[ctk]'")]
)
@pytest.mark.parametrize(
    ("stage", "fault", "reason", "said"),
    [
        ("kernel", fake_errors.nvrtc_missing(), "no-compiler", "CUDA's NVRTC does not load"),
        ("kernel", fake_errors.headers_missing(), "no-headers", "the CUDA headers are missing"),
        ("matmul", fake_errors.cublas_missing(), "no-cublas", "CUDA's cuBLAS does not load"),
        ("kernel", RuntimeError("strange\nvery"), "cuda-error", "(RuntimeError: strange)"),
    ],
)
def test_what_a_toolkit_lacks(
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    fault: Exception,
    reason: str,
    said: str,
    runtime: int,
    remedy: str,
) -> None:
    cupy = install(monkeypatch, runtime=runtime)
    cupy.faults[stage] = fault
    error = refusal("cuda")
    assert error.reason == reason
    assert said in str(error)
    assert f"pip install {remedy}" in str(error)
    assert "\n" not in str(error)
    assert error.__cause__ is fault


@pytest.mark.parametrize("fault", [fake_errors.does_not_compile(), CUDARuntimeError(209)])
@pytest.mark.parametrize(
    ("capability", "runtime", "said"),
    [
        ("70", 13020, "capability 7.0 ("),
        ("75", 13020, "capability 7.5 ("),
        ("120", 13020, "capability 12.0 ("),
        ("50", 12090, "capability 5.0 ("),
    ],
)
def test_a_device_without_kernels(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, capability: str, runtime: int, said: str
) -> None:
    cupy = install(monkeypatch, capability=capability, runtime=runtime)
    cupy.faults["kernel"] = fault
    error = refusal("cuda")
    assert error.reason == "no-kernel"
    assert said in str(error)
    too_old = "CUDA 13 needs 7.5 or later; pip uninstall cupy-cuda13x" in str(error)
    assert too_old == (capability == "70")
    assert too_old != ("kernel_cache" in str(error))


@pytest.mark.parametrize("fault", [None, CUDARuntimeError(2), CUBLASError(3)])
def test_a_device_without_free_memory(
    monkeypatch: pytest.MonkeyPatch, fault: Exception | None
) -> None:
    cupy = install(monkeypatch, memory=2**20 if fault else 256)
    if fault:
        cupy.faults["matmul"] = fault
    error = refusal("cuda")
    assert error.reason == "no-memory"
    assert "nvidia-smi shows which processes hold it" in str(error)


def test_only_a_full_memory_counts_as_one() -> None:
    assert not is_out_of_memory(CUDARuntimeError(100))
    assert not is_out_of_memory(MemoryError())


@pytest.mark.parametrize(
    ("operation", "named"), [("add", "kernel"), ("sum", "sum"), ("matmul", "matrix product")]
)
def test_a_device_that_computes_wrong_numbers(
    monkeypatch: pytest.MonkeyPatch, operation: str, named: str
) -> None:
    install(monkeypatch).wrong.add(operation)
    error = refusal("cuda")
    assert error.reason == "wrong-result"
    assert f"cuda:0 computes wrong numbers ({named})" in str(error)


def test_devices_that_do_not_work_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, memory=(2**30, 256, 2**30))
    assert available_devices() == ["cpu", "cuda:0", "cuda:2"]


def test_the_backends_do_not_import_cupy() -> None:
    # In a new interpreter, where an import of CuPy would find an empty module.
    code = (
        "import sys, types\n"
        "class Watch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        assert name.partition('.')[0] != 'cupy', 'imported CuPy'\n"
        "sys.meta_path.insert(0, Watch())\n"
        "import gdnet.backends, gdnet.backends.cuda.backend, gdnet.backends.cuda.probe\n"
        "gdnet.backends.get_backend('cpu')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
