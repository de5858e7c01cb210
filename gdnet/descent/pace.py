"""How many iterations of a descent are made at a time."""

from __future__ import annotations

from gdnet.objective.full_batch import FullBatch

# So many seconds of iterations are made at a time unless a callback wants to see one earlier:
# checks and callbacks then cost nothing, and reading a cost from a device, which waits for all that
# is queued there, is rare.
CHUNK_SECONDS = 0.1
MAX_AT_A_TIME = 8192
# What a device has queued is in its memory, the gradient that a cost is part of included.
MAX_QUEUED = 64
MAX_QUEUED_BYTES = 2**28


class Pace:
    """How long an iteration takes, and how many are made at a time.

    Parameters
    ----------
    objective : FullBatch
        What is descended.

    Attributes
    ----------
    seconds : float
        An iteration takes so long; before the first, `CHUNK_SECONDS`.
    """

    def __init__(self, objective: FullBatch) -> None:
        self.seconds = CHUNK_SECONDS
        self._most = MAX_AT_A_TIME
        if objective.backend.asynchronous:
            n0, n1, n2 = objective.shape
            size = (n1 * (n0 + 1) + n2 * (n1 + 1)) * objective.dtype.itemsize
            self._most = max(1, min(MAX_QUEUED, MAX_QUEUED_BYTES // size))

    def measure(self, seconds: float, iterations: int) -> None:
        """Take over how long the last iterations took."""
        self.seconds = max(seconds / iterations, 1e-9)

    def at_a_time(self, wanted: float, left: int) -> int:
        """Return how many iterations to make, of which nobody needs to see more than the last."""
        if wanted <= 1:
            return 1
        return max(1, int(min(wanted, CHUNK_SECONDS / self.seconds, self._most, left)))
