"""Networks for the compiled engine of the CPU, and a mark for tests that need it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from gdnet._typing import Array, HostArray
from gdnet.backends import get_backend
from gdnet.backends.cpu_library import find_library
from gdnet.data.source import ArraySource
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters

found = find_library()
needs_kernels = pytest.mark.skipif(isinstance(found, str), reason=f"no compiled kernels: {found}")


# Others than one sigmoid: classes, labels that do not exclude each other, numbers.
OTHER_OUTPUTS = [
    ((2, 4, 3), "softmax"),
    ((4, 10, 10), "softmax"),
    ((3, 16, 2), "sigmoid"),
    ((13, 7, 2), "softmax"),
    ((28, 40, 10), "softmax"),
    ((33, 16, 5), "sigmoid"),
    ((64, 100, 7), "softmax"),
    ((4, 12, 1), "identity"),
    ((2, 9, 10), "identity"),
    ((28, 40, 1), "identity"),
    ((33, 16, 4), "identity"),
]


def full_batch(
    shape: tuple[int, ...],
    m: int,
    dtype: str = "float64",
    *,
    engine: str = "compiled",
    threads: int = 2,
    weighted: bool = False,
    **settings: Any,
) -> FullBatch:
    random = np.random.RandomState(3)
    X = random.uniform(-2, 2, (m, shape[0])).astype(dtype)
    n2 = shape[2] if len(shape) == 3 else 1
    Y: Any = (random.uniform(size=(n2, m)) < 0.5).astype(np.uint8)
    if settings.get("output") == "softmax":
        Y = (np.arange(n2)[:, None] == random.randint(0, n2, m)).astype(np.uint8)
    continuous = settings.get("output") == "identity"
    if continuous:
        Y = random.uniform(-3, 3, (n2, m))
    weights = random.uniform(0, 2, (1, m)) if weighted else None
    backend = get_backend("cpu", threads=threads, engine=engine)
    source = ArraySource(X.T, Y, weights=weights, continuous=continuous)
    return FullBatch(source, backend, n1=shape[1], dtype=dtype, **settings)


def start(shape: tuple[int, ...], dtype: str = "float64") -> Parameters[HostArray]:
    """Parameters of whole numbers, which are the same on every machine."""
    random = np.random.RandomState(4)
    n0, n1, n2 = shape if len(shape) == 3 else (*shape, 1)
    sizes = ((n1, n0), (n1, 1), (n2, n1), (n2, 1))
    scales = (n0**-0.5, 1.0, n1**-0.5, 1.0)
    made = (s * random.uniform(-2, 2, size) for s, size in zip(scales, sizes, strict=True))
    return Parameters(*(p.astype(dtype) for p in made))


def on_host(arrays: Iterable[Array]) -> list[HostArray]:
    """Return what the CPU has computed as what it is."""
    return [np.asarray(array) for array in arrays]
