"""The recipes of CONTRIBUTING.md, made in a copy of the sources."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path
from typing import NamedTuple

from tests.support.checkout import ROOT


class Change(NamedTuple):
    """A block of code: a new file, or what comes to the end of a collection in one."""

    path: str
    name: str | None
    code: str

    def apply(self, tree: Path) -> None:
        file = tree / self.path
        if self.name is None:
            assert not file.exists(), self.path
            file.write_text(self.code)
        else:
            file.write_text(with_entry(file.read_text(), self.name, self.code))


def recipes() -> dict[str, list[Change]]:
    """Return the changes of each recipe, by its heading."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text.partition("\n## Recipes\n")[2].partition("\n## ")[0]
    found = {}
    for part in section.split("\n### ")[1:]:
        blocks = re.findall(r"^```python\n# (\S+?)(?:, in (\w+))?\n(.*?)^```$", part, re.M | re.S)
        found[part.partition("\n")[0]] = [
            Change(path, name or None, code) for path, name, code in blocks
        ]
    return found


def with_entry(source: str, name: str, code: str) -> str:
    """Return source text with an entry after the last one of what it assigns to a name."""
    assigned: list[ast.expr] = []
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            assert node.value is not None
            assigned.append(node.value)
    (value,) = assigned
    if isinstance(value, ast.DictComp):
        value = value.generators[0].iter
    assert isinstance(value, ast.Dict | ast.Tuple)
    entries = value.values if isinstance(value, ast.Dict) else value.elts
    first = value.keys[0] if isinstance(value, ast.Dict) else value.elts[0]
    assert first is not None
    end = entries[-1].end_lineno
    assert end is not None
    lines = source.splitlines(keepends=True)
    assert lines[end - 1].endswith(",\n")
    lines.insert(end, textwrap.indent(f"{code.rstrip()},\n", " " * first.col_offset))
    return "".join(lines)
