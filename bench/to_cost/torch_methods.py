"""PyTorch on the CPU, tensors in place: Adam on batches, and its own L-BFGS."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from bench.to_cost.candidates import Candidate, Setting, grid
from bench.to_cost.clock import Clock
from bench.to_cost.tables import Task
from gdnet.backends.host import usable_cpus
from gdnet.parameters import Parameters

RATES, MEMORY = (0.01, 0.003, 0.03), 20
# More than one slow small batches down.
THREADS = (1, usable_cpus())
WITHOUT_END = 10**9


def adam(task: Task) -> Candidate:
    """Learn from batches: a permutation an epoch, gathered batch by batch, no DataLoader."""
    cost, X, Y = _placed(task)
    m = task.training.m
    parts = task.parts()

    def run(start: Parameters, setting: Setting, seed: int, clock: Clock) -> None:
        torch.set_num_threads(setting["threads"])
        torch.manual_seed(seed)
        batch, parameters = setting["batch"], _tensors(start)
        optimizer = torch.optim.Adam(parameters, lr=setting["rate"], fused=True)
        passes = 0.0
        clock.start()
        while True:
            order = torch.randperm(m)
            for part in parts:
                for chosen in order[part].split(batch):
                    optimizer.zero_grad()
                    cost(parameters, X[chosen], Y[chosen]).backward()
                    optimizer.step()
                passes += 1 / len(parts)
                clock.tick(_numpy(parameters), passes)

    batches = [min(size, m) for size in task.plan.batches[-3:]]
    return Candidate(grid(rate=RATES, batch=batches, threads=THREADS), run, _about())


def lbfgs(task: Task) -> Candidate:
    """Learn from all rows at once."""
    cost, X, Y = _placed(task)

    def run(start: Parameters, setting: Setting, seed: int, clock: Clock) -> None:
        del seed  # there are no batches
        torch.set_num_threads(setting["threads"])
        parameters = _tensors(start)
        optimizer = torch.optim.LBFGS(
            parameters,
            max_iter=WITHOUT_END,
            max_eval=WITHOUT_END,
            tolerance_grad=0,
            tolerance_change=0,
            history_size=MEMORY,
            line_search_fn="strong_wolfe",
        )
        passes, lowest = 0, math.inf

        def closure() -> Any:
            nonlocal passes, lowest
            optimizer.zero_grad()
            J = cost(parameters, X, Y)
            J.backward()
            passes += 1
            # It has no callback, and between its steps stand the trials of the line search.
            if J.item() < lowest:
                lowest = J.item()
                clock.tick(_numpy(parameters), passes)
            else:
                clock.check()
            return J

        clock.start()
        optimizer.step(closure)

    return Candidate(grid(threads=THREADS), run, _about())


def _placed(task: Task) -> tuple[Callable[..., Any], Any, Any]:
    """Return the cost as a function, and rows and labels as tensors."""
    X, labels = torch.from_numpy(task.training.rows), torch.from_numpy(task.training.labels)
    loss: Any
    if task.shape[2] > 1:
        loss, Y = functional.cross_entropy, labels.long()
    else:
        loss, Y = functional.binary_cross_entropy_with_logits, labels.float()[:, None]

    def cost(parameters: list[Any], X: Any, Y: Any) -> Any:
        W1, b1, W2, b2 = parameters
        return loss(functional.linear(torch.tanh(functional.linear(X, W1, b1)), W2, b2), Y)

    return cost, X, Y


def _tensors(start: Parameters) -> list[Any]:
    W1, b1, W2, b2 = (torch.from_numpy(p.copy()) for p in start)
    return [p.requires_grad_() for p in (W1, b1[:, 0], W2, b2[:, 0])]


def _numpy(parameters: list[Any]) -> Parameters:
    W1, b1, W2, b2 = (p.detach().numpy() for p in parameters)
    return Parameters(W1, b1[:, None], W2, b2[:, None])


def _about() -> str:
    return f"PyTorch {torch.__version__}"
