"""The recipes of CONTRIBUTING.md work as they stand: a script makes them in a copy of gdnet."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gdnet.model.file import load_model
from tests.support.checkout import ROOT
from tests.support.recipes import recipes

RECIPES = {name: changes for name, changes in recipes().items() if changes}
COPIED = (
    *("gdnet", "backends", "tests", "bench", "docs"),
    *("conftest.py", "pyproject.toml", "CONTRIBUTING.md"),
)

pytestmark = pytest.mark.sources


class Copy:
    """A copy of the sources, and commands in it."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        for name in COPIED:
            source, to = ROOT / name, tree / name
            if source.is_dir():
                how = shutil.ignore_patterns("__pycache__", "results", "_build")
                shutil.copytree(source, to, symlinks=True, ignore=how)
            else:
                shutil.copy(source, to)

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.tree).as_posix(): path.read_bytes()
            for path in self.tree.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    def make(self, recipe: str) -> set[str]:
        """Make the changes of a recipe, and return which files are others than before."""
        before = self.files()
        for change in RECIPES[recipe]:
            change.apply(self.tree)
        after = self.files()
        assert before.keys() <= after.keys()
        return {name for name, content in after.items() if before.get(name) != content}

    def python(self, *words: object, cwd: Path | None = None) -> str:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
        done = subprocess.run(
            [sys.executable, "-m", *map(str, words)],
            cwd=cwd or self.tree,
            env=inherited | {"PYTHONPATH": str(self.tree), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tests(self, *which: str) -> None:
        said = self.python("pytest", "-q", "-p", "no:cacheprovider", *which)
        assert " passed" in said

    def lint(self, files: set[str]) -> None:
        if shutil.which("ruff") is not None:
            for command in (("check",), ("format", "--check")):
                self.python("ruff", *command, "--no-cache", *sorted(files))


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "copy")


def test_there_is_code_for_three_recipes() -> None:
    assert [*RECIPES] == ["An activation", "A data format", "A solver"]
    assert [*recipes()][3:] == ["An engine"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_two_files_that_are_python(recipe: str, copy: Copy) -> None:
    touched = copy.make(recipe)
    assert touched == {change.path for change in RECIPES[recipe]}
    assert len(touched) == 2
    for name in touched:
        ast.parse((copy.tree / name).read_text())
    copy.lint(touched)


def written(folder: Path) -> None:
    import pyarrow as pa
    from pyarrow import feather, parquet

    random = np.random.RandomState(0)
    numbers = {name: random.randn(300) for name in "abc"}
    kind = np.array(["x", "y", "z"])[random.randint(0, 3, 300)]
    table = pa.table(numbers | {"kind": kind, "label": (numbers["a"] > 0).astype(int)})
    parquet.write_table(table, folder / "d.parquet")
    feather.write_feather(table, folder / "d.feather", chunksize=64)
    with pa.ipc.new_file(folder / "d.arrow", table.schema) as file:
        file.write_table(table, max_chunksize=50)


@pytest.mark.slow
def test_an_activation(copy: Copy, tmp_path: Path) -> None:
    copy.make("An activation")
    copy.tests(
        *("tests/test_activations.py", "tests/test_gradcheck.py", "tests/test_equations.py"),
        *("tests/cli/test_info_gradcheck.py", "tests/backends/cuda/test_cublas_fused.py"),
    )
    gdnet = ("gdnet",)
    train = ("train", "planar", "--activation", "softsign", "--iterations", 500, "--device", "cpu")
    help_text = copy.python(*gdnet, "train", "--help", cwd=tmp_path)
    assert "softsign" in help_text
    checked = copy.python(*gdnet, "gradcheck", "--activation", "softsign", cwd=tmp_path)
    assert checked.count("softsign, ") == 5
    copy.python(*gdnet, *train, "--out", "whole", cwd=tmp_path)
    half = (*train, "--checkpoint", "c", "--resume", "--out", "m")
    copy.python(*gdnet, *half, "--iterations", 200, cwd=tmp_path)
    copy.python(*gdnet, *half, cwd=tmp_path)
    resumed, whole = (tmp_path / name for name in ("m", "whole"))
    assert "softsign" in copy.python(*gdnet, "info", "m", cwd=tmp_path)
    predictions = [
        copy.python(*gdnet, "predict", path, "planar", "--proba", cwd=tmp_path)
        for path in (resumed, whole)
    ]
    assert predictions[0] == predictions[1]
    copy.python(*gdnet, "export", "m", "m.json", cwd=tmp_path)
    assert '"activation": "softsign"' in (tmp_path / "m.json").read_text()
    for name in ("m.onnx", "m.h"):
        with pytest.raises(AssertionError, match=r"expected one of the activations .*'softsign'"):
            copy.python(*gdnet, "export", "m", name, cwd=tmp_path)
    (tmp_path / "fits.py").write_text(
        "from gdnet import GDClassifier\n"
        "GDClassifier(activation='softsign').fit([[0], [1]], [0, 1])\n"
    )
    copy.python("fits", cwd=tmp_path)


@pytest.mark.slow
def test_a_data_format(copy: Copy, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    copy.make("A data format")
    copy.tests(
        *("tests/data/test_column_formats.py", "tests/data/test_files.py"),
        *("tests/data/test_parts.py", "tests/cli/test_mistakes.py", "tests/project/test_layout.py"),
        "tests/project/test_package.py::test_readers_of_files_import_pyarrow_when_they_read",
    )
    written(tmp_path)
    models, predictions = [], []
    for name in ("d.parquet", "d.feather", "d.arrow"):
        model = f"{name}.model"
        how = ("--target", "label", "--iterations", 50, "--device", "cpu", "--out", model)
        copy.python("gdnet", "train", name, *how, cwd=tmp_path)
        predictions.append(
            copy.python("gdnet", "predict", model, name, "--keep", "kind", cwd=tmp_path)
        )
        copy.python("gdnet", "evaluate", model, name, cwd=tmp_path)
        models.append(load_model(tmp_path / model))
    for other in models[1:]:
        for one, two in zip(models[0].parameters, other.parameters, strict=True):
            assert one.tobytes() == two.tobytes()
    assert predictions == [predictions[0]] * 3
    (tmp_path / "d.xlsx").write_text("1")
    with pytest.raises(AssertionError, match=r"named \.csv or .* or \.arrow or \.feather or \.npz"):
        copy.python("gdnet", "train", "d.xlsx", cwd=tmp_path)


@pytest.mark.slow
def test_a_solver(copy: Copy, tmp_path: Path) -> None:
    copy.make("A solver")
    copy.tests("tests/descent/test_solvers.py", "tests/training/test_solver_options.py")
    train = ("gdnet", "train", "planar", "--solver", "adagrad", "--device", "cpu", "--json")
    said = copy.python(*train, "--learning-rate", 0.1, "--out", "m", cwd=tmp_path)
    assert '"solver": "adagrad"' in said
    with pytest.raises(AssertionError, match="--momentum with --solver gd alone, got it with adag"):
        copy.python(*train, "--momentum", 0.5, cwd=tmp_path)
