"""Examples with their labels and weights: held out, weighted, and read in blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gdnet._typing import Array, Floats, HostArray
from gdnet.backends import Backend
from gdnet.data.labels.targets import EncodedTarget, label_rows
from gdnet.data.scaling import Scaling
from gdnet.data.source import RowSource
from gdnet.errors import DataError
from gdnet.training.class_weight import balanced_label_weights, class_weights, example_weights
from gdnet.training.split import holdout_mask, split_rows


class Examples(NamedTuple):
    """Examples in rows.

    Attributes
    ----------
    rows : array or `gdnet.data.rows.RowReader` of shape (m, n0)
        Features; on the host, or an array of the backend.
    codes : array of shape (m,) or (m, k)
        Encoded labels, or numbers to be predicted.
    weights : array of shape (m,) or None
        Sample weights.
    on_device : bool
        Whether the rows are an array of the backend.
    """

    rows: Any
    codes: HostArray
    weights: Floats | None = None
    on_device: bool = False


def hold_out(
    examples: Examples,
    encoded: EncodedTarget,
    fraction: float,
    seed: int,
    backend: Backend,
    *,
    owned: bool = False,
) -> tuple[Examples, Examples]:
    """Return the examples to train on and a random fraction to validate on, of each class alike.

    An example of weight 0 is in neither, as if it were not there. At least one example of each
    class is trained on. Both parts are in the order of the examples.

    Parameters
    ----------
    examples : Examples
        All of them.
    encoded : EncodedTarget
        Whether they are of classes.
    fraction : float
        Above 0 and below 1.
    seed : int
        Of the choice.
    backend : Backend
        Which rows on a device belong to.
    owned : bool, default False
        Whether rows in memory may be moved; otherwise the parts are copies of them.

    Raises
    ------
    DataError
        If the fraction leaves no example for one of the parts.
    """
    rows, codes, weights, on_device = examples
    if weights is None and not on_device and (owned or not isinstance(rows, np.ndarray)):
        strata = None if encoded.classes is None else codes
        split = split_rows(rows, codes, fraction, seed, strata=strata, in_place=owned)
        return Examples(*split[:2]), Examples(*split[2:])
    usable = np.arange(len(codes)) if weights is None else np.flatnonzero(weights)
    chosen = holdout_mask(
        len(usable), fraction, seed, None if encoded.classes is None else codes[usable]
    )

    def part(of: npt.NDArray[np.intp]) -> Examples:
        if not on_device:
            some: Array = rows[of]
        else:
            with backend.activate():
                some = backend.xp.take(rows, backend.asarray(of), axis=0)
        return Examples(some, codes[of], None if weights is None else weights[of], on_device)

    return part(usable[~chosen]), part(usable[chosen])


def weights_of_classes(
    class_weight: str | Mapping[Any, float] | None, encoded: EncodedTarget, examples: Examples
) -> Floats | None:
    """Return the weight of each class, or of 0 and 1 of each label, or None; see `class_weights`.

    Raises
    ------
    DataError
        As `class_weights`, and where there are no classes.
    """
    if encoded.kind == "regression":
        if class_weight is not None:
            raise DataError(
                "class_weight: expected none where numbers are predicted, of which there are no "
                f"classes, got {class_weight!r}; sample weights weigh single examples"
            )
        return None
    if encoded.classes is None and class_weight == "balanced":
        return balanced_label_weights(examples.codes, examples.weights)
    return class_weights(class_weight, encoded.classes, examples.codes, examples.weights)


def source_of(
    examples: Examples,
    encoded: EncodedTarget,
    of_classes: Floats | None = None,
    transform: Scaling | None = None,
) -> RowSource:
    """Return examples as the source of a `FullBatch`; weights of both kinds are multiplied.

    Raises
    ------
    DataError
        If all weights are 0.
    """
    rows, codes, weights, on_device = examples
    if of_classes is not None and (weights is not None or codes.ndim == 2):
        factor = example_weights(of_classes, codes)
        weights, of_classes = factor if weights is None else weights * factor, None
    return RowSource(
        rows,
        label_rows(codes),
        None if weights is None else weights.reshape(1, -1),
        class_weights=of_classes,
        n_classes=encoded.n_exclusive,
        continuous=encoded.kind == "regression",
        transform=transform,
        on_device=on_device,
    )
