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
from collections.abc import Callable
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


def in_both_themes(
    directive: SphinxDirective, name: str, draw: Callable[[str, Path], object]
) -> list[nodes.Node]:
    """Draw a picture for light paper and for dark, and return both, with the argument as text."""
    folder = Path(directive.env.srcdir) / FOLDER
    folder.mkdir(exist_ok=True)
    found: list[nodes.Node] = []
    for theme in ("light", "dark"):
        file = f"{name}-{theme}.svg"
        draw(theme, folder / file)
        about = {"alt": directive.arguments[0], "classes": ["picture", f"only-{theme}"]}
        found.append(nodes.image(uri=f"/{FOLDER}/{file}", **about))
    return found


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
        code = "\n".join(self.content)
        name = f"{Path(self.env.docname).name}-{self.env.new_serialno('picture')}"
        images = in_both_themes(
            self, name, lambda theme, file: run_command(f"{plot} --theme {theme} --out '{file}'")
        )
        return [nodes.literal_block(code, code, language="sh"), *images]


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("picture", Picture)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
