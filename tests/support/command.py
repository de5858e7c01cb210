"""The command line as tests run it: in a process of its own, or in this one where that will do."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gdnet.cli.main import main
from tests.support.checkout import ROOT

# In the background of a shell Ctrl-C is ignored, and would be by every child.
signal.signal(signal.SIGINT, signal.default_int_handler)


Rows = np.ndarray[Any, Any]


# The limits of a child are set in the child: to fork upsets libraries with threads, as JAX.
LIMITED = """
import resource, runpy, sys
limit = int(sys.argv.pop(2))
resource.setrlimit(getattr(resource, sys.argv.pop(1)), (limit, limit))
runpy.run_module("gdnet", run_name="__main__")
"""


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        facts = json.loads(self.out)
        assert isinstance(facts, dict)
        return facts


def environment() -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    # A child that is killed, or that may write no large file, must not leave half a module.
    return inherited | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "gdnet", *map(str, arguments)]


def gdnet(*arguments: object, cwd: Path) -> Done:
    """Run the real command."""
    done = subprocess.run(
        command(*arguments), cwd=cwd, env=environment(), capture_output=True, text=True, timeout=120
    )
    return Done(done.returncode, done.stdout, done.stderr)


def limited(name: str, limit: int, *arguments: object, cwd: Path) -> Done:
    """Run the real command with a limit of the system, such as RLIMIT_FSIZE."""
    words = [sys.executable, "-c", LIMITED, name, str(limit), *map(str, arguments)]
    done = subprocess.run(
        words, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=120
    )
    return Done(done.returncode, done.stdout, done.stderr)


def here(*arguments: object, cwd: Path) -> Done:
    """Run the command in this process, which is quicker; it must succeed or fail politely."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as leave:  # argparse, after a usage error or --help
            code = int(leave.code or 0)
    for stream in (out, err):
        stream.seek(0)
    return Done(code, out.read(), err.read())


def train(cwd: Path, *arguments: object, out: str = "m") -> dict[str, Any]:
    """Train on the CPU and return the summary."""
    done = here("train", *arguments, "--device", "cpu", "--out", out, "--json", cwd=cwd)
    assert (done.code, unexpected(done.err)) == (0, "")
    return done.json


def unexpected(said: str) -> str:
    """What was said but that a model is no good, which few iterations make."""
    lines = said.splitlines(keepends=True)
    return "".join(line for line in lines if "the model does not beat" not in line)


def is_running(pid: int) -> bool:
    """Return whether there is such a process of Linux, and it has not ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def snapshot(folder: Path) -> dict[str, Any]:
    """Everything under a folder with content and time, to tell whether a command changed it."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        if path.is_file()
        else None
        for path in sorted(folder.rglob("*"))
    }


def write_csv(path: Path, X: Rows, y: Sequence[Any] | Rows | None, names: Sequence[str]) -> Path:
    """Write rows, and labels unless None, with the digits that tell every number apart."""
    columns = [[repr(value) for value in column] for column in np.asarray(X).T.tolist()]
    if y is not None:
        columns.append([str(label) for label in y])
    lines = [",".join(names), *(",".join(cells) for cells in zip(*columns, strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_parquet(path: Path, X: Rows, y: Any, names: Sequence[str]) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    columns = [*X.T, *([] if y is None else [pa.array(list(y))])]
    parquet.write_table(pa.table(dict(zip(names, columns, strict=True))), path)
    return path
