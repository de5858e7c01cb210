"""JAX as somebody writes it who knows its memory: lax.scan over blocks that stay in cache."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from bench.peers import Candidate, Run, UnavailableError, fastest
from bench.peers.jax_code import losses, set_up
from bench.problems import Problem

# What a block and its work arrays may take, and the fewest examples of a block.
BLOCK_BYTES = {"cpu": (2**19, 2**21, 5 * 2**20), "cuda": (2**26, 2**29)}
MIN_COLUMNS = 500
WHOLE, SHARED_OUT = PartitionSpec(), PartitionSpec("device")


def scanned(problem: Problem, device: str) -> Candidate:
    """Add up the gradients of blocks on one device."""
    set_up(problem, device)
    return _fastest_blocks(problem, device, jax.devices()[:1])


def sharded(problem: Problem, device: str) -> Candidate:
    """Do the same on as many devices of the host as there are cores; see `bench.peers`."""
    if device != "cpu":
        raise UnavailableError("its devices are the cores of a CPU")
    set_up(problem, device)
    if len(jax.devices()) == 1:
        raise UnavailableError("with one core it is JAX blocks")
    return _fastest_blocks(problem, device, jax.devices())


def _fastest_blocks(problem: Problem, device: str, devices: list[Any]) -> Candidate:
    """Try examples as columns and as rows in blocks of several sizes."""
    n0, n1, _ = problem.shape
    an_example = problem.rows.itemsize * (n0 + 2 * n1)
    most = problem.m // len(devices)
    sizes = sorted(
        {
            min(most, max(MIN_COLUMNS, nbytes // an_example))
            for nbytes in BLOCK_BYTES[device.partition(":")[0]]
        }
    )

    temporaries: dict[str, int] = {}

    def candidates() -> Iterator[tuple[str, Run]]:
        # One by one, so that the data are not there for all of them at once.
        for axis, layout in ((0, "columns"), (1, "rows")):
            for size in sizes:
                name = f"blocks of {size} {layout}"
                run, temporaries[name] = _run(problem, axis, size, devices)
                yield name, run

    layout, run = fastest(candidates())
    about = f"JAX {jax.__version__}, {len(devices)} device(s), {layout}"
    return Candidate(run, about, None if device == "cpu" else lambda: temporaries[layout])


def _run(problem: Problem, axis: int, size: int, devices: list[Any]) -> tuple[Run, int]:
    """Return a way, and on a GPU the bytes that its compiler plans for beyond the data."""
    mesh = Mesh(np.array(devices), ("device",))
    m, alpha = problem.m, problem.learning_rate

    def place(array: Any, where: PartitionSpec) -> Any:
        return jax.device_put(np.ascontiguousarray(array), NamedSharding(mesh, where))

    def turned(rows: Any) -> Any:
        return rows.swapaxes(-1, -2) if axis == 0 else rows

    # What does not fill a block on each device is computed apart from the others.
    whole = m - m % (size * len(devices))
    data = problem.rows, problem.Y().T
    blocks = [place(turned(a[:whole].reshape(-1, size, a.shape[1])), SHARED_OUT) for a in data]
    rest = [place(turned(a[whole:]), WHOLE) for a in data]
    start = tuple(place(p if axis == 0 else p.T, WHOLE) for p in problem.parameters)

    def part_of_cost(parameters: Any, X: Any, Y: Any) -> Any:
        return jnp.sum(losses(parameters, X, Y, axis)) / m

    gradient = jax.value_and_grad(part_of_cost)

    def over_blocks(parameters: Any, X: Any, Y: Any) -> Any:
        def add(total: Any, block: Any) -> Any:
            return jax.tree.map(jnp.add, total, gradient(parameters, *block)), None

        nothing = jnp.zeros((), X.dtype), jax.tree.map(jnp.zeros_like, parameters)
        return jax.lax.scan(add, nothing, (X, Y))[0]

    def over_devices(parameters: Any, X: Any, Y: Any) -> Any:
        return jax.lax.psum(over_blocks(parameters, X, Y), "device")

    summed = over_blocks
    if len(devices) > 1:
        shared = (WHOLE, SHARED_OUT, SHARED_OUT)
        summed = jax.shard_map(
            over_devices, mesh=mesh, in_specs=shared, out_specs=WHOLE, check_vma=False
        )

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(parameters: Any, costs: Any, i: Any, blocks: Any, rest: Any) -> Any:
        total = summed(parameters, *blocks)
        if whole < m:
            total = jax.tree.map(jnp.add, total, gradient(parameters, *rest))
        J, gradients = total
        updated = tuple(p - alpha * dp for p, dp in zip(parameters, gradients, strict=True))
        return updated, costs.at[i].set(J), i + 1

    def run(iterations: int) -> list[float]:
        costs = place(np.zeros(iterations, problem.rows.dtype), WHOLE)
        state = jax.tree.map(jnp.copy, start), costs, place(np.int32(0), WHOLE)
        for _ in range(iterations):
            state = step(*state, blocks, rest)
            if len(devices) > 1:
                # Sums over devices of the host that wait for each other must not be queued.
                jax.block_until_ready(state)
        read: list[float] = np.asarray(state[1]).tolist()
        return read

    if devices[0].platform == "cpu":
        return run, 0
    example = start, place(np.zeros(1, problem.rows.dtype), WHOLE), place(np.int32(0), WHOLE)
    needs = step.lower(*example, blocks, rest).compile().memory_analysis()
    return run, needs.temp_size_in_bytes + needs.output_size_in_bytes
