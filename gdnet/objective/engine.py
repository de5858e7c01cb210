"""Examples with an engine: how the gradient of a block is computed."""

from __future__ import annotations

from functools import cached_property

from gdnet._typing import Array, Scalar
from gdnet.activations import ACTIVATIONS, OUTPUTS
from gdnet.backends import ENGINES, BlockGradient, ReferenceGradient
from gdnet.errors import DataError
from gdnet.objective.blocked import BlockedExamples
from gdnet.objective.reference import block_gradient
from gdnet.parameters import Gradients, Parameters


class WithEngine(BlockedExamples):
    """Examples in blocks on a backend, and the engine that computes the gradient of one.

    It is made by `gdnet.objective.full_batch.FullBatch`.
    """

    _chosen: str | None = None  # in place of what the backend was asked for

    @cached_property
    def _block(self) -> BlockGradient:
        # Made when the first gradient or cost is asked for.
        g1, g2, xp = self.g1, self.g2, self.backend.xp
        engine = self._chosen or self.backend.engine

        def reference(
            parameters: Parameters, X: Array, Y: Array, m: Scalar, weights: Array | None
        ) -> tuple[Gradients, Array]:
            return block_gradient(parameters, X, Y, g1, g2, m, xp, weights)

        if g1 is not ACTIVATIONS.get(g1.name) or g2 is not OUTPUTS.get(g2.name):
            # A backend knows activations by their names, which a user's own might share.
            if engine not in ("auto", "reference"):
                raise DataError(
                    f"engine {engine!r}: expected an activation of gdnet, got a function of "
                    "the user's; choose 'auto'"
                )
            return ReferenceGradient(reference)
        return self.backend.block_gradient(
            reference,
            engine=engine,
            g1=g1.name,
            g2=g2.name,
            shape=self.shape,
            dtype=self.dtype,
        )

    @property
    def engine(self) -> str:
        """The engine, by name: how the gradient of a block is computed.

        Raises
        ------
        DataError
            If one was asked for that is not made for this network.
        """
        return self._block.name

    @property
    def arithmetic(self) -> int:
        """The version of the engine's arithmetic."""
        return self._block.arithmetic

    def choose_engine(self, name: str) -> None:
        """Compute with this engine in place of the one that "auto" has taken.

        Parameters
        ----------
        name : str
            The engine, one of `gdnet.backends.ENGINES` for the device.

        Raises
        ------
        DataError
            If another one was asked for, or the device does not have it, or it is not made for
            this network.
        """
        kind = self.backend.name.split(":")[0]
        if name not in ENGINES.get(kind, ()) or self.backend.engine not in ("auto", name):
            raise DataError(f"engine {name!r} was not asked for, or {kind} does not have it")
        self._chosen = name
        self.__dict__.pop("_block", None)
        self._block  # noqa: B018 - raises where it is not made for the network
