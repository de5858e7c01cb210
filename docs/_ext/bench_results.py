"""The directive ``bench-results``: every table in bench/results, as it was measured."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

RESULTS = Path(__file__).parents[2] / "bench" / "results"


class BenchResults(SphinxDirective):
    """Include the markdown of every result, one section a file."""

    def run(self) -> list[nodes.Node]:
        """Return the parsed files; a changed or a new one rebuilds the page."""
        self.env.note_dependency(str(RESULTS))
        found = sorted(RESULTS.rglob("*.md"))
        parsed: list[nodes.Node] = []
        for path in found:
            self.env.note_dependency(str(path))
            parsed += self.parse_text_to_nodes(_one_level_down(path), allow_section_headings=True)
        return parsed


def _one_level_down(path: Path) -> str:
    """Return the text with its headings one level deeper, and the file that it is."""
    text = re.sub(r"^#", "##", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    title, _, rest = text.partition("\n")
    name = path.relative_to(RESULTS.parents[1])
    return f"{title}: {path.parent.name}\n\n`{name}`\n{rest}"


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("bench-results", BenchResults)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
