"""Gradients of random networks on a made-up GPU, and how far they differ."""

from __future__ import annotations

from typing import Any

import numpy as np

from gdnet.backends import Backend
from gdnet.backends.cuda.backend import CudaBackend
from gdnet.backends.cuda.sources import G1
from gdnet.data.source import ArraySource
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise


def full_batch(
    backend: Backend, case: Any, *, g1: str = "tanh", weighted: bool = False, **settings: Any
) -> FullBatch:
    n0, n1, n2, output, m = case
    rng = np.random.default_rng(11)
    X = rng.standard_normal((m, n0)).T
    softmax, continuous = output == "softmax", output == "identity"
    Y: Any = rng.integers(0, n2, (1, m)) if softmax else rng.integers(0, 2, (n2, m))
    Y = rng.normal(2, 3, (n2, m)) if continuous else Y.astype(np.uint8)
    w = rng.random((1, m)) + 0.1 if weighted else None
    classes = n2 if softmax else None
    source = ArraySource(X, Y, w, n_classes=classes, continuous=continuous)
    return FullBatch(source, backend, n1=n1, activation=g1, output=output, **settings)


def gradient_and_cost(batch: FullBatch, scale: float | str = "auto") -> list[Any]:
    n0, n1, n2 = batch.shape
    start = initialise(n0, n1, n2, random_state=1, init_scale=scale)
    with batch.backend.activate():
        J, gradients = batch.value_and_gradient(batch.place(start))
        return [batch.backend.to_numpy(a).astype(np.float64) for a in (*gradients, J)]


def largest_difference(got: list[Any], expected: list[Any]) -> float:
    """Return that of the gradients, relative to the largest of them, or of the cost to the cost."""
    scale = max(float(np.abs(b).max()) for b in expected[:4])
    scales = [scale] * 4 + [float(expected[4])]
    return max(
        float(np.abs(a - b).max()) / s for a, b, s in zip(got, expected, scales, strict=True)
    )


KNOWN = list(G1)


def counted(backend: CudaBackend, case: Any, **settings: Any) -> Any:
    """Return the trace of one step after the first, of which the blocks are already there."""
    batch = full_batch(backend, case, **settings)
    n0, n1, n2 = batch.shape
    with backend.activate():
        start = batch.place(initialise(n0, n1, n2, random_state=2))
        alpha = backend.asarray(np.array(0.5, batch.dtype))
        _, after = batch.step(start, alpha)
        backend.xp.trace.clear()
        batch.step(after, alpha)
    return backend.xp.trace
