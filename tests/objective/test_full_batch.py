"""The full batch by blocks: the same bits in any schedule, layout and place; l2; refusals."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet._typing import HostArray
from gdnet.activations import Activation
from gdnet.backends import Backend, Block, ReferenceGradient, get_backend
from gdnet.data.source import ArraySource
from gdnet.equations import cost, forward
from gdnet.errors import DataError
from gdnet.objective.full_batch import FullBatch
from gdnet.objective.reference import block_gradient
from gdnet.parameters import Parameters, initialise

SHAPES = [(2, 4, 1), (28, 128, 1), (5, 3, 4), (64, 20, 10)]
NARROW = [(3, 1, 1), (1, 1, 2)]


def problem(n0: int, n2: int, m: int, dtype: str = "float32") -> tuple[Any, Any, Any]:
    random = np.random.RandomState(7)
    rows = random.randn(m, n0).astype(dtype)
    Y = (random.rand(n2, m) > 0.5).astype(np.uint8)
    return rows, Y, (random.rand(1, m) + 0.1).astype(dtype)


def digest(gradient: FullBatch, parameters: Parameters) -> str:
    with gradient.backend.activate():
        J, gradients = gradient.value_and_gradient(gradient.place(parameters))
    arrays = [gradient.backend.to_numpy(a) for a in (*gradients, J)]
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()


@pytest.mark.parametrize(("n0", "n1", "n2"), SHAPES + NARROW)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_for_any_threads_layout_and_place(
    n0: int, n1: int, n2: int, dtype: str, tmp_path: Path
) -> None:
    m = 3001
    rows, Y, w = problem(n0, n2, m, dtype)
    parameters = initialise(n0, n1, n2, random_state=0, dtype=dtype)
    np.save(tmp_path / "X.npy", rows)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    odd = np.empty(rows.nbytes + 1, np.uint8)[1:].view(dtype).reshape(rows.shape)  # unaligned
    odd[...] = rows
    layouts = {
        "rows": rows.T,
        "columns": np.ascontiguousarray(rows.T),
        "mapped": mapped.T,
        "every other": np.repeat(rows, 2, axis=0)[::2].T,
        "unaligned": odd.T,
        "big-endian": rows.astype(np.dtype(dtype).newbyteorder(">")).T,
    }
    digests = {
        (threads, layout): digest(
            FullBatch(
                ArraySource(X, Y, w),
                get_backend("cpu", threads=threads),
                n1=n1,
                dtype=dtype,
                block_columns=256,
            ),
            parameters,
        )
        for threads in (1, 2, 3, 4)
        for layout, X in layouts.items()
    }
    assert len(set(digests.values())) == 1, digests


def test_same_bits_again_and_again_with_many_threads() -> None:
    rows, Y, _ = problem(28, 1, 5000)
    parameters = initialise(28, 32, 1, random_state=0)
    gradient = FullBatch(
        ArraySource(rows.T, Y), get_backend("cpu", threads=8), n1=32, block_columns=64
    )
    assert len({digest(gradient, parameters) for _ in range(20)}) == 1


@pytest.mark.parametrize(
    ("n0", "n1", "n2", "output"),
    [(*shape, "sigmoid") for shape in SHAPES]
    + [(*shape, "softmax") for shape in SHAPES if shape[2] > 1],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_blocks_give_the_gradient_of_the_whole(
    backend: Backend, n0: int, n1: int, n2: int, weighted: bool, output: str
) -> None:
    rows, Y, w = problem(n0, n2, 500, "float64")
    n_classes = None
    labels = Y
    if output == "softmax":
        n_classes = n2
        labels = (np.arange(500) % n2)[None, :].astype(np.uint8)
        Y = (labels == np.arange(n2)[:, None]).astype(np.uint8)
    w = w if weighted else None
    source = ArraySource(rows.T, labels, w, n_classes=n_classes)
    parameters = initialise(n0, n1, n2, random_state=0)
    by_blocks = FullBatch(source, backend, n1=n1, output=output, dtype="float64", block_columns=77)
    with backend.activate():
        J, gradients = by_blocks.value_and_gradient(by_blocks.place(parameters))
    whole, whole_J = block_gradient(
        parameters,
        rows.T,
        Y.astype(float),
        by_blocks.g1,
        by_blocks.g2,
        500 if w is None else float(w.sum()),
        np,
        w,
    )
    assert float(J) == pytest.approx(float(whole_J), rel=1e-12)
    for got, want in zip(gradients, whole, strict=True):
        np.testing.assert_allclose(backend.to_numpy(got), np.asarray(want), rtol=1e-11, atol=1e-14)


def test_one_block_equals_the_equations(backend: Backend) -> None:
    rows, Y, _ = problem(2, 1, 400)
    parameters = initialise(2, 4, 1, random_state=0, dtype="float32")
    gradient = FullBatch(ArraySource(rows.T, Y), backend, n1=4)
    with backend.activate():
        placed = gradient.place(parameters)
        J, gradients = gradient.value_and_gradient(placed)
        X, Y_ = backend.asarray(np.asfortranarray(rows.T)), backend.asarray(Y.astype("f4"))
        direct, direct_J = block_gradient(
            placed, X, Y_, gradient.g1, gradient.g2, 400.0, backend.xp
        )
    for a, b in zip((*gradients, J), (*direct, direct_J), strict=True):
        if gradient.engine == "reference":
            assert backend.to_numpy(a).tobytes() == backend.to_numpy(b).tobytes()
        else:
            np.testing.assert_allclose(backend.to_numpy(a), backend.to_numpy(b), rtol=2e-5)


def test_l2_adds_its_cost_and_its_slope(backend: Backend) -> None:
    rows, Y, _ = problem(3, 2, 50, "float64")
    parameters = initialise(3, 4, 2, random_state=0)
    source = ArraySource(rows.T, Y)
    plain = FullBatch(source, backend, n1=4, dtype="float64")
    decayed = FullBatch(source, backend, n1=4, dtype="float64", l2=0.7)
    with backend.activate():
        J, gradients = plain.value_and_gradient(plain.place(parameters))
        J_l2, with_l2 = decayed.value_and_gradient(decayed.place(parameters))
    squares = float((parameters.W1**2).sum() + (parameters.W2**2).sum())
    assert float(J_l2) == pytest.approx(float(J) + 0.7 / (2 * 50) * squares, rel=1e-13)
    added = (0.7 / 50 * parameters.W1, 0, 0.7 / 50 * parameters.W2, 0)
    for before, extra, after in zip(gradients, added, with_l2, strict=True):
        np.testing.assert_allclose(
            backend.to_numpy(after), backend.to_numpy(before) + extra, rtol=1e-13
        )


def test_integer_and_float64_data_are_computed_in_float32(backend: Backend) -> None:
    random = np.random.RandomState(0)
    rows = random.randint(-3, 4, (300, 5))
    Y = (rows[:, :1].T > 0).astype(np.uint8)
    parameters = initialise(5, 3, 1, random_state=0, dtype="float32")
    results = set()
    for X in (rows, rows.astype("float64"), rows.astype("float32"), rows.astype("int8")):
        gradient = FullBatch(ArraySource(X.T, Y), backend, n1=3, block_columns=100)
        results.add(digest(gradient, parameters))
    assert len(results) == 1


def test_cost_is_that_of_the_equations(backend: Backend) -> None:
    rows, Y, _ = problem(2, 1, 100, "float64")
    parameters = initialise(2, 4, 1, random_state=0)
    gradient = FullBatch(ArraySource(rows.T, Y), backend, n1=4, dtype="float64")
    with backend.activate():
        J, _ = gradient.value_and_gradient(gradient.place(parameters))
    activations = forward(parameters, rows.T, gradient.g1, gradient.g2, np)
    want = cost(activations, Y.astype(float), gradient.g2, 100, np)
    assert float(J) == pytest.approx(float(want), rel=1e-14)


def test_an_activation_of_ones_own_is_not_taken_for_another_of_its_name(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def block_gradient(reference: Any, *, g1: str, **_: Any) -> Any:
        asked.append(g1)
        return ReferenceGradient(reference)

    monkeypatch.setattr(backend, "block_gradient", block_gradient)
    rows, Y, _ = problem(2, 1, 10)
    own = Activation("tanh", lambda Z, xp: Z, lambda A, xp: xp.ones_like(A))
    assert FullBatch(ArraySource(rows.T, Y), backend, n1=3, activation=own).engine == "reference"
    assert asked == []
    assert FullBatch(ArraySource(rows.T, Y), backend, n1=3, activation="tanh").engine == "reference"
    assert asked == ["tanh"]


def test_a_total_weight_beyond_the_dtype_is_refused() -> None:
    rows, Y, w = problem(2, 1, 10)
    for factor in (1e45, 1e-60):
        source = ArraySource(rows.T, Y, w.astype(np.float64) * factor)
        with pytest.raises(DataError, match="a sum that float32 can hold"):
            FullBatch(source, get_backend("cpu"), n1=3)


def test_softmax_takes_one_class_an_example() -> None:
    rows, _, _ = problem(2, 3, 10)
    exclusive = (np.arange(10) % 3 == np.arange(3).reshape(-1, 1)).astype(np.uint8)
    numbered = ArraySource(rows.T, np.arange(10).reshape(1, -1) % 3, n_classes=3)
    start = initialise(2, 4, 3, random_state=0)
    settings: dict[str, Any] = {"n1": 4, "output": "softmax"}
    costs = [
        float(FullBatch(source, get_backend("cpu"), **settings).value(start))
        for source in (ArraySource(rows.T, exclusive), numbered)
    ]
    assert costs[0] == costs[1]
    for column, got in (([1, 0, 1], 2), ([0, 0, 0], 0)):
        exclusive[:, 7] = column
        with pytest.raises(DataError, match=f"exactly one 1 .* got {got} in example 7 .*sigmoid"):
            FullBatch(ArraySource(rows.T, exclusive), get_backend("cpu"), **settings)


def test_after_release_nothing_is_read_that_nobody_asks_for() -> None:
    rows, Y, _ = problem(2, 1, 10)
    source = ArraySource(rows.T, Y)
    reads = []
    read = source.read

    def counting(lo: int, hi: int) -> Block[HostArray]:
        reads.append((lo, hi))
        return read(lo, hi)

    source.read = counting  # type: ignore[method-assign]
    gradient = FullBatch(source, get_backend("cpu"), n1=3)
    start = initialise(2, 3, 1, random_state=0)
    before = float(gradient.value(start))
    gradient.release()
    assert reads == [(0, 10)]
    assert float(gradient.value(start)) == before
    assert reads == [(0, 10), (0, 10)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n1": 0}, "at least 1 hidden unit, got 0"),
        ({"dtype": "float16"}, "float32 or float64, got float16"),
        ({"dtype": "int32"}, "float32 or float64, got int32"),
        ({"activation": "sine"}, "unknown activation 'sine'"),
        ({"output": "linear"}, "unknown output 'linear'"),
        ({"output": "softmax"}, "at least 2 classes"),
        ({"block_columns": 0}, "block size of at least 1"),
        ({"l2": -1.0}, "l2 of at least 0, got -1"),
        ({"l2": float("nan")}, "l2 of at least 0, got nan"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    rows, Y, _ = problem(2, 1, 10)
    with pytest.raises(DataError, match=message):
        FullBatch(ArraySource(rows.T, Y), get_backend("cpu"), **{"n1": 3, **settings})


def test_parameters_of_other_shapes_are_refused() -> None:
    rows, Y, _ = problem(2, 1, 10)
    gradient = FullBatch(ArraySource(rows.T, Y), get_backend("cpu"), n1=3)
    good = initialise(2, 3, 1, random_state=0)
    for bad, message in [
        (initialise(2, 4, 1), "expected 3 hidden units, got 4"),
        (initialise(5, 3, 1), r"W1: expected shape \(3, 2\), got \(3, 5\)"),
        (initialise(2, 3, 2), r"W2: expected shape \(1, 3\), got \(2, 3\)"),
        (good._replace(b1=np.zeros(3)), r"b1: expected shape \(3, 1\), got \(3,\); no rank-1"),
    ]:
        with pytest.raises(DataError, match=message):
            gradient.place(bad)
