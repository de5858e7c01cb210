"""How long methods and libraries take to a training cost and to a log loss of rows held out.

    python -m bench.time_to_cost --json FILE --plot FILE.png

gdnet's solvers, scikit-learn, PyTorch and optax start from the same first parameters, each with the
settings that bring it there soonest. gdnet finds the costs of all of them, with the clock stopped.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from bench.environment import environment
from bench.to_cost.candidates import MAKERS, MAKERS_ON_CUDA
from bench.to_cost.picture import draw
from bench.to_cost.results import as_json
from bench.to_cost.tables import PLANS, load
from bench.to_cost.text import table_lines
from bench.to_cost.turns import measure
from gdnet.errors import DataError
from gdnet.plots.figure import check_plot_path

STARTS = 5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=PLANS, default=list(PLANS))
    parser.add_argument("--rounds", type=int, default=STARTS, help="starts, one a round")
    known = MAKERS | MAKERS_ON_CUDA
    parser.add_argument("--only", nargs="+", choices=known, help="candidates; all by default")
    parser.add_argument(
        "--device",
        choices=("cpu", "cuda"),
        default="cpu",
        help="cuda: L-BFGS there, too",
    )
    parser.add_argument("--quick", action="store_true", help="few rows, little time: a test")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    options = parser.parse_args()
    if options.plot:
        try:
            check_plot_path(options.plot)
        except DataError as unusable:
            parser.error(str(unusable))
    # In the order of MAKERS, whatever theirs: the reference first.
    chosen = options.only or (MAKERS if options.device == "cpu" else known)
    names = [name for name in known if name in chosen]
    measured: dict[str, Any] = {
        "environment": environment(),
        "rounds": options.rounds,
        "tables": {},
    }
    for table in options.tables:
        try:
            entries = measure(table, names, options.rounds, options.quick, print)
        except DataError as not_there:
            print(f"{table}: {not_there}")
            continue
        found = as_json(load(table, quick=options.quick), entries)
        measured["tables"][table] = found
        print("", *table_lines(table, found, options.rounds), "", sep="\n")
        if options.json:  # after each table: a run that is cut short keeps what it has
            options.json.write_text(json.dumps(measured, indent=1, allow_nan=False) + "\n")
    if options.plot and measured["tables"]:
        draw(measured, options.plot)


if __name__ == "__main__":
    main()
