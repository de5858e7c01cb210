"""One BLAS thread: in any thread, together with limits of others, and taken back afterwards."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from gdnet.backends import get_backend
from gdnet.backends.blas_threads import numpy_blas
from gdnet.data.source import ArraySource
from gdnet.descent import DescentResult, descend
from gdnet.objective.full_batch import FullBatch
from gdnet.parameters import initialise
from tests.support.threads import in_a_thread

# With more inputs than OpenBLAS adds up in one piece, a product of two threads has other bits.
FEATURES = 500
OF_NUMPY = {controller.filepath for controller in numpy_blas().controllers}


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["filepath"] in OF_NUMPY}


@pytest.fixture(autouse=True)
def two_blas_threads() -> Iterator[None]:
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip(f"NumPy's BLAS computes with {blas_threads()} threads, not with 2")
    # The main thread leaves control of OpenBLAS to others, and the number as a user finds it.
    set_threads(2)
    yield
    assert blas_threads() == {2}


def set_threads(number: int) -> None:
    with threadpool_limits(number, user_api="blas") as limits:
        limits._original_info = [
            info | {"num_threads": number if info["user_api"] == "blas" else info["num_threads"]}
            for info in limits._original_info
        ]


def trained(_: object = None, *, m: int = 1000, threads: int = 1) -> DescentResult:
    X = np.random.RandomState(0).randn(FEATURES, m)
    batch = FullBatch(
        ArraySource(X, (X[:1] > 0).astype(int)),
        get_backend("cpu", threads=threads),
        n1=64,
        dtype=np.float64,
    )
    return descend(
        batch, initialise(FEATURES, 64, 1, random_state=0), learning_rate=0.3, iterations=10
    )


def assert_same(run: DescentResult, expected: DescentResult) -> None:
    np.testing.assert_array_equal(run.costs, expected.costs)
    for one, other in zip(run.parameters, expected.parameters, strict=True):
        np.testing.assert_array_equal(one, other)


def with_joblib() -> list[DescentResult]:
    parallel = joblib.Parallel(n_jobs=3, backend="threading")
    found: list[DescentResult] = parallel(joblib.delayed(trained)(i) for i in range(4))
    return found


def with_executor() -> list[DescentResult]:
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(trained, range(4)))


@pytest.mark.parametrize("others_limit", [None, "main", "thread"])
@pytest.mark.parametrize("fit", [with_joblib, with_executor, lambda: [in_a_thread(trained)]])
def test_trainings_in_worker_threads_have_the_bits_of_the_main_thread(
    fit: Callable[[], list[DescentResult]], others_limit: str | None
) -> None:
    expected = trained()
    assert blas_threads() == {2}
    if others_limit is None:
        runs = fit()
    elif others_limit == "main":
        with threadpool_limits(2, user_api="blas"):
            runs = fit()
            assert blas_threads() == {2}
    else:
        entered, done = threading.Event(), threading.Event()

        def hold() -> None:
            with threadpool_limits(2, user_api="blas"):
                entered.set()
                done.wait(timeout=60)

        thread = threading.Thread(target=hold)
        thread.start()
        entered.wait(timeout=60)
        runs = fit()
        done.set()
        thread.join(timeout=60)
    for run in runs:
        assert_same(run, expected)


def test_the_main_thread_is_limited_while_another_controls_openblas() -> None:
    expected = in_a_thread(trained)
    entered, done = threading.Event(), threading.Event()

    def hold() -> None:
        with threadpool_limits(2, user_api="blas"):
            entered.set()
            done.wait(timeout=60)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(timeout=60)
    run = trained()
    assert blas_threads() == {2}
    done.set()
    thread.join(timeout=60)
    assert_same(run, expected)


def test_the_limit_holds_while_anybody_computes() -> None:
    first, second = get_backend("cpu"), get_backend("cpu")
    with first.activate():
        with second.activate(), first.activate():
            assert blas_threads() == {1}
        assert blas_threads() == {1}
    assert blas_threads() == {2}


def test_who_leaves_last_restores_the_number_in_whichever_thread() -> None:
    backend = get_backend("cpu")
    first, second = backend.activate(), backend.activate()
    in_a_thread(first.__enter__)
    in_a_thread(second.__enter__)
    assert blas_threads() == {1}
    first.__exit__(None, None, None)
    assert blas_threads() == {1}
    in_a_thread(lambda: second.__exit__(None, None, None))
    assert blas_threads() == {2}


def test_a_limit_of_another_library_outlives_ours(caplog: pytest.LogCaptureFixture) -> None:
    backend = get_backend("cpu")
    with threadpool_limits(1, user_api="blas"):
        with backend.activate():
            assert blas_threads() == {1}
        assert blas_threads() == {1}
    assert blas_threads() == {2}
    assert not caplog.records


@pytest.mark.parametrize("m", [200, 20_000])  # one block, and several
def test_a_number_that_changes_meanwhile_is_set_again_and_reported(
    m: int, caplog: pytest.LogCaptureFixture
) -> None:
    X = np.random.RandomState(0).randn(20, m)
    backend = get_backend("cpu", engine="reference")
    batch = FullBatch(ArraySource(X, (X[:1] > 0).astype(int)), backend, n1=4)
    parameters = batch.place(initialise(20, 4, 1, random_state=0))
    with batch.backend.activate():
        batch.value_and_gradient(parameters)
        assert not caplog.records
        set_threads(2)
        batch.value_and_gradient(parameters)
        assert blas_threads() == {1}
    assert [record.name for record in caplog.records] == ["gdnet.backends.blas_threads"]
    assert "number of BLAS threads was set to 2 while gdnet computed" in caplog.text


def test_what_another_library_restores_meanwhile_is_there_afterwards(
    caplog: pytest.LogCaptureFixture,
) -> None:
    backend = get_backend("cpu")
    with threadpool_limits(1, user_api="blas"):
        context = backend.activate()
        context.__enter__()
    assert blas_threads() == {2}
    context.__exit__(None, None, None)
    assert blas_threads() == {2}
    assert "was set to 2" in caplog.text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("inside", [False, True])
def test_a_forked_process_takes_over_what_its_own_thread_holds(inside: bool) -> None:
    backend = get_backend("cpu")
    entered, done = threading.Event(), threading.Event()

    def hold() -> None:
        with backend.activate():
            entered.set()
            done.wait(timeout=60)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(timeout=60)
    context = backend.activate()
    if inside:
        context.__enter__()
    child = os.fork()
    if child == 0:
        right = blas_threads() == ({1} if inside else {2})
        if inside:
            context.__exit__(None, None, None)
        with backend.activate():
            right = right and blas_threads() == {1}
        os._exit(0 if right and blas_threads() == {2} else 1)
    _, status = os.waitpid(child, 0)
    if inside:
        context.__exit__(None, None, None)
    done.set()
    thread.join(timeout=60)
    assert os.waitstatus_to_exitcode(status) == 0
