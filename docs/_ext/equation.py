"""The directive ``equation``: a line of the lecture beside the lines of gdnet/equations.py.

    ```{equation} backward 1
    dZ_2 = A_2 - Y
    ```

The code is what the function computes up to the comment with that number; a number that is not
there is an error of the build.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from gdnet import equations


class Quotation(NamedTuple):
    """The lines of an equation, and the shape of what it computes."""

    code: str
    shape: str


def quotation(function: str, number: int) -> Quotation:
    """Return the lines of equations.py that compute the equation with that number."""
    lines = inspect.getsource(getattr(equations, function)).splitlines()
    numbered = re.compile(rf"# {number}\. (\w+) = .*?(\([^()]*\))?$")
    last, found = next((i, m) for i, line in enumerate(lines) if (m := numbered.search(line)))
    first = last
    while re.match(rf"\s*{found[1]} ", lines[first - 1]):
        first -= 1
    code = [line.partition("#")[0].rstrip() for line in lines[first : last + 1]]
    return Quotation(textwrap.dedent("\n".join(code)), found[2] or "")


class Equation(SphinxDirective):
    """An equation with its number and shape, and its code."""

    has_content = True
    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        """Return both, side by side where there is room."""
        function, number = self.arguments
        self.env.note_dependency(str(equations.__file__))
        quoted = quotation(function, int(number))
        formula = "\n".join(self.content)
        beside, left = nodes.container(classes=["beside"]), nodes.container()
        left += nodes.math_block(formula, formula)
        left += nodes.paragraph("", f"{function} {number}, shape {quoted.shape}", classes=["shape"])
        beside += [left, nodes.literal_block(quoted.code, quoted.code, language="python")]
        return [beside]


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("equation", Equation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
