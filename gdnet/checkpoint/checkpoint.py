"""Saving a run on its way, and resuming it from what was saved, bitwise identical."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from gdnet._typing import HostArray
from gdnet.checkpoint.file import Saved, encode
from gdnet.checkpoint.files import CheckpointFiles
from gdnet.checkpoint.intervals import Intervals
from gdnet.checkpoint.resuming import check_same_run, solver_state, take_engine
from gdnet.descent.callbacks import Next
from gdnet.descent.early_stopping import EarlyStopping
from gdnet.descent.fingerprint import identity
from gdnet.descent.solvers import SolverState
from gdnet.descent.state import DescentSetup, DescentState
from gdnet.errors import CheckpointError, DataError, Diverged
from gdnet.parameters import Parameters
from gdnet.ranks.communicator import Ranks, ranks_of
from gdnet.ranks.mpi import Communicator

logger = logging.getLogger(__name__)


class Checkpoint:
    """A file in which a run is saved, to be resumed after an interruption: a callback.

    Opening it locks it for this process until it is closed. Each save replaces the file in one
    step and keeps the one before as ``FILE.previous``. What is saved are parameters whose cost is
    known to be sound, so the iteration that was under way is made again. It serves one run.

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
        Resume from what is in the file, or, if it is damaged, from the previous one; start from
        the beginning if there is neither. Otherwise the file is replaced.
    settings : dict, optional
        What else must be the same for a run to resume, besides what `descend` knows; JSON can hold
        it.
    comm : mpi4py.MPI.Comm or Ranks, optional
        The processes of MPI that compute the run. Each opens the checkpoint; the first alone reads
        and writes the file.

    Attributes
    ----------
    path : Path
        The file.
    loaded : Path or None
        The file to resume from.
    problem : str or None
        Why that is the previous one.
    replaces : int or None
        After how many iterations the run was whose checkpoint is going to be replaced.
    settings : dict
        What must be the same for a run to resume; may be added to until the run begins.
    saved : Saved or None
        What to resume from.
    iterations : int or None
        After how many iterations the run was saved last.
    ranks : Ranks or None
        Those of `comm`.
    same_bits : bool or None
        Whether the first cost computed after resuming had the bits of the saved one: another
        processor or library may give others. None until it is known.

    Raises
    ------
    CheckpointError
        If it is open already, or it is to be resumed and is damaged or foreign.
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
        comm: Communicator | Ranks | None = None,
    ) -> None:
        self._intervals = Intervals(every, seconds)
        self.path = Path(path)
        self.settings = dict(settings or {})
        self.ranks = ranks = ranks_of(comm)
        self.loaded: Path | None = None
        self.problem: str | None = None
        self.replaces: int | None = None
        self.iterations: int | None = None
        self.same_bits: bool | None = None
        self.saved: Saved | None = None
        self._files: CheckpointFiles | None = None  # of the first rank, where there are several
        self._begun = False
        if ranks is None:
            self._open(resume)
        else:
            self._share(ranks, resume)

    def _share(self, ranks: Ranks, resume: bool) -> None:
        """Open the file on the first rank, and let the others know what is in it."""

        def opened() -> tuple[Any, ...]:
            self._open(resume)
            return self.saved, self.loaded, self.problem, self.replaces, self.iterations

        try:
            found = ranks.of_first(opened, "the checkpoint")
        except BaseException:
            self.close()
            raise
        self.saved, self.loaded, self.problem, self.replaces, self.iterations = found

    def _open(self, resume: bool) -> None:
        self._files = CheckpointFiles(self.path)
        try:
            if resume:
                self.saved, self.loaded, self.problem = self._files.load()
                if self.saved is not None:
                    self.iterations = self.saved.state.iteration
            else:
                self.replaces = self._files.iterations()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let other processes have the file."""
        if self._files is not None:
            self._files.lock.release()

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

    def begin(self, setup: DescentSetup) -> DescentState | None:
        """Return what to resume from; `gdnet.descend` calls it.

        Parameters
        ----------
        setup : DescentSetup
            What is going to be descended.

        Returns
        -------
        DescentState or None
            What the file holds; its parameters are NumPy arrays. None to begin again.

        Raises
        ------
        CheckpointError
            If what is saved is of other data, first parameters or settings, or of more iterations,
            or its engine cannot be used here; or if this has served a run, or is closed.
        DataError
            If `settings` has what JSON cannot hold, or the run has two `EarlyStopping`.
        """
        if self._begun or (self._files is not None and not self._files.lock.held):
            raise CheckpointError(
                f"{self.path}: expected a checkpoint that is open and has not served another run; "
                "open one for each run"
            )
        self._begun = True
        self._to_numpy, self._solver = setup.objective.backend.to_numpy, setup.solver
        self._stopping = None
        for callback in setup.callbacks:
            if isinstance(callback, EarlyStopping):
                if self._stopping is not None:
                    raise DataError(
                        "callbacks: expected one EarlyStopping in a run with a checkpoint, got two"
                    )
                self._stopping = callback
        if self.saved is not None:
            take_engine(self.saved, self.loaded, setup)
        settings = self.settings | setup.settings
        if self._stopping is not None:
            settings |= {f"early stopping {k}": v for k, v in self._stopping.settings.items()}
        self._identity = identity(setup.objective, setup.start, setup.validation, settings)
        try:
            json.dumps(self._identity)
        except (TypeError, ValueError) as error:
            raise DataError(f"settings: expected what JSON can hold, got other: {error}") from None
        self._failed = False
        saved, self._resumed_at = self.saved, 0
        self._intervals.begin(0.0)
        if saved is None:
            return None
        check_same_run(saved, self.loaded, self._identity, setup.iterations)
        made = saved.state.iteration
        if made:
            self._resumed_at = made
            self._intervals.begin(float(saved.state.seconds[-1]))
        if self._stopping is not None and saved.best is not None:
            best = saved.best._replace(parameters=setup.objective.place(saved.best.parameters))
            self._stopping.resume(best, saved.state)
        logger.info("%s: resuming after %d iterations", self.loaded, made)
        resumed = solver_state(saved, self.loaded, setup)
        if saved.state.solver_state.memory and saved.cost is not None:
            # A solver that remembers the cost would compare it with itself.
            at = setup.objective.place(resumed.parameters)
            J, _ = setup.objective.value_and_gradient(at)
            self.same_bits = float(self._to_numpy(J)) == saved.cost
        return saved.state._replace(solver_state=resumed)

    def __call__(self, state: DescentState) -> Next:
        """Save the run if it is time to."""
        if self.saved is not None and self.same_bits is None and self.saved.cost is not None:
            self.same_bits = float(state.costs[self._resumed_at]) == self.saved.cost
        if self._intervals.due(state):
            self._save_sound(state)
        return self._intervals.next(state)

    def end(self, state: DescentState, error: BaseException | None) -> None:
        """Save the finished run, or what is known to be sound of one that was interrupted.

        Parameters
        ----------
        state : DescentState
            After the last iteration.
        error : BaseException or None
            What ended the run. After `Diverged` nothing is saved.

        Raises
        ------
        OSError
            If the file cannot be written; the last checkpoint is intact.
        """
        if not isinstance(error, Diverged):
            self._save_sound(state)

    def _save_sound(self, state: DescentState) -> None:
        """Save the last state whose cost is known to be sound, unless it is saved."""
        if state.sound is None:
            return
        solver_state, made = state.sound
        if made == self.iterations or self._failed:
            return
        if made == state.iteration:  # at the end
            self._write(state, None)
        else:
            before = state.up_to(made, solver_state)._replace(end=None)
            self._write(before, float(state.costs[made]))

    def _write(self, state: DescentState, cost: float | None) -> None:
        if self._files is None:
            self.iterations = state.iteration
            return

        def on_host(parameters: Parameters) -> Parameters[HostArray]:
            return Parameters(*map(self._to_numpy, parameters))

        best = None if self._stopping is None else self._stopping.best
        if best is not None:
            best = best._replace(parameters=on_host(best.parameters))
        arrays = {
            name: array if isinstance(array, np.ndarray) else self._to_numpy(array)
            for name, array in self._solver.to_arrays(state.solver_state.memory).items()
        }
        state = state._replace(solver_state=SolverState(on_host(state.parameters), arrays))
        content = encode(Saved(state, cost, self._identity, best))
        try:
            self._files.write(content)
        except OSError as error:
            self._failed = True
            raise OSError(
                error.errno,
                f"the checkpoint cannot be written ({error.strerror or error}); {self._kept()}",
                str(self.path),
            ) from None
        self.iterations = state.iteration

    def _kept(self) -> str:
        if self.iterations is None:
            return "there is none before it"
        return f"the last one, after {self.iterations} iterations, is intact"
