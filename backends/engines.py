"""The engines of a backend: which there are, and which one computes a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy.typing as npt

from .block_gradient import BlockGradient, Reference, ReferenceGradient

if TYPE_CHECKING:
    from gdnet._typing import Array, HostArray
    from gdnet.parameters import Parameters

#: The engines of each kind of device, by name: how the gradient of a block is computed.
ENGINES = {"cpu": ("reference", "compiled"), "cuda": ("reference", "cublas_fused", "fused")}


class RowKernel(NamedTuple):
    """Functions for which an example's Z2 depends on no other example.

    They take X (n0, b) of the host, in any type and layout: in least time if each example is
    contiguous, in float32 or in the dtype of the parameters.

    Attributes
    ----------
    outputs : callable ``(parameters, X) -> Z2``
        Output pre-activations (n2, b).
    outputs_and_loss : callable ``(parameters, X, Y) -> (Z2, loss)``
        The same, and the sum of the examples' losses, with Y (n2, b) in the dtype.
    """

    outputs: Callable[[Parameters, Array], Array]
    outputs_and_loss: Callable[[Parameters, Array, Array], tuple[HostArray, float]]


class HasEngines:
    """What computes the gradient of a block, and Z2: the equations on arrays, or something faster.

    Attributes
    ----------
    engine : str
        The engine that was asked for, or "auto".
    """

    engine: str = "auto"

    def block_gradient(
        self,
        reference: Reference,
        *,
        engine: str,
        g1: str,
        g2: str,
        shape: tuple[int, int, int],
        dtype: npt.DTypeLike,
    ) -> BlockGradient:
        """Return how to compute the gradient of a block: as the reference does, or faster.

        Parameters
        ----------
        reference : callable
            See `Reference` in `gdnet.backends.block_gradient`.
        engine : str
            The name of one of the backend's engines, or "auto" for its choice.
        g1, g2 : str
            Names of the hidden and output activations.
        shape : tuple of int
            (n0, n1, n2).
        dtype : float32 or float64
            The dtype of every array.

        Returns
        -------
        BlockGradient
            That of the engine; by default the reference.

        Raises
        ------
        DataError
            If the engine is not made for such a network; the message says for which.
        """
        del engine, g1, g2, shape, dtype
        return ReferenceGradient(reference)

    def row_kernel(
        self, *, g1: str, g2: str, shape: tuple[int, int, int], dtype: npt.DTypeLike
    ) -> RowKernel | None:
        """Return functions for which an example's Z2 depends on no other, if there are some.

        Parameters
        ----------
        g1, g2 : str
            Names of the hidden and output activations.
        shape : tuple of int
            (n0, n1, n2).
        dtype : float32 or float64
            The dtype of the parameters and of Z2.

        Returns
        -------
        RowKernel or None
            None, the default, where there are none for the network: `gdnet.model.products` then
            makes products of one width.
        """
        del g1, g2, shape, dtype
        return None
