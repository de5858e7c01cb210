"""L-BFGS: where it ends, how many passes it takes, and what it keeps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gdnet._typing import HostArray
from gdnet.backends import Backend, get_backend
from gdnet.data.source import ArraySource
from gdnet.descent import LBFGS, DescentResult, descend
from gdnet.descent.solvers.lbfgs import Memory
from gdnet.descent.solvers.two_loop import Pair, direction, dot
from gdnet.errors import DataError, Diverged
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Gradients, Parameters, initialise
from tests.support.cuda_problems import on_fake
from tests.support.problems import classification


def objective(
    backend: Backend | None = None, dtype: str = "float64", n1: int = 4, **settings: Any
) -> FullBatch:
    rows, Y = classification(1)
    source = ArraySource(rows.T.astype(dtype), Y)
    backend = backend or get_backend("cpu", threads=1)
    return FullBatch(source, backend, n1=n1, dtype=dtype, **{"l2": 1.0} | settings)


def first(n1: int = 4, dtype: str = "float64", seed: int = 1) -> Parameters[HostArray]:
    return initialise(6, n1, 1, random_state=seed, dtype=dtype)


def run(of: FullBatch, seed: int = 1, **settings: Any) -> DescentResult:
    start = first(of.shape[1], of.dtype.name, seed)
    given: dict[str, Any] = {"solver": "lbfgs", "iterations": 1000} | settings
    return descend(of, start, **given)


class Counted(FullBatch):
    """Counts its passes, and remembers the costs."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.costs: list[float] = []

    def value_and_gradient(self, parameters: Parameters) -> tuple[Any, Gradients]:
        J, gradients = super().value_and_gradient(parameters)
        self.costs.append(float(self.backend.to_numpy(J)))
        return J, gradients


class Rosenbrock:
    """Rosenbrock's valley, as an objective whose parameters are W1 alone."""

    dtype, backend = np.dtype(np.float64), get_backend("cpu")

    def __init__(self, n: int) -> None:
        self.shape = (n, 1, 0)

    def place(self, parameters: Parameters[HostArray]) -> Parameters[HostArray]:
        return parameters

    def value_and_gradient(self, parameters: Parameters[HostArray]) -> tuple[float, Gradients]:
        x = parameters.W1.ravel()
        a, b = x[1:] - x[:-1] ** 2, 1 - x[:-1]
        gradient = np.zeros_like(x)
        gradient[:-1] = -400 * x[:-1] * a - 2 * b
        gradient[1:] += 200 * a
        none = np.zeros((0, 1))
        return float(np.sum(100 * a**2 + b**2)), Gradients(gradient[None], none, none, none)


