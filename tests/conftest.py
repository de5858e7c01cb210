"""The backends that every test of the mathematics runs on, and the lecture's lab."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.backends import Backend, cpu, get_backend
from gdnet.backends.cpu_library import find_library
from gdnet.backends.cuda.backend import CudaBackend
from tests.standins.fake_cupy import make_fake_cupy

Rows = np.ndarray[Any, Any]


BACKENDS = ["cpu", "strict", "cuda-standin", "cuda"]


@pytest.fixture(params=[*BACKENDS, "cuda-standin-cublas-fused"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    """NumPy; stand-ins for a GPU, strict in different ways; and a GPU where there is one."""
    yield from _backend(request, monkeypatch)


@pytest.fixture(
    params=[*BACKENDS, pytest.param("cuda-standin-cublas-fused", marks=pytest.mark.slow)]
)
def backend_for_long_runs(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Backend]:
    """The same; CUDA kernels run by the CPU take milliseconds an iteration: a slow test."""
    yield from _backend(request, monkeypatch)


@pytest.fixture(
    params=[
        each if each in ("cpu", "cuda") else pytest.param(each, marks=pytest.mark.slow)
        for each in BACKENDS
    ]
)
def backend_for_the_lab(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Backend]:
    """For thousands of iterations: the stand-ins, which take seconds for them, are slow tests."""
    yield from _backend(request, monkeypatch)


def _backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    if request.param == "cuda":
        name = request.getfixturevalue("cuda")
        yield get_backend(name)
    elif request.param == "strict":
        pytest.importorskip("array_api_strict")
        from tests.standins.strict import StrictBackend

        yield StrictBackend()
    elif request.param == "cpu":
        yield get_backend("cpu", threads=2)
    else:
        cupy = make_fake_cupy()
        monkeypatch.setitem(sys.modules, "cupy", cupy)
        yield CudaBackend(
            0, engine="auto" if request.param == "cuda-standin-cublas-fused" else "reference"
        )
        assert cupy.trace.hazards == []


@pytest.fixture(scope="module", autouse=True)
def _short_collections() -> None:
    """Take what is there, as imported modules, out of every later collection of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _short_turns() -> Iterator[None]:
    """Let `gdnet bench` measure for a moment: no test looks at a speed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gdnet.throughput.ROUND_SECONDS", 0.001)
        yield


@pytest.fixture(scope="session", autouse=True)
def _kernels_are_known_to_be_missing() -> None:
    """Say once, before all tests, where there are no kernels: stderr is compared in many."""
    found = find_library()
    if isinstance(found, str):
        cpu._say_once(found)


@pytest.fixture(scope="session")
def lab() -> Any:
    """Published numbers of the lecture's lab, and the recipes that give them."""
    return json.loads((Path(__file__).parent / "planar_lab.json").read_text())


@pytest.fixture(scope="session")
def planar() -> tuple[Rows, Rows]:
    """The lab's data set: X (2, 400), Y (1, 400), drawn as its recipe says; read-only."""
    random = np.random.RandomState(1)
    rows, labels = [], []
    for j in (0, 1):
        t = np.linspace(j * 3.12, (j + 1) * 3.12, 200) + random.randn(200) * 0.2
        r = 4 * np.sin(4 * t) + random.randn(200) * 0.2
        rows.append(np.column_stack([r * np.sin(t), r * np.cos(t)]))
        labels.append(np.full(200, j, np.uint8))
    X, Y = np.concatenate(rows).T, np.concatenate(labels)[None, :]
    X.flags.writeable = Y.flags.writeable = False
    return X, Y
