"""What the float32 graph of an exported model costs and keeps, against the float64 graph of 0.1.0.

    python -m bench.export_speed --json FILE

ONNX Runtime on one thread; the two take turns call by call. The graph of 0.1.0 is what a model
without the mean of its features is exported as. Then how many labels `quantize_dynamic` changes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.quantization import quantize_dynamic

from bench.environment import environment
from bench.exported.cases import train
from bench.interleave import Quartiles, quartiles
from gdnet.data.builtin import load_builtin
from gdnet.export.onnx import save_onnx
from gdnet.model.model import Model

DATA = ("breast_cancer", "digits", "flights")
WARM_UP = 50


def session(path: Path) -> Any:
    """Return the file in ONNX Runtime, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def seconds(run: Any, outputs: list[str] | None, X: Any, calls: int) -> float:
    """Return how long a call takes, on the average of some."""
    began = time.perf_counter()
    for _ in range(calls):
        run.run(outputs, {"X": X})
    return (time.perf_counter() - began) / calls


def compared(
    old: Any, new: Any, outputs: list[str] | None, X: Any, rounds: int, calls: int
) -> dict[str, Quartiles]:
    """Return the microseconds of the new graph, and its time divided by that of the old one."""
    seconds(old, outputs, X, min(WARM_UP, calls))
    seconds(new, outputs, X, min(WARM_UP, calls))
    times = np.array(
        [[seconds(each, outputs, X, calls) for each in (old, new)] for _ in range(rounds)]
    )
    return {"us": quartiles(1e6 * times[:, 1]), "ratio": quartiles(times[:, 1] / times[:, 0])}


def changed_labels(model: Model, X: Any, folder: Path) -> float:
    """Return the fraction of labels that integers of 8 bits change."""
    save_onnx(model, folder / "codes.onnx", labels="codes")
    quantize_dynamic(folder / "codes.onnx", folder / "int8.onnx")
    before, after = (
        session(folder / name).run(["label"], {"X": X})[0] for name in ("codes.onnx", "int8.onnx")
    )
    return float((before != after).mean())


def measured(data: str, rows: int, rounds: int, iterations: int, folder: Path) -> dict[str, Any]:
    """Train a model of a built-in set, and return all that is found of it."""
    model = train(data, folder / "model", "--iterations", str(iterations))
    X = np.array(load_builtin(data, "float32").X[:])
    save_onnx(replace(model, mean=None), folder / "old.onnx")
    save_onnx(model, folder / "new.onnx")
    old, new = session(folder / "old.onnx"), session(folder / "new.onnx")
    many = np.resize(X, (rows, X.shape[1]))
    return {
        "data": data,
        "shape": model.shape,
        "one_row": compared(old, new, None, X[:1], rounds, 200),
        "many_rows": compared(old, new, None, many, rounds, 1),
        "many_rows_probabilities": compared(old, new, ["probabilities"], many, rounds, 1),
        "int8_changed_labels": changed_labels(model, X, folder),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    results = []
    for data in DATA:
        with tempfile.TemporaryDirectory() as folder:
            found = measured(data, options.rows, options.rounds, options.iterations, Path(folder))
        results.append(found)
        print(f"\n{data}; times, divided by those of the float64 graph")
        for name in ("one_row", "many_rows", "many_rows_probabilities"):
            took, ratio = found[name]["us"], found[name]["ratio"]
            spread = f"{ratio.median:6.3f} ({ratio.low:.3f} to {ratio.high:.3f})"
            print(f"{name:24} {took.median:10.1f} us {spread}")
        print(f"labels changed by int8   {found['int8_changed_labels']:10.3%}")
    if options.json:
        facts = {"environment": environment(), "rows": options.rows, "results": results}
        options.json.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
