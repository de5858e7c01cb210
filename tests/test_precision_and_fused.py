"""The options precision and fused: what each device takes, refuses, and gives back."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from gdnet.backends import FUSED, PRECISIONS, choose_backend, get_backend
from gdnet.cli.main import build_parser
from gdnet.errors import DataError, DeviceUnavailable
from tests.standins.fake_cupy import make_fake_cupy

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
        ({"fused": "yes"}, "unknown fused 'yes': choose auto, never or always"),
    ],
)
def test_unknown_values_are_refused(
    monkeypatch: pytest.MonkeyPatch, device: str, option: Any, message: str
) -> None:
    install(monkeypatch)
    with pytest.raises(DataError, match=message):
        get_backend(device, **option)


@pytest.mark.parametrize("fused", ["auto", "never"])
def test_the_cpu_takes_what_it_does_anyway(fused: str) -> None:
    assert get_backend("cpu", precision="highest", fused=fused).precision == "highest"


@pytest.mark.parametrize("option", [{"precision": "tf32"}, {"fused": "always"}])
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


def test_always_is_a_demand_that_auto_does_not_drop(monkeypatch: pytest.MonkeyPatch) -> None:
    without_cupy(monkeypatch)
    with pytest.raises(DeviceUnavailable):
        choose_backend("auto", fused="always")
    assert choose_backend("auto", fused="never").backend.name == "cpu"


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
    for value in FUSED:
        assert parse(["train", "planar", "--fused", value]).fused == value
    options = parse(["train", "planar"])
    assert (options.precision, options.fused) == ("highest", "auto")
