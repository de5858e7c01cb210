"""Running what a page of the documentation shows: its Python, its commands, its output."""

from __future__ import annotations

import doctest
import functools
import io
import re
import shlex
import shutil
import subprocess
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from sybil import Document, Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.abstract import AbstractCodeBlockParser
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer
from sybil.parsers.myst.lexers import DirectiveLexer

from gdnet.data.builtin import _flights_frame
from tests.support.checkout import ROOT
from tests.support.command import here

# A block of these is code, and so it is run; "text" is what the block before it says.
LANGUAGES = ("python", "sh", "text", "picture", "javascript", "c")
NODE, GCC = shutil.which("node"), shutil.which("gcc")


class _Blocks(AbstractCodeBlockParser):
    """Fenced blocks of one language; ``picture`` is a directive of ours with commands in it."""

    def __init__(self, language: str, evaluator: Any) -> None:
        mapping = {"language": "arguments", "source": "source"}
        lexers: list[Any] = [FencedCodeBlockLexer(language=language, mapping=mapping)]
        if language == "picture":
            mapping = {"directive": "arguments", "source": "source"}
            lexers = [DirectiveLexer(directive="picture", mapping=mapping)]
        super().__init__(lexers, language, evaluator)


class Runner:
    """Runs the blocks of a page in the order they stand in, all in one folder."""

    def __init__(self) -> None:
        self.said: str | None = ""
        self.commands: list[str] = []
        self._python = PythonEvaluator()

    def run(self, page: Path, folder: Path, languages: tuple[str, ...] = LANGUAGES) -> Document:
        evaluators = {
            "python": self._run_python,
            "sh": self._run_commands,
            "text": self._compare,
            "picture": self._run_commands,
            "javascript": self._run_javascript,
            "c": self._run_c,
        }
        sybil = Sybil([_Blocks(language, evaluators[language]) for language in languages])
        document = sybil.parse(page)
        with chdir(folder), pytest.MonkeyPatch.context() as patch:
            patch.setattr("gdnet.data.builtin._flights_frame", _some_flights)
            for example in document.examples():
                example.evaluate()
        return document

    def _run_python(self, example: Example) -> None:
        said = io.StringIO()
        with redirect_stdout(said):
            self._python(example)
        self.said = said.getvalue()

    def _run_javascript(self, example: Example) -> None:
        Path("block.mjs").write_text(str(example.parsed))
        self._run_program(NODE and [[NODE, "block.mjs"]])

    def _run_c(self, example: Example) -> None:
        Path("block.c").write_text(str(example.parsed))
        compile_it = [GCC, "-Wall", "-Wextra", "-Werror", "block.c", "-o", "block", "-lm"]
        self._run_program(GCC and [compile_it, ["./block"]])

    def _run_program(self, commands: Any) -> None:
        """Run commands and keep what they say; nothing where what they need is not installed."""
        self.said = None
        for command in commands or ():
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr
            self.said = done.stdout

    def _run_commands(self, example: Example) -> None:
        said = ""
        for line in str(example.parsed).replace("\\\n", " ").splitlines():
            for command in line.partition(" #")[0].split("&&"):
                if command.strip():
                    said += self._run_command(command.strip().replace(".venv/bin/", ""))
        self.said = said

    def _run_command(self, command: str) -> str:
        words = shlex.split(command)
        self.commands.append(command)
        if words[0] == "gdnet":
            done = here(*words[1:], *_small_settings(words[1:]), cwd=Path.cwd())
            # Where there is no GPU, a command that asks for one must say so.
            allowed = (0, 4) if "cuda" in words else (0,)
            assert done.code in allowed, f"{command}\n{done.err}"
            return done.out
        if words[:2] == ["pip", "install"] or "-m pip install" in command:
            for word in words[words.index("install") + 1 :]:
                if not word.startswith("-"):
                    Requirement(word.replace(".[", "gdnet-xp["))
        elif words[:2] == ["python", "-m"]:
            ours = ROOT / f"{words[2].replace('.', '/')}.py"
            assert words[2] in ("pytest", "sphinx") or ours.is_file(), command
        else:
            assert words[0] in ("python3", "bash", ".", "python"), (
                f"not run by this test: {command}"
            )
            for word in words[1:]:
                if word.endswith((".py", ".sh")):
                    assert (ROOT / word).is_file(), command
        return ""

    def _compare(self, example: Example) -> None:
        if self.said is None:
            return
        expected = str(example.parsed)
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        if not doctest.OutputChecker().check_output(expected, self.said, flags):
            raise AssertionError(
                f"{example.path}, line {example.line}: expected\n{expected}\ngot\n{self.said}"
            )


@functools.cache
def _all_flights(columns: tuple[str, ...]) -> Any:
    return _flights_frame([*columns])


def _some_flights(columns: list[str]) -> Any:
    """Return a few of the flights, so that what a page does with them is quickly done."""
    return _all_flights((*columns,)).iloc[::20]


def _small_settings(words: list[str]) -> list[str]:
    """Return options that keep a long command short; the last of an option counts."""
    if words[:2] == ["train", "flights"]:
        return ["--iterations", "2"]
    if "100000" in words:
        return ["--iterations", "1000"]
    if words[0] == "bench":
        return ["--m", "100,1000", "--rounds", "1"]
    return []


def fences(page: Path) -> list[str]:
    """Return the language or the {directive} of every fenced block of a page."""
    return re.findall(r"^(?:```|:::)([^\s`:]\S*)", page.read_text(), re.MULTILINE)
