"""``gdnet bench``: devices that are there and devices that are not, the table, JSON, picture."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gdnet.backends import get_backend
from gdnet.backends.cpu import CpuBackend
from gdnet.backends.cpu_library import find_library
from gdnet.errors import DeviceUnavailable
from gdnet.plots import read_timings
from tests.standins.fake_cupy import make_fake_cupy
from tests.support.command import here

# One where the compiled kernels are not there.
CPU = ["reference"] if isinstance(find_library(), str) else ["reference", "compiled"]
SMALL = ("--features", "3", "--hidden", "4", "--rounds", "2", "--quiet")


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_cpu(device: str = "auto", **options: Any) -> Any:
        if device != "cpu":
            raise DeviceUnavailable("no-driver", "no NVIDIA driver: install one")
        return get_backend(device, **options)

    monkeypatch.setattr("gdnet.backends.get_backend", only_cpu)


@pytest.fixture
def second_cpu_as_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "gdnet.backends.get_backend",
        lambda *_, threads=None, engine="auto", **__: CpuBackend(threads, engine),
    )


@pytest.mark.usefixtures("no_cuda")
def test_without_cuda_the_cpu_is_measured_and_the_reason_said(tmp_path: Path) -> None:
    done = here("bench", *SMALL, "--m", "1e2,200", "--json", "b.json", cwd=tmp_path)
    assert done.code == 0
    assert "cuda is left out: no NVIDIA driver: install one" in done.err
    assert "cuda        not measured: no NVIDIA driver" in done.out
    assert "3-4-1, float32" in done.out
    facts = json.loads((tmp_path / "b.json").read_text())
    assert facts["missing"] == {"cuda": "no NVIDIA driver: install one"}
    rows = [(row["device"], row["engine"], row["m"]) for row in facts["speeds"]]
    assert rows == [("cpu", engine, m) for m in (100, 200) for engine in CPU]
    for row in facts["speeds"]:
        assert row["examples_per_second"] == pytest.approx(row["m"] / row["seconds"])
        assert row["error"] < 1e-5


@pytest.mark.usefixtures("no_cuda")
def test_cuda_alone_is_cuda_or_an_error(tmp_path: Path) -> None:
    done = here("bench", *SMALL, "--devices", "cuda", cwd=tmp_path)
    assert done.code == 4
    assert done.err == "gdnet: no NVIDIA driver: install one\n"
    done = here("bench", *SMALL, "--devices", "cuda,cuda:1", cwd=tmp_path)
    assert done.code == 4


@pytest.mark.usefixtures("second_cpu_as_cuda")
def test_devices_are_compared_and_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    arguments = ("--m", "50,100", "--hidden", "2,4", "--json", "b.json", "--plot", "b.png")
    done = here("bench", *SMALL, *arguments, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    # More where noise makes the two cross again.
    assert done.out.count("crossover   cuda reference is ") >= 2
    facts = json.loads((tmp_path / "b.json").read_text())
    assert len(facts["speeds"]) == 8 * len(CPU)
    pairs = [each["compared"] for each in facts["crossovers"]]
    assert pairs.count(["cpu reference", "cuda reference"]) >= 2
    if len(CPU) == 2:
        assert done.out.count("engines     cpu compiled is ") == 2
        assert pairs.count(["cpu reference", "cpu compiled"]) == 2
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("second_cpu_as_cuda")
def test_precision_is_swept_on_cuda(tmp_path: Path) -> None:
    done = here("bench", *SMALL, "--m", "50", "--precision", "highest,tf32", cwd=tmp_path)
    assert done.code == 0
    assert "3-4-1, float32, tf32" in done.out


def test_engines_are_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy())
    kernels = ("--m", "50", "--engine", "cublas_fused,fused", "--json", "b.json", "--plot", "b.svg")
    done = here("bench", *SMALL, "--devices", "cuda", *kernels, cwd=tmp_path)
    assert done.code == 0
    assert "engines     cuda fused is " in done.out
    rows = json.loads((tmp_path / "b.json").read_text())["speeds"]
    assert [row["engine"] for row in rows] == ["cublas_fused", "fused"]
    timings = read_timings(tmp_path / "b.json")
    assert list(timings["3-4-1, float32"]) == ["cuda cublas_fused", "cuda fused"]


def test_by_default_there_are_the_equations_and_the_fastest_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy())
    done = here("bench", *SMALL, "--m", "50", "--json", "b.json", cwd=tmp_path)
    assert done.code == 0
    rows = json.loads((tmp_path / "b.json").read_text())["speeds"]
    assert [(row["device"], row["engine"]) for row in rows] == [
        *(("cpu", engine) for engine in CPU),
        ("cuda", "reference"),
        ("cuda", "cublas_fused"),
    ]
    assert "crossover   cuda reference is " in done.out
    assert "engines     cuda cublas_fused is " in done.out
    # A network that only the equations know has one row a device.
    wide = ("--m", "50", "--devices", "cpu", "--features", "300")
    done = here("bench", "--quiet", "--rounds", "2", *wide, "--json", "b.json", cwd=tmp_path)
    rows = json.loads((tmp_path / "b.json").read_text())["speeds"]
    assert [row["engine"] for row in rows] == ["reference"]


def test_a_network_without_a_fused_kernel_is_said_and_the_rest_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", make_fake_cupy())
    wide = ("--m", "50", "--engine", "fused", "--hidden", "4,3000")
    done = here("bench", *SMALL, *wide, cwd=tmp_path)
    assert done.code == 1
    assert "engine 'fused': expected a narrow network" in done.out
    assert done.out.count("50  cuda fused ") == 2


@pytest.mark.usefixtures("no_cuda")
def test_an_m_too_large_is_left_out_and_the_rest_measured(tmp_path: Path) -> None:
    done = here("bench", *SMALL, "--m", "60,1e12", cwd=tmp_path)
    assert done.code == 0
    assert "m = 1,000,000,000,000: the data take 13000.0 GB" in done.err
    done = here("bench", *SMALL, "--m", "1e12", cwd=tmp_path)
    assert done.code == 2
    assert "the data of every m are too large" in done.err
