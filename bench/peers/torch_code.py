"""PyTorch: autograd by hand, nn.Module with an optimizer, torch.compile, and one CUDA graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from bench.peers import Candidate, Run, UnavailableError, fastest, precision
from bench.problems import Problem
from gdnet.backends.host import usable_cpus

# Parameters and data to the cost.
Cost = Callable[..., Any]
# A way to compute the cost, the start and the data to what iterates.
Runner = Callable[[Cost, list[Any], Any, Any], Run]
STEPS_OF_A_GRAPH = 64
# Where launching kernels costs more than the work, many steps are worth capturing.
MAX_EXAMPLES_OF_A_GRAPH = 10_000


def eager(problem: Problem, device: str) -> Candidate:
    """Write the forward pass by hand, and leave the rest to autograd."""

    def stepper(cost: Cost, parameters: list[Any], X: Any, Y: Any) -> Callable[[], Any]:
        return _by_autograd(cost, parameters, X, Y, problem.learning_rate)

    return _faster_layout(problem, device, _stepping(stepper))


def one_graph(problem: Problem, device: str) -> Candidate:
    """Capture many of these steps in one CUDA graph, which leaves their costs in an array."""
    if problem.m > MAX_EXAMPLES_OF_A_GRAPH:
        raise UnavailableError("only for small m: with many examples launching costs nothing")

    def runner(cost: Cost, start: list[Any], X: Any, Y: Any) -> Run:
        parameters = [p.clone() for p in start]
        step = _by_autograd(cost, parameters, X, Y, problem.learning_rate)
        costs = torch.empty(STEPS_OF_A_GRAPH, dtype=X.dtype, device=device)

        def steps() -> None:
            for i in range(STEPS_OF_A_GRAPH):
                costs[i].copy_(step())

        replay = _captured(steps, device)

        def run(iterations: int) -> list[float]:
            _reset(parameters, start)
            read = []
            for _ in range(0, iterations, STEPS_OF_A_GRAPH):
                replay()
                read.append(costs.clone())  # the next replay writes over them
            return _read(torch.cat(read)[:iterations])

        return run

    return _faster_layout(problem, device, runner)


def _captured(steps: Callable[[], None], device: str) -> Callable[[], None]:
    """Return what replays the steps as a CUDA graph."""
    if device == "cpu":
        raise UnavailableError("CUDA graphs need CUDA")
    # What is captured must have run before, and not on the stream of everything else.
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        steps()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        steps()
    replay: Callable[[], None] = graph.replay
    return replay


def _by_autograd(
    cost: Cost, parameters: list[Any], X: Any, Y: Any, learning_rate: float
) -> Callable[[], Any]:
    """Return what makes an update and gives the cost before."""
    for p in parameters:
        p.requires_grad_()

    def step() -> Any:
        J = cost(parameters, X, Y)
        gradients = torch.autograd.grad(J, parameters)
        with torch.no_grad():
            torch._foreach_sub_(parameters, gradients, alpha=learning_rate)
        return J.detach()

    return step


def compiled(problem: Problem, device: str) -> Candidate:
    """Compile forward, backward and update to one graph."""
    return _faster_layout(problem, device, _stepping(_compiling_stepper(problem, mode=None)))


def compiled_to_graphs(problem: Problem, device: str, mode: str = "reduce-overhead") -> Candidate:
    """Replay the same as a CUDA graph, without the cost of launching each kernel."""
    if device == "cpu":
        raise UnavailableError("CUDA graphs need CUDA")
    return _faster_layout(problem, device, _stepping(_compiling_stepper(problem, mode)))


def compiled_with_autotuning(problem: Problem, device: str) -> Candidate:
    """Try several kernels for each operation, too, and replay the fastest as a CUDA graph."""
    return compiled_to_graphs(problem, device, mode="max-autotune")


def module_with_sgd(problem: Problem, device: str) -> Candidate:
    """Do what the tutorials show: nn.Sequential, a loss, an optimizer."""
    place = _prepared(device)
    n0, n1, n2 = problem.shape
    X = place(problem.rows)
    Y = place(problem.labels).long() if n2 > 1 else place(problem.Y().T)
    loss = nn.CrossEntropyLoss() if n2 > 1 else nn.BCEWithLogitsLoss()
    start = [place(p) for p in problem.parameters]
    model = nn.Sequential(nn.Linear(n0, n1), nn.Tanh(), nn.Linear(n1, n2)).to(X)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=problem.learning_rate, fused=True if device != "cpu" else None
    )

    def run(iterations: int) -> list[float]:
        with torch.no_grad():
            for p, value in zip(model.parameters(), start, strict=True):
                p.copy_(value.reshape(p.shape))
        costs = []
        for _ in range(iterations):
            optimizer.zero_grad()
            J = loss(model(X), Y)
            J.backward()
            optimizer.step()
            costs.append(J.detach())
        return _read(torch.stack(costs))

    return _candidate(run, "examples as rows", device)


def _compiling_stepper(problem: Problem, mode: str | None) -> Callable[..., Callable[[], Any]]:
    alpha = problem.learning_rate

    def stepper(cost: Cost, parameters: list[Any], X: Any, Y: Any) -> Callable[[], Any]:
        for each in (*parameters, X, Y):
            torch._dynamo.mark_static_address(each)  # a CUDA graph then copies no input

        @torch.compile(fullgraph=True, dynamic=False, mode=mode)  # type: ignore[untyped-decorator, unused-ignore]
        def step(parameters: list[Any], X: Any, Y: Any) -> Any:
            gradients, J = torch.func.grad_and_value(cost)(parameters, X, Y)
            for p, dp in zip(parameters, gradients, strict=True):
                p.sub_(dp, alpha=alpha)
            return J

        # The next replay of a CUDA graph writes over its output.
        keep = torch.clone if mode else lambda J: J
        return lambda: keep(step(parameters, X, Y))

    return stepper


def _stepping(stepper: Callable[..., Callable[[], Any]]) -> Runner:
    """Make a step a call, and read the costs at the end, so that PyTorch may queue ahead."""

    def runner(cost: Cost, start: list[Any], X: Any, Y: Any) -> Run:
        parameters = [p.clone() for p in start]
        step = stepper(cost, parameters, X, Y)

        def run(iterations: int) -> list[float]:
            _reset(parameters, start)
            return _read(torch.stack([step() for _ in range(iterations)]))

        return run

    return runner


def _reset(parameters: list[Any], start: list[Any]) -> None:
    with torch.no_grad():
        for p, value in zip(parameters, start, strict=True):
            p.copy_(value)


def _faster_layout(problem: Problem, device: str, runner: Runner) -> Candidate:
    """Try examples as columns and as rows; PyTorch is faster with the one or the other."""
    place = _prepared(device)
    softmax = problem.shape[2] > 1
    start = [place(p) for p in problem.parameters]
    X, Y = place(problem.rows), place(problem.Y())
    labels = place(problem.labels).long() if softmax else Y.T.contiguous()
    candidates = {
        "examples as columns": runner(
            _softmax_cost_of_columns if softmax else _sigmoid_cost_of_columns,
            start,
            X.T.contiguous(),
            Y,
        ),
        "examples as rows": runner(
            _softmax_cost_of_rows if softmax else _sigmoid_cost_of_rows, start, X, labels
        ),
    }
    layout, run = fastest(candidates.items())
    return _candidate(run, layout, device)


def _output_of_columns(parameters: list[Any], X: Any) -> Any:
    W1, b1, W2, b2 = parameters
    return W2 @ torch.tanh(W1 @ X + b1) + b2


def _output_of_rows(parameters: list[Any], X: Any) -> Any:
    W1, b1, W2, b2 = parameters
    return functional.linear(torch.tanh(functional.linear(X, W1, b1[:, 0])), W2, b2[:, 0])


def _sigmoid_cost_of_columns(parameters: list[Any], X: Any, Y: Any) -> Any:
    return functional.binary_cross_entropy_with_logits(_output_of_columns(parameters, X), Y)


def _sigmoid_cost_of_rows(parameters: list[Any], X: Any, Y: Any) -> Any:
    return functional.binary_cross_entropy_with_logits(_output_of_rows(parameters, X), Y)


def _softmax_cost_of_columns(parameters: list[Any], X: Any, Y: Any) -> Any:
    Z2 = _output_of_columns(parameters, X)
    return (torch.logsumexp(Z2, 0) - (Y * Z2).sum(0)).mean()


def _softmax_cost_of_rows(parameters: list[Any], X: Any, labels: Any) -> Any:
    return functional.cross_entropy(_output_of_rows(parameters, X), labels)


def _prepared(device: str) -> Callable[[Any], Any]:
    """Set PyTorch up and return what places an array on the device."""
    if device != "cpu" and not torch.cuda.is_available():
        raise UnavailableError(f"PyTorch {torch.__version__} finds no CUDA")
    torch.set_num_threads(usable_cpus())
    torch.set_float32_matmul_precision({"highest": "highest", "tf32": "high"}[precision()])
    return lambda array: torch.from_numpy(array).to(device)


def _read(costs: Any) -> list[float]:
    return list(map(float, costs.tolist()))


def _candidate(run: Run, layout: str, device: str) -> Candidate:
    about = f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, {layout}"
    if device == "cpu":
        return Candidate(run, about)

    def device_bytes() -> int:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run(2)
        return int(torch.cuda.max_memory_allocated() - before)

    return Candidate(run, about, device_bytes)
