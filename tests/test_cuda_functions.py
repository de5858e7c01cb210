"""exp, expm1 and log1p of the CUDA kernels have the bits of those of the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from bench.cuda_bits import NAMES, differences, on_cuda
from gdnet.backends.cpu_library import Library, find_library
from tests.standins import emulation

found = find_library()
pytestmark = [
    pytest.mark.skipif(emulation.GXX is None, reason="g++ is missing"),
    pytest.mark.skipif(isinstance(found, str), reason=f"no compiled kernels: {found}"),
]


@pytest.mark.parametrize(
    "stride", [4099, 4096, pytest.param(64, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", NAMES)
def test_the_bits_are_those_of_the_cpu(name: str, stride: int) -> None:
    assert isinstance(found, Library)
    compared, differ = differences(found, name, stride)
    assert compared > 4e8 / stride
    assert differ == 0


def test_exp_ends_where_denormal_numbers_would_begin() -> None:
    x = np.array([-87, -87.00001, -88, -104, -200, -np.inf, np.nan], np.float32)
    assert on_cuda("exp", x).tolist()[1:-1] == [0] * 5
    assert on_cuda("exp", x)[0] == pytest.approx(np.exp(-87.0), rel=3e-7)
    assert np.isnan(on_cuda("exp", x)[-1])
