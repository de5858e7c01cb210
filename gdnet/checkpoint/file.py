"""A checkpoint as a file: safetensors, with everything else and a checksum as JSON in its metadata.

The arrays are W1, b1, W2, b2 (not folded), the costs, the validation costs and the times, and what
early stopping keeps. The checksum covers every byte of the file but its own digits. Nothing in the
file is executed when it is loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy

from gdnet._typing import HostArray
from gdnet.descent.early_stopping import Best
from gdnet.descent.solvers import SolverState
from gdnet.descent.state import DescentState
from gdnet.errors import CheckpointError, DataError
from gdnet.parameters import Parameters, check_shapes

# 1 was that of 0.1.0.
FORMAT_VERSION = 3
METADATA_KEY = "gdnet_checkpoint"
_NO_CHECKSUM = "0" * 64
_FOREIGN = "expected a checkpoint of gdnet, got something else or a damaged one"
_RECORDS = ("costs", "seconds", "passes", "validation_costs")
# Before the names of the best parameters so far, which early stopping keeps.
BEST = "best_"
# Before the names of what the solver remembers.
SOLVER = "solver_"

Arrays = dict[str, HostArray]


class Saved(NamedTuple):
    """What a checkpoint holds.

    Attributes
    ----------
    state : DescentState
        What the run had come to; NumPy arrays, also those that the solver remembers, by name.
    cost : float or None
        J of its parameters, where the run has computed it on its way.
    identity : dict
        What must be the same for the run to resume: data, first parameters, settings.
    best : Best or None
        The parameters of the lowest validation cost, where early stopping keeps them.
    """

    state: DescentState
    cost: float | None
    identity: dict[str, Any]
    best: Best | None = None


def encode(saved: Saved) -> bytes:
    """Return the content of a checkpoint file."""
    state = saved.state
    records = {"costs": state.costs, "seconds": state.seconds, "passes": state.passes}
    records |= {f"{SOLVER}{name}": array for name, array in state.solver_state.memory.items()}
    if state.validation_costs is not None:
        records["validation_costs"] = state.validation_costs
    if saved.best is not None:
        records |= {
            f"{BEST}{name}": array for name, array in saved.best.parameters._asdict().items()
        }
    # safetensors writes the memory of an array in F order as if it were in C order.
    arrays = {
        name: np.asarray(array, order="C")
        for name, array in (state.parameters._asdict() | records).items()
    }
    header = {
        "checksum": _NO_CHECKSUM,
        "format_version": FORMAT_VERSION,
        "cost": saved.cost,
        "converged": state.converged,
        "end": state.end,
        "best": None if saved.best is None else saved.best[1:],
        "identity": saved.identity,
    }
    content: bytes = safetensors.numpy.save(arrays, {METADATA_KEY: json.dumps(header)})
    at = content.index(_NO_CHECKSUM.encode())
    return content[:at] + _checksum(content, at).encode() + content[at + len(_NO_CHECKSUM) :]


def load(path: Path) -> Saved:
    """Read a checkpoint and check all of it.

    Raises
    ------
    CheckpointError
        If there is no such file, or it is damaged, not a checkpoint, or of a later version.
    """
    try:
        with path.open("rb") as file:
            # Another file may be large: its first bytes will not be the length of a description.
            length = file.read(8)
            if int.from_bytes(length, "little") > os.fstat(file.fileno()).st_size:
                raise CheckpointError(_FOREIGN)
            return _decoded(length + file.read())
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from None
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def _decoded(content: bytes) -> Saved:
    header = _header(content)
    try:
        arrays = safetensors.numpy.load(content)
    except Exception as error:
        # A checksum keeps no one from writing another kind of array.
        raise _damaged(str(error)) from None
    problem = _problem(header, arrays)
    if problem:
        raise _damaged(problem)
    costs, seconds = arrays["costs"], arrays["seconds"]
    parameters, best = _parameters(arrays), None
    if header["best"] is not None:
        best = Best(_parameters(arrays, BEST), *header["best"])
    remembered = {
        name.removeprefix(SOLVER): array
        for name, array in arrays.items()
        if name.startswith(SOLVER)
    }
    state = DescentState(
        SolverState(parameters, remembered),
        parameters,
        costs,
        arrays.get("validation_costs"),
        seconds,
        arrays["passes"],
        converged=header["converged"],
        end=header["end"],
    )
    return Saved(state, header["cost"], header["identity"], best)


def _parameters(arrays: Arrays, prefix: str = "") -> Parameters[HostArray]:
    return Parameters(*(arrays[f"{prefix}{name}"] for name in Parameters._fields))


def _header(content: bytes) -> dict[str, Any]:
    """Return the description, if it is one and the checksum is right."""
    length = int.from_bytes(content[:8], "little")
    try:
        metadata = json.loads(content[8 : 8 + length])["__metadata__"]
        text = metadata[METADATA_KEY]
    except (ValueError, RecursionError, LookupError, TypeError):
        raise CheckpointError(_FOREIGN) from None
    try:
        header = json.loads(text)
        version, checksum = header["format_version"], header["checksum"]
    except (ValueError, RecursionError, LookupError, TypeError):
        raise _damaged("its description is not readable") from None
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"expected checkpoint format version {FORMAT_VERSION}, got {version!r}; "
            "resume with the gdnet that has written it, or start from the beginning"
        )
    if not isinstance(checksum, str) or not re.fullmatch("[0-9a-f]{64}", checksum):
        raise _damaged("it has no checksum")
    at = content.find(checksum.encode())
    if at < 0 or _checksum(content, at) != checksum:
        raise _damaged("its checksum is wrong")
    assert isinstance(header, dict)
    return header


def _checksum(content: bytes, at: int) -> str:
    """Return the checksum of all but the digits of the checksum, which begin at `at`."""
    view = memoryview(content)
    digest = hashlib.blake2b(view[:at], digest_size=32)
    digest.update(view[at + len(_NO_CHECKSUM) :])
    return digest.hexdigest()


def _problem(header: dict[str, Any], arrays: Arrays) -> str | None:
    """Return what is wrong with a checkpoint whose checksum is right, or None."""
    if not {"identity", "cost", "converged", "end", "best"} <= header.keys():
        return "its description is not complete"
    identity, cost, converged = header["identity"], header["cost"], header["converged"]
    of_types = isinstance(identity, dict) and isinstance(converged, bool)
    best = header["best"]
    if best is not None:
        of_types &= isinstance(best, list) and list(map(type, best)) == [float, int]
    of_types &= isinstance(header["end"], str | None)
    if not of_types or not isinstance(cost, float | None):
        return "its description is not readable"
    prefixes = ("",) if best is None else ("", BEST)
    expected = {prefix + name for prefix in prefixes for name in Parameters._fields}
    expected |= {*_RECORDS[: 3 + ("validation_costs" in arrays)]}
    got = {name for name in arrays if not name.startswith(SOLVER)}
    if got != expected:
        return f"expected the arrays {sorted(expected)}, got {sorted(got)}"
    parameters = _parameters(arrays)
    dtypes = {str(array.dtype) for array in parameters}
    if len(dtypes) != 1 or not dtypes <= {"float32", "float64"}:
        return f"expected parameters of float32 or of float64, got {sorted(dtypes)}"
    if parameters.W1.ndim != 2 or parameters.W2.ndim != 2:
        return "expected W1 and W2 with two dimensions"
    try:
        check_shapes(parameters, parameters.W1.shape[1], parameters.W2.shape[0])
    except DataError as error:
        return str(error)
    others = _parameters(arrays, prefixes[-1])
    if any(
        a.dtype != b.dtype or a.shape != b.shape for a, b in zip(others, parameters, strict=True)
    ):
        return "expected best parameters of the dtype and the shapes of the others"
    dtype = {"passes": np.dtype(np.int64)}
    if any(
        arrays[name].dtype != dtype.get(name, np.float64)
        or arrays[name].shape != (arrays["costs"].size,)
        for name in _RECORDS
        if name in arrays
    ):
        return "expected as many times and passes as costs, in float64 and int64"
    if not all(np.isfinite(arrays[name]).all() for name in ("costs", "seconds")):
        return "a cost or a time is not finite"
    return None


def _damaged(problem: str) -> CheckpointError:
    return CheckpointError(f"the checkpoint is damaged: {problem}")
