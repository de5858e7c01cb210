"""Coverage-guided fuzzing of one reader, with atheris.

    python -m tests.fuzz.fuzz npz --runs 1000000 --out tests/results/fuzz.jsonl

The corpus is unpacked from tests/fuzz/corpus/NAME.zip; --keep puts back what it has grown to. An
input that a target does not take well is left as crash-... in the working folder, and the exit code
is not 0.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

# What is fuzzed is imported by the child alone, which instruments it first.
NAMES = ("model", "checkpoint", "npy", "npz", "history", "csv", "packed", "pandas", "encoding")
CORPUS = Path(__file__).parent / "corpus"
# All that a reader may need for a file of a few kilobytes, beside the interpreter itself.
MEMORY = 2**30
LONGEST = 4096


def child(name: str, arguments: list[str]) -> None:
    """Fuzz in this process, which libFuzzer ends."""
    import atheris

    with atheris.instrument_imports(include=["gdnet", "numpy.lib"]):
        from tests.fuzz import targets

    target = getattr(targets, name)
    # In memory, where there is such a folder: a million files are written.
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        atheris.Setup([sys.argv[0], *arguments], lambda data: target(data, Path(folder)))
        atheris.Fuzz()


def fuzz(
    name: str, runs: int, seed: int, seconds: int = 0, keep: bool = False
) -> dict[str, object]:
    """Fuzz in a process of its own and return how it went."""
    from tests.fuzz.seeds import seeds

    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        packed = CORPUS / f"{name}.zip"
        if packed.exists():
            with zipfile.ZipFile(packed) as archive:
                archive.extractall(corpus)
        for i, content in enumerate(seeds(name)):
            (corpus / f"seed-{i}").write_bytes(content)
        began = time.monotonic()
        options = [f"-runs={runs}", f"-seed={seed}", f"-max_len={LONGEST}", "-timeout=10"]
        options += [f"-max_total_time={seconds}", "-print_final_stats=1", str(corpus)]
        done = run(name, options)
        took = time.monotonic() - began
        if keep and done.returncode == 0:
            pack(corpus, packed)
    executed = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
    covered = re.findall(r"cov: (\d+)", done.stderr)
    return {
        "target": name,
        "inputs": int(executed[1]) if executed else 0,
        "crashes": int(done.returncode != 0),
        "branches reached": int(covered[-1]) if covered else 0,
        "seed": seed,
        "seconds": round(took),
        "python": platform.python_version(),
        "said": "" if done.returncode == 0 else (done.stdout + done.stderr[-4000:]),
    }


def run(name: str, options: list[str]) -> subprocess.CompletedProcess[str]:
    """Run libFuzzer on a target."""
    command = [sys.executable, "-m", "tests.fuzz.fuzz", name, "--child", *options]
    # Pyarrow and its threads would reserve address space, of which there is little.
    environment = os.environ | {"MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", env=environment
    )


def pack(folder: Path, packed: Path) -> None:
    """Put the files of a corpus into an archive that is the same for the same files."""
    packed.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED)


def main() -> int:
    """Run from the command line."""
    if "--child" in sys.argv:
        child(sys.argv[1], sys.argv[3:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=0, help="stop after these")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep the corpus")
    parser.add_argument("--out", type=Path, help="a file that gets one line of JSON more")
    options = parser.parse_args()
    done = fuzz(options.target, options.runs, options.seed, options.seconds, options.keep)
    print(done.pop("said") or "no crash")
    line = json.dumps(done)
    print(line)
    if options.out is not None:
        with options.out.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    return int(bool(done["crashes"]))


if __name__ == "__main__":
    raise SystemExit(main())
