"""What the README shows is run: its Python, its commands, its quotation of the equations."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from gdnet.cli.main import build_parser
from tests.support.checkout import ROOT
from tests.support.command import write_csv, write_parquet

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the commands name."""
    pytest.importorskip("pyarrow")
    random = np.random.RandomState(0)
    X, names = random.randn(60, 2), ["a", "b", "y"]
    y = np.arange(60) % 2
    for name in ("data.csv", "test.csv", "big.csv"):
        write_csv(tmp_path / name, X, y, names)
    with_id = np.column_stack([X, np.arange(60)])
    write_parquet(tmp_path / "new.parquet", with_id, None, [*names[:2], "id"])
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    return tmp_path


def test_commands_and_python_run_in_the_order_they_stand_in(folder: Path) -> None:
    for needed in ("sybil", "matplotlib", "onnx", "sklearn"):
        pytest.importorskip(needed)
    from tests.support.documents import Runner

    runner = Runner()
    document = runner.run(ROOT / "README.md", folder, ("python", "sh"))
    assert len(blocks("python")) >= 3
    assert len([each for each in runner.commands if each.startswith("gdnet ")]) >= 12
    run = document.namespace["run"]
    assert run.costs[-1] < run.costs[0]
    assert (run.parameters.W1 == document.namespace["resumed"].parameters.W1).all()


def test_commands_between_the_lines_are_ones_that_gdnet_takes() -> None:
    inline = re.findall(r"^`gdnet ([^`]+)`$", README, re.MULTILINE)
    assert inline
    for command in inline:
        build_parser().parse_args(shlex.split(command))


@pytest.mark.sources
def test_equations_are_quoted_as_they_are() -> None:
    source = {line.strip() for line in (ROOT / "gdnet/equations.py").read_text().splitlines()}
    quoted = next(block for block in blocks("text") if "dZ2 = A2 - Y" in block)
    for line in quoted.splitlines():
        assert line in source


@pytest.mark.sources
def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
