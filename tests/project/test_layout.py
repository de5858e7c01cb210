"""The house: what imports what, and that the page on the layout shows every room."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

# From below: each imports only from rows before its own.
ROWS = [
    {"_typing", "_version", "errors", "exact_sum", "lock", "losses", "phases"},
    {"activations", "atomic", "blocks", "parameters"},
    {"equations", "ranks"},
    {"data"},
    {"model", "objective"},
    {"gradcheck", "scores"},
    {"descent", "export"},
    {"checkpoint", "throughput"},
    {"plots", "training"},
    {"cli", "estimator"},
]
ROW = {name: number for number, names in enumerate(ROWS) for name in names}
# The names that the package offers are imported on first use; what is called `gdnet` stands above.
ROW |= {"__init__": len(ROWS), "__main__": len(ROWS)}
HOUSE = ROOT / "gdnet"

pytestmark = pytest.mark.sources


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, in its functions too, but not for annotations."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            if node.level:  # of siblings alone, and in no package of several levels
                assert node.level == 1, path
                assert path.parent.name in ("backends", "standins"), path
                continue
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def rooms() -> set[str]:
    folders = {path.parent.name for path in HOUSE.glob("*/__init__.py")} - {"backends"}
    return folders | {path.stem for path in HOUSE.glob("*.py")}


def test_every_room_has_its_row() -> None:
    assert rooms() == set(ROW)


def test_imports_run_downwards_only() -> None:
    wrong = []
    for path in sorted(HOUSE.rglob("*.py")):
        room, *_ = path.relative_to(HOUSE).with_suffix("").parts
        for name in imported(path) if room not in ("backends", "__init__", "__main__") else ():
            parts = name.split(".")
            if parts[0] != "gdnet" or parts[1:2] in (["backends"], ["load"], [room]):
                continue
            assert len(parts) > 1, f"{path}: import gdnet"
            if ROW[parts[1]] >= ROW[room]:
                wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert wrong == []


def test_backends_import_nothing_of_gdnet_but_its_errors_and_types() -> None:
    found = {name for path in (ROOT / "backends").rglob("*.py") for name in imported(path)}
    others = {name for name in found if name.split(".")[0] == "gdnet"}
    beyond = {name for name in others if not name.startswith("gdnet.backends.")}
    assert beyond
    assert {name.rpartition(".")[0] for name in beyond} == {"gdnet.errors", "gdnet._typing"}


def test_the_page_and_its_picture_show_every_package() -> None:
    packages = {path.parent.name for path in HOUSE.glob("*/__init__.py")}
    page = (ROOT / "docs" / "layout.md").read_text()
    picture = (ROOT / "docs" / "pictures" / "house.svg").read_text()
    for name in packages:
        assert f"`{name}/`" in page
        assert f">{name}<" in picture


def test_the_page_names_files_that_are_there() -> None:
    page = (ROOT / "docs" / "layout.md").read_text()
    for name in re.findall(r"`((?:gdnet|backends|tests|docs)/[\w/.]*)`", page):
        assert (ROOT / name).exists(), name


def test_tests_share_no_code_but_by_support() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for name in imported(path)
        if re.match(r"tests\..*\btest_", name)
    ]
    assert wrong == []
