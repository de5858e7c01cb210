"""Exported models in 20 runtimes: installed, run, and compared with what gdnet predicts.

    python -m bench.runtimes --json FILE --docs docs/onnx.md

Needs PyPI, npm, gcc, clang and node, 20 minutes and a few gigabytes of disk.
"""

from __future__ import annotations

import argparse
import base64
import json
import subprocess
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np

from bench.environment import environment
from bench.exported.candidates import CANDIDATES, LOADERS, OWN, Candidate
from bench.exported.cases import QUESTIONS, Case, cases
from bench.exported.compare import compared
from bench.exported.table import write_table
from gdnet.errors import DataError
from gdnet.export.c_header import save_c_header
from gdnet.export.onnx import save_onnx

PARTS = Path(__file__).resolve().parent / "exported"
# A runtime that takes longer has failed.
MAX_SECONDS = 1800


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write what was found")
    parser.add_argument("--docs", type=Path, help="the page whose table is replaced")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="run these, and keep the rest of FILE"
    )
    parser.add_argument("--folder", type=Path, help="where to install, to be kept (default: none)")
    options = parser.parse_args()
    chosen = [each for each in CANDIDATES if not options.only or each.name in options.only]
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        made = cases(_new(folder / "trained"))
        for k, case in enumerate(made):
            _write(case, folder / "cases" / f"{k:02}")
        found: dict[str, Any] = {
            "environment": environment(),
            "cases": [case.name for case in made],
            "runtimes": [],
        }
        for candidate in chosen:
            facts = _found(candidate, made, folder)
            found["runtimes"].append(facts)
            ran = f"{facts['ran']} models, off by {facts['difference']}"
            print(f"{candidate.name}: {ran}, {facts['other_labels']} other labels", flush=True)
    if options.only and options.json and options.json.exists():
        new = {each["name"]: each for each in found["runtimes"]}
        old = {each["name"]: each for each in json.loads(options.json.read_text())["runtimes"]}
        names = [each.name for each in CANDIDATES]
        found["runtimes"] = [(old | new)[name] for name in names if name in old | new]
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.docs:
        write_table(found, options.docs)


def _write(case: Case, folder: Path) -> None:
    """Write the files of a case: with the classes, codes and no labels; rows; a C header."""
    _new(folder)
    labels = []
    for each in (None, "codes", "none"):
        save_onnx(case.model, folder / f"{each or 'classes'}.onnx", labels=each)
        labels.append(each or "classes")
    (folder / "labels.json").write_text(json.dumps(labels))
    save_c_header(case.model, folder / "model.h")
    for question, rows_of in {"X": lambda X: X, **QUESTIONS}.items():
        rows = np.ascontiguousarray(rows_of(case.X), np.float32)
        np.save(folder / f"{question}.npy", rows)
        data = base64.b64encode(rows.tobytes()).decode()
        plain = {"shape": rows.shape, "data": data}
        (folder / f"{question}.rows.json").write_text(json.dumps(plain))


def _found(candidate: Candidate, made: list[Case], folder: Path) -> dict[str, Any]:
    """Install a runtime, run it, and compare."""
    place = "".join(c if c.isalnum() else "-" for c in candidate.name)
    out, home = _new(folder / "out" / place), folder / "installed" / place
    facts: dict[str, Any] = {
        "name": candidate.name,
        "packages": list(candidate.packages),
        "note": candidate.note,
        "float32": candidate.is_float32,
    }
    command = [*_installed(candidate, home), str(folder / "cases"), str(out)]
    done = subprocess.run(
        command, cwd=home, capture_output=True, text=True, timeout=MAX_SECONDS, check=False
    )
    (out / "log.txt").write_text(done.stdout + done.stderr)
    if done.returncode != 0:
        facts["ended_with"] = done.returncode
    return facts | compared(made, out)


def _installed(candidate: Candidate, home: Path) -> list[str]:
    """Install the packages and return the command that runs them."""
    home.mkdir(parents=True, exist_ok=True)
    if candidate.loader.startswith("node"):
        worker = home / "node_worker.mjs"
        worker.write_text((PARTS / "node_worker.mjs").read_text())
        (home / "package.json").write_text("{}")
        # No scripts: they would download what the package does not need to run on the CPU.
        _run(["npm", "install", "--ignore-scripts", "--silent", *candidate.packages], home)
        package, device = candidate.packages[0].rpartition("@")[0], candidate.loader.split()[1]
        return ["node", str(worker), package, device]
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        _run([str(python), "-m", "pip", "install", "-q", "numpy>=2", *candidate.packages], home)
    source = OWN if candidate.loader.isdigit() else LOADERS
    return [str(python), str(PARTS / "python_worker.py"), source, candidate.loader]


def _run(command: list[str], cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DataError(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    main()
