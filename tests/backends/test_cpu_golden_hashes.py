"""One training that every processor must do with the same bits: starts, data, costs, parameters."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from gdnet.backends.cpu_compiled import ACTIVATIONS
from gdnet.backends.cpu_library import VARIABLE
from gdnet.descent import descend
from tests.support.checkout import ROOT
from tests.support.compiled_engine import OTHER_OUTPUTS, full_batch, needs_kernels, start

# One training that every processor must do with the same bits: starts, data, costs and parameters.
CHILD = """
import hashlib, json, sys
from tests.backends.test_cpu_golden_hashes import golden
print(json.dumps(golden()))
"""


def golden() -> dict[str, str]:
    """Return hashes of gradients and of trainings."""
    hashes = {}
    for dtype in ("float32", "float64"):
        for shape in ((2, 4), (33, 16)):
            digest = hashlib.sha256()
            for g1 in ACTIVATIONS:
                of = full_batch(
                    shape, 700, dtype, activation=g1, weighted=g1 < "s", block_columns=300
                )
                run = descend(of, start(shape, dtype), learning_rate=0.1, iterations=40)
                for array in (*run.parameters, run.costs, np.array(run.final_cost)):
                    digest.update(np.ascontiguousarray(array).tobytes())
            hashes[f"{shape[0]}-{shape[1]}-1 {dtype}"] = digest.hexdigest()[:16]
        digest = hashlib.sha256()
        for several, output in OTHER_OUTPUTS:
            of = full_batch(several, 700, dtype, output=output, block_columns=300)
            run = descend(of, start(several, dtype), learning_rate=0.1, iterations=20)
            for array in (*run.parameters, run.costs, np.array(run.final_cost)):
                digest.update(np.ascontiguousarray(array).tobytes())
        hashes[f"other outputs {dtype}"] = digest.hexdigest()[:16]
    return hashes


GOLDEN = {
    "2-4-1 float32": "c7dbd303c3ee26d0",
    "33-16-1 float32": "53c5073258e7e093",
    "other outputs float32": "8b90799886f419be",
    "2-4-1 float64": "e8ab5abb1687ad43",
    "33-16-1 float64": "7cc5dbd090cd4bc2",
    "other outputs float64": "c11e1340cc69ec2b",
}


@needs_kernels
def test_golden_hashes() -> None:
    assert golden() == GOLDEN


@needs_kernels
@pytest.mark.parametrize("instruction_set", ["x86-64-v4", "x86-64-v3", "aarch64"])
def test_every_instruction_set_has_the_golden_hashes(instruction_set: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        env=os.environ | {VARIABLE: instruction_set},
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if f"DataError: {VARIABLE}: expected" in child.stderr:
        pytest.skip(f"this processor has no {instruction_set}")
    assert child.returncode == 0, child.stderr
    assert json.loads(child.stdout) == GOLDEN
