"""JAX: a jitted step with donated parameters, and a whole descent in one call."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.peers import Candidate, Run, UnavailableError, fastest, precision
from bench.problems import Problem
from gdnet.backends.host import usable_cpus

# Where a call costs more than the work, the loop is worth taking into the compiled code.
MAX_EXAMPLES_OF_A_LOOP = 10_000


def jitted_step(problem: Problem, device: str) -> Candidate:
    """Make an update a call."""
    return _faster_layout(problem, device, _stepping)


def jitted_loop(problem: Problem, device: str) -> Candidate:
    """Make all updates in one call, by lax.fori_loop."""
    if problem.m > MAX_EXAMPLES_OF_A_LOOP:
        raise UnavailableError("only for small m: with many examples the calls cost nothing")
    return _faster_layout(problem, device, _looping)


def _stepping(update: Any, start: tuple[Any, ...], X: Any, Y: Any) -> Run:
    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(parameters: Any, costs: Any, i: Any, X: Any, Y: Any) -> Any:
        parameters, J = update(parameters, X, Y)
        return parameters, costs.at[i].set(J), i + 1

    def run(iterations: int) -> list[float]:
        # The costs stay in one array and are read once: reading takes as long as a small step.
        state = jax.tree.map(jnp.copy, start), jnp.zeros(iterations, X.dtype), jnp.int32(0)
        for _ in range(iterations):
            state = step(*state, X, Y)
        costs: list[float] = np.asarray(state[1]).tolist()
        return costs

    return run


def _looping(update: Any, start: tuple[Any, ...], X: Any, Y: Any) -> Run:
    @partial(jax.jit, static_argnums=3, donate_argnums=0)
    def loop(parameters: Any, X: Any, Y: Any, iterations: int) -> Any:
        def body(i: Any, state: Any) -> Any:
            parameters, J = update(state[0], X, Y)
            return parameters, state[1].at[i].set(J)

        costs = jnp.zeros(iterations, X.dtype)
        return jax.lax.fori_loop(0, iterations, body, (parameters, costs))

    def run(iterations: int) -> list[float]:
        parameters, costs = loop(jax.tree.map(jnp.copy, start), X, Y, iterations)
        jax.block_until_ready(parameters)
        return [float(J) for J in np.asarray(costs)]

    return run


def set_up(problem: Problem, device: str) -> None:
    """Set JAX up for a device, and for the dtype of a problem."""
    jax.config.update("jax_platforms", device)
    jax.config.update("jax_enable_x64", problem.rows.dtype == np.float64)
    named = {"highest": "highest", "tf32": "tensorfloat32"}[precision()]
    jax.config.update("jax_default_matmul_precision", named)
    try:
        jax.devices()
    except RuntimeError as error:
        raise UnavailableError(
            f"JAX {jax.__version__}: {str(error).partition(chr(10))[0]}"
        ) from None


def _faster_layout(problem: Problem, device: str, runner: Callable[..., Run]) -> Candidate:
    """Try examples as columns and as rows, and take what is faster."""
    set_up(problem, device)
    W1, b1, W2, b2 = (jnp.asarray(p) for p in problem.parameters)
    rows, Y = jnp.asarray(problem.rows), jnp.asarray(problem.Y())
    runs, temporaries = {}, {}
    for layout, axis in (("columns", 0), ("rows", 1)):
        turned = (lambda a: a) if axis == 0 else jnp.transpose
        start = tuple(map(turned, (W1, b1, W2, b2)))
        # Turned round by JAX, which is faster on a GPU than by NumPy on the way there.
        data = (jnp.transpose(rows), Y) if axis == 0 else (rows, jnp.transpose(Y))
        update = partial(_update, axis=axis, alpha=problem.learning_rate)
        name = f"examples as {layout}"
        runs[name] = runner(update, start, *data)
        if device != "cpu":
            # No peak of the allocator: it would be the larger one of the two layouts.
            needs = jax.jit(update).lower(start, *data).compile().memory_analysis()
            temporaries[name] = needs.temp_size_in_bytes + needs.output_size_in_bytes
    layout, run = fastest(runs.items())
    threads = f", {usable_cpus()} threads" if device == "cpu" else ""
    about = f"JAX {jax.__version__}{threads}, {layout}"
    return Candidate(run, about, (lambda: temporaries[layout]) if temporaries else None)


def losses(parameters: tuple[Any, ...], X: Any, Y: Any, axis: int) -> Any:
    """Return the loss of each example; `axis` is that of a layer."""
    W1, b1, W2, b2 = parameters
    Z2 = W2 @ jnp.tanh(W1 @ X + b1) + b2 if axis == 0 else jnp.tanh(X @ W1 + b1) @ W2 + b2
    if Z2.shape[axis] > 1:
        return jax.nn.logsumexp(Z2, axis) - jnp.sum(Y * Z2, axis)
    return jnp.maximum(Z2, 0) - Y * Z2 + jnp.log1p(jnp.exp(-jnp.abs(Z2)))


def _update(
    parameters: tuple[Any, ...], X: Any, Y: Any, *, axis: int, alpha: float
) -> tuple[tuple[Any, ...], Any]:
    """Return the parameters after one update, and the cost before."""

    def cost(parameters: tuple[Any, ...]) -> Any:
        return jnp.mean(losses(parameters, X, Y, axis))

    J, gradients = jax.value_and_grad(cost)(parameters)
    return tuple(p - alpha * dp for p, dp in zip(parameters, gradients, strict=True)), J
