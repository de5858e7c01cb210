"""On a real GPU: random networks by every way to compute, against the CPU in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdnet.activations import ACTIVATIONS
from gdnet.backends import get_backend
from gdnet.backends.cuda import fused
from gdnet.backends.cuda.backend import CudaBackend
from gdnet.backends.cuda.fused import configuration, why_not_fused
from gdnet.backends.cuda.precision import TF32_CAPABILITY
from gdnet.data.source import ArraySource
from gdnet.descent import descend
from gdnet.equations import update
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from tests.standins import emulation
from tests.support.cuda_gradients import largest_difference
from tests.support.cuda_problems import on_fake


class Network:
    """A network of random shape, data and activation."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.n0, self.n1 = int(rng.integers(1, 65)), int(rng.integers(1, 257))
        self.n2 = 1 if seed % 3 else int(rng.integers(2, 12))
        labels = "softmax" if self.n2 > 1 and seed % 2 == 0 else "sigmoid"
        self.output = "identity" if seed % 7 == 3 else labels
        self.m = int(rng.integers(1, 20_000))
        self.g1 = [*ACTIVATIONS][seed % len(ACTIVATIONS)]
        self.X = rng.standard_normal((self.m, self.n0), np.float32).T
        rows, highest = (1, self.n2) if self.output == "softmax" else (self.n2, 2)
        self.Y: Any = rng.integers(0, highest, (rows, self.m)).astype(np.uint8)
        if self.output == "identity":
            self.Y = rng.normal(2, 3, (self.n2, self.m))
        self.weights = rng.random((1, self.m)) + 0.1 if seed % 2 else None
        self.columns = int(rng.integers(self.m // 4 + 1, self.m + 1))
        self.start = initialise(self.n0, self.n1, self.n2, random_state=seed)

    def batch(self, backend: Any, dtype: str) -> FullBatch:
        source = ArraySource(
            self.X,
            self.Y,
            self.weights,
            n_classes=self.n2 if self.output == "softmax" else None,
            continuous=self.output == "identity",
        )
        return FullBatch(
            source,
            backend,
            n1=self.n1,
            activation=self.g1,
            output=self.output,
            dtype=dtype,
            block_columns=self.columns,
        )

    def gradient(self, backend: Any, dtype: str) -> list[Any]:
        batch = self.batch(backend, dtype)
        with backend.activate():
            J, gradients = batch.value_and_gradient(batch.place(self.start))
            return [backend.to_numpy(a).astype(np.float64) for a in (*gradients, J)]


def index_of(cuda: str) -> int:
    return int(cuda.partition(":")[2] or 0)


SEEDS = [pytest.param(seed, marks=[pytest.mark.slow] if seed >= 12 else []) for seed in range(40)]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_way_gives_the_gradient_of_the_cpu(
    cuda: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused, "MAX_MULTIPROCESSORS", 1 + seed % 4)  # parts of several steps
    network, index = Network(seed), index_of(cuda)
    expected = network.gradient(get_backend("cpu"), "float64")
    for engine in ("reference", "auto"):
        for dtype, limit in (("float64", 1e-12), ("float32", 2e-5)):
            got = network.gradient(CudaBackend(index, engine=engine), dtype)
            assert largest_difference(got, expected) < limit, (engine, dtype)
    shape = network.n0, network.n1, network.n2
    if why_not_fused(network.g1, network.output, shape, np.float32) is None:
        got = network.gradient(CudaBackend(index, engine="fused"), "float32")
        assert largest_difference(got, expected) < 2e-5
    cublas_fused_backend = CudaBackend(index)
    if int(cublas_fused_backend.device().compute_capability) >= TF32_CAPABILITY:
        got = network.gradient(CudaBackend(index, precision="tf32"), "float32")
        assert largest_difference(got, expected) < 2e-2


@pytest.mark.parametrize("engine", ["cublas_fused", "fused"])
def test_the_same_bits_from_any_memory_and_again(cuda: str, engine: str) -> None:
    rng = np.random.default_rng(5)
    m = 30_000
    source = ArraySource(
        rng.standard_normal((m, 28), np.float32).T, rng.integers(0, 2, (1, m)).astype(np.uint8)
    )
    start = initialise(28, 128, 1, random_state=0)
    bits = set()
    for keeps_blocks in (True, False, True):
        backend = CudaBackend(index_of(cuda), engine=engine, keeps_blocks=keeps_blocks)
        batch = FullBatch(source, backend, n1=128, block_columns=4_000)
        with backend.activate():
            placed = batch.place(start)
            for _ in range(3):
                J, gradients = batch.value_and_gradient(placed)
                bits.add(b"".join(backend.to_numpy(a).tobytes() for a in (*gradients, J)))
        batch.release()
    assert len(bits) == 1


@pytest.mark.parametrize(
    ("n0", "n1", "g1", "output"),
    [
        (28, 128, "relu", "sigmoid"),
        (7, 100, "leaky_relu", "identity"),
        (13, 20, "softplus", "sigmoid"),
        (2, 4, "identity", "sigmoid"),
    ],
)
def test_a_card_has_the_bits_of_the_emulation(
    cuda: str, n0: int, n1: int, g1: str, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if emulation.GXX is None:
        pytest.skip("g++ is missing")
    network = Network(4)
    network.n0, network.n1, network.g1, network.output, network.m = n0, n1, g1, output, 2_001
    rng = np.random.default_rng(1)
    network.X = rng.standard_normal((network.m, n0), np.float32).T
    network.Y = rng.integers(0, 2, (1, network.m)).astype(np.uint8)
    if output == "identity":
        network.Y = rng.normal(2, 3, (1, network.m))
    network.weights, network.columns = rng.random((1, network.m)) + 0.1, network.m
    network.start = initialise(n0, n1, 1, random_state=4)
    monkeypatch.setattr(fused, "MAX_MULTIPROCESSORS", 2)
    found = [network.gradient(CudaBackend(index_of(cuda), engine="fused"), "float32")]
    found.append(network.gradient(on_fake(monkeypatch, engine="fused"), "float32"))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_step_is_the_update_of_the_equations(cuda: str) -> None:
    network = Network(1)
    network.columns = network.m
    backend = get_backend(cuda, engine="cublas_fused")
    batch = network.batch(backend, "float32")
    with backend.activate():
        start = batch.place(network.start)
        alpha = backend.asarray(np.array(0.3, np.float32))
        J, after = batch.step(start, alpha)
        expected_J, gradients = batch.value_and_gradient(start)
        assert float(J) == float(expected_J)
        for got, expected in zip(after, update(start, gradients, alpha), strict=True):
            np.testing.assert_array_equal(backend.to_numpy(got), backend.to_numpy(expected))


def test_iterations_made_ahead_are_those_of_the_equations(cuda: str, planar: Any) -> None:
    X, Y = planar
    start = initialise(2, 4, 1, random_state=2, init_scale=0.01)
    runs = [
        descend(
            FullBatch(ArraySource(X, Y), backend, n1=4),
            start,
            learning_rate=1.2,
            iterations=1000,
        ).costs
        for backend in (get_backend("cpu"), get_backend(cuda, engine="fused"))
    ]
    # The last bits of the first weights alone move the costs by 7e-7.
    np.testing.assert_allclose(runs[1], runs[0], rtol=0, atol=5e-6)


def test_no_memory_is_lost_over_many_iterations(cuda: str) -> None:
    network = Network(1)
    backend = get_backend(cuda)
    batch = network.batch(backend, "float32")
    pool: Any = backend.xp.get_default_memory_pool()
    sizes = []
    with backend.activate():
        parameters = batch.place(network.start)
        alpha = backend.asarray(np.array(0.1, np.float32))
        for i in range(60):
            _, parameters = batch.step(parameters, alpha)
            if i >= 30:
                sizes.append(pool.used_bytes())
    assert max(sizes) == min(sizes)


@pytest.mark.parametrize(("n0", "n1"), [(28, 128), (32, 256), (30, 32)])
def test_the_fused_kernel_keeps_to_its_registers(cuda: str, n0: int, n1: int) -> None:
    backend = CudaBackend(index_of(cuda), engine="fused")
    source = ArraySource(np.ones((n0, 64), np.float32), np.ones((1, 64), np.uint8))
    batch = FullBatch(source, backend, n1=n1)
    config = configuration(n0, n1)
    assert config is not None
    with backend.activate():
        batch.value_and_gradient(batch.place(initialise(n0, n1, 1, random_state=0)))
        attributes = batch._block._kernels.fused.attributes  # type: ignore[attr-defined]
    assert attributes["local_size_bytes"] <= 8  # nothing is spilled, or a single register
    assert attributes["num_regs"] * config.threads * config.resident <= 2**16
