"""The directive ``planar-lab``: the interactive lab, with data and weights that gdnet draws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from lab_facts import lab_facts
from sphinx.util.docutils import SphinxDirective

HTML = Path(__file__).with_name("interactive_lab.html")


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
