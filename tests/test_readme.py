"""What the README shows is run: its Python, its commands, its quotation of the equations."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from gdnet.cli.main import build_parser

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    parts = [part.strip() for line in lines for part in line.split("&&")]
    inline = re.findall(r"^`(gdnet [^`]+)`$", README, re.MULTILINE)
    return [p.removeprefix(".venv/bin/") for p in parts + inline if "gdnet " in f"{p} "[:17]]


def test_python_blocks_run_in_the_order_they_stand_in() -> None:
    found = blocks("python")
    assert len(found) >= 3
    names: dict[str, Any] = {}
    for block in found:
        exec(compile(block, "README.md", "exec"), names)
    assert names["run"].costs[-1] < names["run"].costs[0]


@pytest.mark.parametrize("command", commands())
def test_commands_are_ones_that_gdnet_takes(command: str) -> None:
    words = shlex.split(command)
    assert words[0] == "gdnet"
    build_parser().parse_args(words[1:])


def test_the_commands_are_found() -> None:
    assert len(commands()) >= 9


def test_equations_are_quoted_as_they_are() -> None:
    source = {line.strip() for line in (ROOT / "gdnet/equations.py").read_text().splitlines()}
    quoted = next(block for block in blocks("text") if "dZ2 = A2 - Y" in block)
    for line in quoted.splitlines():
        assert line in source


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_layout_names_files_that_are_there() -> None:
    layout = next(block for block in blocks("text") if "gdnet/equations.py" in block)
    for line in layout.splitlines():
        for name in re.findall(r"^\S+|(?<=  )\S+/(?=  )", line):
            assert (ROOT / name).exists(), name
