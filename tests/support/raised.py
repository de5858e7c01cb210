"""What a function raises, as far as its source says so."""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def raised(module: str, name: str) -> set[type[BaseException]]:
    """Return the exceptions that a function, or the constructor of a class, raises.

    By its own lines, and by those of the functions of its file that it calls by their names: but
    for what another class is to override. What stands in the body of a ``try``, or where an error
    is suppressed, may be caught, and is left out.
    """
    found: set[type[BaseException]] = set()
    seen: set[str] = set()
    asked, waiting = name, [name, f"{name}.__init__"]
    known = vars(builtins) | vars(importlib.import_module(module))
    while waiting:
        name = waiting.pop()
        function = _functions(module).get(name)
        if function is None or name in seen:
            continue
        seen.add(name)
        for node in _surely(function):
            if isinstance(node, ast.Raise):
                kind = _kind(node.exc, known)
                if kind is not None and (kind is not NotImplementedError or name == asked):
                    found.add(kind)
            elif isinstance(node, ast.Call):
                called, owner = ast.unparse(node.func), name.rpartition(".")[0]
                waiting.append(f"{owner}.{called[5:]}" if called.startswith("self.") else called)
    return found


def _kind(error: ast.expr | None, known: dict[str, Any]) -> type[BaseException] | None:
    """Return the class of an exception that is raised; None for one that was caught."""
    called = error.func if isinstance(error, ast.Call) else error
    value = known.get(called.id) if isinstance(called, ast.Name) else None
    if inspect.isfunction(value):  # it makes one
        value = vars(inspect.getmodule(value)).get(value.__annotations__["return"])
    return value if isinstance(value, type) else None


@functools.cache
def _functions(module: str) -> dict[str, ast.FunctionDef]:
    """Return the functions and methods of a file by their qualified names."""
    path = importlib.import_module(module).__file__
    tree = ast.parse(Path(str(path)).read_text())
    found: dict[str, ast.FunctionDef] = {}
    for node in tree.body:
        owner, body = "", [node]
        if isinstance(node, ast.ClassDef):
            owner, body = f"{node.name}.", node.body
        found |= {owner + each.name: each for each in body if isinstance(each, ast.FunctionDef)}
    return found


def _surely(node: ast.AST) -> Iterator[ast.AST]:
    """Walk through a function, but for bodies of ``try`` and functions within."""
    for field, value in ast.iter_fields(node):
        if isinstance(node, ast.Try) and node.handlers and field == "body":
            continue
        if isinstance(node, ast.With) and "suppress(" in ast.unparse(node.items[0]):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.FunctionDef | ast.Lambda):
                yield child
                yield from _surely(child)
