"""What of PyTorch needs CUDA, as far as it goes without."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bench import lecture
from bench.peers import MAKERS, UnavailableError
from bench.problems import lab, problem

pytest.importorskip("torch")


def test_steps_of_one_graph_are_those_of_the_lecture(monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.peers import torch_code

    replayed: list[str] = []

    def replaying(steps: Callable[[], None], device: str) -> Callable[[], None]:
        def replay() -> None:
            replayed.append(device)
            steps()

        return replay

    monkeypatch.setattr(torch_code, "_captured", replaying)
    case = lab("float64")
    candidate = torch_code.one_graph(case, "cpu")
    replayed.clear()
    for iterations, replays in ((6, 1), (130, 3)):
        costs = candidate.run(iterations)
        expected = lecture.descend(
            case.parameters, case.rows.T, case.Y(), case.learning_rate, iterations
        )
        np.testing.assert_allclose(costs, expected, rtol=1e-10)
        assert len(replayed) == replays
        replayed.clear()


@pytest.mark.parametrize("function", ["one_graph", "compiled_to_graphs"])
def test_graphs_are_refused_without_cuda(function: str) -> None:
    from bench.peers import torch_code

    with pytest.raises(UnavailableError, match="CUDA graphs need CUDA"):
        getattr(torch_code, function)(lab(), "cpu")


def test_one_graph_is_for_few_examples() -> None:
    from bench.peers import torch_code

    with pytest.raises(UnavailableError, match="only for small m"):
        torch_code.one_graph(problem((2, 4, 1), 10_001), "cpu")


@pytest.mark.parametrize("name", ["PyTorch eager", "PyTorch Module + SGD"])
def test_eager_steps_are_those_of_the_lecture(name: str) -> None:
    from bench.peers import make

    case = lab("float64")
    expected = lecture.descend(case.parameters, case.rows.T, case.Y(), case.learning_rate, 20)
    costs = make(MAKERS[name], case, "cpu").run(20)
    np.testing.assert_allclose(costs, expected, rtol=1e-10)
