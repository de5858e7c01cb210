"""The directive ``picture``: commands and the picture that they draw, on light paper and on dark.

    ```{picture} Two cost curves
    gdnet train planar --history run.jsonl
    gdnet plot costs run.jsonl
    ```

The commands run while the documentation is built, in one folder for all pages. The last one is the
``gdnet plot``; it runs once for each theme.
"""

from __future__ import annotations

import contextlib
import io
import shlex
import tempfile
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.errors import SphinxError
from sphinx.util.docutils import SphinxDirective

from gdnet.cli.main import main

#: Below docs/, and not in the repository.
FOLDER = "_generated"
_work = tempfile.TemporaryDirectory(prefix="gdnet-docs-")


def run_command(line: str) -> None:
    """Run a line of a shell that begins with gdnet; what it says is shown only if it fails."""
    said = io.StringIO()
    with (
        contextlib.chdir(_work.name),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        code = main([*shlex.split(line)[1:]])
    if code:
        raise SphinxError(f"{line}\n{said.getvalue()}")


class Picture(SphinxDirective):
    """Commands, and below them what they draw."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Run the commands; return them as code, and the pictures of both themes."""
        *before, plot = "\n".join(self.content).replace("\\\n", " ").splitlines()
        for line in before:
            run_command(line)
        folder = Path(self.env.srcdir) / FOLDER
        folder.mkdir(exist_ok=True)
        name = f"{Path(self.env.docname).name}-{self.env.new_serialno('picture')}"
        code = "\n".join(self.content)
        found: list[nodes.Node] = [nodes.literal_block(code, code, language="sh")]
        for theme in ("light", "dark"):
            file = f"{name}-{theme}.svg"
            run_command(f"{plot} --theme {theme} --out '{folder / file}'")
            about = {"alt": self.arguments[0], "classes": ["picture", f"only-{theme}"]}
            found.append(nodes.image(uri=f"/{FOLDER}/{file}", **about))
        return found


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("picture", Picture)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
