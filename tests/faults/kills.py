"""Kill a training at random moments, resume it, and compare the end with an undisturbed one.

    python -m tests.faults.kills --kills 1000 --out tests/results/kills.jsonl

Trainings are started and killed until so many kills are done, each time with another number of
threads. After every kill what is on the disk is checked: a checkpoint is one, the model is complete
or not there. A training that was let live to its end must have made the undisturbed one's model and
history, bit for bit. Data in memory and data read from the disk, with and without validation, take
turns. Each run appends one line to the file of results.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gdnet.checkpoint.file import load
from gdnet.model.file import load_model
from tests.support.command import environment

M, FEATURES, ITERATIONS = 3000, 8, 6000

# So long a process lives at most before it is killed; starting up takes about a third of it.
MAX_SECONDS = 0.9

CODES = {"KILL": (-9,), "TERM": (143, -15), "INT": (130, -2)}

# Memory for nothing is a stand-in for data that are larger than the memory.
CHILD = """
import sys
from gdnet.cli.main import main
print(flush=True)
if sys.argv.pop(1) == "streamed":
    from gdnet.data import storage
    storage.available_memory = lambda: 0
raise SystemExit(main())
"""


class Scenario(NamedTuple):
    where: str
    options: tuple[str, ...]


SCENARIOS = (
    Scenario("memory", ()),
    Scenario("streamed", ()),
    Scenario("memory", ("--validation", "0.2", "--tol", "1e-9")),
    Scenario("streamed", ("--validation", "0.2", "--class-weight", "balanced")),
    Scenario("streamed", ("--solver", "lbfgs", "--validation", "0.2")),
    Scenario("memory", ("--solver", "lbfgs", "--l2", "0.1", "--dtype", "float64")),
    Scenario("memory", ("--momentum", "0.9", "--nesterov", "--learning-rate", "0.1")),
)
# Those of gradient descent without momentum, and the others.
KINDS = {"gd": SCENARIOS[:4], "others": SCENARIOS[4:], "all": SCENARIOS}


def prepare(folder: Path) -> None:
    """Write the data that are trained on."""
    random = np.random.RandomState(0)
    X = random.randn(M, FEATURES).astype(np.float32)
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", (X[:, 0] * X[:, 1] + 0.3 * random.randn(M) > 0).astype(np.uint8))


def command(scenario: Scenario, *arguments: str) -> list[str]:
    """Return the command that trains."""
    train = ["train", "X.npy", "--labels", "y.npy", "--hidden", "8", "--block-size", "1000"]
    train += ["--device", "cpu", "--iterations", str(ITERATIONS), *scenario.options]
    return [sys.executable, "-c", CHILD, scenario.where, *train, *arguments]


def outcome(folder: Path, model: str, history: str) -> str:
    """Return a hash of the parameters and of all costs."""
    digest = hashlib.sha256()
    for array in load_model(folder / model).parameters:
        digest.update(array.tobytes())
    for line in (folder / history).read_text().splitlines():
        reported = json.loads(line)
        reported.pop("seconds")
        digest.update(repr(sorted(reported.items())).encode())
    return digest.hexdigest()


def check(folder: Path, seen: Counter[str]) -> None:
    """Raise unless what a kill has left is whole."""
    for name in ("c", "c.previous"):
        if (folder / name).exists():
            load(folder / name)
    if (folder / "m").exists():
        load_model(folder / "m")
    seen["in the middle of a write"] += (folder / ".c.gdnet-tmp").exists()
    seen["before the first checkpoint"] += not (folder / "c").exists()


def end(process: subprocess.Popen[str], how: str) -> None:
    """Check how a process took a signal."""
    began = time.monotonic()
    _, err = process.communicate(timeout=60)
    if process.returncode == 0 and time.monotonic() - began < 0.5:
        return  # it was at its end already
    assert process.returncode in CODES[how], (process.returncode, err)
    if process.returncode > 0:
        assert err.startswith("gdnet: "), err
        assert err.count("\n") == 1, err


def train_through(
    folder: Path, scenario: Scenario, how: str, kills: int, random: np.random.RandomState
) -> Counter[str]:
    """Train to the end with at most so many kills; return what has happened."""
    for name in ("c", "c.previous", "m", "h"):
        (folder / name).unlink(missing_ok=True)
    seen: Counter[str] = Counter()
    while True:
        threads = int(random.randint(1, 4))
        arguments = ["--checkpoint", "c", "--checkpoint-every", "20", "--resume", "--quiet"]
        arguments += ["--out", "m", "--history", "h", "--threads", str(threads)]
        process = subprocess.Popen(
            command(scenario, *arguments),
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if how != "KILL":  # before that it is Python that takes the signal
            assert process.stdout is not None
            process.stdout.readline()
        seconds = random.uniform(0, MAX_SECONDS) if seen["kills"] < kills else 600
        try:
            _, err = process.communicate(timeout=seconds)
            assert process.returncode == 0, err
            seen["trainings"] += 1
            return seen
        except subprocess.TimeoutExpired:
            process.send_signal(getattr(signal, f"SIG{how}"))
            end(process, how)
            seen["kills"] += 1
            check(folder, seen)


def harness(
    kills: int, seed: int, how: str = "KILL", seconds: float = 1e9, solvers: str = "all"
) -> dict[str, Any]:
    """Kill trainings so many times, or for so long, and return what has happened."""
    random, began = np.random.RandomState(seed), time.monotonic()
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        expected = {}
        while total["kills"] < kills and time.monotonic() - began < seconds:
            scenario = KINDS[solvers][total["trainings"] % len(KINDS[solvers])]
            if scenario not in expected:
                whole = command(scenario, "--out", "whole", "--history", "hw", "--quiet")
                subprocess.run(
                    whole, cwd=folder, env=environment(), check=True, stdout=subprocess.DEVNULL
                )
                expected[scenario] = outcome(folder, "whole", "hw")
            total += train_through(folder, scenario, how, kills - total["kills"], random)
            got = outcome(folder, "m", "h")
            assert got == expected[scenario], (scenario, got, expected[scenario])
            total["trainings with the undisturbed result"] += 1
        left = {path.name for path in folder.iterdir()}
        stray = {name for name in left if name.startswith(".gdnet-")}
        known = {"X.npy", "y.npy", "whole", "hw", "c", "c.previous", "m", "h"}
        assert left <= known, left
    return {
        "signal": f"SIG{how}",
        "solvers": solvers,
        "seed": seed,
        **{name: total[name] for name in ("kills", "in the middle of a write")},
        "before the first checkpoint": total["before the first checkpoint"],
        "trainings": total["trainings"],
        "trainings with the undisturbed result": total["trainings with the undisturbed result"],
        "temporary model files left": len(stray),
        "seconds": round(time.monotonic() - began),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def main() -> None:
    """Run the harness from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no training after these")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--signal", choices=sorted(CODES), default="KILL")
    parser.add_argument("--out", type=Path, help="a file that gets one line of JSON more")
    parser.add_argument("--solvers", choices=sorted(KINDS), default="all")
    options = parser.parse_args()
    done = harness(options.kills, options.seed, options.signal, options.seconds, options.solvers)
    line = json.dumps(done)
    print(line)
    if options.out is not None:
        with options.out.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
