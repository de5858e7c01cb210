"""What the interactive lab gets from gdnet: its data, and the random numbers it starts from."""

from __future__ import annotations

from typing import Any

from gdnet.data.builtin import load_builtin
from gdnet.parameters import initialise

#: The hidden sizes of the lab, and its seed.
HIDDEN = (1, 2, 3, 4, 5, 20, 50)
SEED = 2


def lab_facts() -> dict[str, Any]:
    """Return the data, and the random normal numbers of the first weights for each hidden size."""
    table = load_builtin("planar", "float64")
    assert table.target is not None
    starts = {n1: initialise(2, n1, 1, random_state=SEED, init_scale=1.0) for n1 in HIDDEN}
    return {
        "X": table.X.T.tolist(),
        "Y": [table.target.tolist()],
        "normals": {
            n1: {"W1": start.W1.tolist(), "W2": start.W2.tolist()} for n1, start in starts.items()
        },
    }
