"""What bench.cuda_bits does without NVIDIA's compiler: the functions, and the texts."""

from __future__ import annotations

import pytest

from bench import cuda_bits
from gdnet.backends.cpu_library import find_library
from tests.standins import emulation


@pytest.mark.skipif(emulation.GXX is None, reason="g++ is missing")
@pytest.mark.skipif(isinstance(find_library(), str), reason="no compiled kernels")
def test_the_functions_have_the_bits_of_the_cpu(capsys: pytest.CaptureFixture[str]) -> None:
    assert cuda_bits.main(["--stride", "65537", "--architectures"]) == 0
    assert capsys.readouterr().out.count("the bits of 0 differ") == len(cuda_bits.NAMES)


@pytest.mark.parametrize("variant", cuda_bits.VARIANTS)
def test_what_is_exchanged_is_there(variant: cuda_bits.Variant) -> None:
    text = cuda_bits.source_of(variant)
    assert all(new in text for _, new in variant.changes)
