"""The picture of devices that cross, and the files of timings that it is drawn from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet.errors import DataError
from gdnet.plots import Timing, plot_crossover, read_timings
from gdnet.plots.crossover import crossings
from tests.support.command import here
from tests.support.pictures import BOTH, texts

pytest.importorskip("matplotlib")


def timings(seconds: Any) -> list[Timing]:
    return [Timing(m, seconds(m), 0.9 * seconds(m), 1.1 * seconds(m)) for m in (100, 10_000, 10**6)]


@BOTH
def test_crossover(theme: str) -> None:
    # Straight lines in logarithms, which meet at m = 1000.
    curves = {"cpu": timings(lambda m: 1e-6 * m), "cuda:0": timings(lambda _: 1e-3)}
    figure = plot_crossover({"2-4-1": curves}, theme=theme)
    assert "m = 1,000" in texts(figure)
    mark = figure.axes[0].lines[-1]
    np.testing.assert_allclose(mark.get_xydata(), [[1000, 1e-3]])


def test_only_devices_on_one_network_cross() -> None:
    curves = {
        "2-4-1": {"cpu": timings(lambda m: 1e-6 * m)},
        "28-128-1": {"cuda:0": timings(lambda _: 1e-3)},
    }
    figure = plot_crossover(curves)
    assert "m = 1,000" not in texts(figure)
    assert "28-128-1, cuda:0" in texts(figure)


def test_crossings_are_not_extrapolated() -> None:
    m = np.array([1.0, 10.0, 100.0])
    assert crossings((m, m), (m, 2 * m)) == []
    assert crossings((m, m), (m + 1000, np.ones(3))) == []
    found = crossings((m, m), (np.array([5.0, 50.0]), np.array([20.0, 20.0])))
    np.testing.assert_allclose(found, [(20, 20)])


def test_wrong_timings_are_refused() -> None:
    nothing: tuple[Any, ...] = ({}, {"a": {}}, {"a": {"cpu": []}})
    for none in nothing:
        with pytest.raises(DataError, match="at least 1 measurement"):
            plot_crossover(none)
    for seconds in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(DataError, match="above 0, got others"):
            plot_crossover({"a": {"cpu": [Timing(1, seconds, 1, 1)]}})


def test_timings_from_a_file(tmp_path: Path) -> None:
    done = here(
        *("bench", "--devices", "cpu", "--m", "100,200", "--hidden", "2,3", "--features", 4),
        *("--engine", "reference"),
        *("--rounds", 1, "--json", "t.json", "--quiet"),
        cwd=tmp_path,
    )
    assert done.code == 0, done.err
    path = tmp_path / "t.json"
    found = read_timings(path)
    assert list(found) == ["4-2-1, float32", "4-3-1, float32"]
    assert [timing.m for timing in found["4-2-1, float32"]["cpu reference"]] == [100, 200]
    written = json.loads(path.read_text())
    row = next(row for row in written["speeds"] if (row["hidden"], row["m"]) == (3, 200))
    only = read_timings(path, "4-3-1")
    assert list(only) == ["4-3-1, float32"]
    times = (row["seconds"], row["seconds_low"], row["seconds_high"])
    assert only["4-3-1, float32"]["cpu reference"][1] == Timing(200, *times)
    plot_crossover(found)

    with pytest.raises(DataError, match="measurements of 3-3-3, got those of 4-2-1, 4-3-1"):
        read_timings(path, "3-3-3")
    row |= {"failed": "too large"}
    path.write_text(json.dumps(written))
    assert len(read_timings(path)["4-3-1, float32"]["cpu reference"]) == 1


def test_what_are_no_timings(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    for wrong in ("", "[]", '{"speeds": 3}', '{"speeds": [{}]}', "\x00", "[" * 100_000):
        path.write_text(wrong)
        with pytest.raises(DataError, match="gdnet bench --json"):
            read_timings(path)
    path.write_text('{"speeds": []}')
    with pytest.raises(DataError, match="a network, got those of none"):
        read_timings(path)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_timings(tmp_path / "none")
