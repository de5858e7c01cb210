"""The same row gets the same number: alone, among others, in any file, layout or thread."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdnet import GDClassifier
from gdnet._typing import HostArray
from gdnet.activations import get_activation, get_output
from gdnet.backends import Backend, get_backend
from gdnet.backends.blas_threads import numpy_blas
from gdnet.backends.cpu import CpuBackend
from gdnet.data.source import RowSource
from gdnet.equations import forward
from gdnet.model.prediction import forward_rows
from gdnet.model.product_width import is_one_product, product_width
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import Parameters, initialise
from gdnet.scores.evaluation import evaluate
from tests.support.checkout import ROOT
from tests.support.command import Rows, here, train, write_csv

# With 40 inputs, 16 hidden units and 64 rows OpenBLAS takes other kernels than for more rows.
SHAPES = (
    (1, 1, 1), (3, 2, 1), (30, 32, 1), (28, 128, 1), (40, 16, 2), (200, 64, 10), (512, 15, 3),
)  # fmt: skip
CORE_TYPES = ("Haswell", "SkylakeX", "Zen", "Nehalem", "Sandybridge", "Cooperlake")


def network(shape: tuple[int, int, int], dtype: Any) -> Parameters[HostArray]:
    n0, n1, n2 = shape
    random = np.random.RandomState(1)
    start = initialise(n0, n1, n2, random_state=0)
    biases = {"b1": random.randn(n1, 1), "b2": random.randn(n2, 1)}
    return Parameters(*(p.astype(dtype) for p in start._replace(**biases)))


def bits(
    parameters: Parameters[HostArray],
    rows: Any,
    output: str,
    backend: Backend,
    *,
    on_device: bool = False,
) -> tuple[Rows, Rows]:
    g1, g2 = get_activation("tanh"), get_output(output)
    Z2, A2 = forward_rows(parameters, g1, g2, rows, backend, on_device=on_device)
    if on_device:
        return backend.to_numpy(Z2), backend.to_numpy(A2)
    return np.asarray(Z2), np.asarray(A2)


def check_shape(shape: tuple[int, int, int], dtype: Any, backend: Backend, m: int = 1000) -> None:
    """Compare rows alone, at the end, moved by one, and in blocks with all of them together."""
    parameters = network(shape, dtype)
    rows = np.random.RandomState(2).randn(m, shape[0]).astype(dtype)
    for output in ("sigmoid", "softmax") if shape[2] > 1 else ("sigmoid",):
        together = bits(parameters, rows, output, backend)
        for part in (
            slice(0, 1), slice(m - 1, m), slice(5, 12), slice(1, m), slice(300, 365),
            slice(0, m - 7), *(slice(i, i + 1) for i in range(60, 70)),
        ):  # fmt: skip
            for found, expected in zip(
                bits(parameters, rows[part], output, backend), together, strict=True
            ):
                np.testing.assert_array_equal(found, expected[part], f"{shape} {part}")


def check_whole_blocks(shape: tuple[int, int, int], dtype: Any, backend: Backend) -> None:
    """Compare rows of several blocks, each a single product where that has the same bits."""
    parameters = network(shape, dtype)
    m = 2 * backend.block_columns(10**6, *shape, np.dtype(dtype).itemsize) + 1000
    rows = np.random.RandomState(4).randn(m, shape[0]).astype(dtype)
    together = bits(parameters, rows, "sigmoid", backend)
    for part in (*(slice(i, i + 1) for i in range(0, m, m // 50)), slice(m // 3, m // 2)):
        alone = bits(parameters, rows[part], "sigmoid", backend)
        for found, expected in zip(alone, together, strict=True):
            np.testing.assert_array_equal(found, expected[part], f"{shape} {part}")


def check_positions(shape: tuple[int, int, int], dtype: Any, backend: Backend) -> None:
    """Compare a row with itself, among others, at each position of a product."""
    parameters = network(shape, dtype)
    random = np.random.RandomState(3)
    row = random.randn(shape[0]).astype(dtype)
    with backend.activate():
        width = product_width(backend, shape, dtype)
    (expected,), _ = bits(parameters, row[None], "sigmoid", backend)
    for position in range(width):
        rows = random.randn(3 * width, shape[0]).astype(dtype)
        at = [position, width + position, 2 * width + position]
        rows[at] = row
        Z2, _ = bits(parameters, rows, "sigmoid", backend)
        np.testing.assert_array_equal(Z2[at], [expected] * 3, f"{shape} {position}")
        rows = rows[: position + 1]
        Z2, _ = bits(parameters, rows, "sigmoid", backend)
        np.testing.assert_array_equal(Z2[position], expected, f"{shape} last of {position + 1}")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_row_does_not_depend_on_the_others(
    shape: tuple[int, int, int], dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for threads in (1, 2):
        check_shape(shape, dtype, get_backend("cpu", threads=threads))
    check_positions(shape, dtype, get_backend("cpu", threads=1))
    monkeypatch.setattr("gdnet.backends.cpu.find_library", lambda: "products, and no kernels")
    check_positions(shape, dtype, get_backend("cpu", threads=1))


def test_nor_on_another_backend(backend: Backend) -> None:
    check_shape((5, 4, 3), np.float32, backend, m=400)


def test_every_product_on_a_device_has_the_same_width(backend: Backend) -> None:
    if backend.stacks_products or backend.name == "strict":
        pytest.skip("for arrays that come on a GPU")
    parameters = network((5, 4, 1), np.float32)
    rows = np.random.RandomState(0).randn(9000, 5).astype(np.float32)
    together, _ = bits(parameters, rows, "sigmoid", backend)
    with backend.activate():
        there = backend.asarray(rows)
    for part in (slice(0, 1), slice(8999, 9000), slice(7, 5000)):
        found, _ = bits(parameters, there[part], "sigmoid", backend, on_device=True)
        np.testing.assert_array_equal(found, together[part])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_65537_identical_rows_have_one_probability(dtype: Any) -> None:
    parameters = network((40, 16, 2), dtype)
    rows = np.tile(np.random.RandomState(0).randn(40).astype(dtype), (65537, 1))
    for output in ("sigmoid", "softmax"):
        for found in bits(parameters, rows, output, get_backend("cpu", threads=2)):
            assert (found == found[0]).all()


def test_evaluation_counts_what_is_predicted() -> None:
    rows = np.tile(np.random.RandomState(0).randn(40), (65537, 1)).astype(np.float32)
    labels = (np.arange(65537) % 3 == 0).astype(int)[None]
    data = FullBatch(RowSource(rows, labels), get_backend("cpu"), n1=16)
    # All rows have one score, so that none comes before another.
    assert evaluate(data, network((40, 16, 1), np.float32), "binary").auc == 0.5


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_estimator_gives_the_same_for_any_layout_batch_and_number_of_threads(kind: str) -> None:
    random = np.random.RandomState(0)
    X = random.randn(3001, 40)
    y: Any = {
        "binary": (X[:, 0] > 0).astype(int),
        "multiclass": np.digitize(X[:, 0], [-0.5, 0.5]),
        "multilabel": (X[:, :3] > 0).astype(int),
    }[kind]
    for dtype in (np.float32, np.float64):
        rows = X.astype(dtype)
        clf = GDClassifier(16, max_iter=5, tol=0, random_state=0, device="cpu").fit(rows, y)
        unaligned = np.frombuffer(b"\0" + rows.tobytes(), np.uint8)[1:].view(dtype)
        layouts = {
            "F": np.asfortranarray(rows),
            "strided": np.repeat(rows, 2, axis=0)[::2],
            "backwards": rows[::-1].copy()[::-1],
            "unaligned": unaligned.reshape(rows.shape),
            "big endian": rows.astype(np.dtype(dtype).newbyteorder(">")),
        }
        for name in ("predict_proba", "predict", "decision_function", "predict_log_proba"):
            method = getattr(clf, name)
            clf.n_jobs = 1
            expected = method(rows)
            clf.n_jobs = 2
            np.testing.assert_array_equal(method(rows), expected)
            for layout, same in layouts.items():
                np.testing.assert_array_equal(method(same), expected, layout)
            for part in (slice(0, 1), slice(5, 12), slice(3000, 3001), slice(1, 3001)):
                np.testing.assert_array_equal(method(rows[part]), expected[part])


def test_files_of_any_format_and_length_give_what_the_estimator_gives(tmp_path: Path) -> None:
    X = np.random.RandomState(0).randn(65537, 40).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    names = [f"x{i}" for i in range(40)]
    write_csv(tmp_path / "train.csv", X[:300], y[:300], [*names, "y"])
    train(tmp_path, "train.csv", "--target", "y", "--iterations", 20, "--hidden", 16)
    np.save(tmp_path / "all.npy", X)
    np.save(tmp_path / "end.npy", X[-7:])
    np.save(tmp_path / "last.npy", X[-1:])
    write_csv(tmp_path / "end.csv", X[-7:], None, names)

    def predicted(data: str, what: str, threads: int) -> Rows:
        done = here(
            "predict", "m", data, what, "--threads", threads, "--out", "p.npy", "--device", "cpu",
            cwd=tmp_path,
        )  # fmt: skip
        assert done.code == 0
        found: Rows = np.load(tmp_path / "p.npy")
        return found

    for what in ("--logits", "--proba"):
        together = predicted("all.npy", what, 1)
        np.testing.assert_array_equal(predicted("all.npy", what, 2), together)
        for threads in (1, 2):
            for data, count in (("end.npy", 7), ("end.csv", 7), ("last.npy", 1)):
                np.testing.assert_array_equal(predicted(data, what, threads), together[-count:])


class _Narrow(CpuBackend):
    def product_columns(self, n0: int, n1: int, n2: int, itemsize: int) -> int:
        del n0, n1, n2, itemsize
        return 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [*SHAPES, (64, 4, 1), (10, 32, 1), (64, 32, 10)])
def test_rows_of_a_whole_block_have_the_bits_of_a_row_alone(
    shape: tuple[int, int, int], dtype: Any
) -> None:
    check_whole_blocks(shape, dtype, get_backend("cpu", threads=2))


def test_a_block_whose_bits_differ_is_no_single_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gdnet.model.product_width._one_product", {})
    backend = get_backend("cpu")
    with backend.activate():
        assert is_one_product(backend, (28, 128, 1), np.float64, 4096)
        monkeypatch.setattr("gdnet.model.product_width._one_product", {})

        def other(parameters: Any, X: Any, g1: Any, g2: Any, xp: Any) -> Any:
            found = forward(parameters, X, g1, g2, xp)
            if X.ndim == 2:
                found.Z2[:, -1] = np.nextafter(np.asarray(found.Z2[:, -1]), 2)
            return found

        monkeypatch.setattr("gdnet.model.products.forward", other)
        assert not is_one_product(backend, (28, 128, 1), np.float64, 4096)


def test_products_of_which_positions_differ_are_made_narrower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gdnet.model.product_width._widths", {})
    monkeypatch.setattr("gdnet.backends.cpu.find_library", lambda: "products, and no kernels")
    found: list[int] = []

    def same(_: object, __: object, ___: object, width: int) -> bool:
        found.append(width)
        return width < 2

    monkeypatch.setattr("gdnet.model.product_width._same_everywhere", same)
    check_shape((3, 2, 1), np.float64, _Narrow(threads=2), m=400)
    assert found == [4, 2]


CHECK = """
import sys
import numpy as np
from gdnet.backends import get_backend
from gdnet.backends.blas_threads import numpy_blas
from tests.model.test_prediction_bits import (
    SHAPES, check_positions, check_shape, check_whole_blocks
)
backend = get_backend("cpu", threads=2)
random = np.random.RandomState(int(sys.argv[1]))
shapes = list(SHAPES)
for _ in range(20):
    n0, n1 = np.exp(random.uniform(0, np.log([512, 200]))).astype(int).tolist()
    shapes.append((n0, n1, int(random.choice([1, 2, 3, 17]))))
for shape in shapes:
    for dtype in (np.float32, np.float64):
        check_shape(shape, dtype, backend, m=700)
        check_positions(shape, dtype, backend)
for shape in SHAPES[2:5]:
    for dtype in (np.float32, np.float64):
        check_whole_blocks(shape, dtype, backend)
print(numpy_blas().controllers[0].architecture)
"""


@pytest.mark.slow
@pytest.mark.parametrize("core_type", CORE_TYPES)
def test_whichever_kernels_openblas_takes(core_type: str) -> None:
    if not any(library.internal_api == "openblas" for library in numpy_blas().controllers):
        pytest.skip("NumPy's BLAS is not OpenBLAS")
    done = subprocess.run(
        [sys.executable, "-c", CHECK, "0"],
        cwd=ROOT,
        env=os.environ | {"OPENBLAS_CORETYPE": core_type},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    took = done.stdout.strip().splitlines()[-1]
    # OpenBLAS takes other kernels for a processor that it does not know, or that this one is not.
    if took != {"Zen": "Haswell"}.get(core_type, core_type):
        pytest.skip(f"this processor has no {core_type} kernels: took {took}")
