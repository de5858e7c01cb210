"""Optax on JAX on the CPU: Adam on batches, a part of an epoch a call, and its L-BFGS."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bench.peers.jax_code import losses, set_up
from bench.to_cost.candidates import Candidate, Setting, grid
from bench.to_cost.clock import Clock
from bench.to_cost.tables import Task
from gdnet.parameters import Parameters

RATES, MEMORY = (0.01, 0.003, 0.03), 20


def adam(task: Task) -> Candidate:
    """Learn from batches, those of a part of an epoch in one jitted scan."""
    X, Y = _placed(task)
    m = task.training.m
    parts = task.parts()

    def run(start: Parameters, setting: Setting, seed: int, clock: Clock) -> None:
        rate, batch, parameters = setting["rate"], setting["batch"], _arrays(start)
        state: Any = parameters, optax.adam(rate).init(parameters)
        scan, random, passes = _scanning(rate), np.random.default_rng(seed), 0.0
        clock.start()
        while True:
            # Drawn by NumPy: JAX sorts for it, which takes as long as many batches.
            order = random.permutation(m).astype(np.int32)
            for part in parts:
                chosen = order[part]
                whole = len(chosen) // batch * batch
                state = scan(state, chosen[:whole].reshape(-1, batch), X, Y)
                if whole < len(chosen):
                    state = scan(state, chosen[None, whole:], X, Y)
                passes += 1 / len(parts)
                clock.tick(_numpy(state[0]), passes)

    batches = [min(size, m) for size in task.plan.batches[-3:]]
    return Candidate(grid(rate=RATES, batch=batches), run, _about())


@cache
def _scanning(rate: float) -> Any:
    """Return the jitted function that learns from some batches, one after the other."""
    solver = optax.adam(rate)

    @partial(jax.jit, donate_argnums=0)
    def scan(state: Any, batches: Any, X: Any, Y: Any) -> Any:
        def body(state: Any, chosen: Any) -> Any:
            parameters, memory = state
            gradients = jax.grad(_cost)(parameters, X[chosen], Y[chosen])
            updates, memory = solver.update(gradients, memory)
            return (optax.apply_updates(parameters, updates), memory), None

        return jax.lax.scan(body, state, batches)[0]

    return scan


def lbfgs(task: Task) -> Candidate:
    """Learn from all rows at once, a jitted step an iteration."""
    X, Y = _placed(task)
    solver = optax.lbfgs(memory_size=MEMORY)

    def step(parameters: Any, memory: Any, passes: Any, X: Any, Y: Any) -> Any:
        def value(parameters: Any) -> Any:
            return _cost(parameters, X, Y)

        J, gradient = optax.value_and_grad_from_state(value)(parameters, state=memory)
        updates, memory = solver.update(
            gradient, memory, parameters, value=J, grad=gradient, value_fn=value
        )
        passes += optax.tree.get(memory, "num_linesearch_steps")
        return optax.apply_updates(parameters, updates), memory, passes

    jitted = jax.jit(step)

    def run(start: Parameters, setting: Setting, seed: int, clock: Clock) -> None:
        del setting, seed  # it has none, and there are no batches
        parameters = _arrays(start)
        state: Any = parameters, solver.init(parameters), jnp.int32(1)
        clock.start()
        while True:
            state = jitted(*state, X, Y)
            clock.tick(_numpy(state[0]), state[2])

    return Candidate(grid(), run, _about())


def _placed(task: Task) -> tuple[Any, Any]:
    set_up(task.training, "cpu")
    return jnp.asarray(task.training.rows), jnp.asarray(task.training.Y().T)


def _cost(parameters: Any, X: Any, Y: Any) -> Any:
    return jnp.mean(losses(parameters, X, Y, axis=1))


def _arrays(start: Parameters) -> tuple[Any, ...]:
    return tuple(jnp.array(p.T) for p in start)


def _numpy(parameters: Any) -> Parameters:
    return Parameters(*(np.asarray(p).T for p in parameters))


def _about() -> str:
    return f"optax {optax.__version__}, JAX {jax.__version__}"
