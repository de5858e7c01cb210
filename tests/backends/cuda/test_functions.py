"""exp, expm1 and log1p of the CUDA kernels have the bits of those of the CPU's kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdnet.backends.cpu_library import find_library
from gdnet.backends.cuda import sources
from tests.standins import emulation
from tests.support.kernel_functions import call

pytestmark = [
    pytest.mark.skipif(emulation.GXX is None, reason="g++ is missing"),
    pytest.mark.skipif(isinstance(find_library(), str), reason=f"{find_library()}"),
]

FUNCTIONS = {"exp": "exp_of_negative", "expm1": "expm1_of_negative", "log1p": "log1p_up_to_1"}
KERNEL = """
extern "C" __global__ void evaluate(const float* x, long long count, float* y) {
  for (long long i = threadIdx.x; i < count; i += 32) y[i] = FUNCTION(x[i]);
}
"""


def on_cuda(name: str, x: Any) -> Any:
    text = (sources.KERNELS / "functions.cuh").read_text()
    kernels = emulation.compiled(text + KERNEL, (f"-DFUNCTION={FUNCTIONS[name]}",))
    y = np.empty_like(x)
    kernels["evaluate"]((1,), (32,), [x.ctypes.data, np.int64(len(x)), y.ctypes.data], 1)
    return y


@pytest.mark.parametrize("stride", [4099, pytest.param(64, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_bits_are_those_of_the_cpu(name: str, stride: int) -> None:
    every = np.arange(0, 2**32, stride, dtype=np.uint64).astype(np.uint32).view(np.float32)
    x = np.concatenate([every[~np.isnan(every)], np.array([0, -0.0, 1, -np.inf], np.float32)])
    lowest, highest = {"exp": (-87, 0), "expm1": (-np.inf, 0), "log1p": (0, 1)}[name]
    x = x[(x >= lowest) & (x <= highest)]
    assert len(x) > 8e8 / stride
    np.testing.assert_array_equal(on_cuda(name, x), call(name, x))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_no_number_stays_so(name: str) -> None:
    assert np.isnan(on_cuda(name, np.array([np.nan], np.float32))[0])


def test_exp_ends_where_denormal_numbers_would_begin() -> None:
    x = np.array([-87, -87.00001, -88, -104, -200, -np.inf], np.float32)
    first, *others = on_cuda("exp", x).tolist()
    assert first == pytest.approx(np.exp(-87.0), rel=3e-7)
    assert others == [0] * 5
