"""What is shipped, what is imported, and that neither surprises."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import gdnet
from tests.support.checkout import ROOT


def python(code: str, *, cwd: Path, path: Path | None = None) -> str:
    environment = {"PATH": "/usr/bin:/bin"} | ({"PYTHONPATH": str(path)} if path else {})
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_public_name_is_there() -> None:
    assert sorted(gdnet.__all__) == sorted(gdnet._HOME)
    for name in gdnet.__all__:
        assert getattr(gdnet, name).__doc__
        assert name in dir(gdnet)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gdnet.nothing  # noqa: B018


@pytest.mark.parametrize("module", ["gdnet", "gdnet.backends", "gdnet.descent", "gdnet.gradcheck"])
def test_import_brings_in_nothing_heavy(module: str) -> None:
    code = f"""
import sys, {module}
heavy = {{"cupy", "sklearn", "scipy", "pyarrow", "pandas", "matplotlib", "rich", "torch", "jax"}}
heavy |= {{"narwhals"}}
print(sorted(heavy & set(sys.modules)))
"""
    assert python(code, cwd=ROOT) == "[]"


def test_readers_of_files_import_pyarrow_when_they_read() -> None:
    code = """
import sys, gdnet.data.files
from gdnet.data.formats import EXTENSIONS, reader_of
print(sum(reader_of(each) is not None for each in EXTENSIONS) > 2, "pyarrow" in sys.modules)
"""
    assert python(code, cwd=ROOT) == "True False"


@pytest.mark.parametrize(
    "arguments", [["info"], ["train", "planar", "--iterations", "1", "--quiet"], ["--version"]]
)
def test_command_starts_without_what_it_does_not_need(tmp_path: Path, arguments: list[str]) -> None:
    code = f"""
import sys
from gdnet.cli.main import main
try:
    main({arguments!r})
except SystemExit:
    pass
heavy = {{"sklearn", "scipy", "pyarrow", "pandas", "matplotlib", "rich", "torch", "jax"}}
print(sorted(heavy & set(sys.modules)))
"""
    assert python(code, cwd=tmp_path, path=ROOT).splitlines()[-1] == "[]"


def test_import_of_gdnet_alone_does_not_even_import_numpy() -> None:
    assert python("import sys, gdnet; print('numpy' in sys.modules)", cwd=ROOT) == "False"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that no build folder is left in the checkout."""
    source = tmp_path_factory.mktemp("source")
    tracked = ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in", "gdnet", "backends")
    subprocess.run(["cp", "-a", *(str(ROOT / name) for name in tracked), str(source)], check=True)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-q"]
    done = subprocess.run([*command, "-w", str(out), str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(out.glob("gdnet_xp-*.whl"))


@pytest.mark.sources
def test_wheel_holds_every_module_once_and_no_top_level_backends(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
    in_tree = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "gdnet").rglob("*.py")
        if "backends" not in path.parts
    }
    for suffix in ("py", "cu", "cuh"):
        found = {
            f"gdnet/{path.relative_to(ROOT)}" for path in (ROOT / "backends").rglob(f"*.{suffix}")
        }
        assert found
        in_tree |= found
    assert shipped == in_tree | {"gdnet/py.typed"}


@pytest.mark.sources
def test_installed_wheel_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    assert not (site / "backends").exists()
    dependencies = Path(np.__file__).parent.parent
    code = f"""
import sys
sys.path.append({str(dependencies)!r})
import gdnet, gdnet.backends.cpu
print(gdnet.__file__)
print(gdnet.backends.__file__)
print(gdnet.get_backend("cpu").name, gdnet.__version__)
"""
    lines = python(code, cwd=tmp_path, path=site).splitlines()
    assert lines[0] == str(site / "gdnet" / "__init__.py")
    assert lines[1] == str(site / "gdnet" / "backends" / "__init__.py")
    assert lines[2] == f"cpu {gdnet.__version__}"
    code = "import importlib.util; print(importlib.util.find_spec('backends'))"
    assert python(code, cwd=tmp_path, path=site) == "None"


def test_symlink_is_committed_as_a_relative_link() -> None:
    link = ROOT / "gdnet" / "backends"
    if not link.is_symlink():
        pytest.skip("not a checkout: an installed package has a folder here")
    assert str(link.readlink()) == "../backends"
