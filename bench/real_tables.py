"""Real tables as a new user would try them, and how well they are predicted, beside scikit-learn.

    pip install pandas
    python -m bench.real_tables --jobs 2 --json FILE --markdown FILE

Each file of `bench.table_list` is trained on by ``gdnet train FILE --target COLUMN``, with
``--validation 0.2``. If that fails, the options that the message names are added, once: the table
is trained on at once, after one message, or given up. Then it is split ten times into three
quarters to train on and a quarter to test, and scored by accuracy, or R^2 of numbers:

- gdnet: `gdnet train` with these options and otherwise its defaults, plain gradient descent;
- gdnet lbfgs: the same as docs/solvers.md advises for a result, by L-BFGS with a weak penalty, and
  a tenth of the rows held out to stop by: the same options for all tables, chosen among a few by
  their means over all tables on four splits that are not among the ten;
- scikit-learn: its usual pipeline of OneHotEncoder, SimpleImputer, StandardScaler and
  MLPClassifier or MLPRegressor, with their defaults.

All have 32 hidden units. No times are measured.

Scores are written to the JSON file as they come: what was ended early continues with --resume, and
with fewer --seeds makes the page of these.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shlex
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.environment import environment
from bench.real_tables_report import OTHER, counted, page_lines
from bench.table_list import TABLES, UNPACK, Table, fetch
from gdnet.atomic import replacing
from gdnet.cli.main import main as gdnet

SEEDS, HIDDEN, TEST = 10, 32, 0.25
RECIPES: dict[str, list[str]] = {
    "gdnet": [],
    "gdnet lbfgs": ["--solver", "lbfgs", "--l2", "1", "--validation", "0.1", "--early-stopping"],
}
# What may be missing, as pandas reads it.
MISSING = ["?", "", "NA", "N/A", "null", "None", "NaN", "nan"]
# What a message says to add: as far as the next word that is no option.
_NAMES = r"(?:'[^']*'|[^\s',]+(?:,[^\s',]+)*)"
OPTION = re.compile(
    rf"--(?:header (?:yes|no)|(?:ignore|categorical) {_NAMES}|task \w+|missing \w+)"
)


class Done(NamedTuple):
    """What a command has come to."""

    code: int
    out: str
    err: str


def run(*words: object) -> Done:
    """Run gdnet in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            code = gdnet([str(word) for word in words])
        except SystemExit as leave:
            code = int(leave.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def tried(path: Path, table: Table, model: Path) -> dict[str, Any]:
    """Train as a new user would, and return how it went and the options that it took."""
    target, options, said = table.target, list[str](), ""
    facts: dict[str, Any] = {"table": table.name, "target": target, "numbers": table.numbers}
    facts |= {"scores": []}
    for attempt in ("at once", "after one message"):
        named = f"c{target}" if isinstance(target, int) and "--header" in options else target
        words = ["train", path, "--target", named, "--validation", 0.2, *options]
        done = run(*words, "--iterations", 10, "--out", model, "--quiet", "--json")
        if done.code == 0:
            notes = json.loads(done.out)["notes"]
            facts |= {"outcome": attempt, "options": options, "message": said, "notes": notes}
            return facts
        said = done.err.strip().removeprefix("gdnet: ").replace(f"{path.parent}/", "")
        found = [word for option in OPTION.findall(said) for word in shlex.split(option)]
        options = [*dict.fromkeys(map(" ".join, zip(found[::2], found[1::2], strict=True)))]
        # Of two choices the one that who knows the table takes.
        wrong = {
            "--task classification" if table.numbers else "--task regression",
            "--header yes" if isinstance(table.target, int) else "--header no",
        }
        if any(each.startswith("--categorical") for each in options):
            options = [each for each in options if not each.startswith("--ignore")]
        options = [each for each in options if each not in wrong]
        options = [word for each in options for word in each.split(" ", 1)]
        if not options:
            break
    return facts | {"outcome": "given up", "options": [], "message": said, "notes": []}


class Job(NamedTuple):
    """A split of a table, and how many threads may work at it."""

    path: Path
    table: Table
    options: list[str]
    seed: int
    threads: int


def scored(job: Job) -> dict[str, Any]:
    """Return the scores on rows held out, and how many these are."""
    from sklearn.model_selection import train_test_split

    path, table, options, seed, threads = job
    lines = UNPACK.get(path.suffix, bytes)(path.read_bytes()).decode().splitlines(keepends=True)
    frame, y = frame_of(lines, table)
    known = np.flatnonzero(y.notna())
    strata = None if table.numbers or y[known].value_counts().min() < 2 else y[known]
    parts = train_test_split(known, test_size=TEST, random_state=seed, stratify=strata)
    train, test = parts
    scores: dict[str, Any] = {"table": table.name, "seed": seed, "test rows": len(test)}
    plain = path.with_suffix("") if path.suffix in UNPACK else path
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, part in zip(("train", "test"), parts, strict=True):
            files.append(Path(folder) / f"{name}{plain.suffix}")
            rows = [lines[table.above + i] for i in sorted(part)]
            files[-1].write_text("".join([*lines[: table.above], *rows]), encoding="utf-8")
        target = f"c{table.target}" if isinstance(table.target, int) else table.target
        model = Path(folder) / "m"
        words = ["--target", target, "--hidden", HIDDEN, "--seed", seed, *options]
        words += ["--task", "regression"] if table.numbers and "--task" not in options else []
        words += ["--threads", threads, "--out", model, "--quiet"]
        header = options[options.index("--header") :][:2] if "--header" in options else []
        for name, recipe in RECIPES.items():
            done = run("train", files[0], *words, *recipe)
            if done.code == 0:
                done = run("evaluate", model, files[1], *header, "--json", "--quiet")
            if done.code:
                scores[name] = done.err.strip().replace(f"{folder}/", "")
            else:
                scores[name] = json.loads(done.out)["r2" if table.numbers else "accuracy"]
    other = fitted(frame.iloc[train], y.iloc[train], table, seed)
    return scores | {OTHER: float(other.score(frame.iloc[test], y.iloc[test]))}


def all_scored(jobs: list[Job], processes: int) -> Iterator[dict[str, Any]]:
    """Yield the scores of all splits as they come."""
    if processes == 1:
        yield from map(scored, jobs)
        return
    # Read by the libraries when the new processes load them.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(jobs[0].threads if jobs else 1)
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(scored, jobs)


def frame_of(lines: list[str], table: Table) -> tuple[Any, Any]:
    """Return the columns of a table and its target, as pandas reads them."""
    import pandas as pd

    nameless = isinstance(table.target, int)
    text = "".join(lines[table.above :] if nameless else [lines[0], *lines[table.above :]])
    frame = pd.read_csv(
        io.StringIO(text),
        sep=table.separator,
        header=None if nameless else 0,
        na_values=MISSING,
        skipinitialspace=True,
    )
    target = table.target - 1 if isinstance(table.target, int) else table.target
    y = frame.pop(target)
    frame.columns = [str(name) for name in frame]
    # The names of rows are no feature.
    return frame.loc[:, [name for name in frame if not name.startswith("Unnamed")]], y


def fitted(X: Any, y: Any, table: Table, seed: int) -> Any:
    """Return scikit-learn's usual pipeline, fitted."""
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = X.select_dtypes(["number", "bool"]).columns
    texts = [name for name in X.columns if name not in numbers]
    columns = ColumnTransformer(
        [
            ("numbers", SimpleImputer(add_indicator=True), numbers),
            (
                "texts",
                OneHotEncoder(
                    handle_unknown="infrequent_if_exist", max_categories=32, sparse_output=False
                ),
                texts,
            ),
        ]
    )
    network = (MLPRegressor if table.numbers else MLPClassifier)(
        hidden_layer_sizes=(HIDDEN,), random_state=seed
    )
    model: Any = make_pipeline(columns, StandardScaler(), network)
    if table.numbers:
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where packages and tables are kept")
    parser.add_argument("--only", default="", help="tables whose names contain this")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many splits")
    parser.add_argument(
        "--jobs", type=int, default=1, help="processes, each with its part of cores"
    )
    parser.add_argument(
        "--json", type=Path, required=True, help="where to write what is found, as it is found"
    )
    parser.add_argument("--resume", action="store_true", help="keep what --json has already")
    parser.add_argument("--markdown", type=Path, help="where to write the page")
    options = parser.parse_args()
    found: dict[str, Any] = {"environment": environment(), "recipes": RECIPES, "rows": []}
    found["scikit-learn"] = version("scikit-learn")
    if options.resume and options.json.exists():
        found = json.loads(options.json.read_text())
        if found["recipes"] != RECIPES:
            parser.error(f"{options.json} has scores of other options: {found['recipes']}")
    with tempfile.TemporaryDirectory() as folder:
        paths = fetch(options.folder or Path(folder))
        tables = {table.name: table for table in TABLES if options.only in table.name}
        rows = {row["table"]: row for row in found["rows"]}
        for name, table in tables.items():
            if name not in rows:
                rows[name] = tried(paths[name], table, Path(folder) / "m")
                found["rows"].append(rows[name])
                print(f"{name}: {rows[name]['outcome']}", flush=True)
        threads = max(1, len(os.sched_getaffinity(0)) // options.jobs)
        jobs = [
            Job(paths[name], table, rows[name]["options"], seed, threads)
            for seed in range(options.seeds)
            for name, table in tables.items()
            if rows[name]["outcome"] != "given up"
            and seed not in {scores["seed"] for scores in rows[name]["scores"]}
        ]
        for scores in all_scored(jobs, options.jobs):
            row = rows[scores.pop("table")]
            row["test rows"] = scores.pop("test rows")
            row["scores"] = sorted([*row["scores"], scores], key=lambda each: each["seed"])
            with replacing(options.json) as file:
                file.write(json.dumps(found, indent=1).encode())
            print(f"{row['table']}: {scores}", flush=True)
    print(counted(found["rows"]))
    if options.markdown:
        page = ["# Real tables", "", *page_lines(found)]
        options.markdown.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
