"""The directive ``planar-lab``: the interactive lab, with data and weights that gdnet draws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from gdnet.data.builtin import load_builtin
from gdnet.parameters import initialise

HTML = Path(__file__).with_name("interactive_lab.html")
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


class PlanarLab(SphinxDirective):
    """Insert the lab."""

    def run(self) -> list[nodes.Node]:
        """Return the page's HTML with its facts as JSON."""
        self.env.note_dependency(str(HTML))
        html = HTML.read_text(encoding="utf-8")
        facts = f'<script type="application/json" id="lab-facts">{json.dumps(lab_facts())}</script>'
        return [nodes.raw("", f"{facts}\n{html}", format="html")]


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("planar-lab", PlanarLab)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
