"""What is taken for the most that a core can do is that."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from bench.peak import FLAGS, INSTRUCTION_SETS, SOURCE
from gdnet.backends.cpu_library import find_library


def test_every_fused_multiply_add_that_is_counted_is_computed() -> None:
    library, compiler = find_library(), shutil.which("g++")
    if isinstance(library, str) or compiler is None:
        pytest.skip("needs gdnet's kernels and g++")
    flags = [*FLAGS, *INSTRUCTION_SETS[library.instruction_set], "-S", "-o", "-"]
    assembly = subprocess.run(
        [compiler, *flags, str(SOURCE)], capture_output=True, text=True, check=True
    ).stdout
    # 12 sums in float32 and in float64; a compiler that sees equal ones computes one of them.
    assert sum("fmadd" in line or "fmla" in line for line in assembly.splitlines()) == 2 * 12
