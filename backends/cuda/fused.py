"""The gradient of a block in one kernel, for narrow networks: fused.cu, and register_resident.cu.

Nothing of the size of the block but X, Y and the weights passes through the memory of the device.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import Array
from gdnet.backends.cuda.packed import ALIGNMENT, PackedGradient
from gdnet.backends.cuda.sources import (
    G1,
    G2,
    Argument,
    ceil_div,
    kernels,
    options,
    or_null,
)

if TYPE_CHECKING:
    from gdnet.parameters import Parameters

# Compute capabilities of devices on which a measurement showed the kernel right, and faster than
# the cublas_fused gradient: only there does engine="auto" take it. None has been measured yet.
MEASURED_FASTER: frozenset[str] = frozenset()

# A block has so many parts as the shapes say, and not the card, so that every card adds in the same
# order. Three times as many as a card has places for keep it busy to the end (see first_step in
# common.cuh), and NVIDIA's largest have 192 multiprocessors.
MAX_MULTIPROCESSORS = 192
PARTS_A_PLACE = 3

# Of fused.cu.
CHUNK = 8
FLOAT4_BYTES = 16
MAX_UNITS = 4
MAX_LANES = 512
THREADS = 128
# Sums of dW1 that a thread keeps in registers, of which it has 255 for everything.
MAX_SUMS = 128
OTHER_REGISTERS = 70
REGISTERS = 2**16
SHARED_BYTES = 48 * 1024

# Of register_resident.cu: sums that a thread keeps with as many weights, and its thread block.
MAX_REGISTER_SUMS = 72
REGISTER_BLOCK = 256
SPARE_REGISTERS = 32

# Up to here one thread block descends on all examples.
MAX_TINY_EXAMPLES = 8192


class Config(NamedTuple):
    """How a network is laid out over the threads of fused.cu.

    Attributes
    ----------
    lanes : int
        Threads of a group: hidden units are shared out over them.
    units : int
        Hidden units of a thread.
    groups : int
        Groups of a thread block: each takes other examples.
    resident : int
        Thread blocks that a multiprocessor holds.
    """

    lanes: int
    units: int
    groups: int
    resident: int

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.lanes * self.groups


def configuration(n0: int, n1: int) -> Config | None:
    """Return the layout for a network; None if registers or shared memory do not hold it."""
    width = 4 * ceil_div(n0, 4)
    if width > MAX_SUMS:
        return None
    units = min(MAX_UNITS, MAX_SUMS // width)
    lanes = 8
    while lanes * units < n1:
        lanes = 2 * lanes if lanes < 32 else lanes + 32
    units = ceil_div(n1, lanes)
    groups = max(1, THREADS // lanes)
    quads, hidden = width // 4, units * lanes
    shared = 16 * quads * (hidden + 1 + groups * CHUNK) + 4 * (2 * hidden + 2)
    shared += 4 * groups * ceil_div(lanes, 32) * CHUNK
    if lanes > MAX_LANES or shared > SHARED_BYTES:
        return None
    registers = min(255, units * (width + CHUNK + 4) + OTHER_REGISTERS)
    return Config(lanes, units, groups, max(1, REGISTERS // (registers * lanes * groups)))


def fits_registers(n0: int, n1: int) -> bool:
    """Return whether one thread can hold the whole network."""
    return n1 * n0 + 2 * n1 + 2 <= MAX_REGISTER_SUMS


def why_not_fused(
    g1: str, g2: str, shape: tuple[int, int, int], dtype: npt.DTypeLike
) -> str | None:
    """Return what the fused kernel is not made for, in a few words; None if it applies."""
    n0, n1, n2 = shape
    if g2 not in ("sigmoid", "identity") or n2 != 1:
        return f"one sigmoid or identity output, got {n2} ({g2})"
    if np.dtype(dtype) != np.float32:
        return f"float32, got {np.dtype(dtype)}"
    if g1 not in G1:
        return f"an activation of {', '.join(G1)}, got {g1}"
    if not fits_registers(n0, n1) and configuration(n0, n1) is None:
        return (
            f"a narrow network, such as 32 features and 256 hidden units, got {n0} features and "
            f"{n1} hidden units"
        )
    return None


def fused_gradient(cupy: ModuleType, g1: str, g2: str, shape: tuple[int, int, int]) -> OnePass:
    """Return the fused gradient for a network to which it applies."""
    n0, n1, _ = shape
    if fits_registers(n0, n1):
        return RegisterResidentGradient(cupy, g1, g2, shape)
    return FusedGradient(cupy, g1, g2, shape)


class OnePass(PackedGradient):
    """A gradient of which a kernel writes one row of sums for each part of a block."""

    name = "fused"
    _resident: int  # thread blocks of a multiprocessor
    _step: int  # examples that a thread block computes at a time

    def parts(self, columns: int) -> int:
        """Return the number of parts of a block of so many examples: the shapes decide it alone."""
        most = PARTS_A_PLACE * MAX_MULTIPROCESSORS * self._resident
        return min(most, ceil_div(columns, self._step))

    def partial_sums(
        self, parameters: Parameters, X: Array, Y: Array, m: Array, weights: Array | None
    ) -> tuple[Array, ...]:
        """Return dW1, db1, dW2, db2 and J in one array."""
        columns = X.shape[1]
        count = self.parts(columns)
        parts = self._xp.empty((count, self._size + 1), self._dtype)
        others = Y, or_null(weights), *parameters, np.int64(columns), parts
        self._launch((count,), X, others)
        return (self._sum_of(parts, m),)

    def _launch(self, grid: tuple[int], X: Array, others: tuple[Argument, ...]) -> None:
        raise NotImplementedError


class FusedGradient(OnePass):
    """By fused.cu: the hidden units are spread over the threads of a group."""

    def __init__(self, cupy: ModuleType, g1: str, g2: str, shape: tuple[int, int, int]) -> None:
        super().__init__(cupy, shape, np.float32)
        n0, n1, _ = shape
        config = configuration(n0, n1)
        assert config is not None
        self._block = (config.threads,)
        self._resident = config.resident
        self._step = CHUNK * config.groups
        defines = {f"{name.upper()}": value for name, value in config._asdict().items()}
        self._kernels = kernels(
            cupy, "fused.cu", options(np.float32, N0=n0, N1=n1, G1=G1[g1], G2=G2[g2], **defines)
        )

    def _launch(self, grid: tuple[int], X: Array, others: tuple[Argument, ...]) -> None:
        if self._shape[0] % 4 == 0 and X.data.ptr % FLOAT4_BYTES:
            X = X.copy(order="F")  # part of an array of the user's: the kernel reads float4
        self._kernels.fused(grid, self._block, (X, *others))


class RegisterResidentGradient(OnePass):
    """By register_resident.cu: a thread holds the whole network.

    For few examples many updates are one launch.
    """

    def __init__(self, cupy: ModuleType, g1: str, g2: str, shape: tuple[int, int, int]) -> None:
        super().__init__(cupy, shape, np.float32)
        n0, n1, _ = shape
        registers = 2 * (self._size + 1) + n0 + n1 + SPARE_REGISTERS
        self._resident = max(1, REGISTERS // (registers * REGISTER_BLOCK))
        self._step = REGISTER_BLOCK
        defines = {"N0": n0, "N1": n1, "G1": G1[g1], "G2": G2[g2], "BLOCK": REGISTER_BLOCK}
        self._kernels = kernels(cupy, "register_resident.cu", options(np.float32, **defines))

    def _launch(self, grid: tuple[int], X: Array, others: tuple[Argument, ...]) -> None:
        self._kernels.register_resident(grid, (REGISTER_BLOCK,), (X, *others))

    def step(
        self,
        parameters: Parameters,
        X: Array,
        Y: Array,
        m: Array,
        weights: Array | None,
        alpha: Array,
    ) -> tuple[Array, tuple[Array, ...]]:
        """Return J and the parameters after an update."""
        if not self.descends(X.shape[1]):
            return super().step(parameters, X, Y, m, weights, alpha)
        costs, after = self.descend(parameters, X, Y, m, weights, alpha, 1)
        return costs[0], after

    def descends(self, columns: int) -> bool:
        """Return whether one thread block is enough for the examples."""
        return columns <= MAX_TINY_EXAMPLES

    def descend(
        self,
        parameters: Parameters,
        X: Array,
        Y: Array,
        m: Array,
        weights: Array | None,
        alpha: Array,
        k: int,
    ) -> tuple[Array, tuple[Array, ...]]:
        """Return the costs before each of k updates, made in one launch, and the parameters."""
        # After the parameters comes the cost, in as much room, so that every row is aligned.
        row_size = self._aligned_size + ALIGNMENT
        path = self._xp.empty((k, row_size), self._dtype)
        counts = np.int32(X.shape[1]), np.int32(k)
        rows = or_null(weights)
        self._kernels.register_resident_descent(
            (1,), (REGISTER_BLOCK,), (X, Y, rows, *parameters, m, alpha, *counts, path)
        )
        return path[:, self._aligned_size], self.views(path[-1], aligned=True)
