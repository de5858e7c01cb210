"""Every candidate held to AVX2, as on a processor without AVX-512."""

from __future__ import annotations

import os
import sys

import numpy as np

#: What libraries read when they are loaded.
VARIABLES = {
    "GDNET_CPU_KERNEL": "x86-64-v3",
    "OPENBLAS_CORETYPE": "Haswell",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}


def hold_to_avx2() -> None:
    """Start this program again under `VARIABLES`, unless it runs under them."""
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    beyond = [name for name in simd["found"] if name == "X86_V4" or name.startswith("AVX512")]
    # NumPy warns of names that it does not know, and they change with its versions.
    variables = VARIABLES | ({"NPY_DISABLE_CPU_FEATURES": " ".join(beyond)} if beyond else {})
    if any(os.environ.get(name) != value for name, value in variables.items()):
        os.environ.update(variables)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
