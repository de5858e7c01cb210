"""The kernels, for the CPU and for CUDA, quote the equations that they compute."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

pytestmark = pytest.mark.sources
BACKENDS = ROOT / "backends"
# Each computes all ten equations; outputs.hpp has what both kernels of the CPU do with the output.
WHOLE = {
    "narrow": ["cpu_kernel/narrow.hpp", "cpu_kernel/outputs.hpp"],
    "wide": ["cpu_kernel/wide.hpp", "cpu_kernel/outputs.hpp"],
    "fused": ["cuda/kernels/fused.cu"],
    "register_resident": ["cuda/kernels/register_resident.cu"],
}
# The other products are cuBLAS's.
CUBLAS_FUSED = {"2. A1 = g1(Z1)", "3. Z2 = W2 A1 + b2", "4. A2 = g2(Z2)", "1. dZ2 = A2 - Y"}
CUBLAS_FUSED |= {"3. db2 = 1/m sum of dZ2", "4. dZ1 = W2' dZ2 * g1'(Z1)", "6. db1 = 1/m sum of dZ1"}
CUBLAS_FUSED |= {"2. dW2 = 1/m dZ2 A1'"}


def quoted(path: Path, sign: str) -> list[str]:
    """Return the numbered comments of a file, without the shapes that equations.py adds."""
    comments = re.findall(rf"{sign} (\d\. .*)$", path.read_text(), re.MULTILINE)
    return [re.sub(r"\s+\(n\d, \w+\)$", "", comment).strip() for comment in comments]


@pytest.fixture
def equations() -> list[str]:
    return quoted(ROOT / "gdnet" / "equations.py", "#")


def test_there_are_ten_equations(equations: list[str]) -> None:
    assert [line[0] for line in equations] == ["1", "2", "3", "4", "1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("files", WHOLE.values(), ids=WHOLE)
def test_a_kernel_quotes_every_equation(files: list[str], equations: list[str]) -> None:
    found = [line for file in files for line in quoted(BACKENDS / file, "//")]
    assert set(found) == set(equations)


def test_the_kernels_between_products_quote_theirs(equations: list[str]) -> None:
    found = set(quoted(BACKENDS / "cuda" / "kernels" / "cublas_fused.cu", "//"))
    assert found <= set(equations)
    assert found == CUBLAS_FUSED


def test_the_kernels_of_the_cpu_are_short() -> None:
    lengths = {
        path.name: len(path.read_text().splitlines())
        for path in (BACKENDS / "cpu_kernel").iterdir()
    }
    assert sum(lengths.values()) <= 1200
    assert max(lengths.values()) <= 300
