"""What a measurement depends on: hardware, library versions, commit. No host name and no path."""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

import gdnet
from gdnet.backends import get_backend
from gdnet.backends.host import usable_cpus
from gdnet.errors import DeviceUnavailable

# Options that say where results go, which is nobody's business.
FILES = ("--folder", "--docs", "--json", "--markdown", "--plot", "--dir", "--benchmark-json")


def environment() -> dict[str, Any]:
    """Return the facts about this machine and checkout that belong to every result."""
    return {
        "command": _command(),
        "gdnet": gdnet.__version__,
        "commit": _commit(),
        "python": _python(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_model(),
        "cores": usable_cpus(),
        "numpy": np.__version__,
        "blas": [
            " ".join(str(library.get(k, "")) for k in ("internal_api", "version", "architecture"))
            for library in threadpool_info()
            if library["user_api"] == "blas"
        ],
        "gpu": _nvidia_smi(),
        "cuda": _cuda(),
    }


def _command() -> str:
    """Return the command that runs, without the files that it writes."""
    program, *options = sys.argv
    kept = []
    words = iter(options)
    for word in words:
        if word in FILES:
            next(words, None)
        elif word.partition("=")[0] not in FILES:
            kept.append(word)
    return shlex.join(["python", "-m", f"bench.{Path(program).stem}", *kept])


def _python() -> str:
    free_threaded = sysconfig.get_config_var("Py_GIL_DISABLED")
    return platform.python_version() + (" free-threaded" if free_threaded else "")


def _commit() -> str | None:
    """Return the commit, with "+" where files differ from it; None outside a repository."""
    root = Path(__file__).resolve().parent.parent
    # Without this check git would go on to a repository that happens to lie around this one.
    if not (root / ".git").exists():
        return None
    head = _output("git", "-C", str(root), "rev-parse", "HEAD")
    if head is None:
        return None
    return head + ("+" if _output("git", "-C", str(root), "status", "--porcelain") else "")


def _cpu_model() -> str:
    """Return the name; where there are such, with the numbers that tell one generation of it."""
    cpuinfo = Path("/proc/cpuinfo")
    found: dict[str, str] = {}
    for line in cpuinfo.read_text().splitlines() if cpuinfo.is_file() else ():
        field, _, value = line.partition(":")
        found.setdefault(field.strip(), value.strip())
    if "model name" not in found:
        return platform.processor() or "unknown"
    if "cpu family" not in found:
        return found["model name"]
    # The name that a virtual machine gives is that of many.
    return f"{found['model name']} (family {found['cpu family']}, model {found.get('model')})"


def _nvidia_smi() -> str | None:
    """Return name, driver and memory of the GPUs, also where CuPy cannot use them."""
    return _output(
        "nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"
    )


def _cuda() -> dict[str, Any]:
    try:
        backend = get_backend("cuda")
    except DeviceUnavailable as unavailable:
        return {"unavailable": str(unavailable)}
    import cupy

    return {
        "backend": backend.describe(),
        "cupy": cupy.__version__,
        "cuda_runtime": cupy.cuda.runtime.runtimeGetVersion(),
        "cuda_driver": cupy.cuda.runtime.driverGetVersion(),
        "memory_bytes": backend.memory().total,
    }


def _output(*command: str) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    return done.stdout.strip() if done.returncode == 0 else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write it here, too")
    file = parser.parse_args().json
    text = json.dumps(environment(), indent=1)
    print(text)
    if file:
        file.write_text(text + "\n")


if __name__ == "__main__":
    main()
