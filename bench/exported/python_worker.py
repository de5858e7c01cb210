"""Runs every case by one runtime, in the environment where that is installed and gdnet is not.

    python python_worker.py FILE.py LOADER OPTIONS CASES OUT

LOADER is a function of FILE.py, or the index of a runtime in its RUNTIMES.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    source, loader, cases, out = sys.argv[1:]
    load = _loader(source, loader)
    results = Path(out)
    for case in sorted(Path(cases).iterdir()):
        for labels in json.loads((case / "labels.json").read_text()):
            facts = _run(load, case, labels, results / f"{case.name}.{labels}")
            (results / f"{case.name}.{labels}.json").write_text(json.dumps(facts))


def _run(load: Any, case: Path, labels: str, out: Path) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    try:
        run = load(str(case / f"{labels}.onnx"))
        for question in sorted(case.glob("*.npy"), key=lambda path: path.stem != "X"):
            try:
                found = [np.asarray(each) for each in run(np.load(question))]
            except Exception as error:
                if question.stem == "X":
                    raise
                facts[question.stem] = _said(error)
                continue
            plain = [each.astype(str) if each.dtype.kind in "OU" else each for each in found]
            np.savez(f"{out}.{question.stem}.npz", *plain)
            facts[question.stem] = "ran"
    except Exception as error:
        traceback.print_exc()
        facts["problem"] = _said(error)
    return facts


def _said(error: Exception) -> str:
    text = str(error)
    if isinstance(error, subprocess.CalledProcessError):
        text = error.stderr.decode(errors="replace") or f"it ended with {error.returncode}"
    lines = text.strip().splitlines() or [""]
    # Of the output of a program the end, of a message the beginning.
    line = lines[-1] if isinstance(error, subprocess.CalledProcessError) else lines[0]
    return f"{type(error).__name__}: {line}"


def _loader(source: str, name: str) -> Any:
    spec = importlib.util.spec_from_file_location("loaders", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["loaders"] = module
    spec.loader.exec_module(module)
    return module.RUNTIMES[int(name)].load if name.isdigit() else getattr(module, name)


if __name__ == "__main__":
    main()
