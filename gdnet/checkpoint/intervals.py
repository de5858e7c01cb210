"""When a run is saved: after so many iterations, or when so much time has passed."""

from __future__ import annotations

from gdnet.descent.callbacks import Next
from gdnet.descent.state import DescentState
from gdnet.errors import DataError

# How often a run is saved unless one says otherwise.
SAVE_INTERVAL_SECONDS = 60.0


class Intervals:
    """When a run is saved.

    Parameters
    ----------
    every : int or None
        After each so many iterations.
    seconds : float or None
        When so many seconds have passed since the last time; 60 if neither is given.

    Raises
    ------
    DataError
        If one of them is not above 0.
    """

    def __init__(self, every: int | None, seconds: float | None) -> None:
        if every is not None and every < 1:
            raise DataError(f"expected a checkpoint every 1 or more iterations, got {every}")
        if seconds is not None and not seconds > 0:
            raise DataError(f"expected more than 0 seconds between checkpoints, got {seconds}")
        if every is None and seconds is None:
            seconds = SAVE_INTERVAL_SECONDS
        self._every, self._seconds = every, seconds
        self._last_second = 0.0

    def begin(self, second: float) -> None:
        """Count from this second of the run on."""
        self._last_second = second

    def due(self, state: DescentState) -> bool:
        """Return whether it is time to; the first iteration is not saved."""
        index, second = state.iteration - 1, float(state.seconds[-1])
        by_count = self._every is not None and index % self._every == 0
        by_clock = self._seconds is not None and second - self._last_second >= self._seconds
        if not ((by_count or by_clock) and index):
            return False
        self._last_second = second
        return True

    def next(self, state: DescentState) -> Next:
        """Return when it may be time again."""
        index, second = state.iteration - 1, float(state.seconds[-1])
        return Next(
            None if self._every is None else self._every - index % self._every,
            None if self._seconds is None else self._last_second + self._seconds - second,
        )