@pytest.mark.parametrize(("n", "passes"), [(2, 60), (10, 110), (100, 700)])
def test_rosenbrock(n: int, passes: int) -> None:
    # SciPy's L-BFGS-B takes 44, 88 and 613 to 1e-10.
    valley: Any = Rosenbrock(n)
    none = np.zeros((0, 1))
    x = np.tile([-1.2, 1.0], n // 2)[None]
    solver = LBFGS()
    state, made, J = solver.init(valley, Parameters(x, none, none, none)), 0, math.inf
    while J > 1e-10:
        step = solver.step(valley, state)
        assert step.end is None
        state, made, J = step.state, made + step.passes, step.state.memory.J
    assert made <= passes
    np.testing.assert_allclose(np.asarray(state.parameters.W1), 1, atol=1e-4)


def test_the_direction_is_minus_the_inverse_times_the_gradient() -> None:
    # With as many pairs as there are dimensions of a quadratic, along conjugate directions.
    random = np.random.RandomState(0)
    A = random.randn(5, 5)
    A = A @ A.T + np.eye(5)
    pairs: tuple[Pair, ...] = ()
    for s in np.linalg.eigh(A)[1].T:
        y = A @ s
        pairs = (*pairs, Pair(s, y, dot(s, y)))
    gradient = random.randn(5)
    np.testing.assert_allclose(direction(gradient, pairs), -np.linalg.solve(A, gradient))
    np.testing.assert_array_equal(direction(gradient, ()), -gradient)


def test_it_ends_where_scipy_does_in_as_many_passes() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    ratios = []
    for seed in range(5):
        of, start = objective(), first(seed=seed)
        sizes = np.cumsum([p.size for p in start])[:-1]
        theirs: list[float] = []

        def fun(
            x: Any,
            of: FullBatch = of,
            start: Parameters[HostArray] = start,
            theirs: Any = theirs,
            sizes: Any = sizes,
        ) -> Any:
            parts = zip(np.split(x, sizes), start, strict=True)
            J, gradients = of.value_and_gradient(
                Parameters(*(a.reshape(p.shape) for a, p in parts))
            )
            theirs.append(float(J))
            return float(J), np.concatenate([np.ravel(np.asarray(g)) for g in gradients])

        x = np.concatenate([p.ravel() for p in start])
        options = {"maxcor": 20, "maxiter": 1000, "ftol": 1e-9}
        optimize.minimize(fun, x, jac=True, method="L-BFGS-B", options=options)
        ours = run(of, seed)
        assert ours.converged
        cost = max(min(theirs), ours.final_cost) * (1 + 1e-6)
        costs = np.append(ours.costs, ours.final_cost)
        passes = np.append(1, ours.passes)[np.argmax(costs <= cost)]
        ratios.append(passes / (1 + np.argmax(np.minimum.accumulate(theirs) <= cost)))
    assert np.median(ratios) <= 1.2


@pytest.mark.parametrize(
    ("activation", "left"),
    # A cost with kinks, or a long flat valley, has something left for float64.
    [("tanh", 1e-6), ("sigmoid", 1e-6), ("softplus", 1e-5), ("relu", 1e-4)],
)
def test_float32_ends_near_where_float64_would_go(activation: str, left: float) -> None:
    in_float32 = run(objective(dtype="float32", activation=activation))
    assert in_float32.converged
    there = Parameters(*(p.astype(np.float64) for p in in_float32.parameters))
    of = objective(activation=activation)
    further = descend(of, there, solver="lbfgs", iterations=200)
    assert further.costs[0] - further.final_cost <= left * further.costs[0]


def test_the_end_is_a_minimum_and_says_so() -> None:
    of = objective()
    found = run(of)
    assert found.converged
    assert found.end is not None
    assert found.end.startswith("there was no")
    _, gradients = of.value_and_gradient(found.parameters)
    assert max(np.abs(np.asarray(g)).max() for g in gradients) < 1e-6
    # A tenth of the passes that plain descent makes, and lower.
    plain = descend(objective(), first(), learning_rate=1.0, iterations=1000)
    lower = int(np.argmax(found.costs <= plain.final_cost))
    assert found.passes[lower] <= 100


def test_passes_are_counted_and_costs_are_those_of_what_is_stored(backend: Backend) -> None:
    rows, Y = classification(1)
    of = Counted(ArraySource(rows.T, Y), backend, n1=4, dtype="float64")
    found = descend(of, first(), solver=LBFGS(memory=5), iterations=12)
    # With the cost of the last parameters, which is made without a gradient.
    assert len(of.costs) == found.passes[-1] >= 13
    assert found.passes[0] == 2
    assert set(found.costs) <= set(of.costs)
    with backend.activate():
        J, _ = of.value_and_gradient(of.place(found.parameters))
        assert float(backend.to_numpy(J)) == pytest.approx(found.final_cost, rel=1e-14)


def test_on_cuda_a_pass_copies_the_parameters_there_and_the_gradient_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = on_fake(monkeypatch, engine="reference")
    of, solver, trace = objective(backend, "float32"), LBFGS(), backend.xp.trace
    n, size = 4 * 7 + 5, 4
    with backend.activate():
        state = solver.step(of, solver.init(of, of.place(first(dtype="float32")))).state
        for _ in range(5):
            trace.clear()
            step = solver.step(of, state)
            state = step.state
            assert trace.bytes_to_device == step.passes * n * size
            # The gradient and the cost of each pass, and once the parameters.
            assert trace.bytes_to_host == step.passes * (n + 1) * size + n * size


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_costs_never_rise_above_rounding(dtype: str) -> None:
    found = run(objective(dtype=dtype))
    costs = np.append(found.costs, found.final_cost)
    noise = 5 * np.finfo(dtype).eps * costs[0]
    assert (costs <= np.minimum.accumulate(costs) + noise).all()


def test_the_same_bits_with_any_number_of_threads_and_from_disk() -> None:
    expected = None
    for threads, block in ((1, 64), (3, 64)):
        of = objective(get_backend("cpu", threads=threads), block_columns=block, dtype="float32")
        found = [p.tobytes() for p in run(of, iterations=40).parameters]
        assert expected in (None, found)
        expected = found


def test_more_memory_than_iterations_and_a_memory_of_one() -> None:
    of = objective()
    some = descend(of, first(), solver=LBFGS(memory=50), iterations=10)
    many = descend(of, first(), solver=LBFGS(memory=10), iterations=10)
    np.testing.assert_array_equal(some.costs, many.costs)
    one = descend(of, first(), solver=LBFGS(memory=1), iterations=1000)
    assert one.final_cost == pytest.approx(run(of).final_cost, rel=0.2)
    with pytest.raises(DataError, match="a memory of at least 1 pair, got 0"):
        LBFGS(memory=0)


def test_a_cost_that_is_not_finite_at_the_start_is_said() -> None:
    of = objective(activation="identity", l2=0)
    start = first()._replace(W1=np.full((4, 6), 1e308), W2=np.full((1, 4), 1e308))
    with np.errstate(all="ignore"), pytest.raises(Diverged, match="before the first update"):
        descend(of, start, solver="lbfgs", iterations=10)


def test_a_gradient_whose_square_is_not_finite_is_said() -> None:
    of = objective(activation="relu", l2=0)
    start = Parameters(*(1e160 * p for p in first()))
    with np.errstate(all="ignore"), pytest.raises(Diverged, match="before the first update"):
        descend(of, start._replace(W1=first().W1), solver="lbfgs", iterations=30)


def test_a_gradient_of_zero_is_an_end() -> None:
    rows, Y = np.zeros((4, 2)), np.array([[0, 1, 0, 1]])
    of = FullBatch(ArraySource(rows.T, Y), get_backend("cpu"), n1=3, dtype="float64")
    zero = Parameters(np.zeros((3, 2)), np.zeros((3, 1)), np.zeros((1, 3)), np.zeros((1, 1)))
    found = descend(of, zero, solver="lbfgs", iterations=10)
    assert (found.iterations, found.converged) == (1, True)
    assert found.end == "there was no step down above rounding"
    assert found.costs[0] == found.final_cost == pytest.approx(math.log(2))


def test_memory_survives_its_arrays() -> None:
    of, solver = objective(), LBFGS(memory=3)
    state = solver.init(of, first())
    assert solver.from_arrays(of, solver.to_arrays(state.memory)) is None
    for _ in range(5):
        state = solver.step(of, state).state
    again = solver.from_arrays(of, solver.to_arrays(state.memory))
    assert isinstance(again, Memory)
    assert len(again.pairs) == 3
    for a, b in zip(again.pairs, state.memory.pairs, strict=True):
        np.testing.assert_array_equal(a.s, b.s)
        np.testing.assert_array_equal(a.y, b.y)
        assert a.sy == b.sy
    one, other = (solver.step(of, state._replace(memory=m)) for m in (again, state.memory))
    for W, V in zip(one.state.parameters, other.state.parameters, strict=True):
        np.testing.assert_array_equal(W, V)
    assert one.cost == other.cost
    arrays = solver.to_arrays(state.memory)
    with pytest.raises(ValueError, match="as many numbers as there are parameters"):
        solver.from_arrays(of, arrays | {"S": arrays["S"][:, 1:], "Y": arrays["Y"][:, 1:]})
    with pytest.raises(KeyError):
        solver.from_arrays(of, {"gradient": arrays["gradient"]})
    for wrong in (np.float64(3), np.zeros(3), np.zeros(4, np.float32)):
        with pytest.raises(ValueError, match="expected four numbers, and all in float64"):
            solver.from_arrays(of, arrays | {"numbers": np.asarray(wrong)})
