"""The limits of a made-up BLAS library, that of its process and that of each thread."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from gdnet.backends.blas_threads import BlasLimit, BlasLimitOfThread, limit_of
from tests.support.threads import in_a_thread


class Library:
    """Counts its threads for the process, or, if `local`, for each thread."""

    def __init__(self, *, local: bool = False, obeys: bool = True) -> None:
        self._numbers: Any = threading.local() if local else SimpleNamespace()
        self._obeys = obeys

    def get(self) -> int:
        number: int = getattr(self._numbers, "threads", 8)
        return number

    def set(self, threads: int) -> None:
        if self._obeys:
            self._numbers.threads = threads

    def set_local(self, threads: int) -> int:
        """As MKL's: returns the thread's own number before, where 0 is none, and takes it back."""
        before: int = getattr(self._numbers, "threads", 0)
        if threads:
            self._numbers.threads = threads
        else:
            del self._numbers.threads
        return before


def test_a_limit_that_cannot_be_had_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    library = Library(obeys=False)
    limit = BlasLimit(library.get, library.set)
    for _ in range(3):
        limit.enter()
        limit.renew()
        limit.leave()
    assert library.get() == 8
    assert len(caplog.records) == 1
    assert "expected NumPy's BLAS to compute with one thread, got 8" in caplog.text


def test_a_library_that_counts_for_each_thread_is_limited_in_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    library = Library(local=True)
    limit = BlasLimitOfThread(library.get, library.set)

    def nested() -> list[int]:
        found = []
        limit.enter()
        limit.enter()
        found.append(library.get())
        limit.leave()
        found.append(library.get())
        limit.leave()
        return [*found, library.get()]

    limit.enter()
    assert in_a_thread(nested) == [1, 1, 8]
    assert nested() == [1, 1, 1]
    limit.leave()
    assert library.get() == 8
    assert not caplog.records


def test_which_functions_set_the_number_of_which_library() -> None:
    library = Library(local=True)
    functions = SimpleNamespace(
        MKL_Get_Max_Threads=library.get,
        MKL_Set_Num_Threads_Local=library.set_local,
        omp_get_max_threads=library.get,
        omp_set_num_threads=library.set,
        openblas_get_num_threads_64=library.get,
        openblas_set_num_threads_64=library.set,
    )
    for internal_api, threading_layer, kind in (
        ("mkl", "gnu", BlasLimitOfThread),
        ("openblas", "openmp", BlasLimitOfThread),
        ("openblas", "pthreads", BlasLimit),
        ("blis", "pthreads", BlasLimit),
    ):
        limit = limit_of(
            SimpleNamespace(
                internal_api=internal_api,
                threading_layer=threading_layer,
                dynlib=functions,
                get_num_threads=library.get,
                set_num_threads=library.set,
            )
        )
        assert type(limit) is kind
        limit.enter()
        assert library.get() == 1
        limit.leave()
        assert library.get() == 8
        if internal_api == "mkl":  # the thread follows the number of the process again
            assert not hasattr(library._numbers, "threads")
