"""The tasks of a developer, by name: ``nox --list``; without arguments tests and lint."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import nox

nox.options.sessions = ["lint", "tests"]
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True

# What must not be there where an installed wheel is tested.
WITHOUT_SOURCES = ("gdnet", "backends", "build", "dist")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the default suite, or the tests that are named after ``--``."""
    session.install("-e", ".[test]")
    session.run("pytest", *(session.posargs or ["-n", "auto", "--dist", "loadfile"]))


@nox.session
def slow(session: nox.Session) -> None:
    """Run the slow tests."""
    session.install("-e", ".[dev]", "jax")
    session.run("pytest", "--slow", "-m", "slow", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types and docstrings."""
    session.install("-e", ".[dev,fuzz]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the default suite, and fail below the coverage that was reached."""
    session.install("-e", ".[test]", "coverage[toml]")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "report", "--skip-covered", "--show-missing")


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks on tiny shapes, not timed."""
    session.install("-e", ".[bench,peers]")
    session.run("pytest", "bench", "--tiny", "--benchmark-disable", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "docs", "docs/_build/html")


@nox.session
def wheel(session: nox.Session) -> None:
    """Build sdist and wheel, and run the tests with the installed wheel, away from the sources."""
    session.install("build")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build")
    (built,) = Path("dist").resolve().glob("*.whl")
    session.install(f"gdnet-xp[test] @ {built.as_uri()}")
    with tempfile.TemporaryDirectory() as folder:
        apart = Path(folder) / "gdnet"
        shutil.copytree(".", apart, ignore=_sources)
        session.chdir(apart)
        session.run("pytest", *(session.posargs or ["-n", "auto", "--dist", "loadfile"]))


def _sources(folder: str, names: list[str]) -> set[str]:
    """Return what is not copied: hidden files, and the sources, but not the tests of backends."""
    return {name for name in names if name[0] == "." or (folder == "." and name in WITHOUT_SOURCES)}
