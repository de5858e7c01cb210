"""The callbacks of scikit-learn (1.9 and later): each iteration is a task of the fit.

See `sklearn.callback`. With an earlier scikit-learn there are none, and nothing is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gdnet._typing import Array, HostArray
from gdnet.descent import DescentState, StopDescent
from gdnet.parameters import Parameters

try:
    import sklearn.callback as _callback
except ModuleNotFoundError:
    _callback = None

#: What an estimator that takes callbacks derives from; before 1.9 nothing.
CallbackSupportMixin: Any = _callback.CallbackSupportMixin if _callback else type("_None", (), {})


class Iterations:
    """A callback of the descent that tells those of scikit-learn of the end of each iteration.

    Parameters
    ----------
    clf : GDClassifier or GDRegressor
        Which is fitted.
    data : tuple of X, y, sample_weight
        What it is fitted to.
    to_numpy : callable
        Of the backend.
    fitted : dict
        What a classifier has after a fit, but for the parameters.
    """

    def __init__(
        self, clf: Any, data: Any, to_numpy: Callable[[Array], HostArray], fitted: dict[str, Any]
    ) -> None:
        self._clf, self._to_numpy, self._fitted = clf, to_numpy, fitted
        X, y, weights = data
        metadata = None if weights is None else {"sample_weight": weights}
        self._data = {"estimator": clf, "X": X, "y": y, "metadata": metadata}
        self._fit = clf._init_callback_context(max_subtasks=clf.max_iter)
        self._fit.call_on_fit_task_begin(**self._data)
        self._next = self._begin()

    def _begin(self) -> Any:
        task = self._fit.subcontext(task_name="iteration")
        return task.call_on_fit_task_begin(**self._data)

    def __call__(self, state: DescentState) -> None:
        """End the task of one iteration, and begin that of the next."""
        task, self._next = self._next, None

        def fitted() -> dict[str, Any]:
            on_host = Parameters(*map(self._to_numpy, state.parameters))
            return self._fitted | {"parameters_": on_host}

        # scikit-learn calls it if a callback asks for the fitted estimator.
        if task.call_on_fit_task_end(**self._data, reconstruction_attributes=fitted):
            raise StopDescent
        if state.iteration < self._clf.max_iter:
            self._next = self._begin()

    def finish(self, parameters: Parameters[HostArray]) -> None:
        """End the task of the fit, with the parameters that are kept."""
        if self._next is not None:  # an iteration that was not made
            self._next.call_on_fit_task_end(estimator=self._clf)
        fitted = self._fitted | {"parameters_": parameters}
        self._fit.call_on_fit_task_end(**self._data, reconstruction_attributes=fitted)


@contextmanager
def sklearn_callbacks(
    clf: Any, data: Any, to_numpy: Callable[[Array], HostArray], fitted: dict[str, Any]
) -> Iterator[Iterations | None]:
    """Give the callbacks that were set by ``set_callbacks`` what they want to know of a fit.

    The arguments are those of `Iterations`; without callbacks there is none.
    """
    if not hasattr(clf, "_skl_callbacks"):
        yield None
        return
    try:
        yield Iterations(clf, data, to_numpy, fitted)
    finally:
        # Not as the decorator of fit, whose frame the levels of warnings would count: around
        # nothing, it says to the callbacks that the fit has ended.
        _callback.with_callbacks(lambda clf: None)(clf)
