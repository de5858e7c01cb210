"""The options precision and engine: what each device takes, refuses, and gives back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.activations import TANH, Activation
from gdnet.backends import ENGINES, PRECISIONS, choose_backend, get_backend
from gdnet.backends.cuda.cublas_fused import CublasFusedGradient
from gdnet.checkpoint import Checkpoint
from gdnet.cli.main import build_parser
from gdnet.data.source import ArraySource
from gdnet.descent import DescentResult, DescentState, descend
from gdnet.errors import CheckpointError, DataError, DeviceUnavailable
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from tests.standins.fake_cupy import make_fake_cupy
from tests.support.command import here
from tests.support.problems import classification

DEFAULT, TF32 = 1, 7


def install(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Any:
    cupy = make_fake_cupy(**settings)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    return cupy


def without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)


@pytest.mark.parametrize("device", ["cpu", "cuda", "auto"])
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"precision": "high"}, "unknown precision 'high': choose highest or tf32"),
        ({"engine": "x"}, "unknown engine 'x': choose auto, reference, compiled, cublas_fused"),
    ],
)
def test_unknown_values_are_refused(
    monkeypatch: pytest.MonkeyPatch, device: str, option: Any, message: str
) -> None:
    install(monkeypatch)
    with pytest.raises(DataError, match=message):
        get_backend(device, **option)


@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_the_cpu_takes_what_it_does_anyway(engine: str) -> None:
    assert get_backend("cpu", precision="highest", engine=engine).precision == "highest"


@pytest.mark.parametrize("option", [{"precision": "tf32"}, {"engine": "fused"}])
def test_the_cpu_refuses_what_only_cuda_has(option: Any) -> None:
    (value,) = option.values()
    with pytest.raises(DataError, match=f"'{value}' is for CUDA devices, got device 'cpu'"):
        get_backend("cpu", **option)


def test_auto_on_the_cpu_keeps_the_highest_precision_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_cupy(monkeypatch)
    choice = choose_backend("auto", precision="tf32")
    assert (choice.backend.name, choice.backend.precision) == ("cpu", "highest")
    assert choice.why.startswith("no CUDA, and so no TF32: ")


def test_an_engine_is_a_demand_that_auto_does_not_drop(monkeypatch: pytest.MonkeyPatch) -> None:
    without_cupy(monkeypatch)
    with pytest.raises(DeviceUnavailable):
        choose_backend("auto", engine="fused")
    assert choose_backend("auto", engine="reference").backend.name == "cpu"


@pytest.mark.parametrize("device", ["cuda", "auto"])
def test_tf32_on_an_older_gpu_is_refused(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    install(monkeypatch, capability="75")
    with pytest.raises(DataError, match=r"capability 7\.5, and TF32 needs 8\.0"):
        get_backend(device, precision="tf32")
    assert get_backend(device).precision == "highest"


@pytest.mark.parametrize(("precision", "compute_type"), [("highest", DEFAULT), ("tf32", TF32)])
@pytest.mark.parametrize("before", [DEFAULT, TF32])
def test_the_precision_holds_inside_and_comes_back(
    monkeypatch: pytest.MonkeyPatch, precision: str, compute_type: int, before: int
) -> None:
    cupy = install(monkeypatch)
    backend = get_backend("cuda", precision=precision)
    cupy.trace.compute_type = before
    with backend.activate():
        with backend.activate():
            assert cupy.trace.compute_type == compute_type
        assert cupy.trace.compute_type == compute_type
    assert cupy.trace.compute_type == before
    with pytest.raises(KeyError), backend.activate():
        raise KeyError
    assert cupy.trace.compute_type == before


def test_two_precisions_at_a_time_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    highest, tf32 = get_backend("cuda"), get_backend("cuda", precision="tf32")
    with highest.activate():
        with pytest.raises(DataError, match="expected the precision 'highest'"), tf32.activate():
            pass
        with highest.activate():
            pass
    with tf32.activate():
        pass


def test_the_command_line_offers_the_same() -> None:
    parse = build_parser().parse_args
    for value in PRECISIONS:
        assert parse(["train", "planar", "--precision", value]).precision == value
    for value in ("auto", *ENGINES["cuda"]):
        assert parse(["train", "planar", "--engine", value]).engine == value
    options = parse(["train", "planar"])
    assert (options.precision, options.engine) == ("highest", "auto")


# Engines


def test_an_unknown_engine_is_bad_usage(tmp_path: Path) -> None:
    done = here("train", "planar", "--device", "cpu", "--engine", "fastest", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert (
        "unknown engine 'fastest': choose auto, reference, compiled, cublas_fused or fused"
        in done.err
    )
    done = here("train", "planar", "--device", "cpu", "--engine", "fused", cwd=tmp_path)
    assert done.code == 2
    assert "engine 'fused' is for CUDA devices, got device 'cpu'" in done.err


def test_an_engine_that_is_not_made_for_the_network_is_bad_usage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch)
    options = ["--device", "cuda", "--engine", "fused", "--activation", "gelu", "--out", "m"]
    done = here("train", "planar", *options, cwd=tmp_path)
    assert done.code == 2
    assert "engine 'fused': expected an activation of tanh" in done.err
    assert not (tmp_path / "m").exists()


def test_info_lists_the_engines_of_each_device(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch)
    found = here("info", "--json", cwd=tmp_path).json
    assert found["cpu_engines"] == ["reference", "compiled"]
    assert found["cuda_engines"] == ["reference", "cublas_fused", "fused"]


def test_an_engine_of_the_users_choice_needs_an_activation_of_gdnet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch)
    rows, Y = classification(1)
    own = Activation("tanh", TANH.value, TANH.slope)
    batch = FullBatch(
        ArraySource(rows.T, Y), get_backend("cuda", engine="fused"), n1=4, activation=own
    )
    with pytest.raises(DataError, match="expected an activation of gdnet"):
        _ = batch.engine


def saved_by(engine: str, path: Path) -> None:
    with Checkpoint(path) as checkpoint, pytest.raises(KeyboardInterrupt):
        descend_with(engine, [checkpoint, interrupt])


def interrupt(state: DescentState) -> None:
    if state.iteration == 9:
        raise KeyboardInterrupt


def descend_with(engine: str, callbacks: Any) -> tuple[FullBatch, DescentResult]:
    rows, Y = classification(1)
    batch = FullBatch(ArraySource(rows.T, Y), get_backend("cuda", engine=engine), n1=4)
    start = initialise(6, 4, 1, random_state=1)
    run = descend(batch, start, learning_rate=0.5, iterations=20, callbacks=callbacks)
    return batch, run


def test_auto_resumes_with_the_engine_of_the_checkpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch)
    saved_by("reference", tmp_path / "c")
    _, whole = descend_with("reference", [])
    assert descend_with("auto", [])[0].engine == "cublas_fused"
    with Checkpoint(tmp_path / "c", resume=True) as checkpoint:
        batch, resumed = descend_with("auto", [checkpoint])
    assert batch.engine == "reference"
    for a, b in zip(resumed.parameters, whole.parameters, strict=True):
        np.testing.assert_array_equal(a, b)
    saved_by("reference", tmp_path / "c")
    with (
        Checkpoint(tmp_path / "c", resume=True) as checkpoint,
        pytest.raises(
            CheckpointError, match="engine is reference in the checkpoint and cublas_fused here"
        ),
    ):
        descend_with("cublas_fused", [checkpoint])


def test_auto_says_why_it_cannot_resume_with_an_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch)
    saved_by("cublas_fused", tmp_path / "c")
    rows, Y = classification(1)
    batch = FullBatch(ArraySource(rows.T, Y), get_backend("cpu"), n1=4)
    start = initialise(6, 4, 1, random_state=1)
    with (
        Checkpoint(tmp_path / "c", resume=True) as checkpoint,
        pytest.raises(CheckpointError, match=r"by the engine 'cublas_fused', .*cpu does not have"),
    ):
        descend(batch, start, learning_rate=0.5, iterations=20, callbacks=[checkpoint])


def test_another_version_of_the_arithmetic_is_another_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch)
    saved_by("auto", tmp_path / "c")
    monkeypatch.setattr(CublasFusedGradient, "arithmetic", 3)
    with (
        Checkpoint(tmp_path / "c", resume=True) as checkpoint,
        pytest.raises(CheckpointError, match="its arithmetic is 2 in the checkpoint and 3 here"),
    ):
        descend_with("auto", [checkpoint])
