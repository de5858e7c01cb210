"""Saving a run while it goes on, and going on from what was saved, to the same bits."""

from __future__ import annotations

import logging
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from gdnet.atomic import check_writable, replacing
from gdnet.checkpoint_file import Saved, encode, load
from gdnet.errors import CheckpointError, DataError
from gdnet.gradient import FullBatch
from gdnet.identity import difference, identity
from gdnet.lock import FileLock, Taken
from gdnet.parameters import Parameters
from gdnet.run import Descent, Iteration, Progress

logger = logging.getLogger(__name__)

# How often a run is saved unless one says otherwise.
SECONDS_BETWEEN_SAVES = 60.0


class Checkpoint:
    """A file in which a run is saved, so that it can go on after an interruption.

    Opening it locks it for this process until it is closed. Each save replaces the file in one
    step and keeps the one before as ``FILE.previous``. What is saved are parameters whose cost is
    known to be sound, so the iteration that was going on is made again. It serves one run.

    Parameters
    ----------
    path : str or Path
        The file, of any name. ``FILE.previous`` and, as long as it is open, ``FILE.lock`` are
        beside it.
    every : int, optional
        Save after each so many iterations.
    seconds : float, optional
        Save when so many seconds have passed since the last time; 60 if `every` is not given.
    resume : bool, default False
        Go on from what is in the file, or, if it is damaged, from the previous one; begin anew if
        there is neither. Otherwise the file is replaced.
    settings : dict, optional
        What else must be the same for a run to go on, beside what `descend` knows; JSON can hold
        it.

    Attributes
    ----------
    path : Path
        The file.
    loaded : Path or None
        The file to go on from.
    problem : str or None
        Why that is the previous one.
    replaces : int or None
        After how many iterations the run was whose checkpoint is going to be replaced.
    settings : dict
        As above; may be added to until the run begins.
    progress : Progress or None
        What to go on from.
    iterations : int or None
        After how many iterations the run was saved last.
    same_bits : bool or None
        Whether the first cost computed after going on had the bits of the saved one: another
        processor or library may give others. None until it is known.

    Raises
    ------
    CheckpointError
        If it is open already, or it is to be gone on from and is damaged or foreign.
    DataError
        If the file cannot be written there, or an interval is not above 0.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        every: int | None = None,
        seconds: float | None = None,
        resume: bool = False,
        settings: dict[str, Any] | None = None,
    ) -> None:
        if every is not None and every < 1:
            raise DataError(f"expected a checkpoint every 1 or more iterations, got {every}")
        if seconds is not None and not seconds > 0:
            raise DataError(f"expected more than 0 seconds between checkpoints, got {seconds}")
        if every is None and seconds is None:
            seconds = SECONDS_BETWEEN_SAVES
        self.path = Path(path)
        self.settings = dict(settings or {})
        self._target = check_writable(path)
        self._every, self._seconds = every, seconds
        self._lock = self._locked()
        self.loaded: Path | None = None
        self.problem: str | None = None
        self.replaces: int | None = None
        self.iterations: int | None = None
        self.same_bits: bool | None = None
        self._saved: Saved | None = None
        # Whether the file is one that is worth keeping when it is replaced.
        self._intact = False
        self._begun = False
        try:
            # What a killed process was writing: the lock says that it is gone.
            self._unfinished.unlink(missing_ok=True)
            if resume:
                self._load()
            else:
                self._look()
        except BaseException:
            self.close()
            raise

    @property
    def progress(self) -> Progress | None:
        """Return what to go on from."""
        return None if self._saved is None else self._saved.progress

    def close(self) -> None:
        """Let other processes have the file."""
        self._lock.release()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def begin(
        self,
        gradient: FullBatch,
        start: Parameters,
        validation: FullBatch | None,
        settings: dict[str, Any],
        iterations: int,
    ) -> Progress | None:
        """Return what to go on from, None to begin anew; `gdnet.descent.descend` calls it.

        Raises
        ------
        CheckpointError
            If what is saved is of other data, first parameters or settings, or of more iterations;
            or if this has served a run, or is closed.
        """
        if self._begun or not self._lock.held:
            raise CheckpointError(
                f"{self.path}: expected a checkpoint that is open and has not served another run; "
                "open one for each run"
            )
        self._begun = True
        self._gradient = gradient
        self._identity = identity(gradient, start, validation, self.settings | settings)
        self._costs: list[float] = []
        self._validation_costs: list[float] = []
        self._times: list[float] = []
        self._sound: tuple[int, Parameters, float | None] | None = None
        self._failed = False
        progress = self.progress
        if self._saved is not None and progress is not None:
            problem = difference(self._saved.identity, self._identity)
            if problem:
                raise CheckpointError(
                    f"{self.loaded}: the checkpoint is of another run: {problem}; go on with what "
                    "it was begun with, or begin anew, without resuming"
                )
            if progress.iterations > iterations:
                raise CheckpointError(
                    f"{self.loaded}: expected at least {progress.iterations} iterations, which "
                    f"have been made already, got {iterations}"
                )
            self._costs = progress.costs.tolist()
            self._times = progress.seconds.tolist()
            if progress.validation_costs is not None:
                self._validation_costs = progress.validation_costs.tolist()
            logger.info("%s: going on after %d iterations", self.loaded, progress.iterations)
        self._last_time = self._times[-1] if self._times else 0.0
        return progress

    def record(self, told: Iteration) -> None:
        """Remember an iteration, and save the run if it is time to: an observer."""
        if told.iteration == self.iterations and self._saved is not None and self._sound is None:
            cost = self._saved.cost
            self.same_bits = None if cost is None else cost == told.cost
        self._costs.append(told.cost)
        self._times.append(told.seconds)
        if told.validation_cost is not None:
            self._validation_costs.append(told.validation_cost)
        # An interruption may come between any two lines.
        self._sound = told.iteration, told.before, told.cost
        by_count = self._every is not None and told.iteration % self._every == 0
        by_clock = self._seconds is not None and told.seconds - self._last_time >= self._seconds
        if (by_count or by_clock) and told.iteration:
            self._last_time = told.seconds
            self.save()

    def save(self) -> None:
        """Save what is known to be sound, unless it is saved already."""
        if self._sound is not None and self._sound[0] != self.iterations and not self._failed:
            iterations, parameters, cost = self._sound
            on_host = Parameters(*map(self._gradient.backend.to_numpy, parameters))
            self._write(iterations, on_host, cost, converged=False)

    def finish(self, run: Descent) -> None:
        """Save the finished run."""
        if run.iterations != self.iterations:
            self._write(run.iterations, run.parameters, None, converged=run.converged)

    def _write(
        self, iterations: int, parameters: Parameters, cost: float | None, *, converged: bool
    ) -> None:
        validation_costs = _array(self._validation_costs[:iterations])
        progress = Progress(
            parameters,
            _array(self._costs[:iterations]),
            validation_costs if self._identity["validation"] is not None else None,
            _array(self._times[:iterations]),
            converged,
        )
        content = encode(Saved(progress, cost, self._identity))
        try:
            with replacing(
                self._target,
                temporary=self._unfinished,
                previous=self._previous if self._intact else None,
            ) as file:
                file.write(content)
        except OSError as error:
            self._failed = True
            raise OSError(
                error.errno,
                f"the checkpoint cannot be written ({error.strerror or error}); {self._kept()}",
                str(self.path),
            ) from None
        self._intact = True
        self.iterations = iterations

    def _kept(self) -> str:
        if self.iterations is None:
            return "there is none before it"
        return f"the last one, after {self.iterations} iterations, is intact"

    @property
    def _previous(self) -> Path:
        return beside(self._target)[0]

    @property
    def _unfinished(self) -> Path:
        return self._target.with_name(f".{self._target.name}.gdnet-tmp")

    def _locked(self) -> FileLock:
        path = beside(self._target)[1]
        try:
            return FileLock(path)
        except Taken as taken:
            raise CheckpointError(
                f"{self.path}: this checkpoint is open already, in process {taken.holder}; wait "
                "for that training to end, or give each one a checkpoint of its own"
            ) from None
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror or error}") from None

    def _load(self) -> None:
        try:
            if not self._target.exists() and not self._previous.exists():
                return
            self._saved = load(self._target)
            self._intact = True
            self.loaded = self.path
        except CheckpointError as error:
            try:
                self._saved = load(self._previous)
            except CheckpointError:
                raise error from None
            self.problem, self.loaded = str(error), self._previous
        self.iterations = self._saved.progress.iterations

    def _look(self) -> None:
        try:
            self.replaces = load(self._target).progress.iterations
            self._intact = True
        except CheckpointError:
            pass


def beside(path: Path) -> tuple[Path, Path]:
    """Return the names of the previous checkpoint and of the lock."""
    return path.with_name(f"{path.name}.previous"), path.with_name(f"{path.name}.lock")


def _array(values: list[float]) -> npt.NDArray[np.float64]:
    return np.array(values, np.float64)
