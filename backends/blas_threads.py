"""One BLAS thread while a backend computes: the blocks are the parallel work.

More threads would cut a product into other pieces, whose last bits may differ, and would compete
with the threads that compute blocks.

threadpoolctl finds the library. The number of threads is set through the library's own functions:
since threadpoolctl 3.8 OpenBLAS obeys one Python thread, and what another one sets through it is
dropped without an error.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

logger = logging.getLogger(__name__)

# What the names of OpenBLAS's functions begin and end with is chosen by whoever builds it.
OPENBLAS_AFFIXES = tuple(itertools.product(("", "scipy_"), ("", "64_", "_64")))


class BlasLimit:
    """A limit of one thread, held while at least one caller computes.

    It is counted, so that several trainings at a time share it, and the last one to end, in
    whichever thread, restores what was there before.

    Parameters
    ----------
    get : callable ``() -> int or None``
        Returns the number of threads of the library.
    set_ : callable ``(int) -> object``
        Sets it.
    set_returns_before : bool, default False
        Whether `set_` returns what it is to be called with to undo it: MKL's returns 0 where the
        thread had no number of its own.
    """

    def __init__(
        self,
        get: Callable[[], int | None],
        set_: Callable[[int], Any],
        *,
        set_returns_before: bool = False,
    ) -> None:
        self._get, self._set = get, set_
        self._set_returns_before = set_returns_before
        self._lock = threading.Lock()
        self._holders = 0
        self._holders_of = threading.local()  # of them, those of one thread
        self._before: int | None = None
        self._refused = False

    def enter(self) -> None:
        """Set the limit, or hold it once more."""
        with self._lock:
            if self._holders == 0:
                self._before = None
                self._limit()
            else:
                self._renew()
            self._holders += 1
        self._holders_of.count = self._of_this_thread() + 1

    def renew(self) -> None:
        """Set the limit again where it is held and something else has changed the number."""
        if self._holders and self._get() != 1:
            with self._lock:
                if self._holders:
                    self._renew()

    def leave(self) -> None:
        """Hold the limit once less; who is the last restores the number of threads."""
        # Another thread may leave what this one has entered.
        self._holders_of.count = max(self._of_this_thread() - 1, 0)
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                self._restore()

    def after_fork(self) -> None:
        """Forget, in a forked process, the holders that were other threads of its parent."""
        self._lock = threading.Lock()
        was_held = self._holders > 0
        self._holders = self._of_this_thread()
        if was_held and self._holders == 0:
            self._restore()

    def _of_this_thread(self) -> int:
        count: int = getattr(self._holders_of, "count", 0)
        return count

    def _limit(self) -> None:
        found = self._get()
        if found == 1:
            return
        before = self._set(1)
        self._before = before if self._set_returns_before else found
        remaining = self._get()
        if remaining != 1 and not self._refused:
            self._refused = True
            logger.warning(
                "expected NumPy's BLAS to compute with one thread, got %s: results may differ in "
                "their last bits from those of other runs, and take longer; set "
                "OPENBLAS_NUM_THREADS=1 or MKL_NUM_THREADS=1 before Python starts",
                remaining,
            )

    def _renew(self) -> None:
        if self._get() != 1:
            self._report_change()
            # Whoever changed it meanwhile expects to find that number again.
            self._limit()

    def _restore(self) -> None:
        if self._get() != 1:
            self._report_change()
        elif self._before is not None:
            self._set(self._before)

    def _report_change(self) -> None:
        if not self._refused:
            logger.warning(
                "the number of BLAS threads was set to %s while gdnet computed with one: the "
                "results may differ in their last bits from those of other runs; enter and leave "
                "threadpool_limits and the like before or after, not meanwhile in another thread",
                self._get(),
            )


class BlasLimitOfThread:
    """A limit of one thread for a library whose number each thread of the process has for itself.

    Parameters
    ----------
    get : callable ``() -> int or None``
        Returns the number of threads of the library in the calling thread.
    set_ : callable ``(int) -> object``
        Sets it, for the calling thread.
    set_returns_before : bool, default False
        As of `BlasLimit`.
    """

    def __init__(
        self,
        get: Callable[[], int | None],
        set_: Callable[[int], Any],
        *,
        set_returns_before: bool = False,
    ) -> None:
        self._get, self._set = get, set_
        self._set_returns_before = set_returns_before
        self._limits = threading.local()

    def _own(self) -> BlasLimit:
        if not hasattr(self._limits, "own"):
            self._limits.own = BlasLimit(
                self._get, self._set, set_returns_before=self._set_returns_before
            )
        own: BlasLimit = self._limits.own
        return own

    def enter(self) -> None:
        """Set the limit of the calling thread, or hold it once more."""
        self._own().enter()

    def renew(self) -> None:
        """Set the limit of the calling thread again where something else has changed it."""
        self._own().renew()

    def leave(self) -> None:
        """Hold the limit of the calling thread once less."""
        self._own().leave()

    def after_fork(self) -> None:
        """Do nothing: the thread that forks is the one that lives on."""


class Blas(NamedTuple):
    """NumPy's BLAS, as a rule one library.

    Attributes
    ----------
    controllers : tuple of threadpoolctl.LibController
        Which tell name and version.
    limits : tuple of BlasLimit or BlasLimitOfThread
        One for each.
    """

    controllers: tuple[Any, ...]
    limits: tuple[BlasLimit | BlasLimitOfThread, ...]

    def limit_own_thread(self) -> None:
        """Limit the calling thread, which belongs to gdnet, for as long as it lives."""
        for limit in self.limits:
            if isinstance(limit, BlasLimitOfThread):
                limit.enter()


def numpy_blas() -> Blas:
    """Return NumPy's BLAS; finding it takes a while, once."""
    global _blas
    if _blas is None:
        with _finding:
            if _blas is None:
                found = ThreadpoolController().select(user_api="blas").lib_controllers
                # Wheels of NumPy bring their own; otherwise it is one that others may use too.
                folder = Path(np.__file__).resolve().parent
                folders = (folder, folder.with_name("numpy.libs"))
                own = [c for c in found if any(f in Path(c.filepath).parents for f in folders)]
                controllers = tuple(own or found)
                _blas = Blas(controllers, tuple(map(limit_of, controllers)))
    return _blas


def limit_of(controller: Any) -> BlasLimit | BlasLimitOfThread:
    """Return the limit for a library that threadpoolctl has found."""
    library = controller.dynlib
    if controller.internal_api == "mkl":
        return BlasLimitOfThread(
            library.MKL_Get_Max_Threads,
            library.MKL_Set_Num_Threads_Local,
            set_returns_before=True,
        )
    if controller.internal_api == "openblas":
        if controller.threading_layer == "openmp":
            return BlasLimitOfThread(library.omp_get_max_threads, library.omp_set_num_threads)
        for prefix, suffix in OPENBLAS_AFFIXES:
            names = (f"{prefix}openblas_{verb}_num_threads{suffix}" for verb in ("get", "set"))
            get, set_ = (getattr(library, name, None) for name in names)
            if get is not None and set_ is not None:
                return BlasLimit(get, set_)
    return BlasLimit(controller.get_num_threads, controller.set_num_threads)


def _after_fork() -> None:
    global _finding
    _finding = threading.Lock()
    for limit in () if _blas is None else _blas.limits:
        limit.after_fork()


_blas: Blas | None = None
_finding = threading.Lock()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
